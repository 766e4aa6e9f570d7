//! One clone on one machine: what survives a crash, what does not, and its clocks.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::sync::lease::Lease;
use orchestrator::sync::protocol::{
    CommitId, Config, Journal, Machine, Memory, Now, OpenTurn, RefName, TurnId,
};

use super::plan::DRIFT;
use super::rng::Rng;
use super::store::Ix;

/// The working tree and its refs.
#[derive(Debug, Clone)]
pub struct Local {
    /// The local branch.
    pub branch: Ix,
    /// HEAD, when it is not the branch.
    pub head: Option<Ix>,
    pub operation: bool,
    /// Uncommitted pieces of work.
    pub dirty: Vec<u32>,
    /// Local rescue refs, and what was saved of uncommitted files.
    pub saved: Vec<Ix>,
    pub saved_files: Vec<u32>,
}

/// The agent of the turn that runs.
#[derive(Debug, Clone)]
pub struct Agent {
    pub turn: OpenTurn,
    /// What it was started on.
    pub on: Ix,
    pub until: u64,
    pub commits_left: u32,
    /// The ask that its end answers.
    pub ask: u64,
}

#[derive(Debug)]
pub struct Node {
    pub config: Arc<Config>,
    pub cron: bool,
    /// On disk.
    pub journal: Journal,
    pub memory: Memory,
    pub local: Local,
    /// Since when a stop is asked for.
    pub stop_file: Option<u64>,

    /// Of the process.
    pub machine: Option<Machine>,
    pub lease: Option<(u64, Lease)>,
    pub agent: Option<Agent>,
    /// An agent that outlived its program: the turn it works for.
    pub orphan: Option<OpenTurn>,
    pub process: u64,
    /// Which ask is outstanding.
    pub ask: u64,
    pub sleeping: bool,
    pub paused_until: u64,
    pub hung_until: u64,
    pub cut_until: u64,

    pub turns_drawn: u64,
    pub made: Vec<u32>,
    pub rescue_numbers: Vec<(TurnId, u32, Ix)>,
    /// An `exit` it has read and durably remembered, as the observer sees it.
    pub saw_exit: Option<Ix>,
    /// The highest epoch of any tip it has durably accepted.
    pub seen_epoch: u64,
    pub last_turn: Option<TurnId>,
    /// The turn whose agent has ended, once the machine has gone on from there.
    pub ended: Option<TurnId>,
    pub ending: Option<TurnId>,
    /// When this process first accepted a tip.
    pub first_look: Option<u64>,
    pub attentive_since: Option<u64>,
    /// For the variant that watches the lease value alone.
    pub still: Option<(Option<CommitId>, Now)>,
    pub listed_at: u64,

    boot: u64,
    booted: u64,
    rate: f64,
    offset: i64,
}

impl Node {
    pub fn new(config: Config, cron: bool, branch: Ix, r: &mut Rng) -> Self {
        let local = Local {
            branch,
            head: None,
            operation: false,
            dirty: Vec::new(),
            saved: Vec::new(),
            saved_files: Vec::new(),
        };
        Self {
            config: Arc::new(config),
            cron,
            journal: Journal::default(),
            memory: Memory::default(),
            local,
            stop_file: None,
            machine: None,
            lease: None,
            agent: None,
            orphan: None,
            process: 0,
            ask: 0,
            sleeping: false,
            paused_until: 0,
            hung_until: 0,
            cut_until: 0,
            turns_drawn: 0,
            made: Vec::new(),
            rescue_numbers: Vec::new(),
            saw_exit: None,
            seen_epoch: 0,
            last_turn: None,
            ended: None,
            ending: None,
            first_look: None,
            attentive_since: None,
            still: None,
            listed_at: 0,
            boot: 0,
            booted: 0,
            rate: 1.0 + DRIFT * (2.0 * r.unit() - 1.0),
            offset: i64::try_from(r.range(0, 3)).unwrap() - 1,
        }
    }

    /// A new boot id and a monotonic clock that starts again.
    pub fn reboot(&mut self, at: u64) {
        self.boot += 1;
        self.booted = at;
        let boot = orchestrator::sync::protocol::BootId::new(&format!("boot-{}", self.boot));
        self.config = Arc::new(Config { boot, ..(*self.config).clone() });
    }

    pub fn mono(&self, at: u64) -> Duration {
        Duration::from_millis(at - self.booted).mul_f64(self.rate)
    }

    pub fn now(&self, at: u64) -> Now {
        Now { mono: self.mono(at), wall: i64::try_from(at / 1000).unwrap() + self.offset }
    }

    /// When its monotonic clock will show `mono`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of milliseconds")]
    pub fn at_mono(&self, mono: Duration) -> u64 {
        self.booted + (mono.as_secs_f64() * 1000.0 / self.rate).ceil() as u64 + 1
    }

    /// The rescue ref under which `commit` is kept, a new one if it has none from `from` on.
    pub fn rescue_name(&mut self, turn: &TurnId, from: u32, commit: Ix) -> (RefName, u32) {
        let known = self.rescue_numbers.iter().find(|(t, n, c)| t == turn && *c == commit && *n >= from);
        let number = known.map_or_else(
            || {
                let highest =
                    self.rescue_numbers.iter().filter(|(t, ..)| t == turn).map(|(_, n, _)| *n).max();
                highest.map_or(from, |h| (h + 1).max(from))
            },
            |(_, n, _)| *n,
        );
        if known.is_none() {
            self.rescue_numbers.push((turn.clone(), number, commit));
        }
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        (RefName::new(&format!("refs/heads/orchestrator/rescue/{turn}{suffix}")), number)
    }
}
