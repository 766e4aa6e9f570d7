//! Agents that do to history what they must not (git-sync.md G11, on one machine).

use super::project::Project;

fn with_main(script: &str) -> Project {
    let p = Project::git();
    p.prompt("main", script);
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    p
}

fn rescues(p: &Project) -> Vec<String> {
    p.run_git(&["for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue"])
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The state file is the loop's: commits that change it lose that change, and nothing else.
#[test]
fn changes_of_the_state_file_are_taken_out_of_commits() {
    let p = with_main(
        "echo a > a.txt; sed -i 's/\"iteration\": 1/\"iteration\": 99/' sync/state.json; git add -A; git commit -q -m 'both'; git rm -q sync/state.json; git commit -q -m 'only state'; echo b > b.txt; git add b.txt; git commit -q -m '[SYNC i=9] fake'",
    );
    p.run(&["--once"]).expect(0);
    assert_eq!(p.brief(), "2 galph complete");
    let subjects = p.subjects();
    assert!(
        subjects.contains(&"both".to_owned()) && subjects.contains(&"[SYNC i=9] fake".to_owned()),
        "{subjects:?}"
    );
    assert!(!subjects.contains(&"only state".to_owned()), "{subjects:?}");
    assert_eq!(p.run_git(&["show", "--format=", "--name-only", "HEAD~2"]), "a.txt");
    assert_eq!(p.run_git(&["status", "--porcelain"]), "");
    assert!(rescues(&p).is_empty());
    p.run_git(&["fsck", "--strict"]);
    let ids: Vec<String> = p.run_git(&["log", "--format=%H", "work"]).lines().map(str::to_owned).collect();
    for id in ids.iter().take(4) {
        let state = p.run_git(&["show", &format!("{id}:sync/state.json")]);
        assert!(!state.contains("\"iteration\": 99"), "{id}: {state}");
    }
}

#[test]
fn amending_the_claim_is_rescued_and_fails_the_turn() {
    let p = with_main("echo a > a.txt; git add a.txt; git commit -q --amend -m 'mine now'");
    let ran = p.run(&["--once"]).expect(3);
    assert!(ran.err.contains("the agent rewrote commits that were there before its turn"), "{}", ran.err);
    assert_eq!(p.brief(), "1 ralph failed");
    let refs = rescues(&p);
    assert_eq!(refs.len(), 1);
    assert_eq!(p.run_git(&["show", "-s", "--format=%s", &refs[0]]), "mine now");
    assert!(!p.subjects().contains(&"mine now".to_owned()));
    assert_eq!(p.run_git(&["status", "--porcelain"]), "");
    assert!(p.run(&["status"]).expect(0).out.contains(&refs[0]));
}

#[test]
fn a_head_that_left_the_branch_is_rescued() {
    for (script, why, saved) in [
        (
            "git checkout -q --detach; echo a > a.txt; git add a.txt; git commit -q -m away",
            "left HEAD detached",
            1,
        ),
        (
            "git switch -q -c other; echo a > a.txt; git add a.txt; git commit -q -m away",
            "switched from branch work to other",
            1,
        ),
        (
            "echo a > a.txt; git add a.txt; git commit -q -m away; git reset -q --hard HEAD~3",
            "rewrote commits",
            0,
        ),
    ] {
        let p = with_main(script);
        let ran = p.run(&["--once"]).expect(3);
        assert!(ran.err.contains(why), "{script}: {}", ran.err);
        assert_eq!(p.brief(), "1 ralph failed", "{script}");
        assert_eq!(rescues(&p).len(), saved, "{script}");
        assert_eq!(p.run_git(&["symbolic-ref", "HEAD"]), "refs/heads/work", "{script}");
        assert!(p.subjects().last().unwrap().starts_with("[SYNC i=1] actor=ralph status=fail"), "{script}");
        p.prompt("main", "true");
        p.run(&["--once"]).expect(0);
    }
}

/// An operation the agent left open is not ours to abort; the next start says how to leave it.
#[test]
fn an_open_merge_stays_for_a_person() {
    let p = with_main(
        "git switch -q -c side; echo 1 > f; git add f; git commit -q -m side; git switch -q work; echo 2 > f; git add f; git commit -q -m work; git merge side || true",
    );
    let ran = p.run(&["--once"]).expect(3);
    assert!(
        ran.err.contains("the agent left a merge in progress (git merge --abort leaves it)"),
        "{}",
        ran.err
    );
    assert_eq!(rescues(&p).len(), 1);
    assert_eq!(p.brief(), "1 ralph failed");
    assert!(p.subjects().last().unwrap().starts_with("[SYNC i=1] actor=ralph status=fail"));
    let again = p.run(&["--once"]).expect(4);
    assert!(again.err.contains("hint: finish it, or leave it with `git merge --abort`"), "{}", again.err);
}

/// A finished merge is fine: other lines of history keep their commits.
#[test]
fn a_merge_is_handed_on() {
    let p = with_main(
        "git switch -q -c side HEAD~1; echo 1 > f; git add f; git commit -q -m side; git switch -q work; echo 2 > g; git add g; git commit -q -m here; git merge -q --no-edit side",
    );
    p.run(&["--once"]).expect(0);
    assert_eq!(p.brief(), "2 galph complete");
    assert!(p.subjects().contains(&"side".to_owned()));
    p.run_git(&["fsck", "--strict"]);
}
