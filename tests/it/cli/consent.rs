//! agents.md A10: consent is asked once on a terminal, and written down.

use std::io::Write;

use super::project::Project;
use crate::supervise::terminal::Terminal;

fn project() -> Project {
    let p = Project::new();
    p.write(
        "orchestration.yaml",
        "# mine\nagent: {default: mine}\nagents: {mine: {command: [sh, -c, 'echo took >> took'], unattended: true}}\n",
    );
    p.write("docs/goal.md", "# Goal\nreal\n");
    p
}

#[track_caller]
fn answer(p: &Project, typed: &str) -> (Option<i32>, String) {
    let mut terminal = Terminal::open();
    let mut child = terminal.start(&p.command(&["--once", "--no-git"]));
    let mut said = terminal.read_to("[y/N] ");
    terminal.keyboard.write_all(typed.as_bytes()).unwrap();
    let code = child.wait().unwrap().code();
    said += &terminal.read_to(if code == Some(0) { "next: " } else { "hint: " });
    (code, said)
}

#[test]
fn yes_is_written_and_the_loop_runs() {
    let p = project();
    let (code, said) = answer(&p, "y\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("mine works without asking for permission"), "{said}");
    assert!(said.contains("written into orchestration.yaml (agent.unattended)"), "{said}");
    assert_eq!(p.read("took"), "took\ntook\n");
    let written = p.read("orchestration.yaml");
    assert!(written.starts_with("# mine\nagent: {unattended: true, default: mine}\n"), "{written}");
    assert!(!said.contains("has changed"), "what was read anew is no change: {said}");
    // Asked once: the next start says nothing of it, terminal or not.
    p.run(&["--once", "--no-git"]).expect(0);
}

#[test]
fn anything_else_is_no() {
    for typed in ["\n", "n\n", "maybe\n"] {
        let p = project();
        let before = p.read("orchestration.yaml");
        let (code, said) = answer(&p, typed);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("agent.unattended is not set"), "{said}");
        assert_eq!((p.read("orchestration.yaml"), p.read("took").as_str()), (before, ""));
    }
}

/// Nobody is there to ask: nothing hangs, nothing runs.
#[test]
fn without_a_terminal_nothing_is_asked() {
    let p = project();
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(!ran.err.contains("[y/N]") && ran.err.contains("docker run"), "{}", ran.err);
    assert_eq!(p.read("took"), "");
}
