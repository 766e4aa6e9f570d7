//! Silent ones are ended in time, with everybody they started (P7, P9).

use std::time::Duration;

use orchestrator::supervise::{ErrorKind, Kind, Lifecycle, Stop, StopReason};

use super::harness::{Bench, conduct, lives, marked, pids};

/// A grandchild, one that left the session, one that ignores SIGTERM, one that holds the pipe.
const FAMILY: &str = "fork { pid P; forever }; fork { setsid; quiet; pid P; forever }; \
    fork { ignore-term; quiet; pid P; forever }; fork { setsid; ignore-term; pid P; forever }; ";

const WAIT_FOR_FAMILY: &str = "sh 'while [ \"$(wc -l < P)\" -lt 4 ]; do sleep 0.01; done' ;";

#[tokio::test]
async fn a_silent_family_is_gone_in_time() {
    let bench = Bench::new();
    let script = format!("{FAMILY} {WAIT_FOR_FAMILY} print ready; forever");
    let mut request = bench.with_logs(&script);
    request.limits.inactivity = Duration::from_millis(300);
    request.limits.grace = Duration::from_millis(200);
    let attempt = request.attempt.clone();
    let (outcome, _) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.error_kind, ErrorKind::Inactivity);
    assert_eq!(marked(&attempt), Vec::<String>::new());
    let family = pids(&bench.path("P"));
    assert_eq!(family.len(), 4);
    assert!(family.into_iter().all(|pid| !lives(pid)));
}

#[tokio::test]
async fn a_leak_is_reported_and_ended() {
    let bench = Bench::new();
    let script = format!("{FAMILY} {WAIT_FOR_FAMILY} print done");
    let request = bench.with_logs(&script);
    let attempt = request.attempt.clone();
    let (outcome, _) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.state, Lifecycle::Completed);
    assert_eq!(outcome.leaked.len(), 4, "{:?}", outcome.leaked);
    assert_eq!(outcome.leaked.iter().filter(|leak| leak.held_output).count(), 2);
    assert!(outcome.duration < Duration::from_secs(2), "{:?}", outcome.duration);
    assert_eq!(marked(&attempt), Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_interrupts() {
    let bench = Bench::new();
    let stop = Stop::new();
    let request = bench.request("print up; sh 'trap \"exit 0\" TERM; while :; do sleep 0.02; done'");
    let trigger = stop.clone();
    let mut facts = Vec::new();
    let outcome =
        orchestrator::supervise::run(request, &stop, &orchestrator::clock::SystemClock, &mut |activity| {
            if matches!(activity.kind, Kind::Output { .. }) {
                trigger.trigger(StopReason::signal(2));
            }
            facts.push(activity.kind.clone());
        })
        .await;
    assert_eq!(outcome.error_kind, ErrorKind::Interrupted);
    assert!(matches!(outcome.state, Lifecycle::Interrupted { .. }));
}
