//! The words on the screen, for each event and volume.

use super::*;
use crate::event::{AttemptResult, Ended};

fn shown(volume: Volume, events: Vec<Event>) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(&mut out, &mut err, volume, Form::Text);
    for event in events {
        console.emit(event);
    }
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn started(role: &str) -> Event {
    Event::AttemptStarted {
        iteration: 1,
        role: role.into(),
        prompt: "main.md".into(),
        agent: "shell".into(),
        log: "log".into(),
        step: format!("1/{role}"),
        turn_id: None,
    }
}

fn said(role: &str, text: &str) -> Event {
    Event::AttemptOutput { role: role.into(), text: text.into() }
}

/// P15: whose a line is stands before it only where several are at work, and then until the last has ended.
#[test]
fn prefixed_only_when_several_run() {
    let events = vec![
        started("galph"),
        said("galph", "alone\n"),
        started("ralph"),
        said("galph", "one\ntw"),
        said("galph", "o"),
        said("ralph", "three\n"),
        ended("galph", "iter 1 galph"),
        said("ralph", "four\n"),
        ended("ralph", "iter 1 ralph"),
        started("galph"),
        said("galph", "alone\n"),
    ];
    let (out, _) = shown(Volume::Normal, events);
    assert_eq!(
        out,
        "alone\ngalph | one\ngalph | two\nralph | three\niter 1 galph\nralph | four\niter 1 ralph\nalone\n"
    );
}

fn ended(role: &str, line: &str) -> Event {
    let (role, line) = (role.into(), line.into());
    Event::AttemptEnded { role, line, outcome: Ended::Succeeded, result: AttemptResult::default() }
}

fn quiet(silent_ms: u64) -> Event {
    Event::AttemptQuiet { role: "galph".into(), silent_ms, running_ms: 75_000 }
}

/// P15: on a terminal one line that is written over and gone before anything else is said; nothing elsewhere.
#[test]
fn silence_shows_on_a_terminal() {
    let events = [said("galph", "half a line"), quiet(10_000), quiet(20_000), said("galph", " more\n")];
    let show = |volume, form, watched| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err, volume, form).with_progress(watched);
        for event in &events {
            console.emit(event.clone());
        }
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    let (out, err) = show(Volume::Normal, Form::Text, true);
    let line = |n| format!("galph: silent for {n}s, running 1m15s");
    let wiped = format!("\r{}\r", " ".repeat(line(10).len()));
    assert_eq!(out, "half a line\n more\n");
    assert_eq!(err, format!("{}{wiped}{}{wiped}", line(10), line(20)));
    assert_eq!(show(Volume::Normal, Form::Text, false).1, "");
    assert_eq!(show(Volume::Quiet, Form::Text, true), (String::new(), String::new()));
    assert_eq!(show(Volume::Normal, Form::Json, true).1, "");
}

/// T38: three lines at the start, agent text plain, one line a turn, one at the end.
#[test]
fn the_account_of_a_run() {
    let events = vec![
        Event::RunStarted {
            mode: "combined".into(),
            branch: Some("work".into()),
            agents: vec![("galph".into(), "shell".into())],
            limits: "1 iteration".into(),
            state: "iteration 1, galph's turn, idle".into(),
        },
        Event::AttemptOutput { role: "galph".into(), text: "no line end".into() },
        Event::Warning { text: "careful".into() },
        Event::AttemptEnded {
            role: "galph".into(),
            line: "iter 1 galph".into(),
            outcome: Ended::Succeeded,
            result: AttemptResult::default(),
        },
        Event::RunEnded {
            outcome: Ended::Succeeded,
            turns: 1,
            duration: std::time::Duration::from_secs(61),
            cost_usd: None,
            why: "all iterations taken".into(),
            next: "orchestrator".into(),
        },
    ];
    let (out, err) = shown(Volume::Normal, events.clone());
    assert_eq!(
        out,
        "orchestrator combined · branch work · 1 iteration\nagents: galph=shell\nstate: iteration 1, galph's turn, idle\nno line end\niter 1 galph\n1 turn in 1m01s, cost unknown; all iterations taken; next: orchestrator\n"
    );
    assert_eq!(err, "warning: careful\n");
    assert_eq!(shown(Volume::Quiet, events), (String::new(), "warning: careful\n".into()));
}

/// T38: what `--verbose` adds, what everybody is told, and which of it are warnings.
#[test]
fn each_fact_has_its_words() {
    let s = str::to_owned;
    let events = || {
        vec![
            Event::PromptRouted {
                iteration: 2,
                role: s("galph"),
                prompt: s("reviewer.md"),
                source: s("deterministic"),
                reason: s("review cadence"),
                answer: None,
            },
            Event::StateClaimed {
                iteration: 2,
                role: s("galph"),
                turn_id: s("t1"),
                epoch: 7,
                reclaimed: false,
            },
            Event::StateClaimed {
                iteration: 2,
                role: s("galph"),
                turn_id: s("t2"),
                epoch: 8,
                reclaimed: true,
            },
            started("galph"),
            Event::CheckPassed { role: s("galph"), command: s("make test") },
            Event::CheckFailed { role: s("galph"), command: s("make lint"), status: s("exit status 2") },
            Event::Autocommit {
                role: s("galph"),
                group: s("docs"),
                commit: Some(s("abc1234")),
                paths: vec![s("a.md"), s("b.md")],
            },
            Event::StateStamped {
                iteration: 2,
                role: s("galph"),
                status: s("waiting-ralph"),
                next: s("ralph"),
            },
            Event::Verdict { iteration: 1, verdict: s("RETRY"), text: Some(s("\n  not yet\nreally")) },
            Event::Verdict { iteration: 2, verdict: s("DONE"), text: None },
            Event::AttemptWarning { role: s("galph"), text: s("a line was cut") },
            Event::AttemptIdle { role: s("galph"), silent_ms: 61_000 },
            Event::AgentFallback {
                role: s("galph"),
                from: s("claude"),
                to: s("codex"),
                reason: s("rate limit"),
            },
            Event::Waiting { role: s("galph"), why: s("ralph's turn") },
            Event::Takeover { role: s("galph"), epoch: 9, from: s("box"), reason: s("silent for 11 min") },
            Event::Fenced { role: s("galph"), epoch: 9, reason: s("epoch 10 is claimed") },
            Event::Rescue { reference: s("refs/heads/x"), why: s("the work does not fit") },
            Event::StopRequested { by: s("ann"), reason: Some(s("lunch")) },
            Event::StopRequested { by: s("ann"), reason: None },
            Event::Signal { name: s("SIGINT") },
            Event::Notice { text: s("a notice") },
            Event::HookFailed { hook: s("on_turn"), error: s("exit status 1") },
            Event::LeaseRenewed { role: s("galph"), epoch: 9 },
        ]
    };
    let everybody = "  committed abc1234 docs: a.md, b.md
audit 1: RETRY: not yet
audit 2: DONE
galph waits: ralph's turn
stop requested by ann: lunch
stop requested by ann
";
    let warnings = "\
warning: check failed (exit status 2): make lint
warning: galph: a line was cut
warning: galph: silent for 61 s
notice: galph: codex takes the turn of claude: rate limit
notice: galph: taken over from box with epoch 9: silent for 11 min
warning: galph: the turn is lost: epoch 10 is claimed
warning: the work does not fit; kept as refs/heads/x
notice: SIGINT received
notice: a notice
warning: hook on_turn: exit status 1
";
    assert_eq!(shown(Volume::Normal, events()), (everybody.into(), warnings.into()));
    let more = "  route galph → reviewer.md (deterministic: review cadence)
  claim iter 2 galph turn t1 epoch 7
  reclaim iter 2 galph turn t2 epoch 8
  run shell · log log
  check passed: make test
";
    let (out, err) = shown(Volume::Verbose, events());
    let all = everybody.replacen("b.md\n", "b.md\n  stamp waiting-ralph · next ralph\n", 1);
    assert_eq!((out, err), (format!("{more}{all}"), warnings.into()));
    assert_eq!(shown(Volume::Quiet, events()), (String::new(), String::new()));
}

/// W18: a workstream is told by its steps; what stands still is a warning.
#[test]
fn the_account_of_a_workstream() {
    let s = str::to_owned;
    let ended = |outcome, cost_usd| Event::RunEnded {
        outcome,
        turns: 0,
        duration: std::time::Duration::from_secs(61),
        cost_usd,
        why: s("2 of 3 steps"),
        next: String::new(),
    };
    let events = |last| {
        vec![
            Event::RunStarted {
                mode: s("workstream"),
                branch: None,
                agents: vec![],
                limits: s("3 steps, 2 at once"),
                state: s("ws-1"),
            },
            Event::ToolRouted {
                step: s("a"),
                rule: Some(s("edits")),
                strategy: s("fixed"),
                candidates: vec![],
                choice: Some(s("claude")),
            },
            Event::ToolRouted {
                step: s("b"),
                rule: None,
                strategy: s("fixed"),
                candidates: vec![],
                choice: None,
            },
            Event::GatePassed { step: s("a"), gate: s("make test") },
            Event::GateFailed { step: s("b"), gate: s("make lint"), status: s("exit status 1") },
            Event::RetryScheduled { step: s("b"), attempt: 2, delay_ms: 90_000, reason: s("failed") },
            Event::BreakerOpened { tool: s("codex"), failures: 5 },
            Event::BreakerClosed { tool: s("codex") },
            Event::StepSkipped { step: s("c"), reason: s("b failed") },
            Event::BudgetReached { budget: s("tokens"), limit: 10.0, used: 12.0 },
            Event::RunQuarantined {
                reason: s("outside its scope"),
                evidence: vec![s("src/a.rs"), s("src/b.rs")],
            },
            last,
        ]
    };
    let plain = "workstream ws-1: 3 steps, 2 at once\nb: attempt 2 in 1m30s\nc not run: b failed\n";
    let warnings = "\
warning: b: gate failed (exit status 1): make lint
warning: codex: 5 failures in a row, its circuit is open
notice: codex: its circuit is closed
warning: the budget is used up: tokens 12 of 10
warning: set aside: outside its scope
warning:   src/a.rs
warning:   src/b.rs
";
    let (out, err) = shown(Volume::Normal, events(ended(Ended::Failed, Some(0.5))));
    assert_eq!(out, format!("{plain}ended in 1m01s, $0.50: 2 of 3 steps\n"));
    assert_eq!(err, warnings);
    let (out, _) = shown(Volume::Verbose, events(ended(Ended::Succeeded, Some(0.0))));
    assert_eq!(
        out,
        format!(
            "{}done in 1m01s: 2 of 3 steps\n",
            plain.replacen(
                "at once\n",
                "at once\n  route a → claude (edits)\n  route b → nobody (no rule)\n  a: gate passed: make test\n",
                1
            )
        )
    );
}
