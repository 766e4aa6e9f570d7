//! Silent ones are ended in time, with everybody they started (P7, P9).

use std::rc::Rc;
use std::time::Duration;

use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Stop, StopReason};
use tokio::task::LocalSet;

use super::harness::{Bench, Lag, conduct, lives, marked, offset, outcome_of, times};

/// A grandchild, one that left the session, one that ignores SIGTERM, one that holds the pipe from another session.
const FAMILY: &str = "fork { pid P; forever }; fork { setsid; quiet; pid P; forever }; \
    fork { ignore-term; quiet; pid P; forever }; fork { setsid; ignore-term; pid P; forever }; \
    sh 'while [ \"$(wc -l < P)\" -lt 4 ]; do sleep 0.01; done'; print ready; ";

const LIMIT: u64 = 250;
const GRACE: u64 = 100;
/// What the contract allows, of a machine that is on time itself.
const SLACK: u64 = 250;

/// When the end was asked for, how long it took, and what this machine allows for both.
async fn hang(script: &str, grace: u64) -> (u64, u64, u64) {
    let bench = Bench::new();
    let mut request = bench.with_logs(script);
    request.limits.inactivity = Duration::from_millis(LIMIT);
    request.limits.grace = Duration::from_millis(grace);
    let attempt = request.attempt.clone();
    let lag = Lag::measure();
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    let slack = lag.end().allows(SLACK);
    assert_eq!(outcome.error_kind, ErrorKind::Inactivity, "{outcome:?}");
    assert_eq!(outcome.error.as_deref(), Some("no sign of life for 0.3 s (inactivity limit)"));
    assert_eq!(marked(&attempt), Vec::<String>::new());
    let family = bench.pids("P");
    assert!(family.len() >= 4 && family.into_iter().all(|pid| !lives(pid)));
    let ready = offset(&facts, |kind| matches!(kind, Kind::Output { .. })).unwrap();
    let asked = offset(&facts, |kind| matches!(kind, Kind::Terminate { signal: 15, .. })).unwrap();
    let gone = u64::try_from(outcome.duration.as_millis()).unwrap();
    assert!(asked - ready >= LIMIT, "asked {} ms after the last sign of life", asked - ready);
    (asked - ready, gone - asked, slack)
}

#[tokio::test]
async fn a_silent_family_is_gone_in_time() {
    let script = format!("{FAMILY} forever");
    for _ in 0..times(200) {
        let (asked, gone, slack) = hang(&script, 5000).await;
        assert!(asked <= LIMIT + slack && gone <= slack, "asked after {asked} ms, gone {gone} ms later");
    }
}

/// The leader itself ignores SIGTERM: the grace runs out, then it is quick.
#[tokio::test]
async fn a_deaf_leader_is_killed_after_the_grace() {
    let script = format!("{FAMILY} ignore-term; forever");
    for _ in 0..times(40) {
        let (asked, gone, slack) = hang(&script, GRACE).await;
        assert!(asked <= LIMIT + slack, "asked after {asked} ms");
        // Both times are cut to milliseconds.
        assert!((GRACE - 1..=GRACE + slack).contains(&gone), "gone {gone} ms later");
    }
}

#[tokio::test]
async fn four_families_at_once() {
    let local = LocalSet::new();
    for _ in 0..4 {
        local.spawn_local(async {
            for _ in 0..times(50) {
                let (asked, gone, slack) = hang(&format!("{FAMILY} forever"), 5000).await;
                assert!(
                    asked <= LIMIT + slack && gone <= slack,
                    "asked after {asked} ms, gone {gone} ms later"
                );
            }
        });
    }
    local.await;
}

/// P9: what outlives an agent that ended well is reported, those that hold the pipes by name, and ended.
#[tokio::test]
async fn a_leak_is_reported_and_ended() {
    let bench = Bench::new();
    let request = bench.with_logs(&format!("{FAMILY} print done"));
    let attempt = request.attempt.clone();
    let lag = Lag::measure();
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    let slack = lag.end().allows(SLACK);
    assert_eq!((&outcome.state, outcome.exit), (&Lifecycle::Completed, Exit::Code(0)));
    assert_eq!(outcome.leaked.len(), 4, "{:?}", outcome.leaked);
    assert_eq!(outcome.leaked.iter().filter(|leak| leak.held_output).count(), 2);
    assert!(outcome.leaked.iter().all(|leak| !leak.alive && !leak.argv.is_empty()));
    let done = offset(&facts, |kind| kind.output_text().is_some_and(|text| text.contains("done"))).unwrap();
    let end = offset(&facts, |kind| matches!(kind, Kind::Exit { .. })).unwrap();
    assert!(end - done <= slack, "{} ms", end - done);
    assert_eq!(marked(&attempt), Vec::<String>::new());
}

/// One whose parents are gone before it is looked for is still the agent's.
#[tokio::test]
async fn an_orphan_in_its_own_session() {
    let bench = Bench::new();
    let request =
        bench.request("fork { fork { setsid; quiet; pid P; forever } }; wait-file P; sleep 20; exit 3");
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.exit, Exit::Code(3));
    let orphan = bench.pids("P")[0];
    assert_eq!(outcome.leaked.iter().map(|leak| leak.pid).collect::<Vec<_>>(), [orphan]);
    assert!(!lives(orphan));
}

/// A child of another program of this kind, nested in the agent, bears two marks.
#[tokio::test]
async fn an_orphan_of_a_nested_program() {
    let bench = Bench::new();
    let nested = "sh 'export ORCHESTRATOR_ATTEMPT=nested ORCHESTRATOR_ANCESTRY=$ORCHESTRATOR_ANCESTRY:nested; setsid sleep 1000 > /dev/null 2>&1 & echo $! > P'";
    let outcome = outcome_of(bench.request(&format!("{nested}; sleep 20"))).await;
    assert_eq!(outcome.leaked.len(), 1, "{outcome:?}");
    assert!(!lives(bench.pids("P")[0]));
}

/// One that wiped its environment and left the session, but holds the pipe, is found by the pipe.
#[tokio::test]
async fn found_by_the_pipe() {
    let bench = Bench::new();
    let request = bench.request("fork { fork { setsid; wipe { pid P; forever } } }; wait-file P; sleep 20");
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.leaked.len(), 1);
    assert!(outcome.leaked[0].held_output && !lives(bench.pids("P")[0]));
    assert!(outcome.duration < Duration::from_secs(30), "{:?}", outcome.duration);
}

/// A short-lived helper that ends by itself right after the agent is no leak.
#[tokio::test]
async fn a_helper_may_finish() {
    let bench = Bench::new();
    let outcome = outcome_of(bench.with_logs("fork { sleep 20; print late }; print early")).await;
    assert_eq!(outcome.leaked, []);
    assert_eq!(bench.text("raw.log"), "early\nlate\n");
}

/// P9: a step may start a service.
#[tokio::test]
async fn a_service_stays() {
    let bench = Bench::new();
    let mut request = bench.request("fork { setsid; quiet; pid P; forever }; wait-file P; print up");
    request.leave_running = true;
    let outcome = outcome_of(request).await;
    let service = bench.pids("P")[0];
    let lived = lives(service);
    let pid = rustix::process::Pid::from_raw(service).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert!(lived && outcome.succeeded() && outcome.leaked.is_empty());
}

/// P10: a child that answers a stop with success was stopped all the same.
#[tokio::test]
async fn a_stop_interrupts() {
    let bench = Rc::new(Bench::new());
    let stop = Stop::new();
    let request = bench.request("print up; sh 'trap \"exit 0\" TERM; while :; do sleep 0.02; done'");
    let trigger = stop.clone();
    let clock = orchestrator::clock::SystemClock;
    let outcome = orchestrator::supervise::run(request, &stop, &clock, &mut |activity| {
        if matches!(activity.kind, Kind::Output { .. }) {
            trigger.trigger(StopReason::because("the lease is lost"));
        }
    })
    .await;
    assert_eq!(outcome.error_kind, ErrorKind::Interrupted);
    assert_eq!(outcome.state, Lifecycle::Interrupted { why: "the lease is lost".into() });
}
