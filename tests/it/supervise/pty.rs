//! P6: under a pseudo-terminal.

use std::time::Duration;

use orchestrator::supervise::{Exit, Stdin};

use super::harness::{Bench, lives, outcome_of};

#[tokio::test]
async fn the_agent_sees_a_terminal() {
    let bench = Bench::new();
    let mut request = bench.with_logs("tty; count-stdin; err both; exit 4");
    request.pty = true;
    request.stdin = Stdin::Bytes(vec![b'p'; 100_000]);
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.exit, Exit::Code(4));
    assert_eq!(bench.text("raw.log"), "terminal 120x40 dumb stderr=true\n100000\nboth\n");
    assert_eq!((outcome.stdout_bytes, outcome.stderr_bytes), (45, 0));
    let mut plain = bench.request("tty");
    plain.pty = false;
    assert_eq!(outcome_of(plain).await.last_lines, ["no terminal"]);
}

/// Its end is noticed although somebody else keeps the terminal open; nothing that was written is lost.
#[tokio::test]
async fn the_end_does_not_depend_on_the_terminal() {
    let bench = Bench::new();
    let mut request =
        bench.request("fork { setsid; ignore-term; pid P; forever }; wait-file P; spam 50000; exit 6");
    request.pty = true;
    let outcome = outcome_of(request).await;
    assert_eq!((outcome.exit, outcome.stdout_bytes), (Exit::Code(6), 50_000));
    assert!(outcome.duration < Duration::from_secs(30), "{:?}", outcome.duration);
    assert_eq!(outcome.leaked.len(), 1);
    assert!(outcome.leaked[0].held_output && !lives(bench.pids("P")[0]));
}
