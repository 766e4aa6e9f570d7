//! The four engines, each with the same kind of work: pieces that write down that they ran, and then do to the machine
//! what a campaign wants.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Child;

use crate::cli::project::{Project, Ran, wait_until};

/// Iterations of the loop and of the oneshot.
const ROUNDS: usize = 3;
/// Tasks of the batch and steps of the workstream.
const TASKS: usize = 6;

/// Limits that no piece of work comes near, and a clock that jumps by hours passes at once.
const CONFIG: &str = "supervision: {timeout_secs: 600, inactivity_secs: 600, idle_secs: 600, grace_secs: 1}
agents:
  worker: {command: [sh, worker.sh], limits: {timeout_secs: 600}}
  auditor: {command: [sh, auditor.sh]}
oneshot: {worker_agent: worker, auditor_agent: auditor}
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Loop,
    Oneshot,
    Batch,
    Workstream,
}

pub struct Engine {
    pub kind: Kind,
    pub project: Project,
}

impl Engine {
    /// `strain` is what every piece does after it has said that it ran.
    pub fn new(kind: Kind, strain: &str) -> Self {
        let mut project = Project::new();
        let effects = project.path("../effects");
        fs::write(&effects, "").unwrap();
        project.set("EFFECTS", &effects.to_string_lossy());
        project.config(CONFIG);
        project.write("strain.sh", strain);
        project.write("before.sh", "");
        let piece =
            |name: &str| format!("PIECE={name}; . ./before.sh; echo $PIECE >> \"$EFFECTS\"; . ./strain.sh");
        for name in ["supervisor", "main"] {
            project.prompt(name, &piece("$ORCHESTRATOR_ROLE-$ORCHESTRATOR_ITERATION"));
        }
        let told = format!(
            "cat > told-$ORCHESTRATOR_ITERATION; {}",
            piece("$ORCHESTRATOR_ROLE-$ORCHESTRATOR_ITERATION")
        );
        project.write("worker.sh", &format!("{told}; echo worked"));
        let verdict = format!("test $ORCHESTRATOR_ITERATION -lt {ROUNDS} && echo RETRY || echo DONE");
        project.write("auditor.sh", &format!("{told}; {verdict}"));
        project.write("tasks", &format!("{}\n", piece("task-$ORCHESTRATOR_TASK")).repeat(TASKS));
        let step = |n: usize| {
            let after = if n > 1 { format!(", depends_on: [s{}]", n / 2) } else { String::new() };
            let retry = "retry: {attempts: 3, backoff: fixed, base_secs: 0.01}, timeout_secs: 600";
            format!("- {{id: s{n}, shell: '{}', {retry}{after}}}\n", piece(&format!("step-{n}")))
        };
        let steps: String = (1..=TASKS).map(step).collect();
        project.write("ws.yaml", &format!("id: ws\nmax_parallel: 2\nsteps:\n{steps}"));
        Self { kind, project }
    }

    pub fn first(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Loop => &["--sync-loops", "3", "--no-git", "-q"],
            Kind::Oneshot => &["oneshot", "it", "--max-iterations", "20", "-q"],
            Kind::Batch => &["batch", "--exec", "--max-concurrent", "2", "tasks", "-q"],
            Kind::Workstream => &["workstream", "run", "ws.yaml", "-q"],
        }
    }

    /// What goes on with what `first` left.
    pub fn again(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Loop => self.first(),
            Kind::Oneshot => &["oneshot", "resume", "--max-iterations", "20", "-q"],
            Kind::Batch => &["batch", "--resume", "last", "-q"],
            Kind::Workstream => &["workstream", "resume", "last", "-q"],
        }
    }

    /// How often each piece ran.
    pub fn effects(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for line in fs::read_to_string(self.project.path("../effects")).unwrap().lines() {
            *found.entry(line.to_owned()).or_default() += 1;
        }
        found
    }

    /// The pieces of work that nothing came in the way of.
    pub fn pieces(&self) -> Vec<String> {
        let roles = |a: &str, b: &str| {
            (1..=ROUNDS).flat_map(|i| [format!("{a}-{i}"), format!("{b}-{i}")]).collect::<Vec<_>>()
        };
        let numbered = |word: &str| (1..=TASKS).map(|n| format!("{word}-{n}")).collect();
        let mut all: Vec<String> = match self.kind {
            Kind::Loop => roles("galph", "ralph"),
            Kind::Oneshot => roles("worker", "auditor"),
            Kind::Batch => numbered("task"),
            Kind::Workstream => numbered("step"),
        };
        all.sort();
        all
    }

    /// Everything ran once, nothing is left, nothing is torn.
    #[track_caller]
    pub fn check(&self) {
        let effects = self.effects();
        assert!(effects.values().all(|n| *n == 1), "{:?}: run twice: {effects:?}", self.kind);
        assert_eq!(effects.into_keys().collect::<Vec<_>>(), self.pieces(), "{:?}", self.kind);
        self.whole();
    }

    /// No process is left, and the record's file is whole.
    #[track_caller]
    pub fn sound(&self) {
        let left = crate::supervise::of_project(&self.project.root());
        assert!(left.is_empty(), "{:?}: orphans {left:?}", self.kind);
        assert_eq!(crate::ledger::integrity(&self.ledger()), "ok", "{:?}", self.kind);
    }

    /// The same, and the record says that all is done.
    #[track_caller]
    pub fn whole(&self) {
        self.sound();
        match self.kind {
            Kind::Loop => assert!(self.project.state()["iteration"].as_u64().unwrap() > 1),
            Kind::Oneshot => assert_eq!(self.session()["state"]["name"], "completed"),
            Kind::Batch | Kind::Workstream => {
                let ran = self.project.run(&["report", "last", "--format", "json"]).expect(0);
                let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
                assert_eq!(report["run"]["state"], "succeeded", "{report}");
            }
        }
    }

    pub fn ledger(&self) -> PathBuf {
        self.project.path(".orchestrator/ledger.db")
    }

    /// The one session that there is.
    fn session(&self) -> serde_json::Value {
        let place = self.project.path(".orchestrator/oneshot");
        let folder = fs::read_dir(place).unwrap().next().unwrap().unwrap().path();
        serde_json::from_str(&fs::read_to_string(folder.join("session.json")).unwrap()).unwrap()
    }

    #[track_caller]
    pub fn end(&self, mut child: Child) -> Ran {
        wait_until("the end of a run", || child.try_wait().unwrap().is_some());
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert!(!ran.err.contains("panicked"), "{:?}: {ran:?}", self.kind);
        ran
    }
}
