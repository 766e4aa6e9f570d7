//! What many small tasks cost: 1000 of `true` beside `xargs`, memory of a long queue, the rest of silent ones. Run with
//! `cargo bench --bench batch`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const ROUNDS: usize = 5;
const TASKS: usize = 1000;
const QUEUED: usize = 10_000;
const SILENT: usize = 200;
const WATCHED: Duration = Duration::from_secs(20);

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small(dir.path());
    queued(dir.path());
    silent(dir.path());
}

fn tasks(folder: &Path, name: &str, line: &str, count: usize) {
    fs::write(folder.join(name), format!("{line}\n").repeat(count)).unwrap();
}

fn batch(folder: &Path, limit: &str, tasks: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
    command.arg("-C").arg(folder).args(["batch", "--exec", "--max-concurrent", limit]);
    command.arg(folder.join(tasks));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn seconds(command: &mut Command) -> f64 {
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// In turn, so that what else the machine does falls on both.
fn small(folder: &Path) {
    tasks(folder, "small", "true", TASKS);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(seconds(&mut batch(folder, "4", "small")));
        let mut xargs = Command::new("xargs");
        xargs.args(["-P4", "-I{}", "sh", "-c", "{}"]).stdin(fs::File::open(folder.join("small")).unwrap());
        theirs.push(seconds(&mut xargs));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{TASKS} x true, 4 at once   {ours:8.3} s   `xargs -P4` {theirs:.3} s   ratio {:.2}",
        ours / theirs
    );
}

fn interrupted(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    child.wait().unwrap();
}

fn begun(folder: &Path, count: usize) {
    while fs::read_dir(folder.join("up")).unwrap().count() < count {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn wait_for_up(folder: &Path, count: usize) {
    let _ = fs::remove_dir_all(folder.join("up"));
    fs::create_dir(folder.join("up")).unwrap();
    tasks(folder, "waiting", "touch up/$ORCHESTRATOR_TASK; exec sleep 600", count);
}

fn queued(folder: &Path) {
    wait_for_up(folder, QUEUED);
    let child = batch(folder, "2", "waiting").spawn().unwrap();
    begun(folder, 2);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    println!("{QUEUED} queued tasks, largest resident set   {}", line.trim());
    interrupted(child);
}

fn silent(folder: &Path) {
    wait_for_up(folder, SILENT);
    let child = batch(folder, &SILENT.to_string(), "waiting").spawn().unwrap();
    begun(folder, SILENT);
    let before = cpu(child.id());
    std::thread::sleep(WATCHED);
    let used = cpu(child.id()) - before;
    println!("{SILENT} silent tasks   {:.2} % of a CPU", 100.0 * used / WATCHED.as_secs_f64());
    interrupted(child);
}

/// Processor time of a process, in seconds.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}
