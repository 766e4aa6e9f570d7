//! The operations of the library (W7), with real processes.

use std::path::Path;
use std::sync::Arc;

use orchestrator::agents::Table;
use orchestrator::clock::SystemClock;
use orchestrator::config::Config;
use orchestrator::event::Event;
use orchestrator::ids::SystemIds;
use orchestrator::supervise::{Redactor, Stop};
use orchestrator::workstreams::api::{Runs, Status, illegal};
use orchestrator::workstreams::engine::{Outcome, Setting};
use orchestrator::workstreams::quarantine::Reason;
use orchestrator::workstreams::spec::{Known, Workstream, read};

fn open(root: &Path) -> Runs {
    let config = Config::default();
    let setting = Setting {
        root: root.to_owned(),
        private: root.join(".orchestrator"),
        table: Table::new(&config.agents),
        config,
        path: std::env::var_os("PATH").unwrap(),
        home: None,
        redactor: Arc::new(Redactor::none()),
        runtime_dir: None,
        git: false,
    };
    Runs::open(setting, Arc::new(SystemClock), Arc::new(SystemIds)).unwrap()
}

fn file(text: &str) -> Workstream {
    read(text, &Known { tools: &[], file: &|_| false }).unwrap()
}

fn states(runs: &Runs, run: &str) -> Vec<&'static str> {
    runs.run_steps(run).unwrap().iter().map(|s| s.state.name()).collect()
}

/// W7: each operation, and the moves that the table does not have.
#[test]
fn every_operation() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs = open(dir.path());
    let text = "id: x\nsteps:\n  - {id: a, shell: echo a >> story}\n  - {id: b, depends_on: [a], shell: echo b >> story}\n";
    let run = runs.create_run(file(text)).unwrap();
    assert_eq!(runs.run_status(&run).unwrap().state, "pending");
    assert_eq!(states(&runs, &run), ["pending", "pending"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut nobody = |_: Event| {};
    let early = runtime.block_on(runs.execute_step(&run, "b", &Stop::new(), &mut nobody));
    assert!(early.unwrap_err().to_string().contains("what it depends on is not done"));
    let one = runtime.block_on(runs.execute_step(&run, "a", &Stop::new(), &mut nobody)).unwrap();
    assert!(matches!(one.outcome, Outcome::Failed(_)), "{:?}", one.outcome);
    assert_eq!(states(&runs, &run), ["succeeded", "canceled"]);
    let rest = runtime.block_on(runs.start_run(&run, &Stop::new(), &mut nobody)).unwrap();
    assert_eq!(rest.outcome, Outcome::Succeeded);
    assert_eq!(std::fs::read_to_string(dir.path().join("story")).unwrap(), "a\nb\n");
    let (events, _) = runs.run_events(&run, 0).unwrap();
    assert_eq!(events.iter().filter(|e| e.kind == "attempt_ended").count(), 2);
    let reason = Reason { reason: "odd".into(), evidence: Vec::new() };
    let refused = runs.quarantine_run(&run, reason.clone()).unwrap_err();
    let words = "a run that is succeeded cannot become quarantined: terminal state";
    assert_eq!(illegal(&refused).unwrap().to_string(), words);

    let failing = runs.create_run(file("id: y\nsteps: [{id: a, shell: exit 3}]\n")).unwrap();
    let refused = runs.complete_run(&failing, Status::Succeeded).unwrap_err();
    assert!(
        illegal(&refused)
            .unwrap()
            .to_string()
            .ends_with("pending cannot become succeeded: invalid transition")
    );
    runtime.block_on(runs.start_run(&failing, &Stop::new(), &mut nobody)).unwrap();
    let before = runs.run_status(&failing).unwrap();
    runs.quarantine_run(&failing, reason).unwrap();
    let after = runs.run_status(&failing).unwrap();
    assert_eq!(
        (after.state.as_str(), after.exit_code, after.ended_at),
        ("quarantined", Some(3), before.ended_at)
    );
    assert_eq!(after.error, before.error, "quarantining keeps the failure's own error");

    let waiting = runs.create_run(file("id: z\nsteps: [{id: a, shell: exit 3}]\n")).unwrap();
    runs.cancel_run(&waiting).unwrap();
    assert_eq!(
        (runs.run_status(&waiting).unwrap().state.as_str(), states(&runs, &waiting)),
        ("canceled", vec!["canceled"])
    );
    assert_eq!(runs.list_runs(9).unwrap().len(), 3);
}
