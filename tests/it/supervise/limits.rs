//! Limits end those that hang and nobody else (P7).

use std::time::Duration;

use orchestrator::clock::{Clock, ManualClock, SystemClock};
use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Outcome, Stop, run};

use super::harness::{Bench, Records, conduct, outcome_of, times, unless_late};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ensure(holds: bool, seen: &impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{seen:?}")) }
}

/// Who ends by itself while the timer fires is never called timed out, and its last line is there.
#[tokio::test]
async fn the_end_and_the_limit_at_once() {
    for n in 0..u64::try_from(times(400)).unwrap() {
        let bench = Bench::new();
        let mut request = bench.request("sleep 60; say bye");
        request.limits.timeout = ms(58 + n % 8);
        let outcome = outcome_of(request).await;
        match (outcome.error_kind, outcome.exit) {
            (ErrorKind::None, Exit::Code(0)) => assert_eq!(outcome.last_lines, ["bye"]),
            (ErrorKind::Timeout, Exit::Signal(15)) => {}
            other => panic!("{other:?}: {outcome:?}"),
        }
    }
}

/// Who prints before the limit is not killed, however close it is: the bytes count, not whether they were read.
#[tokio::test]
async fn slow_but_alive() {
    unless_late(ms(200), async || {
        let bench = Bench::new();
        let mut request = bench.request("repeat 6 { sleep 200; print . }");
        request.limits.inactivity = ms(400);
        let outcome = outcome_of(request).await;
        ensure(outcome.state == Lifecycle::Completed, &outcome)
    })
    .await;
}

/// The program itself was held up past the limit while the agent went on: nobody is killed for that.
#[tokio::test]
async fn bytes_that_nobody_has_read_yet() {
    unless_late(ms(100), async || {
        let outcome = held_up("print one; sleep 20; print two; sleep 580; print three", ms(500)).await;
        ensure(outcome.succeeded(), &outcome)
    })
    .await;
    unless_late(ms(100), async || {
        let outcome = held_up("print one; sleep 20; print two; forever", ms(300)).await;
        ensure(outcome.error_kind == ErrorKind::Inactivity && outcome.stdout_bytes == 8, &outcome)
    })
    .await;
}

/// Runs the script under a limit of 250 ms while its first output holds the program up, as a disk may that does not
/// answer.
async fn held_up(script: &str, time: Duration) -> Outcome {
    let bench = Bench::new();
    let mut request = bench.request(script);
    request.limits.inactivity = ms(250);
    let mut first = true;
    run(request, &Stop::new(), &SystemClock, &mut |activity| {
        if matches!(activity.kind, Kind::Output { .. }) && std::mem::take(&mut first) {
            std::thread::sleep(time);
        }
    })
    .await
}

/// CPU time is activity, also that of a grandchild.
#[tokio::test]
async fn silent_work_survives() {
    for script in ["burn 1200", "child { child { burn 1200 } }"] {
        unless_late(ms(300), async || {
            let bench = Bench::new();
            let mut request = bench.request(script);
            request.limits.inactivity = ms(500);
            let outcome = outcome_of(request).await;
            ensure(outcome.state == Lifecycle::Completed, &outcome)
        })
        .await;
    }
}

/// The total is the total, however busy the child is, and both limits warn at half time.
#[tokio::test]
async fn the_timeout_fires_through_noise() {
    unless_late(ms(200), async || {
        let bench = Bench::new();
        let mut request = bench.request("sh 'while :; do echo noise; done'");
        request.limits.timeout = ms(300);
        let (outcome, facts) = conduct(request, &Stop::new()).await;
        assert_eq!(outcome.error_kind, ErrorKind::Timeout);
        assert!(outcome.duration >= ms(300), "{:?}", outcome.duration);
        let warned =
            facts.iter().any(|fact| matches!(&fact.kind, Kind::Warning { text } if text.contains("half")));
        ensure(warned && outcome.duration <= ms(300 + 250 + 250), &outcome)
    })
    .await;
}

#[tokio::test]
async fn an_open_tool_call_has_its_own_limit() {
    let script = r#"print '{"k":"tool","id":"1","name":"Bash","input":{}}'; sleep 500; print '{"k":"done","id":"1"}'; "#;
    unless_late(ms(150), async || {
        let bench = Bench::new();
        let mut request = bench.request(script);
        request.parser = Some(Box::new(Records::default()));
        request.limits.inactivity = ms(200);
        let outcome = outcome_of(request).await;
        ensure(outcome.state == Lifecycle::Completed, &outcome)
    })
    .await;
    let bench = Bench::new();
    let mut request = bench.request(&format!("{script} forever"));
    request.parser = Some(Box::new(Records::default()));
    request.limits.inactivity = ms(200);
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.error_kind, ErrorKind::Inactivity, "once it is closed the short limit counts again");
}

/// A twenty-minute silent tool call survives, twenty silent minutes without one do not: real processes, injected
/// time.
#[tokio::test]
async fn twenty_silent_minutes() {
    for (first, survives) in
        [(r#"{"k":"tool","id":"1","name":"Bash","input":{}}"#, true), ("just text", false)]
    {
        let bench = Bench::new();
        let mut request = bench.request(&format!("print '{first}'; wait-file later; print end"));
        request.parser = Some(Box::new(Records::default()));
        let clock = ManualClock::at(jiff::Timestamp::UNIX_EPOCH);
        let go = bench.path("later");
        let mut late = false;
        let outcome = run(request, &Stop::new(), &clock, &mut |activity| match &activity.kind {
            Kind::ToolUse { .. } | Kind::Output { .. } if !late => {
                late = true;
                clock.advance(Duration::from_secs(1200));
            }
            Kind::Heartbeat { silent_ms } => {
                assert_eq!(*silent_ms, 1_200_000);
                std::fs::write(&go, "").unwrap();
            }
            _ => {}
        })
        .await;
        assert_eq!(outcome.succeeded(), survives, "{outcome:?}");
        assert_eq!(clock.mono(), Duration::from_secs(1200));
        if !survives {
            assert_eq!(outcome.error_kind, ErrorKind::Inactivity);
        }
    }
}

/// Silence and its end are told as they happen.
#[tokio::test]
async fn idle_and_active_again() {
    unless_late(ms(60), async || {
        let bench = Bench::new();
        let mut request = bench.with_logs("sleep 250; print again; sleep 20");
        request.limits.idle = ms(100);
        let (outcome, _) = conduct(request, &Stop::new()).await;
        assert!(outcome.succeeded());
        let kinds: Vec<String> =
            bench.activity().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
        ensure(kinds == ["spawn", "idle", "active", "output", "exit"], &kinds)
    })
    .await;
}
