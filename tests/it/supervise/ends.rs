//! How a process ends is recorded as it was (P11).

use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Stdin, Stop};

use super::harness::{Bench, conduct};

#[tokio::test]
async fn success_with_both_streams() {
    let bench = Bench::new();
    let request = bench.with_logs("print hello; err oops; say last");
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.error_kind, ErrorKind::None);
    assert_eq!(outcome.state, Lifecycle::Completed);
    assert_eq!((outcome.stdout_bytes, outcome.stderr_bytes), (10, 5));
    assert!(matches!(facts.first(), Some(Kind::Spawn { .. })));
    assert!(matches!(facts.last(), Some(Kind::Exit { code: Some(0), signal: None })));
    let mut lines = outcome.last_lines.clone();
    lines.sort();
    assert_eq!(lines, ["hello", "last", "oops"]);
    assert_eq!(bench.read("raw.log").len(), 15);
}

#[tokio::test]
async fn a_status_is_a_status() {
    let bench = Bench::new();
    let (outcome, _) = conduct(bench.request("err why; exit 7"), &Stop::new()).await;
    assert_eq!((outcome.exit, outcome.error_kind), (Exit::Code(7), ErrorKind::Exit));
    assert_eq!(outcome.last_lines, ["why"]);
    let (outcome, _) = conduct(bench.request("signal 9"), &Stop::new()).await;
    assert_eq!((outcome.exit, outcome.error_kind), (Exit::Signal(9), ErrorKind::Signal));
}

/// P4: stdin always ends, with the prompt or with nothing.
#[tokio::test]
async fn stdin_ends() {
    let bench = Bench::new();
    let (outcome, _) = conduct(bench.request("count-stdin"), &Stop::new()).await;
    assert_eq!(outcome.last_lines, ["0"]);
    let mut request = bench.request("count-stdin");
    request.stdin = Stdin::Bytes(vec![b'p'; 3_000_000]);
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.last_lines, ["3000000"]);
    assert!(facts.contains(&Kind::Stdin { bytes: 3_000_000 }));
    let mut unread = bench.request("print done");
    unread.stdin = Stdin::Bytes(vec![b'p'; 3_000_000]);
    let (outcome, _) = conduct(unread, &Stop::new()).await;
    assert_eq!(outcome.state, Lifecycle::Completed);
}
