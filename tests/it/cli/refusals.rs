//! What is refused before a turn begins: nothing is run and nothing is changed.

use super::project::{Project, Ran};

/// T3: line and field are named, and the file stays as it is.
#[test]
fn a_damaged_state_is_refused_and_untouched() {
    let large = format!("{{\"iteration\": 1, \"x\": \"{}\"}}", "y".repeat(2 << 20));
    let cases: &[(&str, &str)] = &[
        ("{\n  \"iteration\": 1,\n", ":3:0: not valid JSON"),
        ("{\n<<<<<<< HEAD\n", ":2: merge conflict marker"),
        ("{\n  \"iteration\": \"x\"\n}", ":2: field `iteration`: expected a whole number from 1"),
        ("{\n  \"expected_actor\": \"bob\"\n}", ":2: field `expected_actor`: unknown role `bob`"),
        ("", "the file is empty"),
        (&large, "more than the limit of 1 MiB"),
    ];
    for (text, expected) in cases {
        let p = Project::new();
        p.write("sync/state.json", text);
        let ran = p.run(&["--once", "--no-git"]).expect(2);
        assert!(ran.err.starts_with("error: read the state\ncause: "), "{}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert_eq!(p.read("sync/state.json"), *text);
        assert!(p.sequence().is_empty());
    }
}

/// T3: a state that a commit removed is not begun anew.
#[test]
fn a_removed_state_names_the_commit() {
    let p = Project::git();
    p.run_git(&["rm", "-q", "sync/state.json"]);
    p.run_git(&["commit", "-q", "-m", "tidy up"]);
    let ran = p.run(&["--once"]).expect(2);
    assert!(ran.err.contains("was removed by commit") && ran.err.contains("(tidy up)"), "{}", ran.err);
    assert!(!p.path("sync/state.json").exists());
    let p = Project::git();
    p.run(&["--once"]).expect(0);
    let before = p.brief();
    std::fs::remove_file(p.path("sync/state.json")).unwrap();
    let ran = p.run(&["--once"]).expect(2);
    assert!(ran.err.contains("cause: sync/state.json is gone from the working tree"), "{}", ran.err);
    assert!(!ran.err.contains("removed"), "{}", ran.err);
    let init = p.run(&["init"]).expect(2);
    assert!(init.err.contains("gone from the working tree") && !p.path("sync/state.json").exists());
    let hint = ran.err.lines().find_map(|l| l.strip_prefix("hint: git ")).unwrap().to_owned();
    p.run_git(&hint.split(' ').collect::<Vec<_>>());
    assert_eq!(p.brief(), before);
}

/// T33: all problems at once, with lines and suggestions.
#[test]
fn a_bad_configuration_is_reported_whole() {
    let p = Project::new();
    p.write(
        "orchestration.yaml",
        "promts_dir: x\nrouter:\n  review_every_n: often\nauto_commit: {docs: {globs: ['a[']}}\n",
    );
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    insta::assert_snapshot!(ran.err);
    assert!(!p.path("sync/state.json").exists());
}

#[test]
fn wrong_places_are_refused() {
    let p = Project::new();
    let ran = p.run(&["--once"]).expect(2);
    assert!(ran.err.contains("hint: git init, or run without git: orchestrator --no-git"), "{}", ran.err);
    p.run(&["--once", "--no-git", "--branch", "work"]).expect(2);
    let p = Project::git();
    let ran = p.run(&["--once", "--branch", "other"]).expect(4);
    assert!(ran.err.contains("HEAD is on branch work, not on other"), "{}", ran.err);
    p.run_git(&["checkout", "-q", "--detach"]);
    let ran = p.run(&["--once"]).expect(4);
    assert!(ran.err.contains("HEAD is detached"), "{}", ran.err);
    p.run_git(&["switch", "-q", "work"]);
    p.write(".git/MERGE_HEAD", &p.run_git(&["rev-parse", "HEAD"]));
    let ran = p.run(&["--once"]).expect(4);
    assert!(
        ran.err.contains("a merge is in progress\nhint: finish it, or leave it with `git merge --abort`"),
        "{}",
        ran.err
    );
    std::fs::remove_file(p.path(".git/MERGE_HEAD")).unwrap();
    p.write(".git/index.lock", "");
    let ran = p.run(&["--once"]).expect(4);
    assert!(ran.err.contains("the index is locked by"), "{}", ran.err);
    assert!(p.sequence().is_empty());
}

/// A10 and the goal: a model runs only with consent, and not on the template.
#[test]
fn a_model_needs_consent_and_a_goal() {
    let p = Project::new();
    let agents = "agents: {mine: {command: ['true'], unattended: true}}\n";
    p.write("orchestration.yaml", &format!("agent: {{default: mine}}\n{agents}"));
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(ran.err.contains("agent.unattended is not set"), "{}", ran.err);
    assert!(ran.err.contains("docker run"), "{}", ran.err);
    p.run(&["init"]).expect(0);
    p.write("orchestration.yaml", &format!("agent: {{default: mine, unattended: true}}\n{agents}"));
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(ran.err.contains("docs/goal.md is still the template"), "{}", ran.err);
    p.write("docs/goal.md", "# Goal\nreal\n");
    p.run(&["--once", "--no-git"]).expect(0);
}

#[test]
fn an_agent_that_is_not_there_fails_the_turn_with_the_remedy() {
    let p = Project::new();
    p.write("orchestration.yaml", "agents: {mine: {command: [no-such-program]}}\n");
    let ran = p.run(&["--once", "--no-git", "--agent", "mine"]).expect(3);
    assert!(ran.err.contains("`no-such-program` is not on PATH"), "{}", ran.err);
    assert_eq!(p.brief(), "1 galph failed");
    let ran = p.run(&["--once", "--no-git", "--agent", "nobody"]).expect(2);
    assert!(ran.err.contains("no agent `nobody`"), "{}", ran.err);
    p.prompt("supervisor", "true");
    p.write("prompts/supervisor.md", "only prose\n```sh\nrm -rf x\n```\n");
    let ran = p.run(&["--once", "--no-git", "--agent", "shell"]).expect(3);
    assert!(ran.err.contains("the prompt has no `sh run` block"), "{}", ran.err);
    assert!(ran.err.contains("hint: the shipped prompts are for models: choose one"), "{}", ran.err);
}

/// A misspelt value is told with its place and what was probably meant.
#[test]
fn misspelt_values() {
    let p = Project::new();
    let refused = |args: &[&str], parts: &[&str]| {
        let ran = p.run(args).expect(2);
        for part in parts {
            assert!(ran.err.contains(part), "{args:?}: {}", ran.err);
        }
    };
    p.run(&["--once", "--no-git"]).expect(0);
    refused(&["handoff", "bob", "ok"], &["`bob` is not a role", "hint: one of galph, ralph"]);
    refused(
        &["--mode", "role", "--role", "bob", "--no-git"],
        &["`bob` is not a role", "it has galph, ralph"],
    );
    refused(&["--log-level", "debgu", "status"], &["`debgu` is no level (did you mean `debug`?)"]);
    p.run(&["--log-level", "warn,orchestrator=debug", "status"]).expect(0);
    refused(
        &["events", "--kind", "run_end"],
        &["`run_end` is no kind of event", "did you mean `run_ended`?"],
    );
    refused(&["events", "--kind", "x"], &["hint: one of run_created, run_started, "]);
    p.run(&["events", "--kind", "fenced"]).expect(0);
    p.write("orchestration.yaml", "review_every_n: 3\nagent:\n  roles:\n    ralph: shel\n");
    let place = "hint: mend orchestration.yaml, line 4";
    refused(
        &["--once", "--no-git"],
        &["no agent `shel` (agent.roles.ralph)", "(did you mean `shell`?)", place],
    );
    p.write("orchestration.yaml", "");
    refused(&["--once", "--no-git", "--agent", "cluade"], &["(did you mean `claude`?)", "the flag --agent"]);
}

/// What the iteration lacks later is known before its first turn is paid for; the state is not touched.
#[test]
fn an_agent_that_a_later_role_lacks_stops_the_start() {
    let p = Project::new();
    let agents = "agents: {mine: {command: [no-such-program]}}\n";
    p.write("orchestration.yaml", &format!("agent: {{default: shell, roles: {{ralph: mine}}}}\n{agents}"));
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(
        ran.err.contains("cause: agent of ralph: agent `mine`: `no-such-program` is not on PATH"),
        "{}",
        ran.err
    );
    assert!(p.sequence().is_empty() && !p.path("sync/state.json").exists());
    let ran = p.run(&["check"]).expect(2);
    assert!(!ran.out.contains("ok: ") && ran.err.contains("agent of ralph: "), "{ran:?}");
    p.config("");
    std::fs::remove_file(p.path("prompts/main.md")).unwrap();
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(
        ran.err.contains("warning: ralph's turn will fail: prompt `main.md`: no such prompt file"),
        "{}",
        ran.err
    );
}

#[test]
fn a_start_on_the_usual_first_branch_warns() {
    let p = Project::git();
    let warns = |ran: &Ran| {
        ran.err.contains("warning: on main: every turn is committed to it; a branch for the loop: ")
    };
    assert!(!warns(&p.run(&["--once"]).expect(0)));
    p.run_git(&["branch", "-m", "main"]);
    assert!(warns(&p.run(&["--once"]).expect(0)));
    p.run(&["init"]).expect(0).says("note: on main: ");
}

/// I1: a loop option before another command would be lost; a value from the environment is not an error.
#[test]
fn misplaced_loop_options_are_usage_errors() {
    let mut p = Project::new();
    p.run(&["init"]).expect(0);
    let ran = p.run(&["--once", "status"]).expect(2);
    assert!(
        ran.err.starts_with("error: `--once` is an option of the loop, not of `status`\n"),
        "{}",
        ran.err
    );
    p.set("SYNC_LOOPS", "1");
    p.set("ORCHESTRATOR_MODE", "combined");
    p.run(&["status"]).expect(0);
    p.run(&["--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main"]);
    p.run(&["--mode", "sideways"]).expect(2);
    p.run(&["--bogus"]).expect(2);
}
