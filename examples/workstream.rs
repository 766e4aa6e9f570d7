//! Embeds the engine: a workstream is made, run and looked at. `cargo run --example workstream`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::sync::Arc;

use orchestrator::agents::Table;
use orchestrator::clock::SystemClock;
use orchestrator::config::Config;
use orchestrator::event::Event;
use orchestrator::ids::SystemIds;
use orchestrator::supervise::{Redactor, Stop};
use orchestrator::workstreams::api::Runs;
use orchestrator::workstreams::engine::Setting;
use orchestrator::workstreams::spec::{Known, read};

const FILE: &str = "
id: example
steps:
  - {id: one, shell: echo one > one.txt, outputs: {text: one.txt}}
  - {id: two, depends_on: [one], shell: cat one.txt, when: \"steps.one.outputs.text == 'one'\"}
";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let config = Config::default();
    let setting = Setting {
        root: folder.path().to_owned(),
        private: folder.path().join(".orchestrator"),
        table: Table::new(&config.agents),
        config,
        path: std::env::var_os("PATH").unwrap_or_default(),
        home: None,
        redactor: Arc::new(Redactor::none()),
        runtime_dir: None,
        git: false,
    };
    let known = Known { tools: &[], file: &|_| false };
    let workstream = read(FILE, &known).map_err(|problems| format!("{problems:?}"))?;
    let mut runs = Runs::open(setting, Arc::new(SystemClock), Arc::new(SystemIds))?;
    let run = runs.create_run(workstream)?;
    // Children die with the thread that spawned them, so the runtime stays on this one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut told = |event: Event| {
        if let Event::AttemptEnded { line, .. } = event {
            println!("{line}");
        }
    };
    let report = runtime.block_on(runs.start_run(&run, &Stop::new(), &mut told))?;
    println!("{:?}: {}", report.outcome, report.counts.words());
    for step in runs.run_steps(&run)? {
        println!("{} {}", step.step_id, step.state);
    }
    Ok(())
}
