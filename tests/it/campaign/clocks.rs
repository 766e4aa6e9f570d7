//! Wall clocks of real processes that jump by hours in the middle of their work, and machines whose clocks are days
//! apart: limits, waits and leases are counted on clocks that do not jump. `tests/campaign/clock.c` moves them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::Signal;

use super::engines::{Engine, Kind};
use crate::role::{Ground, wait_until};
use crate::supervise::times;

const DAY: &str = "86400";

/// The library that moves a clock, compiled once; the same compiler built the program's own C.
fn shim() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (fresh, path) = (place.join(format!("clock-{}.so", std::process::id())), place.join("clock.so"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campaign/clock.c");
        let cc = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&fresh).arg(source).output();
        let cc = cc.unwrap();
        assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
        // Whole, or not there.
        fs::rename(fresh, &path).unwrap();
        path.to_string_lossy().into_owned()
    })
}

/// Each piece of work moves the clock, forward and back, by hours and days.
const JUMP: &str = r#"
case $(($(wc -l < "$EFFECTS") % 4)) in 0) s=7200;; 1) s=-7200;; 2) s=100000;; *) s=-100000;; esac
echo $s > "$CLOCK_SHIFT.$$" && mv "$CLOCK_SHIFT.$$" "$CLOCK_SHIFT"
"#;

/// A failed attempt is tried again after a moment, not after hours.
const FAIL: &str = "case $PIECE in step-4) test -e failed || { : > failed; exit 1; };; esac";

fn campaign(kind: Kind) {
    let runs = times(20).max(1);
    for _ in 0..runs.div_ceil(2) {
        let mut engine = Engine::new(kind, JUMP);
        engine.project.write("before.sh", FAIL);
        let shift = engine.project.path("../shift").to_string_lossy().into_owned();
        engine.project.set("CLOCK_SHIFT", &shift);
        engine.project.set("LD_PRELOAD", shim());
        let ran = engine.end(engine.project.start(engine.first()));
        ran.expect(0);
        engine.check();
        // It did jump.
        let raw = rusqlite::Connection::open(engine.ledger()).unwrap();
        let sql = "select max(started_at) - min(started_at) from step_attempts";
        let apart: i64 = raw.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(apart > 3_600_000, "{kind:?}: {apart} ms");
        // What shows it has ends before beginnings to show.
        for args in
            [&["history"][..], &["show", "last"], &["report", "last"], &["logs"], &["status"], &["doctor"]]
        {
            let ran = engine.project.run(args);
            assert!(
                (0..=7).contains(&ran.code) && !ran.err.contains("panicked"),
                "{kind:?} {args:?}: {ran:?}"
            );
        }
    }
    println!("{kind:?}: {} runs with a jump in every piece of work", runs.div_ceil(2));
}

#[test]
fn a_loop() {
    campaign(Kind::Loop);
}

#[test]
fn a_oneshot() {
    campaign(Kind::Oneshot);
}

#[test]
fn a_batch() {
    campaign(Kind::Batch);
}

#[test]
fn a_workstream() {
    campaign(Kind::Workstream);
}

/// The file that moves one machine's clock.
fn clock(ground: &Ground, machine: &str) -> PathBuf {
    ground.path(&format!("{machine}.clock"))
}

fn vars(ground: &Ground, machine: &str) -> [(String, String); 2] {
    let shift = clock(ground, machine).to_string_lossy().into_owned();
    [("LD_PRELOAD".into(), shim().into()), ("CLOCK_SHIFT".into(), shift)]
}

/// G1: clocks a day apart that jump in every turn; every turn once, nothing taken over.
#[test]
fn machines_days_apart() {
    let rounds = times(30);
    let jump = |a: &str, b: &str| {
        format!(
            "case $((ORCHESTRATOR_ITERATION % 2)) in 0) s={a};; *) s={b};; esac\n\
             echo $s > \"$CLOCK_SHIFT.new\" && mv \"$CLOCK_SHIFT.new\" \"$CLOCK_SHIFT\""
        )
    };
    let ground = Ground::new("", &jump(DAY, "3600"), &jump("-86400", "-3600"));
    let loops = rounds.to_string();
    let sides = ["galph", "ralph"].map(|role| {
        fs::write(clock(&ground, role), if role == "galph" { DAY } else { "-86400" }).unwrap();
        ground.start_with(role, role, &["--sync-loops", &loops], &vars(&ground, role))
    });
    for side in sides {
        side.end().expect(0);
    }
    let subjects = ground.subjects();
    let count = |what: &str| subjects.iter().filter(|s| s.contains(what)).count();
    assert_eq!((count("status=ok"), count("status=running")), (2 * rounds, 2 * rounds), "{subjects:?}");
    // It did jump.
    let times = ground.git("bare", &["log", "--first-parent", "--format=%ct", "work"]);
    let times: Vec<i64> = times.lines().map(|t| t.parse().unwrap()).collect();
    let apart = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert!(apart > 86_400, "{apart}");
    println!("{} turns of two machines whose clocks were a day apart and jumped in every turn", 2 * rounds);
}

/// G13: a standby whose clock is a day ahead sees a lease that ended long ago by that clock, and takes nothing from a
/// holder that lives.
#[test]
fn a_clock_ahead_takes_nothing_from_the_living() {
    let turn =
        "touch ../begun; while [ ! -e ../go ]; do sleep 0.02; done; echo $ORCHESTRATOR_ITERATION >> ../turns";
    let config =
        "sync: {poll_interval: 0.05, lease_secs: 40, margin_secs: 1, retry_secs: 60, heartbeat_secs: 0.2}\n";
    let ground = Ground::new(config, turn, "true");
    ground.clone("standby");
    let first = ground.start("galph", "galph", &["--once"]);
    wait_until("the first machine's turn", || ground.path("begun").exists());
    fs::write(clock(&ground, "standby"), DAY).unwrap();
    let standby = ground.start_with("standby", "galph", &["--once"], &vars(&ground, "standby"));
    let waits = || standby.printed().matches("another machine runs this role's turn").count();
    wait_until("three lines of the standby", || waits() >= 3);
    ground.write("go", "");
    first.end().expect(0);
    ground.turn("ralph", &["--once"]).expect(0);
    standby.end().expect(0);
    assert_eq!(ground.read("turns"), "1\n2\n");
    assert!(!ground.subjects().iter().any(|s| s.contains("fail") || s.contains("released")));
}

/// G13, G11: a standby whose clock is a day behind does not wait a day for a holder whose clock is a day ahead, and that
/// holder is fenced when it comes back.
#[test]
fn a_clock_behind_waits_no_longer() {
    let turn =
        "if [ -e ../first ]; then echo standby >> ../turns; exit 0; fi; touch ../first ../begun; sleep 60";
    let config =
        "sync: {poll_interval: 0.05, lease_secs: 3, margin_secs: 1, retry_secs: 60, heartbeat_secs: 0.2}\n";
    let ground = Ground::new(config, turn, "true");
    ground.clone("standby");
    fs::write(clock(&ground, "galph"), DAY).unwrap();
    fs::write(clock(&ground, "standby"), "-86400").unwrap();
    let first = ground.start_with("galph", "galph", &[], &vars(&ground, "galph"));
    wait_until("the first machine's turn", || ground.path("begun").exists());
    first.signal(Signal::STOP);
    let standby = ground.start_with("standby", "galph", &["--once"], &vars(&ground, "standby"));
    standby.end().expect(0).says("taken over from host ");
    first.signal(Signal::CONT);
    first.end().expect(5).says("the turn is lost");
    assert_eq!(ground.read("turns"), "standby\n");
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
}
