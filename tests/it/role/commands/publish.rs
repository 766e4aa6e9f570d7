//! `init --publish` and `--import-state` (T2, T3, T18).

use super::clones::Clones;

/// T18: created from its absence, once; the project's files come along.
#[test]
fn a_project_is_published_once() {
    let clones = Clones::new("true", "true");
    let ran = clones.run("galph", &["init", "--goal", "a todo app", "--publish"]).expect(0);
    assert!(
        ran.out.contains("wrote sync/state.json\n") && ran.out.contains("\npublished: branch work of "),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("  orchestrator --mode role --role ralph\n"), "{}", ran.out);
    assert_eq!(
        (clones.state()["iteration"].clone(), clones.state()["status"].clone()),
        (1.into(), "idle".into())
    );
    assert!(clones.git("bare", &["show", "work:docs/goal.md"]).contains("a todo app"));
    // A person may pull and push there at once.
    assert_eq!(clones.git("galph", &["rev-parse", "--abbrev-ref", "work@{upstream}"]), "origin/work");
    let before = clones.subjects();
    let again = clones.run("galph", &["init", "--publish"]).expect(0);
    assert!(again.out.contains("has a state already; nothing was published"), "{}", again.out);
    let other = clones.run("ralph", &["init", "--publish"]).expect(0);
    assert!(other.out.contains("has a state already"), "{}", other.out);
    assert_eq!(clones.subjects(), before);
    clones.turn("galph", 0);
    clones.run("galph", &["audit"]).expect(0);
}

/// An empty remote, a branch that nobody has pushed.
#[test]
fn an_empty_remote_gets_the_branch() {
    let clones = Clones::new("true", "true");
    clones.git("bare", &["update-ref", "-d", "refs/heads/work"]);
    clones.git("galph", &["update-ref", "-d", "refs/remotes/origin/work"]);
    clones.run("galph", &["init", "--publish"]).expect(0);
    assert_eq!(clones.subjects().first().unwrap(), "Begin");
    clones.git("ralph", &["fetch", "-q"]);
    clones.turn("galph", 0);
    clones.turn("ralph", 0);
    clones.run("galph", &["audit", "--remote"]).expect(0);
}

/// T2, T3: a project that counted steps goes on where it was, and never at iteration 1.
#[test]
fn an_imported_state_is_published_as_it_is() {
    let clones = Clones::new("true", "true");
    let old = "{\"step_index\": 7, \"status\": \"waiting-next\", \"workflow_name\": \"x\"}\n";
    clones.write("galph", "sync/state.json", old);
    clones.git("galph", &["add", "-f", "sync"]);
    clones.git("galph", &["commit", "-q", "-m", "Steps"]);
    let ran = clones.run("galph", &["init", "--import-state", "--publish"]).expect(0);
    assert!(ran.out.contains("iteration 4, ralph's turn"), "{}", ran.out);
    let state = clones.state();
    assert_eq!((state["iteration"].clone(), state["expected_actor"].clone()), (4.into(), "ralph".into()));
    assert_eq!(state["workflow_name"], "x", "what is not ours is kept");
    clones.turn("ralph", 0);
    assert_eq!(clones.state()["iteration"], 5);
    clones.run("ralph", &["audit"]).expect(0);
}
