//! Ctrl-C and SIGTERM: the agent ends, the state says where to go on.

use rustix::process::{Pid, Signal, kill_process};

use super::project::{Project, wait_until};

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
