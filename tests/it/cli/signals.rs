//! Ctrl-C and SIGTERM: the agent ends, the state says where to go on.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::project::{Project, wait_until};
use crate::supervise::{Terminal, of_project, until};

fn interrupted(signal: Signal, code: i32) {
    let p = Project::git();
    p.prompt(
        "main",
        "echo main >> sequence; echo half > half.txt; echo $$ > /dev/null; sleep 300 & echo $! > child; wait",
    );
    p.write(".gitignore", "/logs/\n/tmp/\n/sequence\n/child\n");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    let child = p.start(&["--once"]);
    wait_until("ralph's turn", || p.read("child").ends_with('\n'));
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(p.brief(), "1 ralph waiting-ralph");
    assert!(
        p.run_git(&["log", "-1", "--format=%s"]).starts_with("[SYNC i=1] actor=ralph status=interrupted")
    );
    let pid = p.read("child").trim().to_owned();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "the agent's child lives");
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? half.txt", "nothing is committed");
    p.prompt("main", "echo main >> sequence");
    p.run(&["--once"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main", "main"]);
    assert!(p.subjects().iter().any(|s| s.contains("work left uncommitted")), "{:?}", p.subjects());
}

/// P10, T36.
#[test]
fn ctrl_c_interrupts_the_turn() {
    interrupted(Signal::INT, 130);
}

#[test]
fn sigterm_interrupts_the_turn() {
    interrupted(Signal::TERM, 143);
}

/// P10: Ctrl-C at a real terminal reaches the whole foreground group. The turn is interrupted, never a success, and the
/// modes that the agent changed are as they were.
#[test]
fn ctrl_c_on_a_terminal() {
    let p = Project::new();
    let mut terminal = Terminal::open();
    let before = terminal.modes();
    p.prompt("supervisor", &format!("stty -echo -icanon < {}; echo up > up; sleep 300", terminal.name));
    let run = terminal.start(&p.command(&["--no-git", "--once"]));
    wait_until("the first turn", || p.read("up").ends_with('\n'));
    until("other modes", || terminal.modes() != before);
    terminal.keyboard.write_all(b"\x03").unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(terminal.modes(), before);
    let said = terminal.read_to("; next: orchestrator");
    assert!(said.contains("1 galph supervisor.md shell interrupted") && said.contains("SIGINT"), "{said}");
    assert_eq!(p.brief(), "1 galph waiting-galph");
    assert_eq!(of_project(&p.root()), Vec::<String>::new());
}

/// P10: the second signal does not wait for the grace.
#[test]
fn the_second_ctrl_c_is_immediate() {
    let p = Project::new();
    p.config("supervision: {grace_secs: 60}\n");
    p.prompt("supervisor", "trap '' TERM; echo up > up; while :; do sleep 0.05; done");
    let mut run = p.start(&["--no-git", "--once"]);
    wait_until("the first turn", || p.read("up").ends_with('\n'));
    let pid = Pid::from_child(&run);
    kill_process(pid, Signal::INT).unwrap();
    let mut told = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("ending the agent: SIGINT")));
    let second = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(second.elapsed() < Duration::from_secs(30), "{:?}", second.elapsed());
    assert_eq!(p.brief(), "1 galph waiting-galph");
    assert_eq!(of_project(&p.root()), Vec::<String>::new());
}
