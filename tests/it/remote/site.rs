//! Machines that take turns: real clones of one real remote, a driver in each, and an agent that is a
//! closure which works with the git program.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git2::{Oid, Repository};
use orchestrator::clock::SystemClock;
use orchestrator::config::Transport;
use orchestrator::ids::{RoleId, SystemIds};
use orchestrator::state::{Holder, State};
use orchestrator::sync::driver::{
    Claimed, Desk, Details, Driver, DriverError, Exit, Finish, Handle, Listener, Runner, Said, Setup, Work,
    lease_ref_of,
};
use orchestrator::sync::message::{StateMessage, Step};
use orchestrator::sync::protocol::{AgentMark, BootId, Config, Goal, How, Start, Takeover, Timing};
use orchestrator::sync::remote::Connector;
use orchestrator::sync::worktree::Repo;

use super::ground::{Ground, Kind, MAIN, git};

pub const STATE: &str = "sync/state.json";

/// A remote with one commit, and what every machine of it shares.
pub struct Site {
    pub ground: Ground,
}

/// One clone and how its driver is set up.
pub struct Machine<'a> {
    pub site: &'a Site,
    pub top: PathBuf,
    pub setup: Setup,
}

pub fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

impl Site {
    pub fn new(kind: Kind) -> Option<Self> {
        Self::with_files(kind, 0)
    }

    /// The same with this many files, a hundred in each folder.
    pub fn with_files(kind: Kind, files: u32) -> Option<Self> {
        let ground = Ground::new(kind)?;
        let seed = ground.dir.path().join("seed");
        git(&ground.home(), ground.dir.path(), &["init", "-q", "-b", "main", "seed"]);
        fs::write(seed.join("README.md"), "hello\n").unwrap();
        for n in 0..files {
            let folder = seed.join(format!("src/{}", n / 100));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{n}.txt")), format!("file {n}\n")).unwrap();
        }
        git(&ground.home(), &seed, &["add", "-A"]);
        git(&ground.home(), &seed, &["commit", "-qm", "Begin"]);
        git(&ground.home(), &seed, &["push", "-q", ground.bare().to_str().unwrap(), "main"]);
        Some(Self { ground })
    }

    pub fn path() -> Self {
        Self::new(Kind::Path).unwrap()
    }

    pub fn git(&self, folder: &Path, args: &[&str]) -> String {
        git(&self.ground.home(), folder, args)
    }

    /// A clone that runs one turn of this role.
    pub fn machine(&self, name: &str, of: &str) -> Machine<'_> {
        let top = self.ground.dir.path().join(name);
        let bare = self.ground.bare().display().to_string();
        self.git(self.ground.dir.path(), &["clone", "-q", &bare, name]);
        self.git(&top, &["remote", "set-url", "origin", &self.ground.url()]);
        self.git(&top, &["config", "user.name", name]);
        self.git(&top, &["config", "user.email", "x@example.org"]);
        let repo = Repo::open(&top, Arc::new(SystemClock)).unwrap();
        repo.exclude_private().unwrap();
        let timing = Timing {
            poll: Duration::from_millis(20),
            margin: Duration::from_millis(100),
            retry: Duration::from_secs(20),
            suspect: Duration::from_millis(60),
            max_wait: Some(Duration::from_secs(60)),
            ..Timing::default()
        };
        let config = Config {
            goal: Goal::Loop,
            role: role(of),
            first: of == "galph",
            start: Start::ByHand,
            turns: Some(1),
            takeover: Takeover::Auto,
            retry_failed: 0,
            lease_ref: lease_ref_of("main"),
            boot: BootId::new("boot"),
            timing,
        };
        let setup = Setup {
            config,
            roles: vec![role("galph"), role("ralph")],
            branch: "main".into(),
            remote: Some("origin".into()),
            state: STATE.into(),
            private: top.join(".orchestrator"),
            lease_secs: 600,
            holder: Holder {
                host: name.into(),
                boot: "boot".into(),
                pid: 1,
                started: "now".into(),
                nonce: "n".into(),
            },
            message_suffix: None,
            stop_reason: None,
        };
        Machine { site: self, top, setup }
    }

    /// The state on the remote.
    pub fn state(&self) -> State {
        let bare = Repository::open(self.ground.bare()).unwrap();
        let tip = bare.find_commit(self.ground.value(MAIN).unwrap()).unwrap();
        let entry = tip.tree().unwrap().get_path(Path::new(STATE)).unwrap();
        let text = String::from_utf8(bare.find_blob(entry.id()).unwrap().content().to_vec()).unwrap();
        State::parse(&text, &[role("galph"), role("ralph")], jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    /// Subjects of the remote's first-parent line, oldest first.
    pub fn subjects(&self) -> Vec<String> {
        let log =
            self.git(&self.ground.bare(), &["log", "--first-parent", "--reverse", "--format=%s", "main"]);
        log.lines().map(str::to_owned).collect()
    }

    pub fn refs(&self, pattern: &str) -> Vec<String> {
        let list = self.git(&self.ground.bare(), &["for-each-ref", "--format=%(refname)", pattern]);
        list.lines().map(str::to_owned).collect()
    }

    /// G1 from outside: growing epochs, one hand-off for each turn, the state changed by nobody else.
    pub fn assert_legal(&self) {
        self.ground.assert_sound();
        let bare = Repository::open(self.ground.bare()).unwrap();
        let mut walk = bare.revwalk().unwrap();
        walk.simplify_first_parent().unwrap();
        walk.set_sorting(git2::Sort::REVERSE | git2::Sort::TOPOLOGICAL).unwrap();
        walk.push(self.ground.value(MAIN).unwrap()).unwrap();
        let state_in = |id: Oid| {
            let tree = bare.find_commit(id).unwrap().tree().unwrap();
            tree.get_path(Path::new(STATE)).map(|e| e.id()).ok()
        };
        let (mut last_epoch, mut ended, mut before) = (0, HashSet::new(), None);
        for id in walk.flatten() {
            let commit = bare.find_commit(id).unwrap();
            let message = StateMessage::parse(&String::from_utf8_lossy(commit.message_bytes()));
            let now = state_in(id);
            assert_eq!(now != before, message.is_some(), "{:?}", commit.summary());
            before = now;
            let Some(message) = message else { continue };
            match message.step {
                Step::Running => {
                    let epoch = message.trailers.epoch.unwrap();
                    assert!(epoch > last_epoch, "epochs grow");
                    last_epoch = epoch;
                }
                Step::Ok { .. } | Step::Fail { .. } | Step::Interrupted => {
                    assert!(ended.insert(message.trailers.turn_id.unwrap()), "handed off twice");
                }
                _ => {}
            }
        }
    }
}

/// What an agent does; it gets the clone's folder.
pub type Act<'a> = Box<dyn FnMut(&Path, &Claimed, &Desk) -> Work + Send + 'a>;

pub struct Agent<'a> {
    top: PathBuf,
    act: Act<'a>,
    pub runs: u32,
    pub ended_old: Vec<AgentMark>,
}

impl Runner for Agent<'_> {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        Ok(())
    }

    fn run(&mut self, turn: &Claimed, desk: &Desk) -> Work {
        self.runs += 1;
        desk.started(AgentMark { group: 4242, started: "77".into() });
        (self.act)(&self.top, turn, desk)
    }

    fn end_old(&mut self, mark: &AgentMark) {
        self.ended_old.push(mark.clone());
    }
}

#[derive(Default)]
pub struct Ears(pub Vec<Said>);

impl Listener for Ears {
    fn hear(&mut self, said: &Said) {
        self.0.push(said.clone());
    }
}

pub fn done() -> Work {
    let details = Details { agent: Some("fake".into()), exit: Some("0".into()), ..Details::default() };
    Work { how: How::Succeeded, exit: None, astray: None, details }
}

/// Waits for another thread or process, for a bounded time.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

pub fn exits() -> Work {
    Work { exit: Some(Exit { reason: Some("all done".into()) }), ..done() }
}

pub struct Ran {
    pub finish: Result<Finish, DriverError>,
    pub runs: u32,
    pub said: Vec<Said>,
    pub ended_old: Vec<AgentMark>,
}

impl Ran {
    pub fn reason(&self) -> &orchestrator::sync::protocol::Reason {
        &self.finish.as_ref().unwrap().reason
    }

    pub fn code(&self) -> u8 {
        self.reason().code()
    }
}

impl Machine<'_> {
    pub fn git(&self, args: &[&str]) -> String {
        self.site.git(&self.top, args)
    }

    pub fn run<'b>(&self, act: impl FnMut(&Path, &Claimed, &Desk) -> Work + Send + 'b) -> Ran {
        self.run_with(act, |_| ())
    }

    /// `before` gets the driver's handle.
    pub fn run_with<'b>(
        &self,
        act: impl FnMut(&Path, &Claimed, &Desk) -> Work + Send + 'b,
        before: impl FnOnce(Handle),
    ) -> Ran {
        let (driver, repo) = self.driver();
        before(driver.handle());
        self.run_driver(driver, repo, act)
    }

    pub fn run_driver<'b>(
        &self,
        driver: Driver,
        repo: Repo,
        act: impl FnMut(&Path, &Claimed, &Desk) -> Work + Send + 'b,
    ) -> Ran {
        let mut agent = Agent { top: self.top.clone(), act: Box::new(act), runs: 0, ended_old: Vec::new() };
        let mut ears = Ears::default();
        let finish = driver.run(repo, &mut agent, &mut ears);
        Ran { finish, runs: agent.runs, said: ears.0, ended_old: agent.ended_old }
    }

    pub fn driver(&self) -> (Driver, Repo) {
        let clock = Arc::new(SystemClock);
        let repo = Repo::open(&self.top, clock.clone()).unwrap().with_lock_wait(Duration::from_millis(50));
        let limits = self.site.ground.limits();
        let cancel = limits.cancel.clone();
        let ids = Arc::new(SystemIds);
        let surroundings = self.site.ground.surroundings();
        let connector =
            Connector::new(repo.raw(), "origin", Transport::Auto, surroundings, limits, ids.clone()).unwrap();
        let world = orchestrator::sync::driver::World { clock, ids };
        (Driver::new(self.setup.clone(), world, connector, cancel), repo)
    }

    /// A turn that adds one file and commits it.
    pub fn work(&self, file: &str) -> Ran {
        let home = self.site.ground.home();
        self.run(move |top, _, _| {
            commit_file(&home, top, file, file);
            done()
        })
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Branch, index and files are where the remote is.
    pub fn assert_at_remote(&self) {
        assert_eq!(self.head(), self.site.ground.value(MAIN).unwrap().to_string());
        assert_eq!(self.git(&["symbolic-ref", "HEAD"]), MAIN);
        assert_eq!(self.git(&["status", "--porcelain"]), "");
        assert_eq!(self.git(&["rev-parse", "refs/remotes/origin/main"]), self.head());
    }
}

pub fn commit_file(home: &Path, top: &Path, file: &str, content: &str) {
    fs::write(top.join(file), content).unwrap();
    git(home, top, &["add", "--", file]);
    git(home, top, &["commit", "-qm", &format!("Add {file}")]);
}
