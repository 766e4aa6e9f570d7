//! What polling, claiming and handing off a turn cost over each transport, beside the same steps done
//! by the git program. Run with `cargo bench --bench sync`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at once")]

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[path = "../tests/it/remote/ground.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod ground;
#[path = "../tests/it/remote/http.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod http;
#[path = "../tests/it/remote/inetd.rs"]
mod inetd;
#[path = "../tests/it/remote/site.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod site;

use ground::{Kind, LEASE, MAIN};
use orchestrator::sync::protocol::Reason;
use site::{Machine, STATE, Site, done};

const POLLS: usize = 50;
const ROUNDS: usize = 9;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Processor time of this process, all threads.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn requests(site: &Site) -> u32 {
    site.ground.http.as_ref().map_or(0, |h| h.asked.load(Ordering::SeqCst))
}

fn poll(site: &Site) {
    let clone = site.ground.clone("poller");
    let mut remote = site.ground.open(&clone);
    remote.list(&[MAIN, LEASE]).unwrap();
    let (asked, used) = (requests(site), processor());
    let times = (0..POLLS).map(|_| {
        let start = Instant::now();
        remote.list(&[MAIN, LEASE]).unwrap();
        millis(start)
    });
    let ours = median(times.collect());
    let cpu =
        processor().saturating_sub(used).as_secs_f64() * 1000.0 / f64::from(u32::try_from(POLLS).unwrap());
    let asked = f64::from(requests(site) - asked) / f64::from(u32::try_from(POLLS).unwrap());
    let url = site.ground.url();
    let git = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        ssh_git(site, site.ground.dir.path(), &["ls-remote", &url, MAIN, LEASE]);
        millis(start)
    });
    let git = median(git.collect());
    println!(
        "  poll      {ours:8.2} ms   git {git:8.2} ms   ratio {:5.2}   processor {cpu:.2} ms   requests {asked}",
        ours / git
    );
}

/// git as the user's shell would run it, with this site's ssh key.
fn ssh_git(site: &Site, folder: &std::path::Path, args: &[&str]) {
    let home = site.ground.home();
    let ssh = home.join(".ssh");
    let mut command = std::process::Command::new("git");
    command.args(args).current_dir(folder).env("HOME", &home).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env(
        "GIT_SSH_COMMAND",
        format!(
            "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -i {} -o UserKnownHostsFile={}",
            ssh.join("id_ed25519").display(),
            ssh.join("known_hosts").display()
        ),
    );
    let out = command.output().unwrap();
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// One turn of ours: from the start to the agent, and from its end to the end of the run.
fn turn(machine: &Machine<'_>) -> (f64, f64) {
    let (driver, repo) = machine.driver();
    let at = Mutex::new((Instant::now(), Instant::now()));
    let start = Instant::now();
    let act = |_: &std::path::Path, _: &_, _: &_| {
        let now = Instant::now();
        *at.lock().unwrap() = (now, now);
        done()
    };
    let ran = machine.run_driver(driver, repo, act);
    assert_eq!(ran.reason(), &Reason::Done);
    let (began, ended) = *at.lock().unwrap();
    ((began - start).as_secs_f64() * 1000.0, millis(ended))
}

/// The steps of a claim, by git.
fn git_claim(site: &Site, top: &std::path::Path, n: usize) -> f64 {
    let start = Instant::now();
    let run = |args: &[&str]| ssh_git(site, top, args);
    run(&["ls-remote", "origin", MAIN, LEASE]);
    run(&["fetch", "-q", "origin", "main"]);
    run(&["merge", "-q", "--ff-only", "FETCH_HEAD"]);
    fs::write(top.join(STATE), format!("{{\"claim\": {n}}}")).unwrap();
    run(&["commit", "-q", "-m", "claim", "--", STATE]);
    run(&["push", "-q", "origin", "main"]);
    run(&["ls-remote", "origin", MAIN, LEASE]);
    millis(start)
}

/// The steps of a stamp, by git.
fn git_stamp(site: &Site, top: &std::path::Path, n: usize) -> f64 {
    let start = Instant::now();
    let run = |args: &[&str]| ssh_git(site, top, args);
    fs::write(top.join(STATE), format!("{{\"stamp\": {n}}}")).unwrap();
    run(&["commit", "-q", "-m", "stamp", "--", STATE]);
    run(&["push", "-q", "origin", "main"]);
    run(&["ls-remote", "origin", MAIN, LEASE]);
    millis(start)
}

fn turns(kind: Kind, files: u32) {
    let site = Site::with_files(kind, files).unwrap();
    let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "ralph"));
    turn(&ann);
    let (mut claims, mut hand_offs, mut stamped) = (Vec::new(), Vec::new(), 0.0);
    let before = requests(&site);
    for n in 0..ROUNDS {
        let (claim, stamp) = turn(if n % 2 == 0 { &bob } else { &ann });
        claims.push(claim);
        if n > 0 {
            hand_offs.push(stamped + claim);
        }
        stamped = stamp;
    }
    let asked = f64::from(requests(&site) - before) / f64::from(u32::try_from(ROUNDS).unwrap());
    let (claim, hand_off) = (median(claims), median(hand_offs));
    let (mut claims, mut hand_offs) = (Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        let (one, other) = if n % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        ssh_git(&site, &one.top, &["pull", "-q", "--ff-only", "origin", "main"]);
        let stamp = git_stamp(&site, &one.top, n);
        let claim = git_claim(&site, &other.top, n);
        claims.push(claim);
        hand_offs.push(stamp + claim);
    }
    let (git_claim, git_hand_off) = (median(claims), median(hand_offs));
    println!("  {files} files");
    println!("    claim    {claim:8.2} ms   git {git_claim:8.2} ms   ratio {:5.2}", claim / git_claim);
    println!(
        "    hand-off {hand_off:8.2} ms   git {git_hand_off:8.2} ms   ratio {:5.2}",
        hand_off / git_hand_off
    );
    if kind == Kind::Http {
        println!("    requests of one whole turn (claim, lease, stamp): {asked:.1}");
    }
}

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    for kind in [Kind::Path, Kind::Http, Kind::Daemon, Kind::Ssh] {
        if wanted.as_ref().is_some_and(|w| !format!("{kind:?}").eq_ignore_ascii_case(w)) {
            continue;
        }
        let Some(site) = Site::new(kind) else { continue };
        println!("{kind:?}");
        poll(&site);
        turns(kind, 100);
        turns(kind, 20_000);
    }
}
