//! Role mode without git (turns.md T18, T19, T20, T20a): one process for each role, all in one folder.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::stage::{Dice, times};
use crate::cli::project::{Project, Ran, wait_until};

/// What a prompt notes of its turn; a longer turn is killed in the middle now and then.
const TURN: &str = "echo $ORCHESTRATOR_ROLE $ORCHESTRATOR_ITERATION >> sequence";

fn project(script: &str) -> Project {
    let p = Project::new();
    p.config("sync: {poll_interval: 0.02}\n");
    for prompt in ["supervisor", "main"] {
        p.prompt(prompt, &format!("{TURN}\n{script}"));
    }
    p
}

/// A loop of one role; what it says goes to a file, which a person can watch.
struct Loop {
    child: Child,
    said: PathBuf,
}

impl Loop {
    fn start(p: &Project, role: &str, more: &[&str]) -> Self {
        let said = p.root().parent().unwrap().join(format!("{role}.said"));
        let out = || std::fs::File::options().create(true).append(true).open(&said).unwrap();
        let mut args = vec!["--mode", "role", "--role", role, "--no-git", "--max-wait-sec", "300"];
        args.extend(more);
        let child = p.command(&args).stdout(Stdio::from(out())).stderr(Stdio::from(out())).spawn().unwrap();
        Self { child, said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[track_caller]
    fn expect(&mut self, code: i32) {
        let begun = Instant::now();
        while self.ended().is_none() {
            assert!(begun.elapsed().as_secs() < 120, "does not end\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.ended(), Some(code), "{}", self.said());
    }

    #[track_caller]
    fn awaits(&self, words: &str) {
        wait_until(words, || self.said().contains(words));
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn short_run(p: &Project, role: &str, more: &[&str]) -> Ran {
    let mut args = vec!["--mode", "role", "--role", role, "--no-git"];
    args.extend(more);
    p.run(&args)
}

/// `galph 1`, `ralph 1`, `galph 2`, …
fn alternating(turns: usize) -> Vec<String> {
    (0..turns).map(|n| format!("{} {}", ["galph", "ralph"][n % 2], n / 2 + 1)).collect()
}

fn status(p: &Project) -> String {
    p.state()["status"].as_str().unwrap().to_owned()
}

#[test]
fn two_processes_alternate() {
    let p = project("");
    let mut ralph = Loop::start(&p, "ralph", &["--sync-loops", "10"]);
    ralph.awaits("there is no state yet: galph's loop creates it");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "10"]);
    galph.expect(0);
    ralph.expect(0);
    assert_eq!(p.sequence(), alternating(20));
    assert_eq!(p.brief(), "11 galph complete");
    assert_eq!(p.state()["turn"]["epoch"], 20, "each turn was claimed once");
    // No loop is live, and none of them holds anything.
    p.run(&["--no-git", "--once"]).expect(0);
    assert_eq!(p.sequence(), alternating(22));
}

/// T37: the next role is told of the turn before its own, whichever process took that.
#[test]
fn a_role_is_told_what_the_other_did() {
    let p = project("");
    p.write("orchestration.yaml", "agents: {note: {command: [sh, note.sh]}}\nagent: {default: note}\n");
    p.write("note.sh", "cat > told-$ORCHESTRATOR_ROLE");
    short_run(&p, "galph", &["--once"]).expect(0);
    short_run(&p, "ralph", &["--once"]).expect(0);
    let told = p.read("told-ralph");
    assert!(told.contains("revious turn") && told.contains("supervisor.md"), "{told}");
}

/// T20a: exactly one loop of a role, and none beside another mode.
#[test]
fn one_loop_of_a_role() {
    let p = project("");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "0"]);
    galph.awaits("it is ralph's turn");
    let second = short_run(&p, "galph", &["--once"]).expect(4);
    let pid = galph.child.id();
    assert!(
        second.err.contains(&format!("pid {pid} on host")) && second.err.contains("role mode (galph)"),
        "{}",
        second.err
    );
    short_run(&p, "galph", &["--if-turn"]).expect(0);
    let combined = p.run(&["--no-git", "--once"]).expect(4);
    combined.says(&format!("pid {pid}"));
    assert_eq!(p.sequence(), alternating(1));
    // The other role's loop is welcome.
    short_run(&p, "ralph", &["--once"]).expect(0);
    galph.signal(Signal::INT);
    galph.expect(130);

    p.prompt("main", "touch began; while [ ! -e go ]; do sleep 0.05; done");
    p.prompt("supervisor", "touch began; while [ ! -e go ]; do sleep 0.05; done");
    let mut combined = p.start(&["--no-git", "--once"]);
    wait_until("a combined turn", || p.path("began").exists());
    short_run(&p, "ralph", &["--once"]).expect(4).says("combined mode");
    p.write("go", "");
    assert!(combined.wait().unwrap().success());
}

/// T15, T20a: who holds the role's lock takes its turn again; the other loop says that it was left, and so does status.
#[test]
fn a_crashed_holder_goes_on_after_a_start() {
    let p = project("[ $ORCHESTRATOR_ROLE = galph ] || [ -e go ] || sleep 600");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "2"]);
    let mut ralph = Loop::start(&p, "ralph", &["--once"]);
    galph.awaits("it is ralph's turn (iteration 1)");
    wait_until("ralph's work", || p.sequence().len() == 2);
    let live = p.run(&["status"]).expect(0);
    assert!(live.out.contains("role mode (galph)") && live.out.contains("role mode (ralph)"), "{}", live.out);
    assert!(!live.out.contains("problem:"), "{}", live.out);
    ralph.kill();
    galph.awaits("ralph's turn (iteration 1) was left by a loop that is gone");
    p.run(&["status"])
        .expect(0)
        .says("ralph's loop ended in the middle of this turn: its next start takes it again");
    p.run(&["doctor"]).says("the last loop ended in the middle of ralph's turn");
    p.write("go", "");
    let mut ralph = Loop::start(&p, "ralph", &["--once"]);
    ralph.expect(0);
    ralph.awaits("it is taken again");
    galph.expect(0);
    assert_eq!(p.sequence(), ["galph 1", "ralph 1", "ralph 1", "galph 2"]);
    assert_eq!(p.state()["turn"]["epoch"], 4);
}

/// `kill -9` of either side at random moments: no turn is stamped twice, none is lost, the state is never torn.
#[test]
fn either_side_killed_at_random() {
    let p = project("if [ $((ORCHESTRATOR_ITERATION % 3)) = 0 ]; then sleep 0.1; fi");
    let roles = ["galph", "ralph"];
    let start = |n: usize| Loop::start(&p, roles[n], &["--sync-loops", "0"]);
    let mut sides = [start(0), start(1)];
    let mut dice = Dice::new(9);
    for kill in 0..times(20, 300) {
        let most = [20_000, 100_000, 400_000, 800_000][usize::try_from(dice.below(4)).unwrap()];
        std::thread::sleep(Duration::from_micros(dice.below(most)));
        let side = usize::try_from(dice.below(2)).unwrap();
        assert_eq!(sides[side].ended(), None, "kill {kill}: {}", sides[side].said());
        sides[side].kill();
        sides[side] = start(side);
        if p.path("sync/state.json").exists() {
            assert!(p.state()["iteration"].as_u64().unwrap() >= 1, "whole at any moment");
        }
    }
    wait_until("the state", || p.path("sync/state.json").exists());
    let goal = p.state()["iteration"].as_u64().unwrap() + 2;
    wait_until("two more iterations", || p.state()["iteration"].as_u64().unwrap() >= goal);
    p.run(&["stop", "--reason", "enough"]).expect(0);
    for side in &mut sides {
        side.expect(0);
    }
    let mut runs = p.sequence();
    runs.dedup();
    let state = p.state();
    let last = usize::from(state["expected_actor"] == "ralph");
    let turns = 2 * (usize::try_from(state["iteration"].as_u64().unwrap()).unwrap() - 1) + last;
    assert_eq!(runs, alternating(turns), "in order, whatever ran again");
}

/// T20: overlapping short runs of both roles take every turn once.
#[test]
fn short_runs_overlap() {
    let p = project("sleep 0.$((ORCHESTRATOR_ITERATION % 4))");
    let turns = times(6, 100);
    let (begun, mut running) = (Instant::now(), Vec::new());
    let done = |p: &Project| {
        p.path("sync/state.json").exists() && p.state()["iteration"].as_u64().unwrap() > turns as u64 / 2
    };
    while !done(&p) {
        assert!(begun.elapsed().as_secs() < 90 + 5 * turns as u64, "{:?}", p.sequence());
        for role in ["galph", "ralph"] {
            running.push(Loop::start(&p, role, &["--if-turn", "--quiet"]));
        }
        std::thread::sleep(Duration::from_millis(150));
        running.retain_mut(|run| {
            let code = run.ended();
            assert_eq!(code.unwrap_or(0), 0, "{}", run.said());
            code.is_none()
        });
    }
    for run in &mut running {
        run.expect(0);
    }
    let runs = p.sequence();
    assert_eq!(runs, alternating(runs.len()));
    assert_eq!(p.state()["turn"]["epoch"].as_u64(), Some(runs.len() as u64), "one claim for each turn");
}

/// T36: a first Ctrl-C ends the agent and gives the turn back; a waiting loop just ends.
#[test]
fn interrupted() {
    let p = project("[ $ORCHESTRATOR_ROLE = galph ] || [ -e go ] || sleep 600");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "0"]);
    let mut ralph = Loop::start(&p, "ralph", &["--sync-loops", "0"]);
    wait_until("ralph's work", || p.sequence().len() == 2);
    ralph.signal(Signal::INT);
    ralph.expect(130);
    assert_eq!(p.brief(), "1 ralph waiting-ralph");
    galph.signal(Signal::TERM);
    galph.expect(143);
    p.write("go", "");
    short_run(&p, "ralph", &["--once"]).expect(0);
    assert_eq!(p.brief(), "2 galph complete");
}

/// T16, T19, T20: a failed turn ends its loop, is told to the other, and is not repeated by a timer.
#[test]
fn a_failed_turn_waits_for_somebody() {
    let p = project("[ $ORCHESTRATOR_ROLE = galph ] || [ -e go ] || exit 7");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "2"]);
    galph.awaits("it is ralph's turn");
    let failed = short_run(&p, "ralph", &["--sync-loops", "0"]).expect(3);
    failed.says("turn failed: ralph iteration 1 prompt main.md agent shell: exit status 7");
    galph.awaits("ralph's turn (iteration 1) has failed: ");
    assert!(galph.said().contains("; log logs/local/ralph/"), "{}", galph.said());
    for _ in 0..2 {
        short_run(&p, "ralph", &["--if-turn"]).expect(3);
    }
    short_run(&p, "ralph", &["--stop-on-failure"]).expect(3).says("has failed: ");
    assert_eq!(p.sequence(), alternating(2), "nothing ran again");
    p.write("go", "");
    // Beside the live loop of galph.
    p.run(&["resume", "--note", "mended"]).expect(0);
    short_run(&p, "ralph", &["--if-turn"]).expect(0);
    galph.expect(0);
    assert_eq!(p.sequence(), ["galph 1", "ralph 1", "ralph 1", "galph 2"]);
    // A start by hand claims a failed turn.
    std::fs::remove_file(p.path("go")).unwrap();
    short_run(&p, "ralph", &["--once"]).expect(3);
    p.write("go", "");
    short_run(&p, "ralph", &["--once"]).expect(0);
    assert_eq!(p.brief(), "3 galph complete");
}

/// T6: a stop during a turn is stamped with it and ends all loops; so does one between turns.
#[test]
fn stopped_during_a_turn_and_between() {
    let p = project("[ $ORCHESTRATOR_ROLE = galph ] || while [ ! -e go ]; do sleep 0.02; done");
    let mut galph = Loop::start(&p, "galph", &["--sync-loops", "0"]);
    let mut ralph = Loop::start(&p, "ralph", &["--sync-loops", "0"]);
    wait_until("ralph's work", || p.sequence().len() == 2);
    let asked = p.run(&["stop", "--reason", "enough"]).expect(0);
    assert!(asked.out.contains("galph, pid") && asked.out.contains("ralph, pid"), "{}", asked.out);
    assert_eq!(status(&p), "running-ralph");
    assert!(p.state().get("exit").is_none(), "the running loop's to write");
    p.write("go", "");
    ralph.expect(0);
    galph.expect(0);
    assert!(galph.said().contains("stopped at ") && galph.said().contains("enough"), "{}", galph.said());
    assert_eq!((p.brief().as_str(), p.state()["exit"].as_bool()), ("2 galph complete", Some(true)));
    assert!(!p.path(".orchestrator/stop-request.json").exists());
    short_run(&p, "galph", &["--once"]).expect(0).says("orchestrator resume");
    p.run(&["resume"]).expect(0);

    std::fs::remove_file(p.path("sequence")).unwrap();
    // What the first one said must not be taken for this one's words.
    std::fs::remove_file(&ralph.said).unwrap();
    let mut ralph = Loop::start(&p, "ralph", &["--sync-loops", "0"]);
    ralph.awaits("it is galph's turn");
    p.run(&["stop"]).expect(0);
    ralph.expect(0);
    assert!(p.sequence().is_empty());
    assert_eq!(p.state()["exit"], true);
}

/// T19: a bound of a wait; T3: a state that vanishes is not begun anew under a loop.
#[test]
fn a_wait_has_an_end() {
    let p = project("");
    short_run(&p, "ralph", &["--max-wait-sec", "0.1"]).expect(6).says("wait any longer");
    assert!(!p.path("sync/state.json").exists(), "only the first role creates it");
    short_run(&p, "ralph", &["--if-turn"]).expect(0).says("it is not this role's turn");
    short_run(&p, "galph", &["--once"]).expect(0);
    let mut galph = Loop::start(&p, "galph", &[]);
    galph.awaits("it is ralph's turn");
    std::fs::remove_file(p.path("sync/state.json")).unwrap();
    galph.expect(2);
    assert!(!p.path("sync/state.json").exists());
}

/// Where a disk loses locks: the later claim counts, and the earlier one stamps nothing.
#[test]
fn a_turn_that_was_claimed_by_another_is_not_stamped() {
    let p = project("[ $ORCHESTRATOR_ITERATION = 1 ] || while [ ! -e go ]; do sleep 0.02; done");
    short_run(&p, "galph", &["--once"]).expect(0);
    short_run(&p, "ralph", &["--once"]).expect(0);
    let mut galph = Loop::start(&p, "galph", &[]);
    wait_until("galph's work", || p.sequence().len() == 3);
    let mut other = p.state();
    other["turn"]["id"] = "019c0000-0000-7000-8000-000000000000".into();
    other["turn"]["epoch"] = (other["turn"]["epoch"].as_u64().unwrap() + 1).into();
    let other = serde_json::to_string_pretty(&other).unwrap();
    p.write("sync/other.json", &other);
    std::fs::rename(p.path("sync/other.json"), p.path("sync/state.json")).unwrap();
    p.write("go", "");
    galph.expect(5);
    assert!(galph.said().contains("another program has taken it over"), "{}", galph.said());
    assert_eq!(p.read("sync/state.json"), other);
}
