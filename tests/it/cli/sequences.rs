//! Which prompts run, in which order, and what the state says afterwards.

use super::project::{Project, block};

#[test]
fn one_iteration_is_supervisor_then_main() {
    let p = Project::new();
    let ran = p.run(&["--mode", "combined", "--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main"]);
    assert_eq!(p.brief(), "2 galph complete");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "orchestrator combined · branch none · 1 iteration");
    assert_eq!(lines[1], "agents: galph=shell, ralph=shell");
    assert_eq!(lines[2], "state: iteration 1, galph's turn, idle");
    assert!(lines[3].starts_with("iter 1 galph supervisor.md shell ok "), "{}", ran.out);
    assert!(lines[3].ends_with(" - commits - files → ralph"), "{}", ran.out);
    assert!(
        lines[5].ends_with("all iterations taken; next: orchestrator --mode combined --once --no-git"),
        "{}",
        ran.out
    );
    assert_eq!(ran.err, "");
}

/// T9: the cadence is the first role's, once an iteration.
#[test]
fn cadence() {
    let p = Project::new();
    p.config("router: {enabled: true, review_every_n: 1}\n");
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["reviewer", "main"]);
    assert_eq!(p.state()["last_prompt"], "main.md");
    assert_eq!(p.state()["last_prompt_actor"], "ralph");

    let p = Project::new();
    p.config("router: {enabled: true, review_every_n: 2}\n");
    p.run(&["--sync-loops", "4", "--no-git"]).expect(0);
    let galph: Vec<String> = p.sequence().into_iter().step_by(2).collect();
    assert_eq!(galph, ["supervisor", "reviewer", "supervisor", "reviewer"]);

    let p = Project::new();
    p.config("router: {enabled: true, review_every_n: 1}\nworkflow: {steps: [{role: plan, prompt: supervisor}, {role: build, prompt: main}, {role: test, prompt: test}]}\n");
    p.prompt("test", "echo test >> sequence");
    p.run(&["--sync-loops", "2", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["reviewer", "main", "test", "reviewer", "main", "test"]);
    assert_eq!(p.brief(), "3 plan complete");
}

/// T9: an answer replaces the first role's choice only.
#[test]
fn the_router_prompts_answer_is_for_galph_only() {
    let p = Project::new();
    p.config("router: {enabled: true, prompt: router.md}\n");
    p.prompt("router", "echo asked >> sequence; echo reviewer.md");
    let ran = p.run(&["--once", "--no-git", "-v"]).expect(0);
    assert_eq!(p.sequence(), ["asked", "reviewer", "main"]);
    assert!(ran.out.contains("route galph → reviewer.md (router: "), "{}", ran.out);
    assert!(ran.out.contains("route ralph → main.md (deterministic: "), "{}", ran.out);
    let p2 = Project::new();
    p2.config("router: {enabled: false, prompt: router.md, review_every_n: 1, allowlist: [nothing]}\n");
    p2.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p2.sequence(), ["supervisor", "main"], "router off ignores its settings");
    assert_eq!(p2.state()["last_prompt"], serde_json::Value::Null);
}

/// T10: nothing runs, the state is failed, and the message names rule and choice.
#[test]
fn a_refused_route_runs_nothing() {
    let only =
        "router: {enabled: true, mode: only, prompt: router.md, allowlist: [supervisor, reviewer, main]}\n";
    let cases: &[(&str, &str, &str)] = &[
        ("router: {enabled: true, mode: only}\n", "", "router_only needs an answer"),
        (only, "true", "gave no answer"),
        (
            only,
            "echo other.md",
            "`other.md` (chosen by the router prompt's answer (router_only)) is not in the allowlist: supervisor.md, reviewer.md, main.md",
        ),
        (
            only,
            "echo main.md",
            "`main.md` (chosen by the router prompt's answer (router_only)) is not allowed for galph: supervisor.md, reviewer.md",
        ),
        (only, "echo reviewer.md; echo main.md", "answered 2 lines"),
        (only, "echo ../x", "leaves the prompts folder"),
        (only, "echo /etc/passwd", "absolute path"),
        (only, "exit 3", "did not answer"),
    ];
    for (config, script, expected) in cases {
        let p = Project::new();
        p.config(config);
        p.prompt("router", script);
        let ran = p.run(&["--once", "--no-git"]).expect(3);
        assert!(ran.err.contains(expected), "{script}: {}", ran.err);
        assert_eq!(p.brief(), "1 galph failed", "{script}");
        assert!(p.sequence().is_empty(), "{script}");
    }
    let p = Project::new();
    p.config("router: {enabled: true, prompt: router.md}\nreviewer_prompt: out.md\n");
    p.prompt("router", "echo out.md");
    p.write("secret.md", &block("echo leaked >> sequence"));
    std::os::unix::fs::symlink("../secret.md", p.path("prompts/out.md")).unwrap();
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains("link out of the prompts folder"), "{}", ran.err);
    assert!(p.sequence().is_empty());
}

#[test]
fn a_missing_prompt_fails_the_turn() {
    let p = Project::new();
    std::fs::remove_file(p.path("prompts/supervisor.md")).unwrap();
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains("no such prompt file"), "{}", ran.err);
    assert_eq!(p.brief(), "1 galph failed");
}

/// T16: an exit of 7 on ralph's turn; a start by hand runs ralph first.
#[test]
fn a_failed_turn_is_taken_again_by_a_start_by_hand() {
    let p = Project::new();
    p.prompt("main", "echo main >> sequence; echo the reason is here; test -e ok || exit 7");
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.starts_with("error: turn failed: ralph iteration 1 prompt main.md agent shell: exit status 7 · log logs/local/ralph/iter-00001_"), "{}", ran.err);
    assert!(ran.err.contains("\ncause: block 1 (line 3) failed"), "{}", ran.err);
    assert!(ran.err.contains("\ncause: the reason is here\n"), "{}", ran.err);
    assert_eq!(p.brief(), "1 ralph failed");
    assert_eq!(p.state()["turn"]["failures"], 1);
    p.write("ok", "");
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main", "main"]);
    assert_eq!(p.brief(), "2 galph complete");
    assert_eq!(p.state()["turn"]["failures"], 0);
}

/// T15: a start goes on where the state says; `--start-actor` overrides.
#[test]
fn a_start_resumes_where_the_state_says() {
    let p = Project::new();
    p.write("sync/state.json", include_str!("../../fixtures/states/010.json"));
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["main"]);
    assert_eq!(p.brief(), "6 galph complete");
    p.run(&["--once", "--no-git", "--start-actor", "ralph"]).expect(0);
    assert_eq!(p.sequence(), ["main", "main"]);
    assert_eq!(p.brief(), "7 galph complete");
    assert_eq!(p.state()["ralph_commit"], "8fc4b4f2", "without git the commits keep their value");
}

/// T37: the agent is told where it is, by the block and by its environment.
#[test]
fn the_context_block_and_the_environment_reach_the_agent() {
    let p = Project::new();
    let fake = crate::supervise::fake_agent();
    let command = serde_json::to_string(&[
        fake.to_str().unwrap(),
        "echo-stdin;",
        "env",
        "ORCHESTRATOR_ROLE;",
        "env",
        "ORCHESTRATOR_TURN_ID;",
        "env",
        "CLAUDECODE",
    ])
    .unwrap();
    p.write(
        "orchestration.yaml",
        &format!("agent: {{default: fake}}\nagents: {{fake: {{command: {command}}}}}\n"),
    );
    p.write("input.md", "Focus: FIX-7\n");
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.out.contains("# Context of this turn"), "{}", ran.out);
    assert!(ran.out.contains("- role: galph · iteration: 1 · branch: none · mode: combined"), "{}", ran.out);
    assert!(ran.out.contains("plans/active/FIX-7/reports/"), "{}", ran.out);
    assert!(ran.out.contains("previous turn: galph supervisor.md (iteration 1): ok"), "{}", ran.out);
    assert!(ran.out.contains("\nralph\n"), "{}", ran.out);
    let log = p.read("logs/local/ralph/latest.log");
    assert!(
        log.starts_with("# role: ralph · iteration: 1 · prompt: main.md\n# agent: fake · argv: "),
        "{log}"
    );
    assert!(log.trim_end().lines().last().unwrap().starts_with("# exit: exit status 0 · "), "{log}");
}

/// T40: checks are run by us, noted by default, and fail the turn if so configured.
#[test]
fn checks_are_run_and_told() {
    let p = Project::new();
    let steps = |mode: &str| {
        format!(
            "workflow: {{steps: [{{role: galph, prompt: supervisor}}, {{role: ralph, prompt: main, on_check_fail: {mode}, checks: [['true'], [sh, -c, 'echo broken; exit 4']]}}]}}\n"
        )
    };
    p.config(&steps("note"));
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.err.contains("check failed (exit status 4): sh -c echo broken; exit 4"), "{}", ran.err);
    let shown = p.run(&["prompts", "show", "galph"]).expect(0);
    assert!(shown.out.contains("checks passed 1/2"), "{}", shown.out);
    assert!(
        shown.out.contains("failed check: sh -c echo broken; exit 4: exit status 4: broken"),
        "{}",
        shown.out
    );
    p.config(&steps("fail"));
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains("a check failed"), "{}", ran.err);
    assert_eq!(p.brief(), "2 ralph failed");
}
