//! How a process ends is recorded as it was (P11).

use std::time::Duration;

use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Stdin, Stop};
use tokio::task::LocalSet;

use super::harness::{Bench, conduct, outcome_of};

#[tokio::test]
async fn success_with_both_streams() {
    let bench = Bench::new();
    let request = bench.with_logs("print hello; err oops; say last");
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!(outcome.error_kind, ErrorKind::None);
    assert_eq!(outcome.state, Lifecycle::Completed);
    assert_eq!((outcome.stdout_bytes, outcome.stderr_bytes), (10, 5));
    assert!(matches!(facts[0].kind, Kind::Spawn { .. }));
    let last = &facts.last().unwrap().kind;
    assert!(matches!(last, Kind::Exit { code: Some(0), state: "completed", error: None, .. }), "{last:?}");
    let mut lines = outcome.last_lines.clone();
    lines.sort();
    assert_eq!(lines, ["hello", "last", "oops"]);
    assert_eq!(bench.read("raw.log").len(), 15);
    assert!(outcome.leaked.is_empty() && !outcome.logs_incomplete);
}

#[tokio::test]
async fn a_status_is_a_status() {
    let bench = Bench::new();
    let outcome = outcome_of(bench.request("err why; exit 7")).await;
    assert_eq!((outcome.exit, outcome.error_kind), (Exit::Code(7), ErrorKind::Exit));
    assert_eq!(outcome.last_lines, ["why"]);
    let outcome = outcome_of(bench.request("signal 9")).await;
    assert_eq!((outcome.exit, outcome.error_kind), (Exit::Signal(9), ErrorKind::Signal));
    let mut declared = bench.request("exit 7");
    declared.success_codes = vec![0, 7];
    assert_eq!(outcome_of(declared).await.state, Lifecycle::Completed);
}

/// P4: stdin always ends, with the prompt or with nothing.
#[tokio::test]
async fn stdin_ends() {
    let bench = Bench::new();
    assert_eq!(outcome_of(bench.request("count-stdin")).await.last_lines, ["0"]);
    let mut request = bench.request("count-stdin");
    request.stdin = Stdin::Bytes(vec![b'p'; 3_000_000]);
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert_eq!(outcome.last_lines, ["3000000"]);
    assert!(facts.iter().any(|fact| fact.kind == Kind::Stdin { bytes: 3_000_000 }));
    let mut unread = bench.request("print done");
    unread.stdin = Stdin::Bytes(vec![b'p'; 3_000_000]);
    assert_eq!(outcome_of(unread).await.state, Lifecycle::Completed);
}

/// P7: the last line is kept, terminated or not, also of one that dies.
#[tokio::test]
async fn the_last_line_is_kept() {
    let bench = Bench::new();
    let outcome = outcome_of(bench.with_logs("print first; say 'no end'; signal 9")).await;
    assert_eq!(outcome.last_lines, ["first", "no end"]);
    assert_eq!(bench.text("raw.log"), "first\nno end");
}

/// P9: fifty children that end at once, each with a status of its own, plus strangers of the same program.
#[tokio::test]
async fn statuses_are_never_stolen() {
    let bench = std::rc::Rc::new(Bench::new());
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for code in 0..50 {
        let bench = std::rc::Rc::clone(&bench);
        tasks.push(local.spawn_local(async move {
            let script = format!("fork {{ forever }}; write ready.{code} x; wait-file go; exit {code}");
            (code, outcome_of(bench.request(&script)).await)
        }));
    }
    let mut strangers: Vec<_> = (0..5)
        .map(|code| {
            let script = format!("while [ ! -e go ]; do sleep 0.01; done; exit {code}");
            std::process::Command::new("sh")
                .args(["-c", &script])
                .current_dir(bench.dir.path())
                .spawn()
                .unwrap()
        })
        .collect();
    let go = bench.path("go");
    let ready = bench.dir.path().to_owned();
    local.spawn_local(async move {
        while !(0..50).all(|n| ready.join(format!("ready.{n}")).exists()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        std::fs::write(go, "").unwrap();
    });
    local.await;
    for task in tasks {
        let (code, outcome) = task.await.unwrap();
        assert_eq!(outcome.exit, Exit::Code(code));
        assert_eq!(outcome.leaked.len(), 1, "{:?}", outcome.leaked);
    }
    for (code, stranger) in strangers.iter_mut().enumerate() {
        assert_eq!(stranger.wait().unwrap().code(), Some(i32::try_from(code).unwrap()));
    }
}
