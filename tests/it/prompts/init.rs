//! `orchestrator init` and what `check` says of its files (interface.md, prompts.md R14).

use std::fs;

use crate::cli::project::Project;

const FILES: &[&str] = &[
    "orchestration.yaml",
    "prompts/supervisor.md",
    "prompts/main.md",
    "prompts/reviewer.md",
    "prompts/router.md",
    "docs/goal.md",
    "docs/fix_plan.md",
    "docs/findings.md",
    "input.md",
    "galph_memory.md",
    "sync/state.json",
    ".gitignore",
];

/// A folder with nothing in it.
fn empty() -> Project {
    let p = Project::new();
    fs::remove_dir_all(p.path("prompts")).unwrap();
    fs::remove_file(p.path("orchestration.yaml")).unwrap();
    p
}

#[test]
fn everything_is_written_once() {
    let p = empty();
    let ran = p.run(&["init"]).expect(0);
    for file in FILES {
        assert!(
            ran.out.contains(&format!("wrote {file}\n")) && !p.read(file).is_empty(),
            "{file}: {}",
            ran.out
        );
    }
    assert!(
        ran.out.contains("note: no test command was found; write one into docs/goal.md\n"),
        "{}",
        ran.out
    );
    let next: Vec<&str> = ran.out.lines().skip_while(|l| *l != "next:").skip(1).collect();
    assert_eq!(next.len(), 3, "{}", ran.out);
    assert!(next[0].starts_with("  $EDITOR docs/goal.md "), "{}", ran.out);
    let before: Vec<String> = FILES.iter().map(|f| p.read(f)).collect();
    p.write("input.md", "mine\n");
    let ran = p.run(&["init", "--goal", "another"]).expect(0);
    assert!(ran.out.contains("nothing was changed\n"), "{}", ran.out);
    assert!(ran.out.contains("docs/goal.md was there already; the goal was not changed"), "{}", ran.out);
    assert_eq!(p.read("input.md"), "mine\n");
    assert_eq!(p.read("docs/goal.md"), before[5]);
    // Whatever agent there is: nobody has allowed it to work.
    let check = p.run(&["check"]).expect(2);
    assert!(check.out.contains("docs/goal.md is still the template"), "{}", check.out);
    assert!(!check.out.contains("ok: "), "{}", check.out);
}

/// What was written is what `check` calls fit.
#[test]
fn a_fresh_project_passes_the_check() {
    let p = empty();
    p.write("Makefile", "test:\n\ttrue\n");
    let ran = p.run(&["init", "--goal", "A clock."]).expect(0);
    assert!(!ran.out.contains("note:"), "{}", ran.out);
    let goal = p.read("docs/goal.md");
    assert!(goal.contains("\n    make test\n") && goal.contains("\nA clock.\n"), "{goal}");
    assert!(ran.out.contains("found: make test (it stands in docs/goal.md now)\n"), "{}", ran.out);
    let check = p.run(&["check"]).expect(2);
    let warnings: Vec<&str> = check.out.lines().collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    let causes: Vec<&str> = check.err.lines().filter(|l| l.starts_with("cause: ")).collect();
    assert!(matches!(causes[..], [one] if one.starts_with("cause: agent of galph, ralph: ")), "{causes:?}");
}

/// A configuration that is there says where the files belong, and who takes turns.
#[test]
fn moved_files_are_written_where_they_are_looked_for() {
    let p = empty();
    p.write(
        "orchestration.yaml",
        "prompts_dir: loop/prompts\ngoal_file: loop/goal.md\nplan_file: loop/plan.md\nmemory_file: loop/memory.md\nstate_file: loop/state.json\nlogs_dir: out/logs\nagent: {default: shell}\nworkflow: {steps: [{role: boss, prompt: supervisor}, {role: hand, prompt: main}]}\n",
    );
    p.run(&["init"]).expect(0);
    for file in ["loop/prompts/main.md", "loop/goal.md", "loop/plan.md", "loop/memory.md", "loop/state.json"]
    {
        assert!(p.path(file).exists(), "{file}");
    }
    for file in ["prompts", "docs/goal.md", "docs/fix_plan.md", "galph_memory.md", "sync"] {
        assert!(!p.path(file).exists(), "{file}");
    }
    assert_eq!(p.read(".gitignore"), "/out/logs/\n/tmp/\n/.orchestrator/\n");
    let shown = p.run(&["prompts", "show", "boss"]).expect(0);
    assert!(shown.out.contains("- goal: loop/goal.md · plan: loop/plan.md ·"), "{}", shown.out);
    assert!(shown.out.contains(" · memory: loop/memory.md\n"), "{}", shown.out);
    p.write("orchestration.yaml", "nonsense: 1\n");
    p.run(&["init"]).expect(2);
}

/// R14: orders without a task or without a check are what makes a night useless.
#[test]
fn check_warns_of_orders_that_lack_a_part() {
    let p = Project::new();
    p.run(&["init", "--goal", "x"]).expect(0);
    let warned = |text: &str| {
        p.write("input.md", text);
        let out = p.run(&["check"]).expect(0).out;
        out.lines().filter(|l| l.contains("input.md")).map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = p.read("input.md");
    assert!(warned(&whole).is_empty());
    assert_eq!(warned(&whole.replace("## Do now", "## Later")), ["warning: input.md has no do-now part"]);
    assert_eq!(warned(&whole.replace("Check: ", "See: ")), ["warning: input.md has no check part"]);
    assert_eq!(
        warned("Nothing in particular, checked or not.\n").len(),
        2,
        "words in a sentence are no part"
    );
    assert_eq!(warned("").len(), 2);
}

/// T2: the later dialect of the earlier orchestrator.
#[test]
fn a_state_that_counts_steps_is_converted() {
    let p = Project::new();
    let old = "{\"step_index\": 5, \"status\": \"running-main\", \"workflow_name\": \"standard\"}\n";
    p.write("sync/state.json", old);
    let ran = p.run(&["status"]).expect(2);
    assert!(ran.err.contains("hint: orchestrator init --import-state\n"), "{}", ran.err);
    let ran = p.run(&["init", "--import-state"]).expect(0);
    assert!(
        ran.out.starts_with("converted sync/state.json: iteration 3, ralph's turn, waiting-ralph;"),
        "{}",
        ran.out
    );
    assert_eq!(p.brief(), "3 ralph waiting-ralph");
    assert_eq!(p.state()["workflow_name"], "standard");
    assert_eq!(p.read(".orchestrator/imported-state.json"), old);
    let ran = p.run(&["init", "--import-state"]).expect(2);
    assert!(ran.err.contains("nothing to convert"), "{}", ran.err);
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["main"]);
}
