//! The screen in the situations a person looks at it in.

use std::path::PathBuf;

use jiff::Timestamp;

use super::view::{HeldBy, View};
use super::words::{Times, oneline, screen};
use crate::config::Budget;
use crate::control::{AttemptStatus, LiveRun, RunInfo, Status as RunStatus};
use crate::ids::RoleId;
use crate::state::Status;
use crate::sync::message::{StateMessage, Step, Trailers};
use crate::sync::worktree::EndedTurn;
use crate::turns::context::Previous;
use crate::turns::lock::{Live, Owner};
use crate::turns::waiting::Waiting;

const NOW: &str = "2026-02-03T04:05:06Z";

fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// As `init` leaves a project.
fn fresh() -> View {
    View {
        now: at(NOW),
        iteration: 1,
        actor: "galph".into(),
        status: Status::Idle,
        updated: at("2026-02-03T04:04:54Z"),
        as_of: None,
        holder: None,
        live: Vec::new(),
        runs: Vec::new(),
        waiting: None,
        branch: Some("work".into()),
        prompt: Some("supervisor.md".into()),
        agent: "auto".into(),
        unrouted: None,
        turns: Vec::new(),
        previous: None,
        budget: Budget::default(),
        budget_words: Vec::new(),
        exit: false,
        exit_reason: None,
        rescues: Vec::new(),
        troubles: Vec::new(),
    }
}

fn ended(step: Step, actor: &str, iteration: u64, ago: i64) -> EndedTurn {
    let trailers = Trailers {
        prompt: Some((if actor == "galph" { "supervisor.md" } else { "main.md" }.into(), "ab".into())),
        agent: Some("claude".into()),
        duration: Some(std::time::Duration::from_secs(252)),
        cost: (actor == "ralph").then_some(0.42),
        checks: (actor == "ralph").then_some((2, 3)),
        ..Trailers::default()
    };
    let message = StateMessage { step, actor: role(actor), iteration, trailers };
    EndedTurn { commit: "abc1234".into(), at: at(NOW).as_second() - ago, message }
}

fn attempt(silent_ms: u64, idle: bool) -> LiveRun {
    let run = RunInfo {
        id: "019a9c31".into(),
        kind: "turns".into(),
        mode: "combined".into(),
        pid: 4711,
        started_at: "2026-02-03T03:00:00Z".into(),
    };
    let attempt = AttemptStatus {
        id: "019a9c32".into(),
        role: "ralph".into(),
        iteration: Some(3),
        prompt: "main.md".into(),
        agent: "claude".into(),
        pid: Some(4712),
        started_at: "2026-02-03T04:00:00Z".into(),
        running_ms: 1_306_000,
        silent_ms,
        idle,
        interrupted: false,
    };
    let status = RunStatus { run, stop_asked: false, interrupted: false, attempts: vec![attempt] };
    LiveRun { id: "019a9c31".into(), socket: PathBuf::from("x"), status: Some(status) }
}

fn holder(here: bool) -> HeldBy {
    HeldBy {
        host: if here { "here" } else { "box-b" }.into(),
        pid: 4711,
        here,
        claimed: Some(at("2026-02-03T03:43:20Z")),
        lease_secs: 600,
        leased: !here,
        no_sign_since: None,
    }
}

fn mid_turn() -> View {
    let next = role("ralph");
    View {
        iteration: 3,
        actor: "ralph".into(),
        status: Status::Running(next.clone()),
        updated: at("2026-02-03T03:43:20Z"),
        holder: Some(holder(true)),
        live: vec![Live::By(Owner {
            pid: 4711,
            started: "2026-02-03T03:00:00Z".into(),
            mode: "combined".into(),
            ..Owner::default()
        })],
        runs: vec![attempt(2000, false)],
        prompt: Some("main.md".into()),
        agent: "claude".into(),
        turns: vec![
            ended(Step::Ok { next: next.clone(), commit: "1".into() }, "galph", 3, 1400),
            ended(Step::Ok { next: role("galph"), commit: "1".into() }, "ralph", 3, 2000),
            ended(Step::Ok { next, commit: "1".into() }, "galph", 2, 9000),
        ],
        ..fresh()
    }
}

#[test]
fn each_situation_is_seen_at_a_glance() {
    let failed = View {
        status: Status::Failed,
        holder: None,
        live: Vec::new(),
        runs: Vec::new(),
        turns: vec![ended(Step::Fail { commit: "1".into() }, "ralph", 3, 60)],
        previous: Some(Previous {
            role: "ralph".into(),
            iteration: 3,
            prompt: "main.md".into(),
            outcome: "failed".into(),
            failure: Some("exit status 7".into()),
            log: Some("logs/work/ralph/iter-00003_20260203_034320_main.log".into()),
            ..Previous::default()
        }),
        ..mid_turn()
    };
    let limited = View {
        runs: Vec::new(),
        waiting: Some(Waiting {
            role: "ralph".into(),
            agent: "claude".into(),
            why: "is rate limited".into(),
            until: "2026-02-03T09:00:00Z".into(),
        }),
        ..mid_turn()
    };
    let silent = View { runs: vec![attempt(852_000, true)], ..mid_turn() };
    let foreign = View {
        as_of: Some("origin/work".into()),
        holder: Some(HeldBy { no_sign_since: Some(at("2026-02-03T03:50:00Z")), ..holder(false) }),
        live: Vec::new(),
        runs: Vec::new(),
        ..mid_turn()
    };
    let rescue = View {
        rescues: vec![(
            "refs/orchestrator/rescue/019a".into(),
            "git merge refs/orchestrator/rescue/019a".into(),
        )],
        budget_words: vec!["turns 12".into(), "$5.00".into()],
        exit: true,
        exit_reason: Some("enough for today".into()),
        ..fresh()
    };
    let damaged = View {
        troubles: vec![".orchestrator/seen.json is damaged: EOF while parsing at line 1 column 0".into()],
        ..fresh()
    };
    let abandoned = View { live: Vec::new(), runs: Vec::new(), ..mid_turn() };
    let shown: String = [
        ("fresh repository", fresh()),
        ("mid-turn", mid_turn()),
        ("failed turn", failed),
        ("rate-limited holder", limited),
        ("silent holder", silent),
        ("foreign holder", foreign),
        ("unmerged rescue, exit set, budget", rescue),
        ("damaged memory", damaged),
        ("the program was killed in a turn", abandoned),
    ]
    .map(|(name, view)| {
        let times = Times { utc: true };
        format!("## {name}\n{}-- {}\n\n", screen(&view, times), oneline(&view, times))
    })
    .concat();
    insta::assert_snapshot!(shown);
}
