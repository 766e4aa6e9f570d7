//! Whole iterations, and every way in which a model can spoil one.

use super::stage::Stage;
use crate::cli::project::Ran;

/// Policies that end the turn at once, so that a test sees what became of it.
const FAIL: &str = "supervision: {rate_limit: fail}\n";

macro_rules! with_each_cli {
    ($($cli:ident),*) => {$(
        mod $cli {
            #[test]
            fn a_whole_iteration() {
                super::a_whole_iteration(stringify!($cli));
            }

            #[test]
            fn a_test_by_hand() {
                super::a_test_by_hand(stringify!($cli));
            }

            #[test]
            fn an_error() {
                super::an_error(stringify!($cli));
            }

            #[test]
            fn a_rate_limit() {
                super::a_rate_limit(stringify!($cli));
            }

            #[test]
            fn a_refusal() {
                super::a_refusal(stringify!($cli));
            }

            #[test]
            fn a_broken_connection() {
                super::a_broken_connection(stringify!($cli));
            }

            #[test]
            fn a_crash() {
                super::a_crash(stringify!($cli));
            }

            #[test]
            fn a_silence() {
                super::a_silence(stringify!($cli));
            }

            #[test]
            fn a_tool_that_hangs() {
                super::a_tool_that_hangs(stringify!($cli));
            }

            #[test]
            fn a_hang() {
                super::a_hang(stringify!($cli));
            }
        }
    )*};
}

with_each_cli!(claude, codex, gemini, opencode);

/// Whether an agent says what a turn cost.
fn priced(cli: &str) -> bool {
    matches!(cli, "claude" | "opencode")
}

/// A2a, T38, T29: session, final message, tokens and cost are read, a tool call is one line, nothing is raw.
fn a_whole_iteration(cli: &str) {
    let replies =
        ["tool:echo planned > input.md", "text:the plan is made", "tool:echo 1 > made", "text:it is made"];
    let Some(stage) = Stage::new(cli, &replies, "") else { return };
    let ran = stage.run().expect(0);
    assert_eq!(stage.project.brief(), "2 galph complete");
    assert_eq!(stage.project.run_git(&["show", "HEAD:made"]), "1");
    let calls: Vec<&str> = ran.out.lines().filter(|l| l.starts_with("  > ")).collect();
    assert_eq!(calls.len(), 2, "{}", ran.out);
    assert!(calls[0].contains("echo planned > input.md") && calls[1].contains("echo 1 > made"), "{calls:?}");
    assert!(ran.out.contains("the plan is made\n") && ran.out.contains("it is made\n"), "{}", ran.out);
    assert!(!ran.out.lines().any(|l| l.starts_with(['{', '['])), "raw records: {}", ran.out);
    let end = ran.out.lines().find(|l| l.starts_with("iter 1 ralph")).unwrap();
    assert!(end.contains(&format!("main.md {cli} ok")) && end.contains('$') == priced(cli), "{end}");
    let last = ran.out.lines().last().unwrap();
    assert_eq!(last.contains("cost unknown"), !priced(cli), "{last}");

    let summary = stage.newest("ralph-summaries", "-summary.md");
    assert!(summary.contains("## Final message\n\nit is made\n"), "{summary}");
    assert!(summary.contains("input tokens ") && !summary.contains("tokens unknown"), "{summary}");
    assert_eq!(summary.contains("cost unknown"), !priced(cli), "{summary}");
    let sessions = stage.activities("ralph", "output");
    let session = sessions.iter().find_map(|data| data["session_id"].as_str()).unwrap();
    assert!(session.len() > 8 && summary.contains(session), "{session}: {summary}");
    let (uses, results) = (stage.activities("ralph", "tool_use"), stage.activities("ralph", "tool_result"));
    assert_eq!((uses.len(), results.len()), (1, 1));
    assert_eq!(uses[0]["id"], results[0]["id"]);
    assert!(stage.activities("ralph", "warning").iter().all(|w| !w.to_string().contains("broken record")));
    let trailers = stage.project.run_git(&["log", "--format=%B", "-1", "--grep=actor=ralph"]);
    assert!(trailers.contains("Tokens: "), "{trailers}");
    assert_eq!(stage.survivors(), [] as [&str; 0]);
}

/// The turn is not done, the state says so, and the cause is named.
#[track_caller]
fn failed(stage: &Stage, ran: Ran) -> String {
    let err = ran.expect(3).err;
    assert_eq!(stage.project.brief(), "1 galph failed", "{err}");
    assert!(err.contains(&format!("galph iteration 1 prompt supervisor.md agent {}", stage.cli)), "{err}");
    assert_eq!(stage.survivors(), [] as [&str; 0]);
    err
}

/// T16: the agent's own words for it are the cause.
fn an_error(cli: &str) {
    let Some(stage) = Stage::new(cli, &["error:400"], FAIL) else { return };
    let err = failed(&stage, stage.run());
    assert!(err.contains("cause: ") && err.contains("the stub refuses"), "{err}");
}

/// A6. opencode waits for it without a word, so that the turn simply takes longer.
fn a_rate_limit(cli: &str) {
    if cli == "opencode" {
        let Some(stage) = Stage::new(cli, &["limit:1", "text:after the wait"], FAIL) else { return };
        stage.run().expect(0);
        return;
    }
    let Some(stage) = Stage::new(cli, &["limit:30"], FAIL) else { return };
    failed(&stage, stage.run());
    let limits = stage.activities("galph", "rate_limit");
    assert_eq!(limits.last().unwrap()["blocked"], true, "{limits:?}");
}

/// What a model refuses is never done, though some of these CLIs end with 0.
fn a_refusal(cli: &str) {
    let Some(stage) = Stage::new(cli, &["tool:true", "refuse:I cannot help with that"], FAIL) else { return };
    failed(&stage, stage.run());
}

/// A connection that breaks in the middle of an answer. opencode asks again.
fn a_broken_connection(cli: &str) {
    if cli == "opencode" {
        let Some(stage) = Stage::new(cli, &["cut", "text:after the cut"], FAIL) else { return };
        stage.run().expect(0);
        return;
    }
    let Some(stage) = Stage::new(cli, &["cut"], FAIL) else { return };
    failed(&stage, stage.run());
}

/// The agent dies in the middle of its work.
fn a_crash(cli: &str) {
    let Some(stage) = Stage::new(cli, &["tool:kill -9 $PPID", "text:never said"], FAIL) else { return };
    let err = failed(&stage, stage.run());
    assert!(err.contains("signal 9") || err.contains("exit status"), "{err}");
    assert!(!err.contains("never said"), "{err}");
}

/// P7, P9: a model that says nothing more. The agent and all of its family are ended.
fn a_hang(cli: &str) {
    let limits = "supervision: {timeout_secs: 12, grace_secs: 2}\n";
    let Some(stage) = Stage::new(cli, &["hang"], limits) else { return };
    let err = failed(&stage, stage.run());
    assert!(err.contains("timeout"), "{err}");
    assert!(stage.activities("galph", "terminate").len() == 1, "it was told to end once");
}

/// P7: silence alone is enough, also of a client that has timers of its own.
fn a_silence(cli: &str) {
    let limits = "supervision: {inactivity_secs: 4, timeout_secs: 60, grace_secs: 2}\n";
    let Some(stage) = Stage::new(cli, &["hang"], limits) else { return };
    let err = failed(&stage, stage.run());
    assert!(err.contains("no sign of life"), "{err}");
}

/// P7: while a tool is open its own limit counts, and the message names it. opencode tells of a call when it is over.
fn a_tool_that_hangs(cli: &str) {
    if cli == "opencode" {
        return;
    }
    let limits = "supervision: {inactivity_secs: 3, tool_secs: 6, timeout_secs: 60, grace_secs: 2}\n";
    let Some(stage) = Stage::new(cli, &["tool:sleep 50", "text:never said"], limits) else { return };
    let err = failed(&stage, stage.run());
    assert!(err.contains("tool limit") && err.contains("open"), "{err}");
}

/// A8: `agents test` shows what was parsed of a short answer.
fn a_test_by_hand(cli: &str) {
    let Some(stage) = Stage::new(cli, &["text:ready"], "") else { return };
    let out = stage.project.run(&["agents", "test", cli]).expect(0).out;
    assert!(out.contains("message    ready\n") && out.contains("result     ok\n"), "{out}");
    assert!(!out.contains("session    unknown") && !out.contains("tokens     unknown"), "{out}");
    assert_eq!(out.contains("cost       unknown"), !priced(cli), "{out}");
}

/// A6: a stated reset is waited for, and the same turn is taken again. gemini is the one that states it for a key.
#[test]
fn a_stated_reset_is_waited_for() {
    let Some(stage) = Stage::new("gemini", &["limit:2", "text:after the wait"], "") else { return };
    let ran = stage.run().expect(0);
    assert!(ran.out.contains("after the wait\n"), "{}", ran.out);
    assert_eq!(stage.project.brief(), "2 galph complete");
    let turns = stage.project.run_git(&["log", "--format=%s", "--grep=status=running-galph"]);
    assert!(turns.lines().count() <= 1, "the turn was claimed twice: {turns}");
}
