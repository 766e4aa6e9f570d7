//! Subscribers: late ones, slow ones, ones that outlive the writer. None misses an event, none holds anybody.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use orchestrator::clock::SystemClock;
use orchestrator::event::{Event, Place};
use orchestrator::ledger::{Options, Record, Writer};
use rustix::process::{Pid, Signal, kill_process};

use super::{all_events, json, open};
use crate::cli::project::{Project, wait_until};
use crate::supervise::times;

fn seqs(text: &str) -> Vec<i64> {
    text.lines().map(|line| json(line)["seq"].as_i64().unwrap()).collect()
}

fn end(child: &mut std::process::Child) {
    let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
    child.wait().unwrap();
}

/// L8: two runs and a killed one pass by; the subscriber sees every number once, in order, as they come.
#[test]
fn a_subscriber_outlives_its_writers() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let mut follower = p.start(&["events", "--follow"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    p.run(&["--once", "--no-git"]).expect(0);
    p.prompt("main", "echo main >> sequence; echo $$ > child; sleep 300 & wait");
    let mut killed = p.start(&["--once", "--no-git"]);
    wait_until("the turn", || p.read("child").ends_with('\n'));
    end(&mut killed);
    p.prompt("main", "echo last words");
    p.run(&["--once", "--no-git"]).expect(0);
    let expected: Vec<i64> = all_events(&open(&p)).iter().map(|row| row.seq).collect();
    let seen: Vec<i64> = lines
        .by_ref()
        .take(expected.len())
        .map(|line| json(&line.unwrap())["seq"].as_i64().unwrap())
        .collect();
    end(&mut follower);
    assert_eq!(seen, expected);
    assert!(expected.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{expected:?}");
}

/// `--follow` of one run ends with it, and `--since` begins where it says.
#[test]
fn following_a_run_ends_with_it() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let all = p.run(&["events", "last"]).expect(0).out;
    assert_eq!(p.run(&["events", "last", "--follow"]).expect(0).out, all);
    let numbers = seqs(&all);
    let tail = p.run(&["events", "last", "--follow", "--since", &numbers[3].to_string()]).expect(0).out;
    assert_eq!(seqs(&tail), numbers[4..]);
    p.prompt("supervisor", "while ! test -e go; do sleep 0.02; done");
    let run = p.start(&["--once", "--no-git"]);
    wait_until("the next run", || {
        let runs = json(&p.run(&["history", "--format", "json"]).out);
        runs["runs"].as_array().is_some_and(|runs| runs.len() == 2)
    });
    let mut follower = p.start(&["events", "last", "--follow", "--kind", "attempt_ended,run_ended"]);
    p.write("go", "");
    assert!(run.wait_with_output().unwrap().status.success());
    let mut out = String::new();
    follower.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(follower.wait().unwrap().success());
    let kinds: Vec<String> =
        out.lines().map(|line| json(line)["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["attempt_ended", "attempt_ended", "run_ended"]);
}

/// L8: a subscriber that does not read neither holds the writer nor loses an event, and its memory stays small.
#[test]
fn a_slow_subscriber_misses_nothing() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let before = all_events(&open(&p)).len();
    let mut follower = p.start(&["events", "--follow"]);
    let path = p.path(".orchestrator/ledger.db");
    let writer = Writer::start(Options { path, clock: Arc::new(SystemClock), mask: None }).unwrap();
    let count = times(1_000_000);
    for number in 0..count {
        let event = Event::AttemptOutput { role: "r".into(), text: format!("line {number}\n") };
        writer.event(Record { place: Place::run("flood"), at: 1, event });
    }
    assert!(writer.close(Duration::from_secs(120)), "the writer is held up");
    assert_eq!(writer.problems(), Vec::<String>::new());
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().skip(before);
    for number in 0..count {
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(&format!("line {number}\\n")), "{line}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", follower.id())).unwrap_or_default();
    end(&mut follower);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 64 * 1024, "{kib} KiB");
}
