//! Which dirty path is committed in which group, and why another is left.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::rules::{GroupRule, Rules};
use crate::sync::message::Group;
use crate::sync::worktree::{Dirty, Kind, secrets};

/// What the plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// After a turn (T22); only the first role has no work of its own.
    Turn { first_role: bool },
    /// Before a claim: documents that a person changed (T23a).
    Steering,
}

/// What is committed, in this order, and what is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub groups: Vec<Planned>,
    /// By path.
    pub left: Vec<Left>,
}

/// The files of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub group: Group,
    pub files: Vec<Dirty>,
}

/// A dirty path that is not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub path: PathBuf,
    pub why: Why,
}

/// Why a path is not committed. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was dirty before the turn, or an earlier turn left it.
    Before,
    /// No group takes it.
    Unclaimed,
    /// Its group is switched off.
    GroupOff(Group),
    FileTooLarge {
        group: Group,
        size: u64,
        cap: u64,
    },
    /// The files before it filled the group's commit.
    GroupFull {
        group: Group,
        cap: u64,
    },
    /// What it looks like (T25).
    Secret(&'static str),
    Submodule,
    /// Only the git program can commit it (LFS and other filters).
    Filtered,
    Conflicted,
    Unreadable,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before => f.write_str("was dirty before the turn"),
            Self::Unclaimed => f.write_str("no auto-commit group takes it"),
            Self::GroupOff(group) => write!(f, "auto-commit of {} is off", group.words()),
            Self::FileTooLarge { group, size, cap } => {
                write!(f, "{} is over the {} cap of {}", mib(*size), group.words(), mib(*cap))
            }
            Self::GroupFull { group, cap } => {
                write!(f, "the {} commit is full ({})", group.words(), mib(*cap))
            }
            Self::Secret(what) => write!(f, "looks like a secret ({what})"),
            Self::Submodule => f.write_str("is a repository of its own"),
            Self::Filtered => f.write_str("has a filter attribute (LFS)"),
            Self::Conflicted => f.write_str("is in conflict"),
            Self::Unreadable => f.write_str("cannot be read"),
        }
    }
}

fn mib(bytes: u64) -> String {
    // One decimal, rounded up, so that a size over a cap never reads like the cap.
    let tenths = bytes.saturating_mul(10).div_ceil(1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// Sorts the dirty paths. `before` are those that the turn did not make dirty.
pub fn plan(dirty: &[Dirty], before: &BTreeSet<PathBuf>, scope: Scope, rules: &Rules) -> Plan {
    let mut made = Plan::default();
    let mut dirty: Vec<&Dirty> = dirty.iter().filter(|d| !rules.protects(&d.path)).collect();
    dirty.sort_by(|a, b| a.path.cmp(&b.path));
    for file in dirty {
        let settled = set_aside(file, before).map_or_else(|| claim(file, scope, rules), Err);
        let placed = settled.and_then(|(group, rule)| made.room(group, rule, file).map(|()| group));
        match placed {
            Ok(group) => made.add(group, file.clone()),
            // An ignored file that is no report is nobody's business.
            Err(_) if file.kind == Kind::Ignored => {}
            Err(why) => made.left.push(Left { path: file.path.clone(), why }),
        }
    }
    made.groups.sort_by_key(|planned| planned.group);
    made
}

/// What no group may take.
fn set_aside(file: &Dirty, before: &BTreeSet<PathBuf>) -> Option<Why> {
    if file.submodule {
        Some(Why::Submodule)
    } else if file.filtered {
        Some(Why::Filtered)
    } else if before.contains(&file.path) {
        Some(Why::Before)
    } else if file.kind == Kind::Conflicted {
        Some(Why::Conflicted)
    } else if file.kind == Kind::Deleted {
        None
    } else {
        secrets::in_name(&file.path).map(Why::Secret)
    }
}

/// The group that takes the path: the first, in the order of T22, that is on and matches.
///
/// A path that belongs to a group which is off may still be a document, by its own glob; it is
/// never swept up as work, because somebody said not to commit it.
fn claim<'r>(file: &Dirty, scope: Scope, rules: &'r Rules) -> Result<(Group, &'r GroupRule), Why> {
    let known = matches!(file.kind, Kind::Modified | Kind::TypeChange | Kind::Deleted);
    let ignored = file.kind == Kind::Ignored;
    let groups: &[(Group, &GroupRule, bool)] = match scope {
        Scope::Steering => &[(Group::Steering, &rules.docs, !ignored)],
        Scope::Turn { .. } => &[
            (Group::Reports, &rules.reports, !ignored || rules.force_add_reports),
            (Group::Tracked, &rules.tracked, known),
            (Group::Docs, &rules.docs, !ignored),
        ],
    };
    let mut off = None;
    for (group, rule, eligible) in groups {
        match *eligible && rule.matches(&file.path) {
            true if rule.enabled => return Ok((*group, rule)),
            true => off = off.or(Some(*group)),
            false => {}
        }
    }
    match (off, scope) {
        (Some(group), _) => Err(Why::GroupOff(group)),
        (None, Scope::Turn { first_role: false }) if !ignored && rules.work.enabled => {
            Ok((Group::Work, &rules.work))
        }
        (None, Scope::Turn { first_role: false }) if !ignored => Err(Why::GroupOff(Group::Work)),
        _ => Err(Why::Unclaimed),
    }
}

impl Plan {
    /// Whether the group's caps have room for the file.
    fn room(&self, group: Group, rule: &GroupRule, file: &Dirty) -> Result<(), Why> {
        if file.size > rule.max_file {
            return Err(Why::FileTooLarge { group, size: file.size, cap: rule.max_file });
        }
        let files = self.groups.iter().filter(|p| p.group == group).flat_map(|p| &p.files);
        let total: u64 = files.map(|f| f.size).sum();
        if total.saturating_add(file.size) > rule.max_total {
            return Err(Why::GroupFull { group, cap: rule.max_total });
        }
        Ok(())
    }

    fn add(&mut self, group: Group, file: Dirty) {
        match self.groups.iter_mut().find(|p| p.group == group) {
            Some(planned) => planned.files.push(file),
            None => self.groups.push(Planned { group, files: vec![file] }),
        }
    }

    /// Everything the plan commits.
    pub fn files(&self) -> impl Iterator<Item = &Dirty> {
        self.groups.iter().flat_map(|p| &p.files)
    }

    /// Takes files out of the commits, for reasons that showed in their content.
    #[must_use]
    pub fn without(mut self, found: Vec<Left>) -> Self {
        for planned in &mut self.groups {
            planned.files.retain(|file| !found.iter().any(|left| left.path == file.path));
        }
        self.groups.retain(|planned| !planned.files.is_empty());
        self.left.extend(found);
        self.left.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }
}
