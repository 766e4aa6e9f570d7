//! A project whose agent is a real CLI with a home of its own, and the stub that it talks to.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::stub::Stub;
use crate::cli::project::{Project, Ran};

pub struct Stage {
    pub project: Project,
    pub stub: Stub,
    pub cli: String,
}

impl Stage {
    /// `None` where the CLI is not installed.
    pub fn new(cli: &str, replies: &[&str], more: &str) -> Option<Self> {
        let clis = super::installed(cli)?;
        let mut project = Project::git();
        let place = project.root().parent().unwrap().to_owned();
        let stub = Stub::start(&place.join("requests"), replies);
        for (name, value) in environment(cli, &place.join("agent-home"), &stub.url) {
            project.set(&name, &value);
        }
        let path = std::env::var("PATH").unwrap();
        project.set("PATH", &format!("{}:{path}", clis.display()));
        project.write("orchestration.yaml", &format!("agent: {{default: {cli}, unattended: true}}\n{more}"));
        project.write("docs/goal.md", "# Goal\n\nA file called `made`.\n");
        project.write("prompts/supervisor.md", "Plan what is to be done.\n");
        project.write("prompts/main.md", "Do what is to be done.\n");
        project.run_git(&["add", "-A"]);
        project.run_git(&["commit", "-q", "-m", "a model"]);
        Some(Self { project, stub, cli: cli.to_owned() })
    }

    pub fn run(&self) -> Ran {
        self.project.run(&["--once"])
    }

    /// The newest file of a role's folder with this ending.
    pub fn newest(&self, folder: &str, ending: &str) -> String {
        let folder = self.project.path(&format!("logs/work/{folder}"));
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|e| e.unwrap().path())
            .filter(|p| p.to_string_lossy().ends_with(ending) && !p.is_symlink())
            .collect();
        names.sort();
        fs::read_to_string(names.last().unwrap()).unwrap()
    }

    /// The data of each record of a kind in a role's newest activity log.
    pub fn activities(&self, role: &str, kind: &str) -> Vec<serde_json::Value> {
        let log = self.newest(role, ".ndjson");
        let records = log.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        records.filter(|r| r["kind"] == kind).map(|mut r| r["data"].take()).collect()
    }

    /// Processes that know this stage's home: whoever the CLI left behind.
    pub fn survivors(&self) -> Vec<String> {
        let home = self.project.root().parent().unwrap().join("agent-home");
        let mark = home.to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environ).contains(&mark) {
                let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push(String::from_utf8_lossy(&words).replace('\0', " "));
            }
        }
        found
    }
}

/// What makes a CLI talk to the stub: one script says it, for this suite and for the recordings.
fn environment(cli: &str, home: &Path, url: &str) -> Vec<(String, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real-clis/prepare.sh");
    let output =
        Command::new("sh").arg(script).args([cli.as_ref(), home.as_os_str(), url.as_ref()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|l| l.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
