//! What the ledger costs: events and transitions written, history read, beside the fsync of a plain file. Run with
//! `cargo bench --bench ledger`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestrator::clock::SystemClock;
use orchestrator::event::{Event, Place};
use orchestrator::ledger::{
    Change, Entry, EventFilter, FILE, Ledger, NewRun, Options, Record, RunFilter, RunKind, RunMove, RunState,
    Writer,
};

const EVENTS: u32 = 200_000;
const TRANSITIONS: usize = 300;
const RUNS: u32 = 1000;
const LONG: Duration = Duration::from_secs(60);

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    flood(dir.path());
    transitions(dir.path());
    history(dir.path());
}

fn writer(path: &Path) -> Writer {
    Writer::start(Options { path: path.to_owned(), clock: Arc::new(SystemClock), mask: None }).unwrap()
}

fn line(run: &str, number: u32) -> Record {
    let text =
        format!("{{\"type\":\"message\",\"number\":{number},\"text\":\"{}\"}}\n", "lorem ipsum ".repeat(6));
    Record {
        place: Place::run(run).attempt("a"),
        at: 1,
        event: Event::AttemptOutput { role: "ralph".into(), text },
    }
}

fn per_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

fn flood(folder: &Path) {
    let writer = writer(&folder.join("flood.db"));
    let start = Instant::now();
    for number in 0..EVENTS {
        writer.event(line("r", number));
    }
    let handed = start.elapsed();
    assert!(writer.close(LONG) && writer.problems().is_empty());
    let rate = per_second(EVENTS, start.elapsed());
    println!("output events        {rate:8.0} /s   handed over {:.0} /s", per_second(EVENTS, handed));
    let ledger = Ledger::open(&folder.join("flood.db")).unwrap();
    let (start, mut after, mut read) = (Instant::now(), 0, 0_u32);
    loop {
        let (rows, next) = ledger.events(&EventFilter::default(), after, 500).unwrap();
        if next == after {
            break;
        }
        after = next;
        read += u32::try_from(rows.len()).unwrap();
    }
    assert_eq!(read, EVENTS);
    println!("events read          {:8.0} /s", per_second(EVENTS, start.elapsed()));
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn new_run(id: &str, at: i64) -> Change {
    Change::CreateRun(NewRun {
        run_id: id.into(),
        kind: RunKind::Turns,
        project_id: None,
        workstream_id: None,
        parent_run_id: None,
        metadata: None,
        at,
    })
}

/// Durable transitions and fsyncs of a file that grows as much, in turn.
fn transitions(folder: &Path) {
    let writer = writer(&folder.join("transitions.db"));
    let mut file = File::create(folder.join("plain")).unwrap();
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for number in 0..TRANSITIONS {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        plain.push(start.elapsed());
        let start = Instant::now();
        writer.change(new_run(&format!("r{number}"), 1)).wait(LONG).unwrap().unwrap();
        ours.push(start.elapsed());
    }
    assert!(writer.close(LONG));
    let (ours, plain) = (median(ours), median(plain));
    println!("durable transition   {ours:8.3} ms   fsync {plain:.3} ms   ratio {:.2}", ours / plain);
}

/// The last 50 of 1000 runs with 1000 events each.
fn history(folder: &Path) {
    let private = folder.join("project/.orchestrator");
    std::fs::create_dir_all(&private).unwrap();
    std::fs::write(folder.join("project/orchestration.yaml"), "agent: {default: shell}\n").unwrap();
    let path = private.join(FILE);
    let mut ledger = Ledger::open(&path).unwrap();
    for run in 0..RUNS {
        let id = format!("run-{run:04}");
        let at = i64::from(run);
        let step = |from, to| {
            let event = Event::Notice { text: String::new() };
            Change::MoveRun(RunMove { run_id: id.clone(), from, to, at, exit_code: None, error: None, event })
        };
        let mut entries = vec![
            Entry::Change(Box::new(new_run(&id, at))),
            Entry::Change(Box::new(step(RunState::Pending, RunState::Running))),
        ];
        entries.extend((0..1000).map(|number| Entry::Event(Box::new(line(&id, number)))));
        entries.push(Entry::Change(Box::new(step(RunState::Running, RunState::Succeeded))));
        assert!(ledger.write(&entries).unwrap().is_empty());
    }
    let query = (0..50).map(|_| {
        let start = Instant::now();
        assert_eq!(ledger.runs(RunFilter::default(), 50).unwrap().len(), 50);
        start.elapsed()
    });
    let query = median(query.collect());
    let command = (0..20).map(|_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
        command.arg("-C").arg(folder.join("project")).args(["history", "-n", "50"]).stdout(Stdio::null());
        let start = Instant::now();
        assert!(command.status().unwrap().success());
        start.elapsed()
    });
    let command = median(command.collect());
    println!("history, 50 of 1000  {query:8.3} ms   the whole command {command:.2} ms   (1 000 000 events)");
}
