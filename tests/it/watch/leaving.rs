//! Every way out leaves the terminal as it was found.

use rustix::process::{Signal, kill_process};

use super::Seat;
use crate::cli::project::{Project, wait_until};
use crate::supervise::example;

#[test]
fn by_keys() {
    let p = Project::new();
    for (keys, code) in [("q", 0), ("?q", 0), ("\x03", 130)] {
        let mut seat = Seat::watch(&p, &[]);
        seat.wait_for("nothing has run here yet");
        seat.press(keys);
        assert_eq!(seat.left(), code, "{keys:?}");
    }
}

#[test]
fn by_signals() {
    let p = Project::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let seat = Seat::watch(&p, &[]);
        seat.wait_for("nothing has run here yet");
        kill_process(seat.pid(), signal).unwrap();
        assert_eq!(seat.left(), code, "{signal:?}");
    }
}

/// The words of a panic stand on the screen of before.
#[test]
fn by_a_panic() {
    let mut command = std::process::Command::new(example("supervise-host"));
    command.arg("screen=panic");
    let seat = Seat::at(&command);
    wait_until("words", || String::from_utf8_lossy(&seat.written()).contains("on the screen: true"));
    let written = seat.written();
    let place = |words: &[u8]| written.windows(words.len()).position(|at| at == words);
    assert!(place(b"\x1b[?1049h") < place(b"\x1b[?1049l"));
    assert!(place(b"\x1b[?1049l") < place(b"on the screen"));
    assert_eq!(seat.left(), 101);
}

/// Not a terminal: an error with the remedy.
#[test]
fn there_is_no_terminal() {
    let mut p = Project::new();
    let ran = p.run(&["watch"]).expect(2);
    assert!(ran.out.is_empty(), "{}", ran.out);
    ran.says("hint: orchestrator status --watch");
    p.set("TERM", "dumb");
    p.run(&["watch"]).expect(2).says("TERM names no terminal");
}
