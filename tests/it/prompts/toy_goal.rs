//! prompts.md R14: an agent that only does what the texts say takes a toy goal to `stop`.

use std::os::unix::fs::symlink;

use crate::cli::project::Project;

/// A repository as `init` leaves it, with a toy goal, and the obedient agent on it.
fn toy(done_when: &str) -> Project {
    let mut p = Project::new();
    std::fs::remove_dir_all(p.path("prompts")).unwrap();
    std::fs::remove_file(p.path("orchestration.yaml")).unwrap();
    p.write("obedient.sh", include_str!("obedient.sh"));
    let bin = p.root().parent().unwrap().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_orchestrator"), bin.join("orchestrator")).unwrap();
    p.set("PATH", &format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    p.run_git(&["init", "-q", "-b", "work"]);
    p.run(&["init", "--goal", "Three files, each with its word."]).expect(0);
    let goal = p.read("docs/goal.md");
    let (before, rest) = goal.split_once("## Done when\n").unwrap();
    let (_, after) = rest.split_once("\n## ").unwrap();
    p.write("docs/goal.md", &format!("{before}## Done when\n\n{done_when}\n## {after}"));
    p.write(
        "orchestration.yaml",
        "agent: {default: obedient}\nagents: {obedient: {command: [sh, obedient.sh]}}\n",
    );
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-qm", "begin"]);
    p
}

const GOAL: &str =
    "- one: `grep -q apple one.txt`\n- two: `grep -q pear two.txt`\n- three: `grep -q plum three.txt`\n";

/// R14: at most 4 iterations, and everything the prompts ask for is there at the end.
#[test]
fn a_toy_goal_is_reached() {
    let p = toy(GOAL);
    let ran = p.run(&["--sync-loops", "4"]).expect(0);
    assert!(
        ran.out.contains("stopped at ") && ran.out.contains(": every line of Done when holds\n"),
        "{}",
        ran.out
    );
    assert_eq!(p.state()["exit"], true);
    assert_eq!(p.state()["iteration"], 4, "three items, and a fourth look");
    for (file, word) in [("one.txt", "apple"), ("two.txt", "pear"), ("three.txt", "plum")] {
        assert_eq!(p.run_git(&["show", &format!("HEAD:{file}")]), word);
    }
    // R3, R4: one status for each item, each attempt in its form, and the evidence that it names.
    let plan = p.read("docs/fix_plan.md");
    assert_eq!(plan.matches("\n- Status: done\n").count(), 3, "{plan}");
    assert_eq!(plan.matches("    next: ready for review\n").count(), 3, "{plan}");
    let evidence: Vec<&str> = plan.lines().filter_map(|l| l.split("exit status 0, ").nth(1)).collect();
    assert_eq!(evidence.len(), 3, "{plan}");
    for file in evidence {
        assert!(file.starts_with("plans/active/G-") && p.read(file).contains("exit status 0"), "{file}");
        p.run_git(&["cat-file", "-e", &format!("HEAD:{file}")]);
    }
    // R3, R11: at most 10 lines a turn; R12: the first turn already gave ralph a real task.
    let memory = p.read("galph_memory.md");
    let entries: Vec<&str> = memory.split("\n## Iteration ").skip(1).collect();
    assert_eq!(entries.len(), 4, "{memory}");
    assert!(entries.iter().all(|e| e.lines().count() <= 10), "{memory}");
    assert!(p.run(&["check"]).expect(0).out.starts_with("ok: "), "input.md is as `check` wants it");
    assert_eq!(p.run_git(&["status", "--porcelain"]), "", "nothing is left lying about");
    let again = p.run(&["--once"]).expect(0);
    assert!(again.out.contains("hint: orchestrator resume"), "{}", again.out);
}

/// The test can fail: without the sentence on how to stop, or the form of the orders, it does not end well.
#[test]
fn the_texts_are_what_makes_it_work() {
    let p = toy("- one: `grep -q apple one.txt`\n");
    let text = p.read("prompts/supervisor.md");
    p.write("prompts/supervisor.md", &text.replace("orchestrator stop --reason", "say that all is well"));
    let ran = p.run(&["--sync-loops", "4"]).expect(3);
    assert!(ran.err.contains("the prompt does not say: how to stop"), "{}", ran.err);
    let p = toy(GOAL);
    p.write("prompts/supervisor.md", &text.replace("# Input\n", "# Orders\n"));
    let ran = p.run(&["--once"]).expect(3);
    assert!(ran.err.contains("the prompt does not say: the form of the orders"), "{}", ran.err);
}

/// T6b, R8: a goal that is not reached is not stopped for, and a role that may not stop is told so.
#[test]
fn a_goal_that_is_not_reached_goes_on() {
    let p = toy("- one: `grep -q apple one.txt`\n- never: `grep -q x /nonexistent/file`\n");
    let ran = p.run(&["--sync-loops", "2"]).expect(3);
    assert!(ran.err.contains("turn failed: ralph iteration 2"), "its check cannot hold: {}", ran.err);
    assert_ne!(p.state()["exit"], true);
    let shown = p.run(&["prompts", "show", "ralph"]).expect(0);
    assert!(
        shown.out.contains("- you cannot stop the loop; say what blocks you in the plan"),
        "{}",
        shown.out
    );
}
