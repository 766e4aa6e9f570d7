//! What is committed after a turn, and what stays (turns.md T22, T23, T25): pure.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::{self, AutoCommit};
use crate::sync::message::Group;
use crate::sync::worktree::{Dirty, DirtyKind};

const MIB: f64 = 1024.0 * 1024.0;

/// The groups, ready to be matched.
#[derive(Debug, Clone)]
pub struct Rules {
    reports: GroupRule,
    tracked: GroupRule,
    docs: GroupRule,
    work: GroupRule,
    pub force_add_reports: bool,
    /// Repository paths that are never committed and never count: the state file, logs, scratch,
    /// the private folder.
    pub protected: Vec<String>,
}

#[derive(Debug, Clone)]
struct GroupRule {
    enabled: bool,
    globs: GlobSet,
    extensions: Vec<String>,
    max_file: u64,
    max_total: u64,
}

/// One uncommitted path and whether it looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub dirty: Dirty,
    pub secret: bool,
}

/// What to do with each path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Commits to make, in this order.
    pub groups: Vec<(GroupName, Vec<String>)>,
    /// Left dirty by a cap, or because no group takes it.
    pub left: Vec<String>,
    pub secrets: Vec<String>,
    /// Submodules and paths with a filter attribute.
    pub alone: Vec<String>,
    /// Work over the cap: the turn fails by these names.
    pub too_large: Vec<String>,
}

/// [`Group`], so that plans can be compared.
pub type GroupName = Group;

impl Rules {
    /// `protected` are repository paths. Globs were checked when the configuration was read.
    pub fn new(config: &AutoCommit, protected: Vec<String>) -> Result<Self, globset::Error> {
        Ok(Self {
            reports: GroupRule::new(&config.reports)?,
            tracked: GroupRule::new(&config.tracked)?,
            docs: GroupRule::new(&config.docs)?,
            work: GroupRule::new(&config.work)?,
            force_add_reports: config.force_add_reports,
            protected,
        })
    }

    /// Work has the cap of tracked outputs unless it was given its own (T22).
    fn work_cap(&self) -> u64 {
        if self.work.max_file == u64::MAX { self.tracked.max_file } else { self.work.max_file }
    }

    /// Whether a path never counts as dirty.
    pub fn is_protected(&self, path: &str) -> bool {
        self.protected
            .iter()
            .any(|p| path == p || path.strip_prefix(p.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Whether a path is a whitelisted document (T23a).
    pub fn is_doc(&self, path: &str) -> bool {
        self.docs.matches(path)
    }

    /// Whether an ignored path is a report.
    pub fn is_report(&self, path: &str) -> bool {
        self.reports.matches(path)
    }
}

impl GroupRule {
    fn new(group: &config::Group) -> Result<Self, globset::Error> {
        let mut globs = GlobSetBuilder::new();
        for glob in &group.globs {
            globs.add(GlobBuilder::new(glob).literal_separator(true).build()?);
        }
        let bytes = |mib: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be positive; saturates"
            )]
            let n = (mib * MIB) as u64;
            n
        };
        Ok(Self {
            enabled: group.enabled,
            globs: globs.build()?,
            extensions: group
                .extensions
                .iter()
                .map(|e| e.trim_start_matches('.').to_ascii_lowercase())
                .collect(),
            max_file: bytes(group.max_file_mib),
            max_total: bytes(group.max_total_mib),
        })
    }

    fn matches(&self, path: &str) -> bool {
        let extension =
            path.rsplit('/').next().and_then(|n| n.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
        self.globs.is_match(path) || extension.is_some_and(|e| self.extensions.contains(&e))
    }
}

/// Sorts the candidates into groups. `before` was dirty before the turn and is not this turn's;
/// `takes_work` is false for the first role, which changes documents, not the work.
pub fn plan(rules: &Rules, candidates: &[Candidate], before: &BTreeSet<String>, takes_work: bool) -> Plan {
    let mut plan = Plan::default();
    let mut totals = [0u64; 4];
    let order = [
        (Group::Reports, &rules.reports),
        (Group::Tracked, &rules.tracked),
        (Group::Docs, &rules.docs),
        (Group::Work, &rules.work),
    ];
    let mut taken: [Vec<String>; 4] = Default::default();
    for candidate in candidates {
        let Dirty { path, kind, size, .. } = &candidate.dirty;
        if rules.is_protected(path) || before.contains(path) {
            continue;
        }
        if candidate.dirty.submodule || candidate.dirty.filtered {
            plan.alone.push(path.clone());
            continue;
        }
        if candidate.secret && *kind != DirtyKind::Deleted {
            plan.secrets.push(path.clone());
            continue;
        }
        let home = order.iter().position(|(group, rule)| {
            rule.enabled
                && match group {
                    Group::Reports | Group::Docs => rule.matches(path),
                    Group::Tracked => *kind == DirtyKind::Modified && rule.matches(path),
                    Group::Work => takes_work,
                }
        });
        let Some(home) = home else {
            plan.left.push(path.clone());
            continue;
        };
        let (group, rule) = order[home];
        if group == Group::Work && *size > rules.work_cap() {
            plan.too_large.push(path.clone());
        } else if group != Group::Work && (*size > rule.max_file || totals[home] + size > rule.max_total) {
            plan.left.push(path.clone());
        } else {
            totals[home] += size;
            taken[home].push(path.clone());
        }
    }
    for ((group, _), paths) in order.into_iter().zip(taken) {
        if !paths.is_empty() {
            plan.groups.push((group, paths));
        }
    }
    plan
}

/// Whether paths left dirty fail the turn (T23): only where the tree must be handed over clean.
pub fn leftovers(handed_over: bool, first_role: bool, tolerate: bool) -> bool {
    handed_over && first_role && !tolerate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(change: impl FnOnce(&mut AutoCommit)) -> Rules {
        let mut config = AutoCommit::default();
        change(&mut config);
        Rules::new(&config, vec!["sync/state.json".into(), "logs".into(), ".orchestrator".into()]).unwrap()
    }

    fn file(path: &str, kind: DirtyKind, size: u64) -> Candidate {
        let dirty = Dirty { path: path.into(), kind, submodule: false, filtered: false, size };
        Candidate { dirty, secret: false }
    }

    fn new(path: &str) -> Candidate {
        file(path, DirtyKind::Untracked, 10)
    }

    fn none() -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// T22: the groups in their order; `**` matches zero folders; work is every role's but the first.
    #[test]
    fn paths_go_to_their_groups() {
        let all = [
            new("src/main.rs"),
            new("plans/reports/a.txt"),
            new("plans/x/reports/b/c.txt"),
            new("reports/d.log"),
            new("plans/note.md"),
            new("prompts/main.md"),
            new("docs/goal.md"),
            file("out/big.csv", DirtyKind::Modified, 5),
            file("docs/findings.md", DirtyKind::Deleted, 0),
            new("logs/x.log"),
            new("sync/state.json"),
            new("logsx/x.log"),
        ];
        let rules = rules(|c| c.tracked.globs = vec!["out/**".into()]);
        let p = plan(&rules, &all, &none(), true);
        let shown: Vec<(Group, Vec<&str>)> =
            p.groups.iter().map(|(g, l)| (*g, l.iter().map(String::as_str).collect())).collect();
        assert_eq!(
            shown,
            [
                (Group::Reports, vec!["plans/reports/a.txt", "plans/x/reports/b/c.txt", "reports/d.log"]),
                (Group::Tracked, vec!["out/big.csv"]),
                (Group::Docs, vec!["plans/note.md", "prompts/main.md", "docs/goal.md", "docs/findings.md"]),
                (Group::Work, vec!["src/main.rs", "logsx/x.log"]),
            ]
        );
        let first = plan(&rules, &all, &none(), false);
        assert_eq!(first.left, ["src/main.rs", "logsx/x.log"]);
        assert!(
            leftovers(true, true, false) && !leftovers(false, true, false) && !leftovers(true, true, true)
        );
    }

    /// T22: caps. What a cap leaves out of a group is not swept into work.
    #[test]
    fn caps_leave_out_and_work_over_the_cap_fails() {
        const M: u64 = 1 << 20;
        let all = [
            file("reports/big", DirtyKind::Untracked, 6 * M),
            file("reports/a", DirtyKind::Untracked, 5 * M),
            file("reports/b", DirtyKind::Untracked, 5 * M),
            file("reports/c", DirtyKind::Untracked, 5 * M),
            file("reports/d", DirtyKind::Untracked, 5 * M),
            file("reports/e", DirtyKind::Untracked, 1),
            file("docs/goal.md", DirtyKind::Modified, 2 * M),
            file("huge.bin", DirtyKind::Untracked, 33 * M),
        ];
        let p = plan(&rules(|_| ()), &all, &none(), true);
        assert_eq!(
            p.groups,
            [(Group::Reports, ["a", "b", "c", "d"].map(|n| format!("reports/{n}")).to_vec())]
        );
        assert_eq!(p.left, ["reports/big", "reports/e", "docs/goal.md"]);
        assert_eq!(p.too_large, ["huge.bin"]);
    }

    /// T25 and T23: secrets, submodules and filtered paths are left out and named; what was dirty
    /// before is not even looked at.
    #[test]
    fn what_is_not_ours_stays() {
        let mut secret = new(".env");
        secret.secret = true;
        let mut module = new("vendor/lib");
        module.dirty.submodule = true;
        let mut large = new("a.bin");
        large.dirty.filtered = true;
        let before = BTreeSet::from(["mine.txt".to_owned()]);
        let all = [secret, module, large, new("mine.txt"), new("theirs.txt")];
        let p = plan(&rules(|_| ()), &all, &before, true);
        assert_eq!(p.groups, [(Group::Work, vec!["theirs.txt".to_owned()])]);
        assert_eq!(
            (p.secrets, p.alone),
            (vec![".env".to_owned()], vec!["vendor/lib".into(), "a.bin".into()])
        );
        let off = plan(&rules(|c| c.work.enabled = false), &[new("x")], &none(), true);
        assert_eq!((off.groups.len(), off.left), (0, vec!["x".to_owned()]));
    }
}
