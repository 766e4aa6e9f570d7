//! T22, T23, T23a, T25 as decisions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{MIB, rules};
use crate::sync::journal::Mode;
use crate::sync::message::Group;
use crate::sync::worktree::{Dirty, Kind};
use crate::turns::autocommit::{Left, Plan, Scope, Verdict, Why, after_turn, before_claim, plan};

const GALPH: Scope = Scope::Turn { first_role: true };
const RALPH: Scope = Scope::Turn { first_role: false };

fn dirty(path: &str, kind: Kind) -> Dirty {
    Dirty { path: path.into(), kind, staged: false, submodule: false, filtered: false, size: 10 }
}

fn sized(path: &str, size: u64) -> Dirty {
    Dirty { size, ..dirty(path, Kind::Untracked) }
}

fn none() -> BTreeSet<PathBuf> {
    BTreeSet::new()
}

fn group_of(made: &Plan, path: &str) -> Option<Group> {
    let holds = |files: &[Dirty]| files.iter().any(|f| f.path == Path::new(path));
    made.groups.iter().find(|p| holds(&p.files)).map(|p| p.group)
}

fn why_of<'p>(made: &'p Plan, path: &str) -> Option<&'p Why> {
    made.left.iter().find(|l| l.path == Path::new(path)).map(|l| &l.why)
}

/// T22: the first group that matches takes the path, for every role but the first all the rest.
#[test]
fn paths_go_to_the_first_group_that_matches() {
    let table = [
        ("plans/active/x/reports/2026/run.log", Kind::Untracked, Some(Group::Reports)),
        ("plans/reports/note.md", Kind::Untracked, Some(Group::Reports)),
        ("reports/a.md", Kind::Deleted, Some(Group::Reports)),
        ("out/data.csv", Kind::Modified, Some(Group::Tracked)),
        ("out/data.csv", Kind::Deleted, Some(Group::Tracked)),
        ("out/data.csv", Kind::Untracked, None),
        ("out/data.txt", Kind::Modified, None),
        ("plans/a.md", Kind::Untracked, Some(Group::Docs)),
        ("plans/a/b/c.md", Kind::Modified, Some(Group::Docs)),
        ("docs/goal.md", Kind::Deleted, Some(Group::Docs)),
        ("docs/other.md", Kind::Modified, None),
        (".gitignore", Kind::Added, Some(Group::Docs)),
        ("src/main.rs", Kind::Modified, None),
        ("link", Kind::TypeChange, None),
    ];
    for (path, kind, group) in table {
        let files = [dirty(path, kind)];
        let galph = plan(&files, &none(), GALPH, &rules());
        assert_eq!(group_of(&galph, path), group, "{path} {kind:?}");
        assert_eq!(why_of(&galph, path).is_some(), group.is_none());
        let ralph = plan(&files, &none(), RALPH, &rules());
        assert_eq!(group_of(&ralph, path), group.or(Some(Group::Work)), "{path} {kind:?}");
    }
}

#[test]
fn groups_come_in_their_order() {
    let files = ["src/a", "input.md", "out/a.csv", "reports/a"].map(|p| dirty(p, Kind::Modified));
    let order: Vec<Group> = plan(&files, &none(), RALPH, &rules()).groups.iter().map(|p| p.group).collect();
    assert_eq!(order, [Group::Reports, Group::Tracked, Group::Docs, Group::Work]);
}

/// The program's own files never count as dirty.
#[test]
fn protected_paths_do_not_exist() {
    let files = ["sync/state.json", "logs/main/x.log", "tmp/a", ".orchestrator/turn.json", ".git/x"];
    let files = files.map(|p| dirty(p, Kind::Modified));
    assert_eq!(plan(&files, &none(), RALPH, &rules()), Plan::default());
    let near = ["sync/state.json.bak", "logs.md", "tmpfile"].map(|p| dirty(p, Kind::Modified));
    assert_eq!(plan(&near, &none(), RALPH, &rules()).files().count(), 3);
}

#[test]
fn what_was_dirty_before_stays() {
    let files = ["input.md", "src/a.rs"].map(|p| dirty(p, Kind::Modified));
    let before = BTreeSet::from([PathBuf::from("input.md")]);
    let made = plan(&files, &before, RALPH, &rules());
    assert_eq!(why_of(&made, "input.md"), Some(&Why::Before));
    assert_eq!(group_of(&made, "src/a.rs"), Some(Group::Work));
    assert_eq!(after_turn(&made, Mode::Role, false, false), Verdict::Clean);
}

/// T22: caps; what a cap left out is in no later group.
#[test]
fn caps_leave_files_by_name() {
    let exact = [sized("reports/a", 5 * MIB), sized("plans/big.md", MIB)];
    assert_eq!(plan(&exact, &none(), GALPH, &rules()).files().count(), 2, "a cap is inclusive");
    let mut files: Vec<Dirty> = (0..5).map(|n| sized(&format!("reports/{n}"), 5 * MIB)).collect();
    files.extend([
        sized("reports/huge.md", 5 * MIB + 1),
        sized("plans/big.md", MIB + 1),
        sized("reports/z", 0),
    ]);
    let made = plan(&files, &none(), RALPH, &rules());
    let taken: Vec<_> = made.files().map(Dirty::text).collect();
    assert_eq!(taken, ["reports/0", "reports/1", "reports/2", "reports/3", "reports/z"]);
    assert_eq!(why_of(&made, "reports/4"), Some(&Why::GroupFull { group: Group::Reports, cap: 20 * MIB }));
    let why = why_of(&made, "reports/huge.md").unwrap();
    assert_eq!(why.to_string(), "5.1 MiB is over the reports evidence cap of 5.0 MiB");
    assert!(matches!(why_of(&made, "plans/big.md"), Some(Why::FileTooLarge { group: Group::Docs, .. })));
    assert!(
        matches!(after_turn(&made, Mode::Combined, false, false), Verdict::Warn(left) if left.len() == 3)
    );
}

/// T22: work over its cap fails the turn, in every mode and whatever is tolerated.
#[test]
fn too_large_work_fails_the_turn_by_name() {
    let made = plan(&[sized("core.dump", 32 * MIB + 1)], &none(), RALPH, &rules());
    for mode in [Mode::Combined, Mode::Role] {
        match after_turn(&made, mode, false, true) {
            Verdict::Stop(left) => assert_eq!(left[0].path, Path::new("core.dump")),
            other => panic!("{other:?}"),
        }
    }
}

/// A group that is off leaves its files to the other groups' own globs, never to the sweep.
#[test]
fn a_group_that_is_off_is_not_swept_up_as_work() {
    let mut rules = rules();
    rules.reports.enabled = false;
    let files = ["reports/a.log", "plans/reports/a.md"].map(|p| dirty(p, Kind::Untracked));
    let made = plan(&files, &none(), RALPH, &rules);
    assert_eq!(why_of(&made, "reports/a.log"), Some(&Why::GroupOff(Group::Reports)));
    assert_eq!(group_of(&made, "plans/reports/a.md"), Some(Group::Docs));
    rules.work.enabled = false;
    let made = plan(&[dirty("src/a", Kind::Modified)], &none(), RALPH, &rules);
    assert_eq!(why_of(&made, "src/a"), Some(&Why::GroupOff(Group::Work)));
}

/// T22: ignored files only as reports, only if asked.
#[test]
fn ignored_files() {
    let files = ["reports/a.log", "src/out.o", "plans/a.md"].map(|p| dirty(p, Kind::Ignored));
    let mut rules = rules();
    assert_eq!(plan(&files, &none(), RALPH, &rules), Plan::default());
    rules.force_add_reports = true;
    let made = plan(&files, &none(), RALPH, &rules);
    assert_eq!(group_of(&made, "reports/a.log"), Some(Group::Reports));
    assert_eq!((made.files().count(), made.left.len()), (1, 0));
}

/// T23: a first role in role mode leaves a clean tree; others are warned.
#[test]
fn what_stays_dirty_is_judged_by_mode_and_role() {
    let made = plan(&[dirty("src/main.rs", Kind::Modified)], &none(), GALPH, &rules());
    let left = vec![Left { path: "src/main.rs".into(), why: Why::Unclaimed }];
    assert_eq!(after_turn(&made, Mode::Role, true, false), Verdict::Stop(left.clone()));
    assert_eq!(after_turn(&made, Mode::Role, true, true), Verdict::Warn(left.clone()));
    assert_eq!(after_turn(&made, Mode::Combined, true, false), Verdict::Warn(left.clone()));
    assert_eq!(after_turn(&made, Mode::Role, false, false), Verdict::Warn(left));
    assert_eq!(after_turn(&Plan::default(), Mode::Role, true, false), Verdict::Clean);
}

/// T23, T25: submodules, filtered files and secrets are named and stop nobody.
#[test]
fn things_left_alone_are_named() {
    let files = [
        Dirty { submodule: true, ..dirty("plans/lib.md", Kind::Modified) },
        Dirty { filtered: true, ..dirty("reports/a.bin", Kind::Untracked) },
        dirty("plans/.env.md", Kind::Untracked),
    ];
    let made = plan(&files, &none(), GALPH, &rules());
    let whys: Vec<_> = made.left.iter().map(|l| &l.why).collect();
    assert_eq!(whys, [&Why::Secret("environment file"), &Why::Submodule, &Why::Filtered]);
    match after_turn(&made, Mode::Role, true, false) {
        Verdict::Warn(left) => assert_eq!(left.len(), 3),
        other => panic!("{other:?}"),
    }
    let gone = plan(&[dirty(".env", Kind::Deleted)], &none(), RALPH, &rules());
    assert_eq!(group_of(&gone, ".env"), Some(Group::Work), "removing a secret publishes none");
}

/// T23a: a person's documents are committed before a claim, all else stops it in role mode.
#[test]
fn steering() {
    let files = [
        dirty("input.md", Kind::Modified),
        dirty("src/main.rs", Kind::Modified),
        dirty("notes.txt", Kind::Untracked),
        Dirty { submodule: true, ..dirty("lib", Kind::Modified) },
        Dirty { filtered: true, ..dirty("a.bin", Kind::Modified) },
    ];
    let exempt = BTreeSet::from([PathBuf::from("notes.txt")]);
    let made = plan(&files, &exempt, Scope::Steering, &rules());
    assert_eq!(group_of(&made, "input.md"), Some(Group::Steering));
    assert_eq!(made.groups.len(), 1);
    match before_claim(&made, Mode::Role) {
        Verdict::Stop(left) => assert_eq!(left, [Left { path: "src/main.rs".into(), why: Why::Unclaimed }]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(before_claim(&made, Mode::Combined), Verdict::Warn(_)));
    let exempt = ["notes.txt", "src/main.rs", "input.md"].map(PathBuf::from).into();
    let made = plan(&files, &exempt, Scope::Steering, &rules());
    assert!(matches!(before_claim(&made, Mode::Role), Verdict::Warn(left) if left.len() == 2));
    assert_eq!(made.groups, [], "what a failed turn left is its role's to commit (T36)");
}

proptest! {
    /// Every dirty path that is not protected is planned once or left once, never both.
    #[test]
    fn nothing_is_lost_or_taken_twice(
        files in proptest::collection::btree_map("(reports|plans|out|src|tmp)/[a-c]{1,2}(\\.md|\\.csv|)", (0u64..8 * MIB, any::<bool>()), 0..12),
        first_role in any::<bool>(),
    ) {
        let files: Vec<Dirty> = files.into_iter().map(|(path, (size, known))| {
            Dirty { kind: if known { Kind::Modified } else { Kind::Untracked }, ..sized(&path, size) }
        }).collect();
        let rules = rules();
        let made = plan(&files, &none(), Scope::Turn { first_role }, &rules);
        let mut seen: Vec<PathBuf> = made.files().map(|f| f.path.clone()).collect();
        seen.extend(made.left.iter().map(|l| l.path.clone()));
        seen.sort();
        let expected: Vec<PathBuf> = files.iter().map(|f| f.path.clone()).filter(|p| !rules.protects(p)).collect();
        prop_assert_eq!(seen, expected);
        for planned in &made.groups {
            let total: u64 = planned.files.iter().map(|f| f.size).sum();
            prop_assert!(planned.group != Group::Reports || total <= 20 * MIB);
        }
    }
}

/// T24: why a path was left, in the words of the warning.
#[test]
fn each_reason_has_its_words() {
    let group = Group::Docs;
    let cases = [
        (Why::Before, "was dirty before the turn"),
        (Why::Unclaimed, "no auto-commit group takes it"),
        (Why::FileTooLarge { group, size: MIB + 1, cap: MIB }, " cap of 1.0 MiB"),
        (Why::GroupFull { group, cap: 20 * MIB }, "commit is full (20.0 MiB)"),
        (Why::Secret("a key"), "looks like a secret (a key)"),
        (Why::Submodule, "is a repository of its own"),
        (Why::Filtered, "has a filter attribute (LFS)"),
        (Why::Conflicted, "is in conflict"),
        (Why::Unreadable, "cannot be read"),
    ];
    for (why, words) in cases {
        assert!(why.to_string().contains(words), "{why}");
    }
    let off = Why::GroupOff(group).to_string();
    assert!(off.starts_with("auto-commit of ") && off.ends_with(" is off"), "{off}");
}

/// T23: a file in conflict is nobody's to commit, whatever group would take it.
#[test]
fn conflicts_are_left() {
    let made = plan(&[dirty("docs/goal.md", Kind::Conflicted)], &none(), RALPH, &rules());
    assert_eq!((why_of(&made, "docs/goal.md"), made.groups.len()), (Some(&Why::Conflicted), 0));
}
