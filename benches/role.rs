//! What taking turns costs two real loops: a full cycle, their memory, and their rest between polls. Run with
//! `cargo bench --bench role`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const ROLES: [&str; 2] = ["galph", "ralph"];
const ROUNDS: usize = 5;
const CYCLES: u32 = 100;
/// So many before the measured ones: start and end of the programs fall out of the difference.
const FEW: u32 = 20;
const REST: Duration = Duration::from_secs(60);

fn hermetic(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn git(folder: &Path, args: &[&str]) {
    assert!(hermetic("git", folder).args(args).status().unwrap().success(), "{args:?}");
}

/// A bare remote and a clone for each role; agents that do nothing.
fn stage(poll: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--bare", "-b", "work", "bare"]);
    git(dir.path(), &["init", "-q", "-b", "work", "galph"]);
    let top = dir.path().join("galph");
    fs::create_dir(top.join("prompts")).unwrap();
    for name in ["supervisor", "main"] {
        fs::write(top.join(format!("prompts/{name}.md")), "nothing\n").unwrap();
    }
    fs::write(top.join(".gitignore"), "/logs/\n/tmp/\n").unwrap();
    let config = "agent: {default: none}\nagents: {none: {command: ['true']}}\n";
    fs::write(top.join("orchestration.yaml"), format!("{config}sync: {{poll_interval: {poll}}}\n")).unwrap();
    git(&top, &["add", "-A"]);
    git(&top, &["commit", "-q", "-m", "x"]);
    git(&top, &["remote", "add", "origin", "../bare"]);
    git(&top, &["push", "-q", "-u", "origin", "work"]);
    git(dir.path(), &["clone", "-q", "bare", "ralph"]);
    dir
}

fn start(dir: &TempDir, role: &str, loops: u32) -> Child {
    let mut command = hermetic(env!("CARGO_BIN_EXE_orchestrator"), &dir.path().join(role));
    command.args(["-q", "--mode", "role", "--role", role, "--sync-loops", &loops.to_string()]);
    command.spawn().unwrap()
}

/// A line of `/proc/PID/status` in MiB.
fn memory(child: &Child, line: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let found = text.lines().find_map(|l| l.strip_prefix(line));
    found.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Both loops for so many cycles: how long, and the largest resident set of each.
fn both(dir: &TempDir, loops: u32) -> (f64, [f64; 2]) {
    let begun = Instant::now();
    let mut sides = ROLES.map(|role| start(dir, role, loops));
    let mut largest = [0.0_f64; 2];
    while sides.iter_mut().any(|s| s.try_wait().unwrap().is_none()) {
        for (most, side) in largest.iter_mut().zip(&sides) {
            *most = most.max(memory(side, "VmHWM:"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    assert!(sides.iter_mut().all(|s| s.wait().unwrap().success()));
    (took, largest)
}

/// The same steps by the `git` program, one after the other: nobody polls.
fn by_git(dir: &TempDir, n: u32) -> f64 {
    let begun = Instant::now();
    for role in ROLES {
        let top = dir.path().join(role);
        git(&top, &["ls-remote", "origin", "work"]);
        git(&top, &["fetch", "-q", "origin", "work"]);
        git(&top, &["merge", "-q", "--ff-only", "FETCH_HEAD"]);
        for step in ["claim", "stamp"] {
            fs::write(top.join("state"), format!("{step} {role} {n}")).unwrap();
            git(&top, &["add", "state"]);
            git(&top, &["commit", "-q", "-m", step]);
            git(&top, &["push", "-q", "origin", "work"]);
        }
    }
    begun.elapsed().as_secs_f64() * 1000.0
}

/// Processor time in seconds, of all threads.
fn processor(child: &Child) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}

/// A loop that waits for the other role, polling every 5 s.
fn waits(dir: &TempDir, role: &str) {
    let mut child = start(dir, role, 0);
    thread::sleep(Duration::from_secs(2));
    let before = processor(&child);
    thread::sleep(REST);
    let used = processor(&child) - before;
    let share = 100.0 * used / REST.as_secs_f64();
    println!("{role} waits        {share:8.2} % of one CPU   resident {:.1} MiB", memory(&child, "VmRSS:"));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let (mut ours, mut gits, mut largest) = (Vec::new(), Vec::new(), [0.0_f64; 2]);
    let mut kept = Vec::new();
    for _ in 0..ROUNDS {
        let dir = stage("0.01");
        let (few, _) = both(&dir, FEW);
        let (many, resident) = both(&dir, FEW + CYCLES);
        ours.push((many - few) / f64::from(CYCLES));
        for (most, one) in largest.iter_mut().zip(resident) {
            *most = most.max(one);
        }
        gits.push(median((0..9).map(|n| by_git(&dir, n)).collect()));
        kept.push(dir);
    }
    println!("cycles: {ours:.1?}, by git {gits:.1?}");
    let (ours, gits) = (median(ours), median(gits));
    println!("cycle, 10 ms poll {ours:8.2} ms   git {gits:.2} ms   ratio {:.2}", ours / gits);
    println!("resident, largest galph {:.1} MiB   ralph {:.1} MiB", largest[0], largest[1]);
    let dir = stage("5");
    let first = start(&dir, "galph", 1).wait().unwrap();
    assert!(first.success());
    waits(&dir, "galph");
    assert!(start(&dir, "ralph", 1).wait().unwrap().success());
    waits(&dir, "ralph");
}
