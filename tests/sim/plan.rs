//! What one seed holds in store: who takes part and which faults happen how often.
//!
//! Times are milliseconds of simulated time. Lease, margin and the rest stand to each other about
//! as the defaults do (600 : 60 : 5), on a scale at which a schedule is some minutes long.

use std::time::Duration;

use orchestrator::ids::RoleId;
use orchestrator::sync::protocol::Timing;

use super::rng::Rng;

pub const LEASE: u64 = 30_000;
pub const MARGIN: u64 = 3_000;
pub const POLL: u64 = 4_000;
/// How long a network operation may take (`sync.network_timeout_secs`).
pub const NETWORK: u64 = 4_000;
pub const SKEW: u64 = 3_000;
pub const RETRY: u64 = 45_000;
pub const SUSPECT: u64 = 8_000;
/// Monotonic clocks run at 97 to 103 per cent.
pub const DRIFT: f64 = 0.03;
/// How old a stale listing may be.
pub const STALEST: u64 = 6_000;

/// What the remote compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The exact old value, and nothing else (`reference_matching`).
    Swap,
    /// The exact old value, and descent as well (a lease push to a guarded branch).
    SwapForward,
    /// Descent only: whatever the branch is, if the new commit contains it.
    Forward,
}

/// Who holds a role in this schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Loop(usize),
    /// Short-lived runs.
    Cron(usize),
    /// The earlier orchestrator, as the first role.
    Old,
}

/// A push by somebody that is no extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// The server lost the newest updates.
    Rollback,
    /// Somebody forced another line.
    Sideways,
    /// The branch was deleted.
    Deletion,
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub roles: Vec<RoleId>,
    pub parts: Vec<Part>,
    pub transport: Transport,
    /// The branch begins without a state, or does not exist at all.
    pub begins: Begins,
    /// Faults end here.
    pub stop: u64,
    pub end: u64,

    pub drop: f64,
    pub late: f64,
    pub lost: f64,
    pub stale: f64,
    pub mute: f64,
    pub crash: f64,
    pub reboot: f64,
    pub pause: f64,
    pub hang: f64,
    pub partition: f64,
    /// The server refuses branch pushes for a while.
    pub refusal: Option<(u64, u64)>,
    pub refuse_rescue: bool,

    pub outsider: Option<u64>,
    /// How often an outsider pulls with a merge and pushes: the branch ends up on a side line.
    pub foxtrot: f64,
    pub conflict: f64,
    pub agent: Habits,
    pub exit: Option<u64>,
    pub interrupt: f64,
    pub stop_request: f64,
    pub release: f64,
    pub rewrite: Option<(u64, Rewrite)>,
    pub second_lease_ref: bool,
    pub turns: Option<u64>,
    pub clone_anew: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    Init,
    NoState,
    NoBranch,
}

/// What agents do beyond committing their work.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    pub fail: f64,
    pub amend: f64,
    pub merge: f64,
    pub rebase: f64,
    pub push: f64,
    pub touch_state: f64,
    pub stray: f64,
    pub exit: f64,
    /// The agent outlives a crash of the program and goes on committing.
    pub survive: f64,
}

fn roles(names: &[&str]) -> Vec<RoleId> {
    names.iter().map(|n| RoleId::parse(n).unwrap()).collect()
}

impl Plan {
    pub fn draw(r: &mut Rng) -> Self {
        let stop = r.range(120_000, 260_000);
        let three = r.chance(0.15);
        let old = !three && r.chance(0.25);
        let mut parts = vec![if old { Part::Old } else { Part::Loop(0) }];
        if !old && r.chance(0.35) {
            parts.push(Part::Loop(0));
        }
        parts.push(Part::Loop(1));
        if three {
            parts.push(Part::Loop(2));
        }
        let more = r.unit();
        if more < 0.7 {
            parts.push(Part::Loop(1));
        }
        if more < 0.25 {
            parts.push(Part::Loop(1));
        }
        if r.chance(0.25) {
            parts.push(Part::Cron(1));
        }
        let kinds = [Rewrite::Rollback, Rewrite::Sideways, Rewrite::Deletion];
        let rewrite = (!old && r.chance(0.15)).then(|| (r.range(40_000, stop), r.pick(&kinds)));
        let transport = r.pick(&[Transport::Swap, Transport::SwapForward, Transport::Forward]);
        let begins =
            if old || r.chance(0.8) { Begins::Init } else { r.pick(&[Begins::NoState, Begins::NoBranch]) };
        let refuse = r.chance(0.1).then(|| r.range(20_000, stop - 20_000));
        Self {
            roles: if three { roles(&["galph", "ralph", "critic"]) } else { roles(&["galph", "ralph"]) },
            parts,
            transport,
            begins,
            stop,
            end: stop + 600_000,
            drop: r.pick(&[0.0, 0.03, 0.1, 0.2]),
            late: r.pick(&[0.0, 0.03, 0.1, 0.2]),
            lost: r.pick(&[0.0, 0.05, 0.15]),
            stale: r.pick(&[0.0, 0.0, 0.05, 0.1]),
            mute: r.pick(&[0.0, 0.05, 0.15]),
            crash: r.pick(&[0.0, 0.005, 0.02]),
            reboot: 0.3,
            pause: r.pick(&[0.0, 0.003, 0.01]),
            hang: r.pick(&[0.0, 0.0, 0.003]),
            partition: r.pick(&[0.0, 0.0, 0.001]),
            refusal: refuse.map(|at| (at, at + 20_000)),
            refuse_rescue: r.chance(0.2),
            outsider: r.pick(&[None, None, Some(50_000), Some(12_000)]),
            foxtrot: r.pick(&[0.0, 0.0, 0.0, 0.3]),
            conflict: r.pick(&[0.0, 0.1]),
            agent: Habits::draw(r).beside(transport),
            exit: r.chance(0.25).then(|| r.range(20_000, stop)),
            interrupt: r.pick(&[0.0, 0.0, 0.002]),
            stop_request: r.pick(&[0.0, 0.0, 0.001]),
            release: r.pick(&[0.0, 0.0, 0.1]),
            rewrite,
            second_lease_ref: r.chance(0.1),
            turns: r.chance(0.1).then(|| r.range(1, 3)),
            clone_anew: r.pick(&[0.0, 0.0, 0.3]),
        }
    }

    /// One machine per role, no fault at all.
    pub fn quiet() -> Self {
        let mut plan = Self::draw(&mut Rng::new(0));
        plan.roles = roles(&["galph", "ralph"]);
        plan.parts = vec![Part::Loop(0), Part::Loop(1)];
        plan.transport = Transport::Swap;
        plan.begins = Begins::Init;
        (plan.stop, plan.end) = (200_000, 800_000);
        for p in [
            &mut plan.drop,
            &mut plan.late,
            &mut plan.lost,
            &mut plan.stale,
            &mut plan.mute,
            &mut plan.crash,
            &mut plan.pause,
            &mut plan.hang,
            &mut plan.partition,
            &mut plan.conflict,
            &mut plan.interrupt,
            &mut plan.stop_request,
            &mut plan.release,
            &mut plan.clone_anew,
            &mut plan.foxtrot,
        ] {
            *p = 0.0;
        }
        plan.agent = Habits::default();
        (plan.refusal, plan.outsider, plan.exit, plan.rewrite, plan.turns) = (None, None, None, None, None);
        (plan.refuse_rescue, plan.second_lease_ref) = (false, false);
        plan
    }

    pub fn timing() -> Timing {
        let ms = Duration::from_millis;
        Timing {
            poll: ms(POLL),
            margin: ms(MARGIN),
            skew: ms(SKEW),
            retry: ms(RETRY),
            suspect: ms(SUSPECT),
            max_wait: None,
            heartbeat: ms(600_000),
        }
    }
}

impl Habits {
    /// A push that compares nothing publishes what an agent merged in (see `Broken::PlainForward`):
    /// where it is used, agents must not merge.
    fn beside(self, transport: Transport) -> Self {
        let merge = if transport == Transport::Forward { 0.0 } else { self.merge };
        Self { merge, ..self }
    }

    fn draw(r: &mut Rng) -> Self {
        let wild = r.chance(0.5);
        let mut habit = |p: f64| if wild { r.pick(&[0.0, p]) } else { 0.0 };
        let (amend, merge, rebase, push) = (habit(0.2), habit(0.3), habit(0.2), habit(0.2));
        let (touch_state, stray, exit) = (habit(0.2), habit(0.1), habit(0.02));
        let fail = r.pick(&[0.0, 0.1]);
        let survive = r.pick(&[0.0, 0.5]);
        Self { fail, amend, merge, rebase, push, touch_state, stray, exit, survive }
    }
}
