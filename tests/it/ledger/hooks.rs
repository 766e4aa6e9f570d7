//! Hooks (interface.md I11): told once, never in the way.

use super::json;
use crate::cli::project::Project;

fn hooked(p: &Project, hooks: &str) {
    p.config(&format!("hooks: {{{hooks}}}\n"));
}

/// A hook that keeps what it is told in a file of its name.
fn keep(name: &str) -> String {
    format!("{name}: [sh, -c, 'cat >> told-{name}']")
}

/// Each fact once, as JSON; success and failure are told apart.
#[test]
fn hooks_are_told_of_facts() {
    let p = Project::new();
    let names = ["turn_start", "turn_end", "turn_failed", "run_ended"];
    hooked(&p, &names.map(keep).join(", "));
    p.prompt("main", "exit 7");
    p.run(&["--once", "--no-git"]).expect(3);
    let told = |name: &str| -> Vec<serde_json::Value> {
        let mut list: Vec<_> = p.read(&format!("told-{name}")).lines().map(json).collect();
        list.sort_by_key(|value| value["at_ms"].as_i64());
        list
    };
    let roles = |name: &str| -> Vec<String> {
        told(name).iter().map(|value| value["data"]["role"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(roles("turn_start"), ["galph", "ralph"]);
    assert_eq!(roles("turn_end"), ["galph"]);
    assert_eq!(roles("turn_failed"), ["ralph"]);
    let ended = told("run_ended");
    assert_eq!(ended.len(), 1);
    assert_eq!((&ended[0]["kind"], &ended[0]["data"]["outcome"]), (&"run_ended".into(), &"failed".into()));
    assert!(ended[0]["run_id"].is_string() && ended[0]["version"] == 1);
    assert_eq!(p.run(&["events", "--kind", "hook_failed"]).expect(0).out, "");
}

/// A hook that fails, or is not there, is a warning and an event; the run succeeds.
#[test]
fn a_failing_hook_fails_nothing() {
    let p = Project::new();
    hooked(&p, "turn_end: [sh, -c, 'echo no such door >&2; exit 9'], run_ended: [no-such-program]");
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.err.contains("warning: hook turn_end: sh: "), "{}", ran.err);
    let out = p.run(&["events", "last", "--kind", "hook_failed"]).expect(0).out;
    let mut errors: Vec<String> =
        out.lines().map(|line| json(line)["data"]["error"].as_str().unwrap().to_owned()).collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            "no-such-program: find the program `no-such-program`",
            "sh: ended with exit status 9: no such door",
            "sh: ended with exit status 9: no such door"
        ]
    );
}

/// A slow hook runs beside the turns: the run takes all of them before the first hook ends.
#[test]
fn a_slow_hook_holds_no_turn() {
    let p = Project::new();
    hooked(&p, "turn_start: [sh, -c, 'while ! test -e go; do sleep 0.02; done; echo hook >> sequence']");
    p.prompt("main", "echo main >> sequence; if test $ORCHESTRATOR_ITERATION = 3; then : > go; fi");
    p.run(&["--sync-loops", "3", "--no-git"]).expect(0);
    let sequence = p.sequence();
    assert_eq!(sequence.len(), 6 + 6, "{sequence:?}");
    let first = sequence.iter().position(|word| word == "hook").unwrap();
    assert!(first >= 6, "{sequence:?}");
}
