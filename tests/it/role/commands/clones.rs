//! Two clones of one bare repository, whose agents are scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cli::project::{Ran, block};

pub struct Clones {
    dir: tempfile::TempDir,
}

impl Clones {
    /// `galph` and `ralph` on branch `work`; the state is not there yet.
    pub fn new(galph: &str, ralph: &str) -> Self {
        Self::with(galph, ralph, "")
    }

    /// `sync`: more keys of that group, each followed by a comma.
    pub fn with(galph: &str, ralph: &str, sync: &str) -> Self {
        let clones = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(clones.top("home")).unwrap();
        clones.git_in(clones.dir.path(), &["init", "-q", "--bare", "-b", "work", "bare"]);
        clones.git_in(clones.dir.path(), &["init", "-q", "-b", "work", "galph"]);
        let sync = format!("sync: {{{sync} poll_interval: 0.02, retry_secs: 20}}\n");
        clones.write("galph", "orchestration.yaml", &format!("agent: {{default: shell}}\n{sync}"));
        clones.write("galph", ".gitignore", "/logs/\n/tmp/\n");
        clones.write("galph", "prompts/supervisor.md", &block(galph));
        clones.write("galph", "prompts/main.md", &block(ralph));
        clones.git("galph", &["add", "-A"]);
        clones.git("galph", &["commit", "-q", "-m", "Begin"]);
        clones.git("galph", &["remote", "add", "origin", "../bare"]);
        clones.git("galph", &["push", "-q", "-u", "origin", "work"]);
        clones.git_in(clones.dir.path(), &["clone", "-q", "bare", "ralph"]);
        clones
    }

    pub fn top(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, clone: &str, name: &str, text: &str) {
        let path = self.top(clone).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn command(&self, program: &str, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.top("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command
    }

    #[track_caller]
    fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let out = self.command("git", folder, args).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    #[track_caller]
    pub fn git(&self, clone: &str, args: &[&str]) -> String {
        self.git_in(&self.top(clone), args)
    }

    pub fn program(&self, clone: &str, args: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_orchestrator"), &self.top(clone), args)
    }

    pub fn start(&self, clone: &str, args: &[&str]) -> Child {
        self.program(clone, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn run(&self, clone: &str, args: &[&str]) -> Ran {
        self.program(clone, args).output().unwrap().into()
    }

    #[track_caller]
    pub fn json(&self, clone: &str, args: &[&str], code: i32) -> Value {
        let ran = self.run(clone, args).expect(code);
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["version"], 1);
        value
    }

    /// One turn of a role in the clone of its name.
    #[track_caller]
    pub fn turn(&self, role: &str, code: i32) -> Ran {
        self.run(role, &["--mode", "role", "--role", role, "--once", "--max-wait-sec", "60"]).expect(code)
    }

    /// The state on the remote.
    pub fn state(&self) -> Value {
        let out = self.command("git", &self.top("bare"), &["show", "work:sync/state.json"]).output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }

    /// Of the remote, oldest first.
    pub fn subjects(&self) -> Vec<String> {
        let log = self.git("bare", &["log", "--first-parent", "--reverse", "--format=%s", "work"]);
        log.lines().map(str::to_owned).collect()
    }
}
