//! Order, limit, what is printed, how it ends.

use std::io::Write;
use std::process::Stdio;

use crate::cli::project::{Project, block};

/// The JSON objects of `--format json`, by task.
pub fn results(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// W2: five tasks, two at once: never more, in order, each once; the table says what came of them.
#[test]
fn never_more_than_the_limit_and_in_order() {
    let p = Project::new();
    // Each waits until the next has begun beside it, and says when it comes and goes.
    let task = "echo begin >> story; touch begun.$ORCHESTRATOR_TASK; \
                until test -e begun.$((ORCHESTRATOR_TASK + 1)) -o $ORCHESTRATOR_TASK = 5; do sleep 0.01; done; \
                echo end >> story";
    p.write("tasks", &format!("{task}\n").repeat(5));
    let ran = p.run(&["batch", "--exec", "--max-concurrent", "2", "tasks"]).expect(0);
    let mut live = 0;
    let story = p.read("story");
    let most = story.lines().map(|what| {
        live += if what == "begin" { 1 } else { -1 };
        live
    });
    assert_eq!(most.max(), Some(2), "{story}");
    assert!(ran.out.contains("batch: 5 tasks, at most 2 at once"), "{}", ran.out);
    assert!(ran.out.contains("5 completed in "), "{}", ran.out);
    let events = p.run(&["events", "last"]).expect(0).out;
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let begun: Vec<_> =
        events.filter(|e| e["kind"] == "attempt_started").map(|e| e["data"]["role"].clone()).collect();
    assert_eq!(begun, ["1", "2", "3", "4", "5"]);
    let history = p.run(&["history", "--kind", "batch"]).expect(0).out;
    assert!(history.contains("succeeded") && history.contains("5 attempts"), "{history}");
}

/// W2: exit codes, signals and failures to start are told apart; the batch is a failure and says how to go on.
#[test]
fn every_end_has_its_name() {
    let p = Project::new();
    let list = "- run: 'true'\n- run: echo words; exit 7\n- run: kill -9 $$\n- {run: [no-such-program-here]}\n- {id: slow, run: sleep 30, timeout: 100ms}\n";
    p.write("tasks.yaml", list);
    let ran = p.run(&["batch", "--format", "json", "tasks.yaml"]).expect(3);
    let found = results(&ran.out);
    let brief: Vec<String> = found
        .iter()
        .map(|r| format!("{} {} {} {}", r["id"], r["state"], r["exit_code"], r["signal"]).replace('"', ""))
        .collect();
    let expected = ["1 completed 0 null", "2 failed 7 null", "3 failed null 9", "4 failed null null"];
    assert_eq!(brief[..4], expected);
    assert!(brief[4].starts_with("slow failed"), "{brief:?}");
    assert!(found[3]["error"].as_str().unwrap().contains("`no-such-program-here` is not on PATH"));
    assert_eq!(found[4]["error"], "ran for 0.1 s (timeout)");
    assert!(found[4]["seconds"].as_f64().unwrap() < 10.0, "{}", found[4]);
    assert!(ran.err.contains("hint: orchestrator batch --resume "), "{}", ran.err);
    // Who printed nothing left no log.
    let logs: Vec<_> = found.iter().map(|r| r["log"].as_str().map(|log| p.read(log))).collect();
    assert_eq!(logs, [None, Some("words\n".to_owned()), None, None, None]);
    assert!(found[1]["log"].as_str().unwrap().starts_with("logs/batch/"), "{}", found[1]);
}

/// W1: prompts go to agents; a line that names a file is its content; the agent is the configured one.
#[test]
fn prompts_go_to_agents() {
    let p = Project::new();
    p.write("work/a.md", &block("echo from-a"));
    p.write("tasks", "work/a.md\n");
    let ran = p.run(&["batch", "tasks"]).expect(0);
    assert!(ran.out.contains("from-a\n"), "{}", ran.out);
    p.write("tasks", "work/a.md\nwork/b.md\n");
    let refused = p.run(&["batch", "tasks"]).expect(2);
    assert!(refused.err.contains("line 2: there is no prompt file work/b.md"), "{}", refused.err);
    let unknown = p.run(&["batch", "--agent", "nobody", "--exec", "tasks"]).expect(3);
    assert!(unknown.out.contains("failed"), "commands need no agent: {}", unknown.out);
    p.write("tasks", "work/a.md\n");
    let unknown = p.run(&["batch", "--agent", "nobody", "tasks"]).expect(2);
    assert!(unknown.err.contains("task 1: no agent `nobody`"), "{}", unknown.err);
}

/// P15: lines of tasks that run side by side say whose they are; floods on stderr block nobody.
#[test]
fn output_is_prefixed_by_the_line() {
    let p = Project::new();
    let both = "touch $ORCHESTRATOR_TASK.up; until test -e 1.up -a -e 2.up; do sleep 0.01; done; ";
    let tail =
        "; touch $ORCHESTRATOR_TASK.said; until test -e 1.said -a -e 2.said; do sleep 0.01; done; sleep 0.05";
    let line = |say: &str| format!("{both}{say}{tail}\n");
    p.write(
        "tasks",
        &(line("echo one; echo more") + &line("head -c 3000000 /dev/zero | tr '\\0' z >&2; echo >&2")),
    );
    let ran = p.run(&["batch", "--exec", "tasks"]).expect(0);
    assert!(ran.out.contains("1 | one\n1 | more\n"), "{}", &ran.out[..ran.out.len().min(400)]);
    assert_eq!(ran.out.matches('z').count(), 3_000_000);
}

/// From standard input; what is wrong with it stops everything before anything runs.
#[test]
fn from_standard_input() {
    let p = Project::new();
    let feed = |args: &[&str], text: &str| {
        let mut child = p
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, out, _) = feed(&["batch", "--exec", "-", "--format", "json"], "touch a\ntouch b\n");
    assert_eq!((code, results(&out).len()), (Some(0), 2));
    assert!(p.path("a").exists() && p.path("b").exists());
    let (code, _, err) =
        feed(&["batch", "--list", "-"], "- run: touch c\n- runn: x\n- {run: a, timeout: x}\n");
    assert_eq!(code, Some(2));
    assert!(err.contains("task 2: unknown key `runn`") && err.contains("task 3: `timeout`"), "{err}");
    assert!(!p.path("c").exists());
    let (code, _, err) = feed(&["batch", "--exec", "-"], "# nothing\n");
    assert_eq!(code, Some(2));
    assert!(err.contains("no task in it"), "{err}");
}

/// Fail-fast: the first failure ends those that run, and the others never begin.
#[test]
fn fail_fast_ends_everything() {
    let p = Project::new();
    p.write("tasks", "touch up; sleep 300\nuntil test -e up; do sleep 0.01; done; exit 5\ntouch never\n");
    let ran = p
        .run(&["batch", "--exec", "--fail-fast", "--max-concurrent", "2", "--format", "json", "tasks"])
        .expect(3);
    let states: Vec<String> =
        results(&ran.out).iter().map(|r| r["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["interrupted", "failed", "interrupted"]);
    assert!(!p.path("never").exists());
}

/// W1: idle and back, by the threshold given.
#[test]
fn silence_is_idle_until_it_ends() {
    let p = Project::new();
    p.write("tasks", "sleep 0.25; echo again; sleep 0.02\n");
    p.run(&["batch", "--exec", "--idle", "50ms", "tasks"]).expect(0);
    let events = p.run(&["events", "last"]).expect(0).out;
    let at = |kind: &str| {
        events.find(&format!("\"kind\":\"{kind}\"")).unwrap_or_else(|| panic!("no {kind}: {events}"))
    };
    assert!(at("attempt_idle") < at("attempt_active"));
}
