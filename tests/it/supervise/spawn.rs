//! What a child is born with, and what becomes of those that are not (P2, P3, P11).

use std::ffi::OsString;

use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Request, Stop, StopReason};

use super::harness::{Bench, conduct, finished, outcome_of};

#[tokio::test]
async fn marks_and_environment() {
    let bench = Bench::new();
    let mut request = bench.request(
        "env ORCHESTRATOR_ATTEMPT; env ORCHESTRATOR_PROJECT; env EXTRA; env CARGO_MANIFEST_DIR; cwd",
    );
    let attempt = request.attempt.clone();
    request.env = vec![("EXTRA".into(), "one".into())];
    request.env_remove = vec!["CARGO_MANIFEST_DIR".into()];
    let outcome = outcome_of(request).await;
    let folder = bench.dir.path().canonicalize().unwrap().display().to_string();
    assert_eq!(outcome.last_lines, [&attempt, &bench.dir.path().display().to_string(), "one", "-", &folder]);
}

/// P3: variables that make an agent refuse to start are not passed on.
#[test]
fn not_within_another_agent() {
    let bench = Bench::new();
    let mut host = bench.host("env CLAUDECODE; env KEPT", &[]);
    let host =
        host.env("CLAUDECODE", "1").env("KEPT", "1").stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = String::from_utf8(finished(host).stdout).unwrap();
    assert!(said.contains(r#"["-", "1"]"#), "{said}");
}

/// P3: nor are the program's own tokens; the user's are.
#[test]
fn own_tokens_are_not_passed_on() {
    let bench = Bench::new();
    let mut host = bench.host("env ORCHESTRATOR_GIT_TOKEN; env ORCHESTRATOR_NOTE; env GH_TOKEN", &[]);
    let host = host.env("ORCHESTRATOR_GIT_TOKEN", "ours").env("ORCHESTRATOR_NOTE", "kept");
    let host = host.env("GH_TOKEN", "theirs").stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = String::from_utf8(finished(host).stdout).unwrap();
    assert!(said.contains(r#"["-", "kept", "theirs"]"#), "{said}");
}

#[tokio::test]
async fn those_that_are_not_born() {
    let bench = Bench::new();
    let kinds = |argv: &[&str], cwd: &str| {
        let argv: Vec<OsString> = argv.iter().map(Into::into).collect();
        let request = Request::new(argv, bench.path(cwd), "none".into());
        async {
            let outcome = outcome_of(request).await;
            assert_eq!(outcome.exit, Exit::None);
            assert!(matches!(outcome.state, Lifecycle::Failed(_)));
            (outcome.error_kind, outcome.error.unwrap())
        }
    };
    let script = bench.path("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    let plain = bench.path("plain");
    std::fs::write(&plain, "").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();

    assert_eq!(kinds(&[], "").await.0, ErrorKind::InvalidRequest);
    assert_eq!(kinds(&["no-such-program-here"], "").await.0, ErrorKind::NotFound);
    assert_eq!(kinds(&["./missing"], "").await.0, ErrorKind::NotFound);
    let (kind, text) = kinds(&["sh"], "no/such/folder").await;
    assert_eq!(kind, ErrorKind::InvalidRequest);
    assert!(text.contains("no/such/folder"), "{text}");
    let (kind, text) = kinds(&["./script"], "").await;
    assert_eq!(kind, ErrorKind::Os);
    assert!(text.contains("interpreter"), "{text}");
    assert_eq!(kinds(&["./plain"], "").await.0, ErrorKind::Os);
    let long = "x".repeat(4 << 20);
    assert_eq!(kinds(&["sh", &long], "").await.0, ErrorKind::Os);
    assert_eq!(kinds(&["sh", "a\0b"], "").await.0, ErrorKind::InvalidRequest);
}

/// P2: interrupting one that is still queued means it is never spawned.
#[tokio::test]
async fn interrupted_before_birth() {
    let bench = Bench::new();
    let stop = Stop::new();
    stop.trigger(StopReason::signal(15));
    let (outcome, facts) = conduct(bench.request("write born x"), &stop).await;
    assert_eq!(outcome.error_kind, ErrorKind::Interrupted);
    assert_eq!(outcome.state, Lifecycle::Interrupted { why: "SIGTERM".into() });
    assert!(matches!(facts[0].kind, Kind::Exit { code: None, state: "interrupted", .. }) && facts.len() == 1);
    assert!(!bench.path("born").exists());
}

/// A cancelled run leaves nobody behind.
#[tokio::test]
async fn dropped() {
    let bench = Bench::new();
    let request = bench.request("pid P; ignore-term; fork { pid P; forever }; forever");
    let run = outcome_of(request);
    let born = async {
        while bench.pids("P").len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = run => panic!("it does not end by itself"),
        () = born => {}
    }
    let pids = bench.pids("P");
    super::harness::until("their end", || pids.iter().all(|pid| !super::harness::lives(*pid)));
}
