//! Clones of one bare repository, and the program run in them as real processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use crate::cli::project::{Ran, block, wait_until};

/// A bare remote and clones named as their roles.
pub struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    /// `prompts`: the script of each role; `config` is added to a quick one.
    pub fn new(config: &str, galph: &str, ralph: &str) -> Self {
        let ground = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.path("home")).unwrap();
        ground.git(".", &["init", "-q", "--bare", "-b", "work", "bare"]);
        ground.git(".", &["init", "-q", "-b", "work", "galph"]);
        let sync =
            if config.contains("sync:") { "" } else { "sync: {poll_interval: 0.02, retry_secs: 20}\n" };
        let agent = if config.contains("agent:") { "" } else { "agent: {default: shell}\n" };
        ground.write("galph/orchestration.yaml", &format!("{agent}{sync}{config}"));
        ground.write("galph/.gitignore", "/logs/\n/tmp/\n");
        ground.write("galph/prompts/supervisor.md", &block(galph));
        ground.write("galph/prompts/main.md", &block(ralph));
        ground.git("galph", &["add", "-A"]);
        ground.git("galph", &["commit", "-q", "-m", "Begin"]);
        ground.git("galph", &["remote", "add", "origin", "../bare"]);
        ground.git("galph", &["push", "-q", "-u", "origin", "work"]);
        ground.clone("ralph");
        ground
    }

    pub fn clone(&self, name: &str) {
        self.git(".", &["clone", "-q", "bare", name]);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn command(&self, program: &str, folder: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path(folder)).args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command
    }

    #[track_caller]
    pub fn git(&self, folder: &str, args: &[&str]) -> String {
        let out = self.command("git", folder, args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// The program in a clone, to its end.
    pub fn run(&self, clone: &str, args: &[&str]) -> Ran {
        self.command(env!("CARGO_BIN_EXE_orchestrator"), clone, args).output().unwrap().into()
    }

    /// The loop of a role in the clone of its name.
    pub fn turn(&self, role: &str, more: &[&str]) -> Ran {
        self.run(role, &[&["--mode", "role", "--role", role], more].concat())
    }

    /// The same, in the background.
    pub fn start(&self, clone: &str, role: &str, more: &[&str]) -> Live {
        self.start_with(clone, role, more, &[])
    }

    /// The same, with more variables.
    pub fn start_with(&self, clone: &str, role: &str, more: &[&str], vars: &[(String, String)]) -> Live {
        let args = [&["--mode", "role", "--role", role], more].concat();
        let mut command = self.command(env!("CARGO_BIN_EXE_orchestrator"), clone, &args);
        command.envs(vars.iter().map(|(name, value)| (name, value)));
        // Files, not pipes: a loop that is killed leaves agents that hold its streams.
        let (out, err) = (self.path(&format!("{clone}.out")), self.path(&format!("{clone}.err")));
        command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
        Live { child: command.spawn().unwrap(), out, err }
    }

    /// Of the remote's branch, oldest first.
    pub fn subjects(&self) -> Vec<String> {
        let log = self.git("bare", &["log", "--first-parent", "--reverse", "--format=%s", "work"]);
        log.lines().map(str::to_owned).collect()
    }

    /// The published state.
    pub fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.git("bare", &["show", "work:sync/state.json"])).unwrap()
    }

    /// `iteration actor status`, as published; nothing while there is no state.
    pub fn brief(&self) -> String {
        let out = self.command("git", "bare", &["show", "work:sync/state.json"]).output().unwrap();
        let Ok(s) = serde_json::from_slice::<serde_json::Value>(&out.stdout) else { return String::new() };
        let text = |key: &str| s[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", s["iteration"], text("expected_actor"), text("status"))
    }

    /// What the events of a clone's ledger of this kind say, oldest first.
    pub fn events(&self, clone: &str, kind: &str) -> Vec<serde_json::Value> {
        let ran = self.run(clone, &["events", "--format", "json", "--kind", kind]).expect(0);
        ran.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// A loop in the background; killed when the test ends early.
pub struct Live {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Live {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    pub fn over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn printed(&self) -> String {
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        format!("{}{}", read(&self.out), read(&self.err))
    }

    /// Its end, which must come.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        wait_until("the end of the loop", || self.over());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        Ran { code, out: read(&self.out), err: read(&self.err) }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
