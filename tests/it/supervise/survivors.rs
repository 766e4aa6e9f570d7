//! P10: the program itself is killed.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::harness::{Bench, finished, lives, of_project, times, until};

/// The agent gets SIGTERM when the program is killed.
#[test]
fn the_agent_hears_of_it() {
    let bench = Bench::new();
    let script = "become 'trap \"echo heard > heard; exit\" TERM; echo up > P; while :; do sleep 0.01; done'";
    let host = bench.host(script, &[]).stdout(Stdio::null()).spawn().unwrap();
    bench.wait_lines("P", 1);
    kill_process(Pid::from_child(&host), Signal::KILL).unwrap();
    finished(host);
    bench.wait_lines("heard", 1);
    until("its end", || of_project(bench.dir.path()).is_empty());
}

/// Survivors, deaf ones in other sessions and without an environment too, are ended by the next start before its
/// first turn; those of another project and of a living program are not.
#[test]
fn the_next_start_ends_survivors() {
    for _ in 0..times(20) {
        let (bench, other) = (Bench::new(), Bench::new());
        let family = "fork { setsid; quiet; ignore-term; pid P; forever }; fork { ignore-term; quiet; pid P; forever }; \
            fork { wipe { quiet; pid P; forever } }; ignore-term; quiet; pid P; forever";
        let host = bench.host(family, &[]).stdout(Stdio::null()).spawn().unwrap();
        let neighbour = other.host("pid P; wait-file go", &[]).stdout(Stdio::null()).spawn().unwrap();
        bench.wait_lines("P", 4);
        other.wait_lines("P", 1);
        kill_process(Pid::from_child(&host), Signal::KILL).unwrap();
        finished(host);
        let survivors = bench.pids("P");
        assert_eq!(survivors.iter().filter(|pid| lives(**pid)).count(), 4);

        let check = |pid: &i32| format!("grep -sq \"^State:.[^Z]\" /proc/{pid}/status && echo {pid} lives");
        let checks = survivors.iter().map(check).collect::<Vec<_>>().join("; ");
        let next =
            bench.host(&format!("sh '{checks}; :'"), &["sweep=1"]).stdout(Stdio::piped()).spawn().unwrap();
        let output = finished(next);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.matches("survivor ").count(), 4, "{said}");
        assert!(!said.contains("alive=true"), "{said}");
        assert!(said.contains("outcome none Code(0) stdout=0 "), "one lived when the turn began: {said}");
        assert!(survivors.iter().all(|pid| !lives(*pid)));

        assert!(lives(other.pids("P")[0]));
        std::fs::write(other.path("go"), "").unwrap();
        assert!(finished(neighbour).status.success());
    }
}

/// A sweep while the program lives touches nothing.
#[test]
fn a_living_program_keeps_its_agent() {
    let bench = Bench::new();
    let host = bench.host("pid P; wait-file go", &[]).stdout(Stdio::null()).spawn().unwrap();
    bench.wait_lines("P", 1);
    let killed =
        orchestrator::supervise::sweep_survivors(bench.dir.path(), &orchestrator::clock::SystemClock);
    assert_eq!(killed, []);
    std::fs::write(bench.path("go"), "").unwrap();
    assert!(finished(host).status.success());
}
