//! Beside real runs: the same picture whenever it was begun, and keys that reach a run.

use std::path::Path;

use super::Seat;
use crate::cli::project::{Project, wait_until};

/// The screen without what differs from second to second.
fn still(seat: &Seat) -> String {
    let mut out = String::new();
    for (row, line) in seat.screen().lines().enumerate() {
        // The title ends with the time, the word of the state with its age.
        let cut = match row {
            0 => line.rsplit_once(" · ").map_or(line, |(before, _)| before),
            1 => line.split("  ").next().unwrap_or(line),
            _ => line,
        };
        out.push_str(cut.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn begun_before_during_and_after_a_run() {
    let p = Project::new();
    p.prompt("supervisor", "echo the plan; echo up > up; until test -e go; do sleep 0.02; done");
    p.prompt("main", "echo the work");
    let before = Seat::watch(&p, &[]);
    before.wait_for("nothing has run here yet");
    let run = p.start(&["--no-git", "--once"]);
    wait_until("the first turn", || p.read("up").ends_with('\n'));
    before.wait_for("WORKING   galph");
    before.wait_for("the plan");
    let during = Seat::watch(&p, &[]);
    during.wait_for("the plan");
    p.write("go", "");
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    let after = Seat::watch(&p, &[]);
    for seat in [&before, &during, &after] {
        seat.wait_for(" DONE ");
        seat.wait_for("the work");
        seat.wait_for("run over: 2 done");
    }
    wait_until("the same picture", || still(&before) == still(&after) && still(&during) == still(&after));
    for mut seat in [before, during, after] {
        seat.press("q");
        assert_eq!(seat.left(), 0);
    }
}

/// `i` asks, `y` ends the attempt; the view stays and tells it.
#[test]
fn the_interrupt_key() {
    let p = Project::new();
    p.prompt("supervisor", "echo up; sleep 300");
    let run = p.start(&["--no-git", "--once"]);
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("WORKING   galph");
    seat.press("i");
    seat.wait_for("interrupt galph (shell)?");
    seat.press("n");
    seat.wait_for("q quit");
    seat.press("i");
    seat.wait_for("interrupt galph (shell)?");
    seat.press("y");
    let output = run.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    let shown: serde_json::Value =
        serde_json::from_str(&p.run(&["show", "last", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!(shown["attempts"][0]["state"], "canceled", "{shown:#}");
    seat.wait_for("■   1 galph");
    seat.press("q");
    assert_eq!(seat.left(), 0);
}

/// `s` lets the turn end and no other begin.
#[test]
fn the_stop_key() {
    let p = Project::new();
    p.prompt("supervisor", "echo supervisor >> sequence; until test -e go; do sleep 0.02; done");
    let run = p.start(&["--no-git", "--sync-loops", "0"]);
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("WORKING   galph");
    seat.press("s");
    seat.wait_for("stop every loop after its turn?");
    seat.press("y");
    seat.wait_for("stops before the next turn");
    p.write("go", "");
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(p.sequence(), ["supervisor"]);
    seat.wait_for("STOPPED");
    seat.press("q");
    assert_eq!(seat.left(), 0);
}

#[test]
fn a_workstream_and_a_batch() {
    let p = Project::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/build.yaml");
    p.write("ws.yaml", &std::fs::read_to_string(example).unwrap());
    p.write("tasks", "echo one\nexit 3\necho three\n");
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("nothing has run here yet");
    p.run(&["workstream", "run", "ws.yaml"]).expect(0);
    seat.wait_for("progress 5 of 5");
    seat.wait_for("✓ celebrate");
    seat.wait_for(" DONE   workstream run");
    p.run(&["batch", "--exec", "tasks"]).expect(3);
    seat.wait_for(" FAILED   batch run");
    seat.wait_for("progress 3 of 3");
    // The run before, and back.
    seat.press("\x1b[D");
    seat.wait_for("progress 5 of 5");
    seat.press("\x1b[C");
    seat.wait_for("progress 3 of 3");
    seat.press("q");
    assert_eq!(seat.left(), 0);
}

/// A killed run is told from a live one.
#[test]
fn a_killed_run_is_lost() {
    let p = Project::new();
    p.prompt("supervisor", "echo up > up; sleep 300");
    let mut run = p.start(&["--no-git", "--once"]);
    wait_until("the first turn", || p.read("up").ends_with('\n'));
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("WORKING   galph");
    run.kill().unwrap();
    run.wait().unwrap();
    seat.wait_for("LOST");
    seat.press("q");
    assert_eq!(seat.left(), 0);
    // The next start ends what the killed one left.
    p.prompt("supervisor", "true");
    p.run(&["--no-git", "--once"]).expect(0);
}
