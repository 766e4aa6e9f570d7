//! agents.md A1 and A6: who takes a turn when the chosen agent cannot.

use orchestrator::event::Event;
use orchestrator::turns::engine::End;

use super::bench::{Bench, START, agent, fallbacks, limited, waits};

fn taking(name: &str) -> String {
    format!("cat > prompt; echo {name} >> took")
}

fn refusing(name: &str, resets_at: Option<i64>) -> String {
    format!("cat > prompt; echo {name} refuses >> took; {}; exit 1", limited(resets_at))
}

/// A1: not installed: the first stand-in that is, its own stand-ins included.
#[test]
fn a_missing_agent_is_replaced() {
    let config = format!(
        "agent: {{default: a}}\nagents:\n  a: {{command: [no-such-agent], fallback: [b, c]}}\n  b: {{command: [nor-this], fallback: [d]}}\n{}{}",
        agent("c", &taking("c"), ""),
        agent("d", &taking("d"), "")
    );
    let bench = Bench::new(&config);
    let (report, events) = bench.run(|_| ());
    assert_eq!(report.end, End::Done);
    assert_eq!(bench.project.read("took"), "d\nd\n");
    assert_eq!(fallbacks(&events)[0], "a → d: agent `a`: `no-such-agent` is not on PATH");
    let ended =
        |e: &Event| matches!(e, Event::AttemptEnded { line, .. } if line.contains(" supervisor.md d ok "));
    assert!(events.iter().any(ended), "the turn names who took it: {events:?}");
}

/// A6: rate limited: the next one, and who stated a reset is passed over while it lasts.
#[test]
fn a_limited_agent_is_replaced_until_its_reset() {
    let config = format!(
        "agent: {{default: a}}\nsupervision: {{rate_limit: fallback}}\nagents:\n{}{}",
        agent("a", &refusing("a", Some(START + 600)), "fallback: [b]"),
        agent("b", &taking("b"), "")
    );
    let mut bench = Bench::new(&config);
    bench.loops = 2;
    let (report, events) = bench.run(|event| {
        // Behind the reset in the second iteration.
        if matches!(event, Event::StateStamped { iteration: 2, .. }) {
            bench.advance(601);
        }
    });
    assert_eq!(report.end, End::Done);
    let took = bench.project.read("took");
    assert_eq!(took, "a refuses\nb\nb\na refuses\nb\na refuses\nb\n", "asked again once its time has come");
    assert!(waits(&events).is_empty());
    let told = fallbacks(&events);
    assert_eq!(told[0], "a → b: rate limited until 2027-01-15T08:10:00Z");
    assert_eq!(told.len(), 4, "{told:?}");
}

/// A6: when all are refused, the one that comes back first is waited for.
#[test]
fn when_all_are_limited_the_soonest_is_waited_for() {
    let once = format!(
        "cat > prompt; if test -e b-was; then echo b >> took; else : > b-was; {}; exit 1; fi",
        limited(Some(START + 100))
    );
    let config = format!(
        "agent: {{default: a}}\nsupervision: {{rate_limit: fallback}}\nagents:\n{}{}",
        agent("a", &refusing("a", Some(START + 9000)), "fallback: [b]"),
        agent("b", &once, "")
    );
    let bench = Bench::new(&config);
    let (report, events) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            bench.advance(200);
        }
    });
    assert_eq!(report.end, End::Done);
    let waits = waits(&events);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(
        waits[0].starts_with("b is rate limited; the same turn is taken again at 2027-01-15T08:01:4"),
        "{waits:?}"
    );
    assert_eq!(bench.project.read("took"), "a refuses\nb\nb\n");
}

/// The default keeps the agent: a stand-in is no reason to change models by chance.
#[test]
fn waiting_does_not_replace() {
    let config = format!(
        "agent: {{default: a}}\nagents:\n{}{}",
        agent("a", &refusing("a", Some(START + 600)), "fallback: [b]"),
        agent("b", &taking("b"), "")
    );
    let bench = Bench::new(&config);
    let (report, events) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            bench.stop.trigger(orchestrator::supervise::StopReason::signal(15));
        }
    });
    assert!(matches!(report.end, End::Interrupted(_)), "{:?}", report.end);
    assert!(fallbacks(&events).is_empty());
    assert_eq!(bench.project.read("took"), "a refuses\n");
}

/// Names are checked before anything runs.
#[test]
fn an_unknown_stand_in_is_refused() {
    let p = crate::cli::project::Project::new();
    p.config("agents: {shell: {fallback: [nobody]}}\n");
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(ran.err.contains("no agent `nobody` (agents.shell.fallback); known: "), "{}", ran.err);
    assert!(p.sequence().is_empty());
}
