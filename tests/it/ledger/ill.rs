//! A file that is damaged, newer, full or no file at all: said once, and the loop goes on.

use std::io::{Seek, SeekFrom, Write};
use std::process::Command;

use super::{integrity, open};
use crate::cli::project::Project;

fn warnings(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("warning: ")).collect()
}

#[test]
fn a_damaged_file_does_not_stop_the_loop() {
    let p = Project::new();
    p.run(&["--sync-loops", "3", "--no-git"]).expect(0);
    let path = p.path(".orchestrator/ledger.db");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // The header stays: what is behind it is turned upside down.
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&vec![0xff; 40_000]).unwrap();
    drop(file);
    let told = p.run(&["history"]).expect(2);
    assert!(
        told.err.contains("error: read the ledger\n") && told.err.contains("hint: the next run"),
        "{}",
        told.err
    );
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    let said = warnings(&ran.err);
    assert!(said.len() == 1 && said[0].contains("is damaged"), "{}", ran.err);
    assert_eq!(p.brief(), "5 galph complete");
    assert_eq!(p.run(&["history"]).expect(0).out.lines().count(), 1);
    assert_eq!(integrity(&path), "ok");
    assert_eq!(p.run(&["--once", "--no-git"]).expect(0).err, "");
}

#[test]
fn a_newer_file_does_not_stop_the_loop() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let raw = rusqlite::Connection::open(p.path(".orchestrator/ledger.db")).unwrap();
    raw.pragma_update(None, "user_version", 77).unwrap();
    drop(raw);
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(warnings(&ran.err)[0].contains("newer program (version 77"), "{}", ran.err);
    let told = p.run(&["show", "last"]).expect(2);
    assert!(told.err.contains("hint: use the newer orchestrator"), "{}", told.err);
}

#[test]
fn something_else_in_its_place_does_not_stop_the_loop() {
    let p = Project::new();
    std::fs::create_dir_all(p.path(".orchestrator/ledger.db")).unwrap();
    let ran = p.run(&["--sync-loops", "2", "--no-git"]).expect(0);
    assert_eq!(warnings(&ran.err).len(), 1, "{}", ran.err);
    assert!(ran.err.contains("cannot be written"), "{}", ran.err);
    assert_eq!(p.brief(), "3 galph complete");
}

/// A full disk, made with a file system of its own for the ledger; skipped where that is not allowed.
#[test]
fn a_full_disk_does_not_stop_the_loop() {
    let may = Command::new("unshare").args(["-rm", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `unshare -rm` is not allowed here, so no small file system can be made");
        return;
    }
    let p = Project::new();
    std::fs::create_dir_all(p.path(".orchestrator")).unwrap();
    std::fs::create_dir_all(p.path("small")).unwrap();
    std::os::unix::fs::symlink(p.path("small/ledger.db"), p.path(".orchestrator/ledger.db")).unwrap();
    for name in ["supervisor", "main"] {
        p.prompt(name, &format!("echo {name} >> sequence; head -c 60000 /dev/zero | tr '\\0' x"));
    }
    let program = env!("CARGO_BIN_EXE_orchestrator");
    let script = format!(
        "mount -t tmpfs -o size=300k tmpfs small && : > small/ledger.db && '{program}' --sync-loops 4 --no-git -q"
    );
    let output = p.sandboxed("unshare", &["-rm", "sh", "-c", &script]).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert!(warnings(&err).iter().any(|line| line.contains("cannot be written")), "{err}");
    assert_eq!(p.brief(), "5 galph complete");
    assert_eq!(p.sequence().len(), 8);
}

/// Secrets of the environment are in no row.
#[test]
fn secrets_are_covered() {
    let mut p = Project::new();
    p.set("SERVICE_TOKEN", "hunter2hunter2");
    p.prompt("supervisor", "echo the token is $SERVICE_TOKEN; echo $SERVICE_TOKEN >&2; exit 3");
    p.run(&["--once", "--no-git"]).expect(3);
    let text = p.run(&["export", "last"]).expect(0).out;
    assert!(text.contains("the token is") && !text.contains("hunter2"), "{text}");
    assert_eq!(open(&p).attempts(&last(&p), 0, 9).unwrap().len(), 1);
}

fn last(p: &Project) -> String {
    let value = super::json(&p.run(&["show", "last", "--format", "json"]).expect(0).out);
    value["run"]["run_id"].as_str().unwrap().to_owned()
}
