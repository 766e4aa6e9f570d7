//! What a step costs, beside programs that a person would take instead, and what scheduling alone costs. Run with
//! `cargo bench --bench workstream`; `ORCHESTRATOR_TEST_PROGRAM` names another build of the program.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use orchestrator::ledger::StepState;
use orchestrator::workstreams::graph::Graph;
use orchestrator::workstreams::schedule::{End, Item, OnFailure, Schedule};

const STEPS: usize = 1000;
const ROUNDS: usize = 3;

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    for count in [1_000, 10_000, 100_000] {
        println!("scheduling {count:>6} random steps  {:.1} ms", millis(schedule(count)));
    }
    for chain in [true, false] {
        println!("{STEPS} steps of `true`, {}", if chain { "a chain" } else { "four at once" });
        peers(chain);
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Graph, ranks and every start and end; up to three dependencies each, eight at once.
fn schedule(count: usize) -> Duration {
    let mut seed = 9u64;
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut lists: Vec<Vec<usize>> = Vec::with_capacity(count);
    for step in 0..count {
        let mut own: Vec<usize> =
            if step == 0 { Vec::new() } else { (0..draw(4)).map(|_| draw(step)).collect() };
        own.sort_unstable();
        own.dedup();
        lists.push(own);
    }
    let began = Instant::now();
    let graph = Graph::new(&lists).unwrap();
    let items = vec![Item { lane: 0, on_failure: OnFailure::Abort }; count];
    let rank = graph.ranks(|_| 1);
    let mut schedule = Schedule::new(&graph, items, vec![None], rank, 8, vec![StepState::Pending; count]);
    schedule.begin().unwrap();
    let mut running = VecDeque::new();
    loop {
        while let Some((step, _)) = schedule.next(&mut |_| true).unwrap() {
            running.push_back(step);
        }
        let Some(step) = running.pop_front() else { break };
        schedule.ended(step, End::Succeeded).unwrap();
    }
    assert!(schedule.is_over());
    began.elapsed()
}

/// The same steps by each program that is installed, in turn, best of a few.
fn peers(chain: bool) {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), chain);
    let named = std::env::var("ORCHESTRATOR_TEST_PROGRAM").ok();
    let own = named.as_deref().unwrap_or(env!("CARGO_BIN_EXE_orchestrator"));
    let jobs = if chain { "1" } else { "4" };
    let mut rows: Vec<(&str, Vec<&str>)> = vec![
        ("orchestrator", vec![own, "workstream", "run", "ws.yaml", "-q"]),
        ("make", vec!["make", "-s", "-j4", "all"]),
        ("ninja", vec!["ninja", "--quiet", "-j4"]),
        ("just", vec!["just", "--quiet", "all"]),
    ];
    // It has no graph: a chain is one job after the other.
    let parallel = format!("seq {STEPS} | parallel -j{jobs} true");
    rows.push(("GNU parallel", vec!["sh", "-c", &parallel]));
    let pueue = pueue(chain);
    rows.push(("pueue", vec!["sh", "-c", &pueue]));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let mut base = None;
    for (name, argv) in rows {
        let program = match name {
            "GNU parallel" => "parallel",
            "pueue" => "pueued",
            _ => argv[0],
        };
        if !program.contains('/') && !there(program) {
            println!("  {name:14} skipped: `{program}` is not on PATH");
            continue;
        }
        let best = (0..ROUNDS).filter_map(|_| once(dir.path(), &argv)).min();
        match best {
            None => println!("  {name:14} failed"),
            Some(time) => {
                let base = *base.get_or_insert(time);
                let each = millis(time) / f64::from(u32::try_from(STEPS).unwrap());
                let ratio = base.as_secs_f64() / time.as_secs_f64();
                println!("  {name:14} {each:.2} ms a step; orchestrator needs {ratio:.2} of it");
            }
        }
    }
}

/// A daemon of its own, a thousand tasks, and the wait for all of them.
fn pueue(chain: bool) -> String {
    let add = if chain {
        "last=$(pueue -c p.yml add -p true); for n in $(seq 2 STEPS); do last=$(pueue -c p.yml add -p -a $last true); done"
    } else {
        "for n in $(seq STEPS); do pueue -c p.yml add true; done"
    };
    let add = add.replace("STEPS", &STEPS.to_string());
    let jobs = if chain { 1 } else { 4 };
    format!(
        "set -e; mkdir -p p; echo \"shared: {{pueue_directory: $PWD/p, runtime_directory: $PWD/p}}\" > p.yml; \
         pueued -c p.yml -d; until pueue -c p.yml status > p.out 2>&1; do sleep 0.01; done; \
         pueue -c p.yml parallel {jobs}; {add}; pueue -c p.yml wait; pueue -c p.yml shutdown; rm -rf p"
    )
}

fn once(folder: &Path, argv: &[&str]) -> Option<Duration> {
    let began = Instant::now();
    let status = Command::new(argv[0])
        .args(&argv[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let took = began.elapsed();
    status.success().then_some(took)
}

fn files(folder: &Path, chain: bool) {
    let mut ws = String::from("id: bench\nmax_parallel: 4\nsteps:\n");
    let (mut make, mut ninja, mut just) =
        (String::new(), String::from("rule t\n  command = true\n"), String::new());
    let all: Vec<String> = (0..STEPS).map(|n| format!("s{n}")).collect();
    for (n, name) in all.iter().enumerate() {
        let before = n.checked_sub(1).filter(|_| chain).map(|m| format!("s{m}"));
        let depends = before.as_ref().map_or_else(String::new, |b| format!(", depends_on: [{b}]"));
        writeln!(ws, "  - {{id: {name}, run: ['true']{depends}}}").unwrap();
        let before = before.unwrap_or_default();
        writeln!(make, "{name}: {before}\n\t@true").unwrap();
        writeln!(ninja, "build {name}: t {before}").unwrap();
        writeln!(just, "{name}: {before}\n  @true").unwrap();
    }
    let all = all.join(" ");
    fs::write(folder.join("ws.yaml"), ws).unwrap();
    fs::write(folder.join("Makefile"), format!(".PHONY: all {all}\nall: {all}\n{make}")).unwrap();
    fs::write(folder.join("build.ninja"), ninja).unwrap();
    fs::write(folder.join("justfile"), format!("all: {all}\n{just}")).unwrap();
}
