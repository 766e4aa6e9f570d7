//! What a turn of the loop costs, beside the least it could cost: starting the same agent and
//! writing the state durably twice. Run with `cargo bench --bench loop`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use orchestrator::state::file::write_durably;
use tempfile::TempDir;

const ROUNDS: usize = 7;
const ITERATIONS: u32 = 100;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_orchestrator"))
}

fn quiet(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    start.elapsed()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn millis(command: &mut Command) -> f64 {
    quiet(command).as_secs_f64() * 1000.0
}

/// A project whose agent is `true`.
fn project(folder: &Path, git: bool) {
    fs::create_dir_all(folder.join("prompts")).unwrap();
    for name in ["supervisor", "main"] {
        fs::write(folder.join(format!("prompts/{name}.md")), "nothing\n").unwrap();
    }
    fs::write(
        folder.join("orchestration.yaml"),
        "agent: {default: none}\nagents: {none: {command: ['true']}}\n",
    )
    .unwrap();
    if git {
        fs::write(folder.join(".gitignore"), "/logs/\n").unwrap();
        for args in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "x"],
        ] {
            assert!(Command::new("git").arg("-C").arg(folder).args(args).status().unwrap().success());
        }
    }
}

/// A turn of the loop, in milliseconds.
fn looped(kept: &mut Vec<TempDir>, git: bool) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    project(dir.path(), git);
    let mut command = program();
    command.arg("-C").arg(dir.path()).args(["-q", "--sync-loops", &ITERATIONS.to_string()]);
    if !git {
        command.arg("--no-git");
    }
    let took = quiet(&mut command);
    kept.push(dir);
    per_turn(took)
}

/// The least a turn can cost: the agent's process and two durable writes of a state file.
fn least(kept: &mut Vec<TempDir>) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sync/state.json");
    let start = Instant::now();
    for _ in 0..2 * ITERATIONS {
        quiet(&mut Command::new("true"));
        for _ in 0..2 {
            write_durably(&path, &[b'x'; 600]).unwrap();
        }
    }
    let took = start.elapsed();
    kept.push(dir);
    per_turn(took)
}

fn per_turn(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0 / f64::from(2 * ITERATIONS)
}

/// Largest resident set of a loop, KiB, as the kernel saw it.
fn resident() -> u64 {
    let dir = tempfile::tempdir().unwrap();
    project(dir.path(), false);
    let mut child = program()
        .arg("-C")
        .arg(dir.path())
        .args(["-q", "--no-git", "--sync-loops", "200"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut largest = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        largest = largest.max(kib);
    }
    largest
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let version = median((0..50).map(|_| millis(program().arg("--version"))).collect());
    let nothing = median((0..50).map(|_| millis(&mut Command::new("true"))).collect());
    println!(
        "--version            {version:8.2} ms   `true` {nothing:.2} ms   over it {:.2} ms",
        version - nothing
    );
    // In turn, so that what else the machine does falls on all; nothing is removed before the end, as
    // a file system may be slow to make files soon after others were removed.
    let mut kept = Vec::new();
    let (mut floor, mut bare, mut git) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(least(&mut kept));
        bare.push(looped(&mut kept, false));
        git.push(looped(&mut kept, true));
    }
    let (floor, bare, git) = (median(floor), median(bare), median(git));
    println!("turn without git     {bare:8.2} ms   least {floor:.2} ms   ratio {:.2}", bare / floor);
    println!("turn with git        {git:8.2} ms   over the one without {:.2} ms", git - bare);
    println!("resident             {:8.1} MiB", f64::from(u32::try_from(resident()).unwrap_or(0)) / 1024.0);
}
