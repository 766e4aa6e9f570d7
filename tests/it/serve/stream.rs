//! Server-sent events: each once, in order, over restarts.

use std::process::Stdio;

use rustix::process::Signal;

use super::{Message, Served};
use crate::cli::project::Project;

/// First and last number that a message stands for, and how many events.
fn covers(message: &Message) -> (i64, i64, i64) {
    let seq = message.data["seq"].as_i64().unwrap();
    assert_eq!(message.id, Some(seq));
    assert_eq!(message.data["kind"], message.event.as_str());
    let first = message.data["first_seq"].as_i64().unwrap_or(seq);
    (first, seq, message.data["count"].as_i64().unwrap_or(1))
}

/// Every event of the ledger once and in order, and every piece of output.
fn assert_whole(p: &Project, messages: &[Message]) {
    let all = p.run(&["events"]).expect(0).out;
    let all: Vec<serde_json::Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut next = all.iter();
    for message in messages {
        let (first, last, count) = covers(message);
        let mut text = String::new();
        for at in 0..count {
            let event = next.next().unwrap_or_else(|| panic!("no such event: {message:?}"));
            assert_eq!(event["kind"], message.event.as_str());
            assert!(event["seq"] == first || at > 0, "{event} {message:?}");
            assert!(event["seq"] == last || at + 1 < count, "{event} {message:?}");
            text.push_str(event["data"]["text"].as_str().unwrap_or_default());
        }
        if message.event == "attempt_output" {
            assert_eq!(message.data["data"]["text"], text);
        }
    }
    assert_eq!(next.next(), None, "events are missing");
}

/// I8: a run that writes all the time, a server that is killed and started again; the client names its last number.
#[test]
fn a_restart_leaves_no_gap_and_repeats_nothing() {
    let p = Project::new();
    p.prompt(
        "supervisor",
        "i=0; while ! test -e enough; do i=$((i+1)); echo line $i; [ $((i % 4)) = 0 ] && sleep 0.01; done; echo last $i",
    );
    let mut s = Served::start(&p);
    let (port, token) = (s.port.to_string(), s.token.clone());
    let mut stream = s.stream("after=0");
    let run = p.start(&["-q", "--no-git", "--sync-loops", "2"]);
    let mut seen: Vec<Message> = Vec::new();
    for restart in 0..3 {
        // What was received whole before the connection broke is what a browser has.
        for _ in 0..6 + restart {
            seen.push(stream.event().unwrap());
        }
        s.end(Signal::KILL);
        while let Some(message) = stream.event() {
            seen.push(message);
        }
        s = Served::with(&p, &["--port", &port]);
        assert_eq!(s.token, token);
        stream = s.stream_after("after=0", seen.last().and_then(|m| m.id));
    }
    p.write("enough", "");
    seen.extend(stream.until_run_ended());
    assert!(run.wait_with_output().unwrap().status.success());
    assert_whole(&p, &seen);
    let output = seen.iter().filter(|m| m.event == "attempt_output");
    let text: String = output.map(|m| m.data["data"]["text"].as_str().unwrap()).collect();
    let lines = text.lines().filter(|line| line.starts_with("line ")).count();
    let last = text.lines().filter_map(|line| line.strip_prefix("last ")?.parse::<usize>().ok());
    assert_eq!(lines, last.sum::<usize>());
}

/// A stream from now on, one of another run, one without output; a number that never was.
#[test]
fn what_a_stream_leaves_out() {
    let p = Project::new();
    p.prompt("supervisor", "echo hello; echo hello >&2");
    p.run(&["--once", "--no-git"]).expect(0);
    let s = Served::start(&p);
    let first = s.json("runs/last")["run"]["run_id"].as_str().unwrap().to_owned();
    let newest = s.json("state")["serve"]["last_seq"].as_i64().unwrap();
    let mut now = s.stream("");
    let hello = now.next().unwrap();
    assert_eq!((hello.event.as_str(), hello.id), ("hello", Some(newest)));
    let mut future = s.stream("after=999999");
    assert_eq!(future.next().unwrap().id, Some(newest));
    let mut silent = s.stream("after=0&output=no");
    let mut old = s.stream(&format!("after=0&run={first}"));
    p.run(&["--once", "--no-git"]).expect(0);
    for stream in [&mut now, &mut future] {
        let told = stream.until_run_ended();
        assert_eq!(covers(&told[0]).0, newest + 1);
        assert!(told.iter().all(|m| m.data["run_id"] != first.as_str()));
        assert!(told.iter().any(|m| m.event == "attempt_output"));
    }
    let quiet = [silent.until_run_ended(), silent.until_run_ended()].concat();
    assert!(quiet.iter().all(|m| m.event != "attempt_output"));
    assert!(quiet.iter().any(|m| m.data["run_id"] != first.as_str()));
    let told = old.until_run_ended();
    assert!(told.iter().all(|m| m.data["run_id"] == first.as_str() || m.data["run_id"].is_null()));
    let expected = p.run(&["events", &first]).expect(0).out;
    let count: i64 = told.iter().map(|m| covers(m).2).sum();
    assert_eq!(count, i64::try_from(expected.lines().count()).unwrap());
}

/// I8: whose turn it is comes by itself, as `status` says it.
#[test]
fn a_state_is_told_when_it_changes() {
    let p = Project::new();
    let s = Served::start(&p);
    let mut stream = s.stream("");
    p.prompt("main", "while ! test -e go; do sleep 0.02; done");
    let run = p.start(&["--once", "--no-git"]);
    let mut until = |role: &str, status: &str| loop {
        let message = stream.next().unwrap();
        if message.event == "state" {
            assert_eq!(message.id, None);
            let data = &message.data;
            if data["expected_actor"] == role && data["status"] == status {
                return;
            }
        }
    };
    until("ralph", "running-ralph");
    p.write("go", "");
    assert!(run.wait_with_output().unwrap().status.success());
    until("galph", "complete");
}

/// A client that stops reading holds nobody; it misses nothing, and none is let go.
#[test]
fn a_client_that_does_not_read_holds_nobody() {
    let p = Project::new();
    p.prompt(
        "supervisor",
        "i=0; while [ $i -lt 3 ]; do i=$((i+1)); head -c 1000000 /dev/zero | tr '\\0' 'x' | fold -w 99; done",
    );
    let s = Served::start(&p);
    let mut lazy = s.stream("after=0");
    let mut keen = s.stream("after=0");
    lazy.next().unwrap();
    let mut run = p.command(&["-q", "--once", "--no-git"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = Vec::new();
    while told.last().is_none_or(|m: &Message| m.event != "run_ended") {
        told.push(keen.event().unwrap());
    }
    assert!(run.wait().unwrap().success());
    assert_whole(&p, &told);
    let mut late = Vec::new();
    while late.last().is_none_or(|m: &Message| m.event != "run_ended") {
        late.push(lazy.event().unwrap());
    }
    assert_whole(&p, &late);
}
