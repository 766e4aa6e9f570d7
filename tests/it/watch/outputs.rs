//! What agents print, sizes, and colour.

use std::fs;

use super::Seat;
use crate::cli::project::{Project, wait_until};

/// I6, I12: hostile output is text; every sequence on the terminal is the view's own (see [`Seat::left`]).
#[test]
fn hostile_output() {
    let p = Project::new();
    p.prompt(
        "supervisor",
        "printf '\\033[2J\\033[9;9HEVIL\\007\\r\\n\\377\\376 bytes\\n'\nhead -c 1048576 /dev/zero | tr '\\0' A; echo\n\
         printf '\\342\\200\\256drow \\344\\275\\240\\345\\245\\275\\n'",
    );
    p.run(&["--no-git", "--once"]).expect(0);
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("galph");
    seat.press("jl");
    seat.wait_for("log · galph");
    seat.wait_for("�drow");
    seat.wait_for("more bytes");
    seat.press("g");
    wait_until("the beginning", || {
        let screen = seat.screen();
        screen.contains("␛[2J␛[9;9HEVIL␇")
            || screen.contains("what was before stands in")
            || screen.contains("AAAA")
    });
    seat.press("q");
    assert_eq!(seat.left(), 0);
}

/// A flood neither ends the view nor fills its memory, and the run ends as without it.
#[test]
fn a_flood() {
    let p = Project::new();
    p.prompt(
        "supervisor",
        "until test -e go; do sleep 0.02; done; yes 0123456789 | head -n 100000; echo the end",
    );
    let run = p.start(&["--no-git", "--once"]);
    let mut seat = Seat::watch(&p, &[]);
    seat.wait_for("WORKING   galph");
    p.write("go", "");
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    seat.wait_for(" DONE ");
    seat.press("j");
    seat.wait_for("the end");
    let status = fs::read_to_string(format!("/proc/{}/status", seat.pid().as_raw_nonzero())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(most < 64 << 10, "{most} KiB");
    seat.press("q");
    assert_eq!(seat.left(), 0);
}

#[test]
fn sizes_and_colours() {
    let mut p = Project::new();
    p.run(&["--no-git", "--once"]).expect(0);
    let coloured = |seat: &Seat| {
        let written = String::from_utf8_lossy(&seat.written()).into_owned();
        written.split("\x1b[").any(|part| {
            let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
            let (numbers, kind) = part.split_at(end);
            let mut numbers = numbers.split(';').map(|n| n.parse().unwrap_or(0));
            kind.starts_with('m') && numbers.any(|n| matches!(n, 30..=38 | 40..=48 | 90..=97 | 100..=107))
        })
    };
    let mut seat = Seat::watch(&p, &["--color", "always"]);
    seat.wait_for(" DONE ");
    assert!(coloured(&seat));
    for (wide, high, words) in [(10, 3, "DONE"), (1, 1, ""), (200, 60, "other run"), (60, 20, "events")] {
        seat.resize(wide, high);
        seat.wait_for(words);
    }
    seat.press("q");
    assert_eq!(seat.left(), 0);
    p.set("NO_COLOR", "1");
    for args in [&[][..], &["--color", "never"]] {
        let mut seat = Seat::watch(&p, args);
        seat.wait_for(" DONE ");
        assert!(!coloured(&seat), "{args:?}");
        seat.press("q");
        assert_eq!(seat.left(), 0);
    }
}
