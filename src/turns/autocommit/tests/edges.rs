//! What a plan becomes when contents turn out to be secret.

use std::collections::BTreeSet;

use super::rules;
use crate::sync::message::Group;
use crate::sync::worktree::{Dirty, Kind};
use crate::turns::autocommit::{Left, Plan, Scope, Why, plan};

fn dirty(path: &str) -> Dirty {
    Dirty {
        path: path.into(),
        kind: Kind::Modified,
        staged: false,
        submodule: false,
        filtered: false,
        size: 10,
    }
}

/// T25: exactly the files that were found are taken out; a group without files is no commit.
#[test]
fn found_secrets_leave_the_plan() {
    let files = ["src/a", "src/b", "docs/goal.md", "link/sub"].map(dirty);
    let mut submodule = files.to_vec();
    submodule[3].submodule = true;
    let made = plan(&submodule, &BTreeSet::new(), Scope::Turn { first_role: false }, &rules());
    let left = |path: &str| Left { path: path.into(), why: Why::Secret("private key") };
    let shown = |p: &Plan| {
        let files: Vec<_> = p.files().map(|f| f.path.display().to_string()).collect();
        let left: Vec<_> = p.left.iter().map(|l| l.path.display().to_string()).collect();
        (p.groups.iter().map(|g| g.group).collect::<Vec<_>>(), files.join(" "), left.join(" "))
    };
    assert_eq!(shown(&made.clone().without(vec![])), shown(&made));
    let less = made.without(vec![left("src/a"), left("docs/goal.md")]);
    let expected = (vec![Group::Work], "src/b".to_owned(), "docs/goal.md link/sub src/a".to_owned());
    assert_eq!(shown(&less), expected);
}
