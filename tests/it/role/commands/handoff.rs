//! T31: turns taken by hand.

use super::clones::Clones;
use crate::cli::project::wait_until;

fn work(clones: &Clones, clone: &str, name: &str) {
    clones.write(clone, name, "by hand\n");
    clones.git(clone, &["add", name]);
    clones.git(clone, &["commit", "-q", "-m", &format!("Write {name}")]);
}

/// Claim, work and hand-off in one push, on top of what others pushed; the other role's loop goes on from there.
#[test]
fn a_person_takes_a_turn() {
    let clones = Clones::new("true", "true");
    clones.turn("galph", 0);
    // Without a mode it would be all roles' turns, here and unpublished.
    let alone = clones.run("galph", &["--once"]).expect(4);
    assert!(alone.err.contains("cause: this branch is worked on in role mode"), "{}", alone.err);
    assert!(alone.err.ends_with("hint: orchestrator --mode role --role ralph\n"), "{}", alone.err);
    let wrong = clones.run("galph", &["handoff", "galph", "ok"]).expect(4);
    assert!(
        wrong.err.contains("error: hand the turn off\ncause: it is ralph's turn, not galph's"),
        "{}",
        wrong.err
    );
    clones.run("ralph", &["handoff", "bob", "ok"]).expect(2);
    let branch = clones.run("ralph", &["handoff", "ralph", "ok", "--branch", "main"]).expect(4);
    assert!(branch.err.contains("main"), "{}", branch.err);
    work(&clones, "ralph", "done.txt");
    clones.write("ralph", "loose.txt", "");
    let dirty = clones.run("ralph", &["handoff", "ralph", "ok"]).expect(4);
    assert!(dirty.err.contains("loose.txt"), "{}", dirty.err);
    let behind = clones.run("ralph", &["handoff", "ralph", "ok", "--no-pull", "--allow-dirty"]).expect(4);
    assert!(behind.err.contains("the remote has 3 commits that are not here"), "{}", behind.err);
    let before = clones.subjects();
    let value = clones.json("ralph", &["handoff", "ralph", "ok", "--allow-dirty", "--format", "json"], 0);
    assert_eq!((value["iteration"].clone(), value["published"].clone()), (2.into(), true.into()));
    let after = clones.subjects();
    assert_eq!(after[..before.len()], before);
    assert_eq!(
        after[before.len()..before.len() + 2],
        ["[SYNC i=1] actor=ralph status=running", "Write done.txt"]
    );
    assert!(after.last().unwrap().starts_with("[SYNC i=2] actor=ralph → next=galph status=ok ralph_commit="));
    assert_eq!(after.len(), before.len() + 3);
    assert_eq!(clones.git("ralph", &["status", "--porcelain"]), "?? loose.txt", "the clone follows");
    assert_eq!(clones.git("ralph", &["rev-parse", "HEAD"]), clones.git("bare", &["rev-parse", "work"]));
    std::fs::remove_file(clones.top("ralph").join("loose.txt")).unwrap();

    clones.turn("galph", 0);
    clones.turn("ralph", 0);
    clones.run("galph", &["handoff", "galph", "fail"]).expect(0);
    assert_eq!(clones.state()["status"], "failed");
    clones.run("ralph", &["audit", "--remote"]).expect(0);
    let recap = clones.json("ralph", &["recap", "--remote", "--format", "json"], 0);
    assert_eq!(
        (recap["turns"][1]["commits"].clone(), recap["failed"].clone()),
        (1.into(), 1.into()),
        "{recap:#}"
    );
    let text = clones.run("galph", &["stop"]).expect(0);
    assert!(text.out.contains("exit is set"), "{}", text.out);
    let stopped = clones.run("galph", &["handoff", "galph", "ok"]).expect(4);
    assert!(stopped.err.contains("exit is set (orchestrator resume)"), "{}", stopped.err);
}

/// A live holder's turn is not ended behind its back; one that crashed here is finished by hand.
#[test]
fn a_crashed_turn_is_finished_by_hand() {
    let long = "echo half > half.txt; git add -A; git commit -q --allow-empty -m Half; n=0; while [ ! -e ../go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done";
    let clones = Clones::new(long, "true");
    let mut holder = clones.start("galph", &["--mode", "role", "--role", "galph"]);
    wait_until("the work", || clones.git("galph", &["log", "-1", "--format=%s"]) == "Half");
    let busy = clones.run("ralph", &["handoff", "galph", "ok"]).expect(4);
    assert!(busy.err.contains("a holder runs the turn: ") && busy.err.contains("alive"), "{}", busy.err);
    let locked = clones.run("galph", &["handoff", "galph", "ok"]).expect(4);
    assert!(locked.err.contains("another loop runs in this working tree"), "{}", locked.err);
    holder.kill().unwrap();
    holder.wait().unwrap();
    clones.write("galph", "../go", "");
    work(&clones, "galph", "rest.txt");
    clones.run("galph", &["handoff", "galph", "ok"]).expect(0);
    let subjects = clones.subjects();
    assert_eq!(subjects[subjects.len() - 3..subjects.len() - 1], ["Half", "Write rest.txt"], "{subjects:#?}");
    assert_eq!(clones.git("galph", &["status", "--porcelain"]), "");
    // Nothing of the crashed turn is left to settle.
    clones.turn("ralph", 0);
    let next = clones.turn("galph", 0);
    assert!(!next.err.contains("rescue"), "{}", next.err);
    clones.run("galph", &["audit", "--remote"]).expect(0);
}

/// Without a remote, as commits of this clone.
#[test]
fn a_turn_is_handed_off_here_alone() {
    let clones = Clones::new("true", "true");
    clones.run("galph", &["init"]).expect(0);
    clones.git("galph", &["add", "-A"]);
    clones.git("galph", &["commit", "-q", "-m", "State"]);
    clones.git("galph", &["remote", "remove", "origin"]);
    let none = clones.run("galph", &["handoff", "galph", "ok"]).expect(4);
    assert!(none.err.contains("no remote origin is configured"), "{}", none.err);
    let ran = clones.run("galph", &["handoff", "galph", "ok", "--no-push"]).expect(0);
    assert_eq!(ran.out, "committed here: iteration 1, ralph's turn, waiting-ralph\nnext: git push\n");
    clones.run("galph", &["handoff", "galph", "ok", "--no-push"]).expect(4);
    clones.run("galph", &["handoff", "ralph", "fail", "--no-push"]).expect(0);
    assert_eq!(clones.git("galph", &["status", "--porcelain"]), "");
    clones.run("galph", &["resume"]).expect(0);
    clones.run("galph", &["--once"]).expect(0);
    clones.run("galph", &["audit"]).expect(0);
}
