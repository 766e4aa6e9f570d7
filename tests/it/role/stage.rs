//! A bare remote, clones of it, and real loops in them whose agent is a small script.
//!
//! Every run of an agent notes what it does in a book outside of all repositories, so that the remote's
//! history can be held against what really happened.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::remote::ground::{Ground, Kind, git};

/// A turn: one commit with a subject of its own, then whatever the test has put into the book's folder
/// for this clone.
const SCRIPT: &str = r#"# Prompt

```sh run
book=@BOOK@; me=$(basename "$PWD"); role=$ORCHESTRATOR_ROLE; i=$ORCHESTRATOR_ITERATION; n=$(date +%s%N)-$$
echo "start $me $role $i $n" >> "$book/book"
echo "$n" > "work-$role.txt"
git add "work-$role.txt" && git commit -q -m "Work $role $i $n" && echo "commit $me $role $i $n" >> "$book/book"
if [ -e "$book/$me.sh" ]; then . "$book/$me.sh"; fi
echo "end $me $role $i $n" >> "$book/book"
```
"#;

pub struct Stage {
    pub ground: Ground,
}

/// One line of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub what: String,
    pub clone: String,
    pub role: String,
    pub iteration: u64,
    pub nonce: String,
}

impl Stage {
    /// `sync` is what stands below that key in the configuration. `None`: no server of this kind here.
    pub fn new(kind: Kind, sync: &str) -> Option<Self> {
        let stage = Self { ground: Ground::new(kind)? };
        fs::create_dir(stage.book()).unwrap();
        let seed = stage.top("seed");
        stage.git(stage.dir(), &["init", "-q", "-b", "main", "seed"]);
        let write = |name: &str, text: &str| {
            let path = seed.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("orchestration.yaml", &format!("agent: {{default: shell}}\nsync: {{{sync}}}\n"));
        write(".gitignore", "/logs/\n/tmp/\n");
        let script = SCRIPT.replace("@BOOK@", stage.book().to_str().unwrap());
        write("prompts/supervisor.md", &script);
        write("prompts/main.md", &script);
        stage.git(&seed, &["add", "-A"]);
        stage.git(&seed, &["commit", "-qm", "Begin"]);
        stage.git(&seed, &["push", "-q", stage.ground.bare().to_str().unwrap(), "main"]);
        Some(stage)
    }

    pub fn dir(&self) -> &Path {
        self.ground.dir.path()
    }

    pub fn top(&self, clone: &str) -> PathBuf {
        self.dir().join(clone)
    }

    pub fn book(&self) -> PathBuf {
        self.dir().join("book")
    }

    pub fn git(&self, folder: &Path, args: &[&str]) -> String {
        git(&self.ground.home(), folder, args)
    }

    /// git in the bare remote.
    pub fn bare(&self, args: &[&str]) -> String {
        self.git(&self.ground.bare(), args)
    }

    /// A clone that reaches the remote at `url`.
    pub fn clone_at(&self, name: &str, url: &str) {
        self.git(self.dir(), &["clone", "-q", self.ground.bare().to_str().unwrap(), name]);
        let top = self.top(name);
        self.git(&top, &["remote", "set-url", "origin", url]);
        self.git(&top, &["config", "user.name", name]);
        self.git(&top, &["config", "user.email", &format!("{name}@example.org")]);
    }

    pub fn clone(&self, name: &str) {
        self.clone_at(name, &self.ground.url());
    }

    /// What the agent of this clone does after its commit.
    pub fn agent(&self, clone: &str, script: &str) {
        fs::write(self.book().join(format!("{clone}.sh")), script).unwrap();
    }

    /// For an agent to wait for: it ends with the test, too.
    pub fn until(&self, name: &str) -> String {
        let book = self.book().display().to_string();
        format!("while [ -d {book} ] && [ ! -e {book}/{name} ]; do sleep 0.05; done")
    }

    pub fn mark(&self, name: &str) {
        fs::write(self.book().join(name), "").unwrap();
    }

    pub fn entries(&self) -> Vec<Entry> {
        let text = fs::read_to_string(self.book().join("book")).unwrap_or_default();
        let entry = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [what, clone, role, iteration, nonce] = words[..] else { return None };
            let [what, clone, role, nonce] = [what, clone, role, nonce].map(str::to_owned);
            Some(Entry { what, clone, role, iteration: iteration.parse().ok()?, nonce })
        };
        text.lines().filter_map(entry).collect()
    }

    /// How often something of this kind stands in the book for a clone.
    pub fn count(&self, what: &str, clone: &str) -> usize {
        self.entries().iter().filter(|e| e.what == what && e.clone == clone).count()
    }

    pub fn command(&self, clone: &str, args: &[&str]) -> Command {
        // A campaign takes long: it may be given a copy of the program, or one built in another way.
        let given = std::env::var_os("ORCHESTRATOR_TEST_PROGRAM");
        let program = given.unwrap_or_else(|| env!("CARGO_BIN_EXE_orchestrator").into());
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.top(clone)).args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.ground.home());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command
    }

    /// A process in the background; what it says goes to a file.
    pub fn start(&self, clone: &str, args: &[&str]) -> Proc {
        let path = self.dir().join(format!("{clone}.said"));
        let said = || File::options().create(true).append(true).open(&path).unwrap();
        let mut command = self.command(clone, args);
        let child = command.stdout(said()).stderr(said()).spawn().unwrap();
        Proc { child, said: path }
    }

    /// A loop of this role that does not wait for ever.
    pub fn role(&self, clone: &str, role: &str, more: &[&str]) -> Proc {
        let mut args = vec!["--mode", "role", "--role", role, "--max-wait-sec", "300"];
        args.extend(more);
        self.start(clone, &args)
    }

    /// The state on the remote; null before there is one.
    pub fn state(&self) -> serde_json::Value {
        let mut show = Command::new("git");
        show.args(["show", "main:sync/state.json"]).current_dir(self.ground.bare());
        serde_json::from_slice(&show.output().unwrap().stdout).unwrap_or_default()
    }

    pub fn iteration(&self) -> u64 {
        self.state()["iteration"].as_u64().unwrap_or(0)
    }
}

pub struct Proc {
    child: Child,
    pub said: PathBuf,
}

impl Proc {
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// `kill -9`, unless it has ended by itself: then how.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        if let Some(ended) = self.child.try_wait().unwrap() {
            return Some(ended);
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        None
    }

    pub fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Waits for its end, as [`await_that`].
    #[track_caller]
    pub fn wait(&mut self) -> i32 {
        let said = self.said.clone();
        let explain = || fs::read_to_string(&said).unwrap_or_default();
        await_that("the end of a process", || self.ended().is_some(), explain);
        self.ended().unwrap()
    }

    #[track_caller]
    pub fn expect(&mut self, code: i32) {
        let ended = self.wait();
        assert_eq!(ended, code, "{}", self.said());
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a fact, two minutes at most (a campaign: twenty): a loaded machine is slow.
#[track_caller]
pub fn await_that(what: &str, mut holds: impl FnMut() -> bool, explain: impl Fn() -> String) {
    let (start, most) = (Instant::now(), Duration::from_secs(120 * u64::from(crate::remote::scale())));
    while !holds() {
        assert!(start.elapsed() < most, "never came: {what}\n{}", explain());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// This many in a full campaign, few otherwise (`ORCHESTRATOR_TEST_SCALE`, tenths of the whole).
pub fn times(few: usize, full: usize) -> usize {
    match crate::remote::scale() {
        1 => few,
        tenths => (full * tenths as usize).div_ceil(10),
    }
}

/// What a campaign came to, to be seen with `--nocapture`.
#[expect(clippy::print_stderr, reason = "a campaign is run by hand")]
pub fn report(text: &str) {
    eprintln!("{text}");
}

/// Numbers from a seed, so that a run can be repeated: `ORCHESTRATOR_TEST_SEED`.
pub struct Dice(u64);

impl Dice {
    pub fn new(salt: u64) -> Self {
        let seed = std::env::var("ORCHESTRATOR_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
        Self(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
