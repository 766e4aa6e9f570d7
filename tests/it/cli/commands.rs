//! The commands beside the loop: what they print, and that they run nothing.

use super::project::Project;

#[test]
fn the_demo_tells_the_whole_story() {
    let p = Project::new();
    let ran = p.run(&["demo"]).expect(0);
    let turns: Vec<&str> =
        ran.out.lines().filter(|l| l.starts_with("iter ")).filter_map(|l| l.split(' ').nth(3)).collect();
    assert_eq!(turns, ["supervisor.md", "main.md", "supervisor.md", "main.md"]);
    assert!(ran.out.trim_end().ends_with("orchestrator --once"), "{}", ran.out);
    let roles: Vec<&str> =
        ran.out.lines().filter(|l| l.contains(" | iter ")).filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(roles, ["galph", "ralph", "galph", "ralph"], "{}", ran.out);
    assert!(ran.out.contains("\naudit: 8 turns in 25 commits, every step is legal\n"), "{}", ran.out);
    assert!(!ran.out.contains("notice:") && ran.err.is_empty(), "{}{}", ran.out, ran.err);
    let folder = ran.out.lines().next().unwrap().strip_prefix("scratch project: ").unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(format!("{folder}/primes.txt")).unwrap(), "2\n3\n");
    std::fs::remove_dir_all(std::path::Path::new(&folder).parent().unwrap()).unwrap();
}

/// `init` writes everything once and never overwrites; what it writes passes `check`.
#[test]
fn init_prepares_a_project_once() {
    let p = Project::new();
    for name in ["orchestration.yaml", "prompts/supervisor.md", "prompts/main.md", "prompts/reviewer.md"] {
        std::fs::remove_file(p.path(name)).unwrap();
    }
    p.write("Makefile", "test:\n\ttrue\n");
    p.run_git(&["init", "-q", "-b", "work"]);
    let ran = p.run(&["init", "--goal", "a todo app", "--commit"]).expect(0);
    assert!(ran.out.contains("wrote prompts/router.md\n"), "{}", ran.out);
    assert!(p.read("docs/goal.md").contains("a todo app") && p.read("docs/goal.md").contains("make test"));
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? Makefile");
    p.write("docs/goal.md", "mine\n");
    let again = p.run(&["init"]).expect(0);
    assert!(again.out.starts_with("everything is there already"), "{}", again.out);
    assert_eq!(p.read("docs/goal.md"), "mine\n");
    let checked = p.run(&["check", "--format", "json"]).expect(2);
    let value: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(value["version"], 1);
    // All but an agent that may work.
    let errors = value["errors"].as_array().unwrap();
    assert!(
        matches!(&errors[..], [one] if one.as_str().unwrap().starts_with("agent of galph, ralph: ")),
        "{value}"
    );
}

#[test]
fn check_reports_what_would_stop_a_run() {
    let p = Project::new();
    std::fs::remove_file(p.path("prompts/main.md")).unwrap();
    p.write("prompts/supervisor.md", "prose\n");
    p.write("input.md", "nothing\n");
    let ran = p.run(&["check"]).expect(2);
    assert!(ran.err.contains("prompt of ralph: no such prompt file"), "{}", ran.err);
    assert!(
        ran.err.contains("prompt of galph (supervisor.md): the prompt has no `sh run` block"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.contains("input.md has no do-now part") && ran.out.contains("input.md has no check part"),
        "{}",
        ran.out
    );
    assert!(!p.path("sync/state.json").exists() && p.sequence().is_empty());
}

#[test]
fn config_shows_values_and_where_they_came_from() {
    let mut p = Project::new();
    p.set("STATE_FILE", "other.json");
    let ran = p.run(&["config"]).expect(0);
    assert!(ran.out.contains("\"other.json\"  (environment STATE_FILE)"), "{}", ran.out);
    assert!(ran.out.contains("\"shell\"  (file, line 1)"), "{}", ran.out);
    assert!(ran.out.contains("\"prompts\"  (default)"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&p.run(&["config", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!(json["version"], 1);
    let yaml = p.run(&["config", "--format", "yaml"]).expect(0).out;
    assert!(yaml.contains("state_file: other.json\n"), "{yaml}");
}

#[test]
fn route_tells_without_running() {
    let p = Project::new();
    p.config("router: {enabled: true, review_every_n: 5}\n");
    p.write("sync/state.json", include_str!("../../fixtures/states/019.json"));
    let before = p.read("sync/state.json");
    assert_eq!(p.run(&["route"]).expect(0).out, "reviewer.md\n");
    let explained = p.run(&["route", "explain"]).expect(0).out;
    insta::assert_snapshot!(explained);
    let json: serde_json::Value =
        serde_json::from_str(&p.run(&["route", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!((json["prompt"].clone(), json["role"].clone()), ("reviewer.md".into(), "galph".into()));
    assert_eq!(p.read("sync/state.json"), before);
    assert!(p.sequence().is_empty());
}

#[test]
fn status_is_readable_in_every_state() {
    let p = Project::new();
    let ran = p.run(&["status"]).expect(2);
    assert!(ran.err.contains("no such file\nhint: orchestrator init"), "{}", ran.err);
    p.prompt("main", "exit 7");
    p.run(&["--once", "--no-git"]).expect(3);
    let out = p.run(&["status"]).expect(0).out;
    assert!(out.starts_with("iteration 1 · ralph's turn · failed · "), "{out}");
    assert!(
        out.contains("last:   ralph main.md iteration 1: failed") && out.contains("log: logs/local/ralph/"),
        "{out}"
    );
    let line = p.run(&["status", "--oneline"]).expect(0).out;
    assert!(line.ends_with("· no loop\n") && line.lines().count() == 1, "{line}");
    let json: serde_json::Value =
        serde_json::from_str(&p.run(&["status", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!((json["version"].clone(), json["status"].clone()), (1.into(), "failed".into()));
}

#[test]
fn help_shows_an_example_for_every_command() {
    let p = Project::new();
    let help = p.run(&["--help"]).expect(0).out;
    assert!(help.contains("orchestrator demo"), "{help}");
    for command in
        ["run", "demo", "init", "check", "config", "route", "prompts", "stop", "resume", "status", "agents"]
    {
        let text = p.run(&[command, "--help"]).expect(0).out;
        assert!(text.contains("Example:\n") || text.contains("Examples:\n"), "{command}: {text}");
    }
    assert!(p.run(&["--version"]).expect(0).out.starts_with("orchestrator "));
}

/// JSON events, one a line, while a loop runs.
#[test]
fn a_loop_can_be_followed_by_a_program() {
    let p = Project::new();
    let out = p.run(&["--once", "--no-git", "--format", "json"]).expect(0).out;
    let kinds: Vec<String> = out
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("run_created"));
    assert_eq!(kinds.last().map(String::as_str), Some("run_ended"));
    for kind in ["state_claimed", "prompt_routed", "attempt_started", "attempt_ended", "state_stamped"] {
        assert_eq!(kinds.iter().filter(|k| *k == kind).count(), 2, "{kind}");
    }
}
