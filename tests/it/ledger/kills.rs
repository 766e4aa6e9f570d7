//! `kill -9` at any moment: the file is whole, no transition is lost, and the next start closes what is open.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use orchestrator::ledger::{CRASH, Ledger};
use rustix::process::{Pid, Signal, kill_process};

use super::{all_events, count, integrity, open};
use crate::cli::project::Project;
use crate::supervise::{example, times};

/// L5 says 100 ms; a machine that runs other tests too may leave a thread waiting for longer than that.
const LOST_MS: u64 = 100 + 400;

fn kill(child: &Child) {
    let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
}

/// A number from a seed, so that a failing run can be repeated.
fn step(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// L5, with four programs at once: 200 kills at full scale.
#[test]
fn four_writers_are_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let host = example("ledger-host");
    let mut seed = 7;
    for round in 0..times(50) {
        let mut writers: Vec<Child> = (0..4)
            .map(|n| {
                let mut command = Command::new(&host);
                command.arg(&path).arg(format!("w{round}-{n}")).stdin(Stdio::null()).stdout(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for writer in &writers {
            std::thread::sleep(Duration::from_millis(step(&mut seed) % 60));
            kill(writer);
        }
        for writer in &mut writers {
            let mut said = String::new();
            writer.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            writer.wait().unwrap();
            assert_kept(&path, &said);
        }
    }
    assert_eq!(integrity(&path), "ok");
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.close_dead().unwrap();
    let open = "select (select count(*) from runs where state in ('pending', 'running')) +
        (select count(*) from step_attempts where state = 'running')";
    assert_eq!(count(&path, open), 0);
    // Every attempt has the event of its beginning and that of its end, every run that of its creation.
    let bare = "select count(*) from step_attempts a where
        (select count(*) from run_events e where e.attempt_id = a.attempt_id and e.kind = 'attempt_ended') <> 1
        or (select count(*) from run_events e where e.attempt_id = a.attempt_id and e.kind = 'notice') <> 1";
    assert_eq!(count(&path, bare), 0);
    let bare = "select count(*) from runs r where
        (select count(*) from run_events e where e.run_id = r.run_id and e.kind = 'run_created') <> 1";
    assert_eq!(count(&path, bare), 0);
    let crashed = count(&path, &format!("select count(*) from runs where error = '{CRASH}'"));
    assert!(crashed > 0, "no kill hit a run");
}

/// What a killed writer was told is durable is there; of what it only handed over, nothing but the last moment is lost.
fn assert_kept(path: &Path, said: &str) {
    if !path.exists() {
        assert_eq!(said, "", "the file came before the first answer");
        return;
    }
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut last = 0;
    let mut handed = Vec::new();
    // The last line may be half a line.
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    for line in whole.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["acked", id, state] => {
                let sql = "select count(*) from (select run_id as id, state from runs union all
                    select attempt_id, state from step_attempts) where id = ?1 and (state = ?2 or ?2 in
                    ('pending', 'running'))";
                let there: i64 = raw.query_row(sql, [id, state], |row| row.get(0)).unwrap();
                assert_eq!(there, 1, "{line}");
            }
            ["said", id, number, ms] => {
                last = ms.parse::<u64>().unwrap();
                handed.push((id.to_owned(), number.to_owned(), last));
            }
            _ => panic!("{line}"),
        }
    }
    for (id, number, at) in handed.iter().filter(|(.., at)| at + LOST_MS < last) {
        let sql = "select count(*) from run_events where attempt_id = ?1 and kind = 'attempt_output' and
            json_extract(data, '$.text') = ?2";
        let there: i64 = raw.query_row(sql, [id, number], |row| row.get(0)).unwrap();
        assert_eq!(there, 1, "output {number} of {id}, {} ms before the kill", last - at);
    }
}

/// L5 with the loop itself: what is stamped in the state has succeeded in the ledger, whenever the kill came.
#[test]
fn a_killed_loop_has_recorded_its_turns() {
    let p = Project::new();
    let path = p.path(".orchestrator/ledger.db");
    let mut seed = 11;
    for _ in 0..times(100) {
        let mut child = p.start(&["--sync-loops", "50", "--no-git", "-q"]);
        std::thread::sleep(Duration::from_micros(step(&mut seed) % 150_000));
        kill(&child);
        child.wait().unwrap();
        if !path.exists() || !p.path("sync/state.json").exists() {
            continue;
        }
        let state = p.state();
        let done = state["iteration"].as_u64().unwrap();
        let mut stamped: BTreeSet<String> =
            (1..done).flat_map(|i| [format!("{i}/galph"), format!("{i}/ralph")]).collect();
        if state["expected_actor"] == "ralph" {
            stamped.insert(format!("{done}/galph"));
        }
        let recorded: BTreeSet<String> = succeeded(&path);
        let missing: Vec<&String> = stamped.difference(&recorded).collect();
        assert!(missing.is_empty(), "stamped and not recorded: {missing:?}; {state}");
    }
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(integrity(&path), "ok");
    assert_eq!(count(&path, "select count(*) from runs where state in ('pending', 'running')"), 0);
    assert_eq!(count(&path, "select count(*) from step_attempts where state = 'running'"), 0);
    assert!(all_events(&open(&p)).windows(2).all(|pair| pair[0].seq < pair[1].seq));
}

fn succeeded(path: &Path) -> BTreeSet<String> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let Ok(mut select) = raw.prepare("select step_id from step_attempts where state = 'succeeded'") else {
        // Killed before the tables were there.
        return BTreeSet::new();
    };
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
