//! A holder that is stopped past its lease loses its turn, and none of its work (git-sync.md G10, G11e, G13).

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::observer::observe;
use super::stage::{Stage, await_that};
use crate::remote::ground::Kind;

pub const SHORT: &str = "poll_interval: 0.1, lease_secs: 3, margin_secs: 1, retry_secs: 60";

/// `finishes`: the agent works on and ends while its program is stopped.
fn fenced(kind: Kind, finishes: bool) {
    let stage = Stage::new(kind, SHORT).unwrap();
    for clone in ["galph", "old", "new"] {
        stage.clone(clone);
    }
    let pid = stage.book().join("old.pid");
    stage.agent("old", &format!("echo $$ > {}; echo mine > loose.txt; {}", pid.display(), stage.until("go")));
    stage.role("galph", "galph", &["--once"]).expect(0);
    let mut old = stage.role("old", "ralph", &["--once"]);
    await_that("the old one's work", || stage.top("old").join("loose.txt").exists(), || old.said());
    let turn = stage.state()["turn"]["id"].as_str().unwrap().to_owned();
    old.signal(Signal::STOP);
    if finishes {
        stage.mark("go");
        await_that("the agent's end", || stage.count("end", "old") == 1, String::new);
    }
    let mut new = stage.role("new", "ralph", &["--once"]);
    new.expect(0);
    let tip = stage.bare(&["rev-parse", "main"]);
    old.signal(Signal::CONT);
    old.expect(5);
    let name = format!("orchestrator/rescue/{turn}");
    assert!(old.said().contains(&name), "{}", old.said());
    let agent = fs::read_to_string(&pid).unwrap().trim().to_owned();
    let state = fs::read_to_string(format!("/proc/{agent}/stat")).unwrap_or_default();
    assert!(
        !Path::new("/proc").exists() || state.is_empty() || state.contains(") Z"),
        "the agent lives: {state}"
    );
    assert_eq!(stage.bare(&["rev-parse", "main"]), tip, "the branch is untouched");
    assert_eq!(stage.git(&stage.top("old"), &["rev-parse", "HEAD"]), tip);
    let own = stage.entries().into_iter().find(|e| e.what == "commit" && e.clone == "old").unwrap();
    let saved = stage.bare(&["log", "--format=%s", &format!("main..refs/heads/{name}")]);
    assert!(saved.contains(&format!("Work ralph 1 {}", own.nonce)), "{saved}");
    let local = format!("refs/orchestrator/rescue/{turn}:loose.txt");
    assert_eq!(stage.git(&stage.top("old"), &["show", &local]), "mine");
    let before = observe(&stage);
    assert_eq!((before.done.len(), before.claims, before.rescued.len()), (2, 3, 1));

    fs::remove_file(stage.book().join("old.sh")).unwrap();
    stage.role("galph", "galph", &["--once"]).expect(0);
    stage.role("old", "ralph", &["--once"]).expect(0);
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.fails), (4, 0));
    assert_eq!(stage.git(&stage.top("old"), &["status", "--porcelain"]), "");
}

#[test]
fn a_stopped_holder_ends_its_agent() {
    fenced(Kind::Path, false);
}

#[test]
fn a_result_that_comes_too_late_is_fenced_off() {
    fenced(Kind::Http, true);
}
