//! What open pages cost the run that they show: a run that prints 10 000 lines a second, alone and beside a server with
//! 50 clients, and the memory of the server. Run with `cargo bench --bench serve`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CLIENTS: usize = 50;
/// Of them, so many that never read.
const LAZY: usize = 5;
const ROUNDS: usize = 5;
/// 100 lines of 100 bytes and a pause of 10 ms, so often.
const BURSTS: usize = 1000;

fn hermetic(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Another build of the program can be measured, too.
fn program() -> PathBuf {
    let given = std::env::var_os("ORCHESTRATOR_TEST_PROGRAM");
    given.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_orchestrator")), PathBuf::from)
}

/// The fake agent lies where cargo puts examples: beside the folder of this program.
fn fake_agent() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples/fake-agent");
    assert!(path.exists(), "build it first: cargo build --example fake-agent (with this bench's profile)");
    path
}

fn stage() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("prompts")).unwrap();
    for name in ["supervisor", "main"] {
        fs::write(dir.path().join(format!("prompts/{name}.md")), "nothing\n").unwrap();
    }
    let script = format!("repeat {BURSTS} {{ spam 10000 stdout 100; sleep 10 }}");
    let config = format!(
        "agent: {{default: printer}}\nworkflow: {{steps: [{{role: galph, prompt: supervisor.md}}]}}\n\
         agents: {{printer: {{command: ['{}', '{script}']}}}}\n",
        fake_agent().display()
    );
    fs::write(dir.path().join("orchestration.yaml"), config).unwrap();
    dir
}

/// How long the run took, in seconds, and its own processor time with its agent.
fn run(dir: &Path) -> (f64, f64) {
    let before = children();
    let begun = Instant::now();
    assert!(hermetic(&program(), dir).args(["-q", "--once", "--no-git"]).status().unwrap().success());
    (begun.elapsed().as_secs_f64(), children() - before)
}

/// Processor time of ended children that were waited for.
fn children() -> f64 {
    processor("self", 13)
}

fn processor(process: &str, first: usize) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[first].parse::<f64>().unwrap() + fields[first + 1].parse::<f64>().unwrap();
    ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}

/// A line of `/proc/PID/status` in MiB.
fn memory(child: &Child, line: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let found = text.lines().find_map(|l| l.strip_prefix(line));
    found.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

struct Served {
    child: Child,
    host: String,
    token: String,
}

fn serve(dir: &Path) -> Served {
    let mut command = hermetic(&program(), dir);
    let mut child = command.args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let (address, token) = line.trim().split_once("/?token=").unwrap();
    let host = address.trim_start_matches("http://").to_owned();
    Served { child, host, token: token.to_owned() }
}

/// Reads the stream to its end, and counts bytes; how often a page would have had to come back is 1 less than `opened`.
fn client(host: &str, token: &str, bytes: &AtomicU64, opened: &AtomicU64) {
    let mut stream = connect(host, token);
    let mut buffer = vec![0; 64 * 1024];
    opened.fetch_add(1, Ordering::Relaxed);
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            return;
        }
        bytes.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn connect(host: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET /api/v1/stream?after=0&token={token} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let (mut alone, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut alone_cpu, mut beside_cpu) = (Vec::new(), Vec::new());
    let (mut memories, mut shares) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let dir = stage();
        let (without, cpu) = run(dir.path());
        alone.push(without);
        alone_cpu.push(cpu);
        drop(dir);
        let dir = stage();
        let mut served = serve(dir.path());
        let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let lazy: Vec<TcpStream> = (0..LAZY).map(|_| connect(&served.host, &served.token)).collect();
        let readers: Vec<_> = (LAZY..CLIENTS)
            .map(|_| {
                let (host, token) = (served.host.clone(), served.token.clone());
                let counts = Arc::clone(&counts);
                thread::spawn(move || client(&host, &token, &counts.0, &counts.1))
            })
            .collect();
        let (with, cpu) = run(dir.path());
        beside.push(with);
        beside_cpu.push(cpu);
        ratios.push(with / without);
        // What is on its way arrives.
        thread::sleep(Duration::from_secs(2));
        let used = processor(&served.child.id().to_string(), 11);
        memories.push(memory(&served.child, "VmHWM:"));
        shares.push(100.0 * used / with);
        served.child.kill().unwrap();
        served.child.wait().unwrap();
        drop(lazy);
        for reader in readers {
            reader.join().unwrap();
        }
        let mib = counts.0.load(Ordering::Relaxed) >> 20;
        println!(
            "round {round}: alone {without:.2} s, beside {with:.2} s ({:+.1} %); {mib} MiB to {} clients; \
             server {:.1} MiB, {used:.1} s of processor time",
            100.0 * (with / without - 1.0),
            counts.1.load(Ordering::Relaxed),
            memories[round],
        );
    }
    println!("run alone             {:8.2} s   processor {:.2} s", median(alone), median(alone_cpu));
    println!("run beside {CLIENTS} clients {:8.2} s   processor {:.2} s", median(beside), median(beside_cpu));
    println!("slower by             {:8.1} %   (median of {ROUNDS} pairs)", 100.0 * (median(ratios) - 1.0));
    println!("server, largest       {:8.1} MiB   {:.0} % of one CPU", median(memories), median(shares));
}
