//! A worker and an auditor that do what a test wrote down.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::project::{Project, Ran};
use crate::supervise::fake_agent;

/// A project whose worker `w` and auditor `a` run the script of their iteration, or the one for all.
pub struct Table {
    pub project: Project,
}

/// One script a run: `worker-2.fake` if it is there, else `worker.fake`.
const CHOOSE: &str = "s=$ORCHESTRATOR_ROLE-$ORCHESTRATOR_ITERATION.fake; \
    test -e $s || s=$ORCHESTRATOR_ROLE.fake; exec \"$FAKE\" --script $s";

impl Table {
    pub fn new() -> Self {
        Self::of(Project::new(), "")
    }

    /// With more keys under `oneshot:`, such as `audit_retries: 0`.
    pub fn with(more: &str) -> Self {
        Self::of(Project::new(), more)
    }

    /// In a repository with one commit.
    pub fn git() -> Self {
        let table = Self::of(Project::new(), "");
        let p = &table.project;
        p.write(".gitignore", "/*.fake\n/got-*\n/seen\n/runs\n/pids\n/go*\n");
        p.run_git(&["init", "-q", "-b", "work"]);
        p.run_git(&["add", "-A"]);
        p.run_git(&["commit", "-q", "-m", "begin"]);
        table
    }

    fn of(mut project: Project, more: &str) -> Self {
        project.set("FAKE", &fake_agent().to_string_lossy());
        let choose = CHOOSE.replace('"', "\\\"");
        project.config(&format!(
            "supervision: {{grace_secs: 1}}\n\
             agents:\n  w: {{command: [sh, -c, \"{choose}\"]}}\n  a: {{command: [sh, -c, \"{choose}\"]}}\n\
             oneshot: {{worker_agent: w, auditor_agent: a{}{more}}}\n",
            if more.is_empty() { "" } else { ", " }
        ));
        let table = Self { project };
        table.worker("read; print worked");
        table.auditor("read; print DONE");
        table
    }

    pub fn script(&self, who: &str, text: &str) -> &Self {
        self.project.write(&format!("{who}.fake"), text);
        self
    }

    /// Every worker run that has no script of its own.
    pub fn worker(&self, text: &str) -> &Self {
        self.script("worker", text)
    }

    pub fn auditor(&self, text: &str) -> &Self {
        self.script("auditor", text)
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.project.run(&[&["oneshot"], args].concat())
    }

    /// The last line of standard output's JSON object.
    #[track_caller]
    pub fn json(&self, args: &[&str], code: i32) -> Value {
        let ran = self.run(&[args, &["--format", "json"]].concat()).expect(code);
        serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out))
    }

    /// The newest session's record, read as it lies there.
    pub fn session(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.folder().join("session.json")).unwrap()).unwrap()
    }

    pub fn state(&self) -> String {
        self.session()["state"]["name"].as_str().unwrap().to_owned()
    }

    /// Puts the newest session into another state, as a crash at that point would have left it.
    pub fn put_state(&self, state: Value) {
        let mut session = self.session();
        session["state"] = state;
        std::fs::write(self.folder().join("session.json"), session.to_string()).unwrap();
    }

    pub fn sessions(&self) -> Vec<PathBuf> {
        let place = self.project.path(".orchestrator/oneshot");
        let mut all: Vec<PathBuf> =
            std::fs::read_dir(place).map(|d| d.flatten().map(|e| e.path()).collect()).unwrap_or_default();
        all.sort();
        all
    }

    /// The newest session's folder.
    pub fn folder(&self) -> PathBuf {
        self.sessions().pop().unwrap()
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name)).unwrap_or_default()
    }

    /// The events of the session's way.
    pub fn way(&self) -> String {
        way_of(&self.folder())
    }

    /// No process of the project is left, and no session is held.
    #[track_caller]
    pub fn nobody_is_left(&self) {
        let left = crate::supervise::of_project(&self.project.root());
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The events that a session's record holds.
pub fn way_of(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("session.json")).unwrap();
    let session: Value = serde_json::from_str(&text).unwrap();
    let steps = session["history"].as_array().unwrap();
    steps.iter().map(|s| s["event"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}
