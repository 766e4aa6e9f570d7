//! Sights to draw: each situation a person looks at.

use std::path::PathBuf;

use super::sight::{
    Book, Holder, Item, Live, LiveAttempt, Loop, Output, Past, Role, Run, Shown, Sight, Standing, State,
    Told, Tone, Turn,
};

/// 2026-02-03T04:05:06Z.
pub const NOW: i64 = 1_770_091_506_000;
const MINUTE: i64 = 60_000;
const RUN: &str = "019c2187-4a00-7000-8000-00000000000a";

pub fn item(key: &str, title: &str, state: State, began: i64, took: i64) -> Item {
    Item {
        key: key.into(),
        title: title.into(),
        state,
        attempt_id: Some(format!("019c2187-{key}")),
        role: title.into(),
        agent: "claude".into(),
        prompt: if title == "galph" { "supervisor.md".into() } else { "main.md".into() },
        iteration: None,
        attempt: 1,
        began_ms: Some(NOW - began),
        ended_ms: state.is_over().then_some(NOW - began + took),
        exit_code: state.is_over().then_some(i32::from(state == State::Failed)),
        error: (state == State::Failed).then(|| "exit status 7".into()),
        tokens: state.is_over().then_some((48_211, 3_904)),
        cost_usd: state.is_over().then_some(0.42),
        log: Some(format!("logs/work/{title}/iter-00007.log")),
    }
}

/// Of a loop in its seventh iteration, the newest first.
pub fn turns() -> Vec<Item> {
    let turn = |n: u64, title: &str, state, began, took| Item {
        iteration: Some(n),
        cost_usd: Some(if title == "galph" { 0.11 } else { 0.42 }).filter(|_| state != State::Running),
        ..item(&format!("{n}-{title}"), title, state, began, took)
    };
    vec![
        turn(7, "ralph", State::Running, 252_000, 0),
        turn(7, "galph", State::Succeeded, 5 * MINUTE, 41_000),
        turn(6, "ralph", State::Succeeded, 14 * MINUTE, 500_000),
        turn(6, "galph", State::Succeeded, 16 * MINUTE, 62_000),
        turn(5, "ralph", State::Failed, 22 * MINUTE, 330_000),
        turn(5, "galph", State::Succeeded, 24 * MINUTE, 58_000),
        turn(4, "ralph", State::Succeeded, 33 * MINUTE, 480_000),
        turn(4, "galph", State::Succeeded, 35 * MINUTE, 45_000),
    ]
}

fn told(seq: i64, ago: i64, tone: Tone, text: &str) -> Told {
    Told { seq, at_ms: NOW - ago, tone, text: text.into() }
}

fn roles() -> Vec<Role> {
    let past = |took: &[i64], each: f64, failed: usize| -> Vec<Past> {
        took.iter()
            .enumerate()
            .map(|(n, secs)| Past {
                state: if n == failed { State::Failed } else { State::Succeeded },
                took_ms: secs * 1000,
                ended_ms: NOW,
                cost_usd: Some(each),
            })
            .collect()
    };
    vec![
        Role { name: "galph".into(), turns: past(&[70, 52, 66, 45, 58, 62, 41], 0.11, 99) },
        Role { name: "ralph".into(), turns: past(&[300, 420, 380, 480, 330, 500], 0.42, 4) },
    ]
}

fn run(state: State) -> Run {
    Run {
        id: RUN.into(),
        kind: "turns".into(),
        state,
        began_ms: NOW - 40 * MINUTE,
        ended_ms: state.is_over().then_some(NOW - 2 * MINUTE),
        attempts: 8,
        cost_usd: Some(2.14),
        error: None,
    }
}

fn before(n: i64, kind: &str, state: State) -> Run {
    let began_ms = NOW - n * 95 * MINUTE;
    let id = format!("019c20{n}1-4a00-7000-8000-00000000000a");
    Run {
        id,
        kind: kind.into(),
        began_ms,
        ended_ms: Some(began_ms + 31 * MINUTE),
        cost_usd: Some(1.9),
        ..run(state)
    }
}

fn state(standing: Standing) -> Turn {
    let holder = Holder { host: "box-a".into(), pid: 4711, here: true, lease_ms: 600_000, leased: false };
    Turn::Of(Box::new(Loop {
        iteration: 7,
        actor: "ralph".into(),
        standing,
        updated_ms: NOW - 252_000,
        holder: (standing == Standing::Running).then_some(holder),
        exit: None,
    }))
}

const SAID: &str = "I'll start with the parser, since the two failing tests both end there.\n\
  > Read src/parser.rs\n\
  > Grep \"unexpected end\" src/\n\
The loop drops the last token when the input ends without a newline: `next()` returns None one step too early.\n\
  > Edit src/parser.rs\n\
  > Bash cargo test --lib parser\n\
test parser::tests::ends_without_newline ... ok\n\
test parser::tests::empty_input ... ok\n\
test result: ok. 41 passed; 0 failed\n\
Both pass now. Next I update docs/fix_plan.md and commit.\n";

/// A loop in the middle of a turn.
pub fn running() -> Sight {
    let items = turns();
    let attempt = items[0].attempt_id.clone().unwrap();
    Sight {
        at_ms: NOW,
        project: "parser".into(),
        book: Book::Open,
        turn: state(Standing::Running),
        live: vec![Live {
            run_id: RUN.into(),
            socket: PathBuf::from("run.sock"),
            kind: "turns".into(),
            mute: false,
            stop_asked: false,
            interrupted: false,
            attempts: vec![LiveAttempt {
                id: attempt.clone(),
                role: "ralph".into(),
                agent: "claude".into(),
                prompt: "main.md".into(),
                queued: false,
                silent_ms: 1200,
                idle: false,
                interrupted: false,
            }],
        }],
        runs: vec![
            run(State::Running),
            before(1, "batch", State::Succeeded),
            before(2, "turns", State::Failed),
        ],
        roles: roles(),
        shown: Some(Shown {
            run_id: RUN.into(),
            kind: "turns".into(),
            branch: Some("work".into()),
            limits: "20 iterations".into(),
            counts: vec![(State::Running, 1), (State::Failed, 1), (State::Succeeded, 6)],
            items,
            events: vec![
                told(1, 5 * MINUTE, Tone::Quiet, "galph takes the turn of iteration 7"),
                told(2, 5 * MINUTE, Tone::Active, "galph begins with claude: supervisor.md"),
                told(3, 259_000, Tone::Good, "iter 7 galph supervisor.md claude 41s ok $0.11"),
                told(4, 255_000, Tone::Plain, "committed 3f2a91c docs: docs/fix_plan.md"),
                told(5, 253_000, Tone::Quiet, "stamped waiting-ralph, next ralph"),
                told(6, 252_000, Tone::Active, "ralph begins with claude: main.md"),
            ],
            output: Output { attempt_id: Some(attempt), text: SAID.into(), cut: false },
        }),
    }
}

/// Nothing has ever run here.
pub fn fresh() -> Sight {
    Sight { at_ms: NOW, project: "parser".into(), ..Sight::default() }
}

/// The loop is over; the next one may begin at any time.
pub fn idle() -> Sight {
    let mut sight = running();
    sight.live.clear();
    sight.runs[0] = run(State::Succeeded);
    sight.turn = state(Standing::Waiting);
    let shown = sight.shown.as_mut().unwrap();
    let first = &mut shown.items[0];
    (first.state, first.ended_ms, first.cost_usd) = (State::Succeeded, Some(NOW - 2 * MINUTE), Some(0.42));
    shown.events.push(told(
        7,
        2 * MINUTE,
        Tone::Good,
        "run over: 8 done in 38m00s, $2.14; all iterations taken",
    ));
    sight
}

/// Role mode: another machine has the turn.
pub fn waiting() -> Sight {
    let mut sight = running();
    sight.live[0].attempts.clear();
    sight.turn = Turn::Of(Box::new(Loop {
        iteration: 7,
        actor: "galph".into(),
        standing: Standing::Running,
        updated_ms: NOW - 90_000,
        holder: Some(Holder { host: "box-b".into(), pid: 812, here: false, lease_ms: 600_000, leased: true }),
        exit: None,
    }));
    let shown = sight.shown.as_mut().unwrap();
    shown.items.remove(0);
    shown.output = Output {
        attempt_id: shown.items[0].attempt_id.clone(),
        text: "the plan is in docs/fix_plan.md\n".into(),
        cut: false,
    };
    shown.events.push(told(
        7,
        90_000,
        Tone::Plain,
        "ralph waits: box-b has galph's turn since 04:03:36, last sign 4s ago",
    ));
    sight
}

/// The last turn failed, and nothing runs.
pub fn failed() -> Sight {
    let mut sight = idle();
    sight.runs[0] = Run { error: Some("ralph failed: exit status 7".into()), ..run(State::Failed) };
    sight.turn = state(Standing::Failed);
    let shown = sight.shown.as_mut().unwrap();
    let first = &mut shown.items[0];
    (first.state, first.error, first.exit_code) = (State::Failed, Some("exit status 7".into()), Some(7));
    shown.output.text.push_str("error[E0308]: mismatched types\n  --> src/parser.rs:88:17\n");
    let last = shown.events.last_mut().unwrap();
    *last = told(7, 2 * MINUTE, Tone::Bad, "run over: 8 done in 38m00s, $2.14; ralph failed: exit status 7");
    sight
}

/// Silent for longer than it may be, and asked to stop.
pub fn silent() -> Sight {
    let mut sight = running();
    sight.live[0].stop_asked = true;
    let attempt = &mut sight.live[0].attempts[0];
    (attempt.silent_ms, attempt.idle) = (240_000, true);
    sight
}

/// A graph of steps, in the middle.
pub fn workstream() -> Sight {
    let step = |name: &str, state, began, took| Item {
        prompt: format!("sh -c make {name}"),
        agent: String::new(),
        role: String::new(),
        cost_usd: None,
        tokens: None,
        ..item(name, name, state, began, took)
    };
    let blank = |name: &str, state, error: Option<&str>| Item {
        attempt_id: None,
        began_ms: None,
        ended_ms: None,
        exit_code: None,
        error: error.map(str::to_owned),
        prompt: String::new(),
        attempt: 0,
        log: None,
        ..step(name, state, 0, 0)
    };
    let items = vec![
        step("fetch", State::Succeeded, 180_000, 12_000),
        step("count", State::Succeeded, 168_000, 95_000),
        Item { attempt: 2, ..step("shout", State::Failed, 100_000, 40_000) },
        step("celebrate", State::Running, 58_000, 0),
        step("measure", State::Running, 31_000, 0),
        blank("louder", State::Skipped, Some("shout failed")),
        blank("pack", State::Waiting, None),
    ];
    let mut sight = running();
    sight.turn = Turn::Missing;
    sight.roles.clear();
    sight.runs[0] =
        Run { kind: "workstream".into(), began_ms: NOW - 180_000, cost_usd: None, ..run(State::Running) };
    let live = &mut sight.live[0];
    live.kind = "workstream".into();
    let alive = |title: &str| LiveAttempt {
        id: format!("019c2187-{title}"),
        role: title.into(),
        ..live.attempts[0].clone()
    };
    live.attempts = vec![alive("celebrate"), alive("measure")];
    let shown = sight.shown.as_mut().unwrap();
    shown.kind = "workstream".into();
    shown.branch = None;
    shown.counts = vec![
        (State::Running, 2),
        (State::Failed, 1),
        (State::Skipped, 1),
        (State::Succeeded, 2),
        (State::Waiting, 1),
    ];
    shown.output = Output {
        attempt_id: items[4].attempt_id.clone(),
        text: "measured 12 of 40\nmeasured 13 of 40\n".into(),
        cut: false,
    };
    shown.items = items;
    shown.events = vec![
        told(1, 180_000, Tone::Plain, "workstream begun, 7 steps, at most 3 at once"),
        told(2, 168_000, Tone::Good, "fetch: ok in 12s"),
        told(3, 100_000, Tone::Warning, "shout: attempt 2 in 1.0s: exit status 2"),
        told(4, 60_000, Tone::Bad, "shout: failed in 40s: exit status 2"),
        told(5, 60_000, Tone::Quiet, "louder skipped: shout failed"),
        told(6, 31_000, Tone::Active, "measure begins: sh -c make measure"),
    ];
    sight
}
