//! A scratch project and the program run in it, hermetically.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Fails the test with everything that was printed unless the exit code is this.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Fails the test unless one of the streams has these words.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.out.contains(words) || self.err.contains(words), "no {words:?} in {self:#?}");
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// A project in a temporary folder. Its agent is the embedded one unless a test says otherwise.
pub struct Project {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

/// A prompt for the embedded agent.
pub fn block(script: &str) -> String {
    format!("# Prompt\n\n```sh run\n{script}\n```\n")
}

impl Project {
    /// Without git: every prompt appends its name to `sequence`.
    pub fn new() -> Self {
        let project = Self { dir: tempfile::tempdir().unwrap(), vars: Vec::new() };
        fs::create_dir_all(project.root()).unwrap();
        fs::create_dir_all(project.dir.path().join("home")).unwrap();
        project.config("");
        for name in ["supervisor", "main", "reviewer"] {
            project.prompt(name, &format!("echo {name} >> sequence"));
        }
        project
    }

    /// In a repository on branch `work`, everything committed, the state tracked.
    pub fn git() -> Self {
        let project = Self::new();
        project.run(&["init"]).expect(0);
        // The project's own prompts stay; what init wrote beside them is committed too.
        fs::write(project.root().join(".gitignore"), "/logs/\n/tmp/\n/sequence\n").unwrap();
        project.run_git(&["init", "-q", "-b", "work"]);
        project.run_git(&["add", "-A"]);
        project.run_git(&["commit", "-q", "-m", "begin"]);
        project
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The embedded agent, and whatever the test adds.
    pub fn config(&self, more: &str) {
        self.write("orchestration.yaml", &format!("agent: {{default: shell}}\n{more}"));
    }

    pub fn prompt(&self, name: &str, script: &str) {
        self.write(&format!("prompts/{name}.md"), &block(script));
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.push((name.into(), value.into()));
    }

    pub fn state(&self) -> Value {
        serde_json::from_str(&self.read("sync/state.json")).unwrap()
    }

    /// `iteration actor status`.
    pub fn brief(&self) -> String {
        let s = self.state();
        format!(
            "{} {} {}",
            s["iteration"],
            s["expected_actor"].as_str().unwrap(),
            s["status"].as_str().unwrap()
        )
    }

    pub fn sequence(&self) -> Vec<String> {
        self.read("sequence").lines().map(str::to_owned).collect()
    }

    fn hermetic(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.root()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.dir.path().join("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command.envs(self.vars.iter().map(|(k, v)| (k, v)));
        command
    }

    /// The program, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.hermetic(Path::new(env!("CARGO_BIN_EXE_orchestrator")));
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Another program, in the same surroundings, not started yet.
    pub fn sandboxed(&self, program: &str, args: &[&str]) -> Command {
        let mut command = self.hermetic(Path::new(program));
        command.args(args);
        command
    }

    /// The `git` program; its output.
    #[track_caller]
    pub fn run_git(&self, args: &[&str]) -> String {
        let output = self.hermetic(Path::new("git")).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Subjects, oldest first.
    pub fn subjects(&self) -> Vec<String> {
        self.run_git(&["log", "--reverse", "--format=%s", "work"]).lines().map(str::to_owned).collect()
    }
}

/// Waits for something that another process does: long, so that a busy machine fails no test.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed().as_secs() < 90, "never came: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
