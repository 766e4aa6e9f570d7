//! The logs and summaries of turns, found again by their names (turns.md T28 to T30).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Logs,
    Summaries,
}

/// One log or summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLog {
    pub role: String,
    pub iteration: u64,
    /// `20260120_032929`: when the turn began, UTC.
    pub stamp: String,
    pub path: PathBuf,
}

/// Which of them are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub role: Option<String>,
    /// First and last iteration, both included.
    pub iterations: Option<(u64, u64)>,
    /// The newest so many iterations of what is left.
    pub last: Option<usize>,
    /// By iteration and then by role, not the other way round.
    pub interleave: bool,
}

/// A range of iterations that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of iterations: write 3, 3..7, 3.. or ..7")]
pub struct BadRange(pub String);

/// `3`, `3..7`, `3..`, `..7`; both ends are included.
pub fn range(text: &str) -> Result<(u64, u64), BadRange> {
    let bad = || BadRange(text.to_owned());
    let number = |part: &str, default: u64| {
        if part.trim().is_empty() { Ok(default) } else { part.trim().parse().map_err(|_| bad()) }
    };
    let (first, last) = match text.split_once("..") {
        Some((a, b)) if a.trim().is_empty() && b.trim().is_empty() => return Err(bad()),
        Some((a, b)) => (number(a, 0)?, number(b.trim_start_matches('='), u64::MAX)?),
        None => {
            let one = text.trim().parse().map_err(|_| bad())?;
            (one, one)
        }
    };
    if first <= last { Ok((first, last)) } else { Err(bad()) }
}

/// The branches that have logs, by the names of their folders.
pub fn branches(logs_dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folders(logs_dir).unwrap_or_default().into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

/// Every log or summary below the folder of a branch. A missing folder has none.
pub fn find(branch_dir: &Path, source: Source) -> io::Result<Vec<FoundLog>> {
    let mut found = Vec::new();
    for (name, folder) in folders(branch_dir)? {
        let role = match (source, name.strip_suffix("-summaries")) {
            (Source::Logs, None) => name.as_str(),
            (Source::Summaries, Some(role)) => role,
            _ => continue,
        };
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // A link such as `latest.log` is another name of a file that is found anyway.
            if !entry.file_type()?.is_file() {
                continue;
            }
            if let Some((iteration, stamp)) = parts(&entry.file_name().to_string_lossy(), source) {
                found.push(FoundLog { role: role.to_owned(), iteration, stamp, path: entry.path() });
            }
        }
    }
    Ok(found)
}

fn folders(of: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(of) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    Ok(found)
}

/// Iteration and time in the name of a turn's file.
fn parts(name: &str, source: Source) -> Option<(u64, String)> {
    let rest = name.strip_prefix("iter-")?;
    let ending = match source {
        Source::Logs => "log",
        Source::Summaries => "md",
    };
    let known = Path::new(name).extension().is_some_and(|e| e == ending);
    let (number, rest) = rest.split_once('_')?;
    // The stamp is of fixed length; what follows it is a prompt or a number.
    let stamp = rest.get(..15).filter(|s| s.bytes().all(|b| b.is_ascii_digit() || b == b'_'))?;
    known.then_some((number.parse().ok()?, stamp.to_owned()))
}

/// Those that are wanted, in the order in which they are shown. `roles`: the workflow's, in its order; others follow.
pub fn select(mut found: Vec<FoundLog>, wanted: &Wanted, roles: &[String]) -> Vec<FoundLog> {
    found.retain(|log| wanted.role.as_ref().is_none_or(|role| *role == log.role));
    if let Some((first, last)) = wanted.iterations {
        found.retain(|log| (first..=last).contains(&log.iteration));
    }
    if let Some(n) = wanted.last {
        let iterations: BTreeSet<u64> = found.iter().map(|log| log.iteration).collect();
        let kept: BTreeSet<u64> = iterations.into_iter().rev().take(n).collect();
        found.retain(|log| kept.contains(&log.iteration));
    }
    let place = |role: &str| roles.iter().position(|r| r == role).unwrap_or(roles.len());
    found.sort_by(|a, b| {
        let role = (place(&a.role), &a.role).cmp(&(place(&b.role), &b.role));
        let turn = a.iteration.cmp(&b.iteration);
        let order = if wanted.interleave { turn.then(role) } else { role.then(turn) };
        order.then_with(|| {
            (&a.stamp, a.path.as_os_str().len(), &a.path).cmp(&(&b.stamp, b.path.as_os_str().len(), &b.path))
        })
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(role: &str, iteration: u64) -> FoundLog {
        let path = PathBuf::from(format!("{role}/{iteration}"));
        FoundLog { role: role.into(), iteration, stamp: "20260120_032929".into(), path }
    }

    fn brief(logs: &[FoundLog]) -> Vec<String> {
        logs.iter().map(|l| format!("{}{}", l.role, l.iteration)).collect()
    }

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(range("3"), Ok((3, 3)));
        assert_eq!(range("3..7"), Ok((3, 7)));
        assert_eq!(range("3.."), Ok((3, u64::MAX)));
        assert_eq!(range(" ..7"), Ok((0, 7)));
        for bad in ["", "..", "7..3", "a", "1..b", "-1"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    /// T30: by role, or merged by iteration; the last n iterations, not the last n files.
    #[test]
    fn what_is_wanted_in_its_order() {
        let all = || vec![log("ralph", 1), log("galph", 2), log("ralph", 2), log("galph", 1), log("zoe", 1)];
        let roles = ["galph".to_owned(), "ralph".to_owned()];
        let pick = |wanted: Wanted| brief(&select(all(), &wanted, &roles));
        assert_eq!(pick(Wanted::default()), ["galph1", "galph2", "ralph1", "ralph2", "zoe1"]);
        let merged = Wanted { interleave: true, ..Wanted::default() };
        assert_eq!(pick(merged), ["galph1", "ralph1", "zoe1", "galph2", "ralph2"]);
        assert_eq!(pick(Wanted { last: Some(1), ..Wanted::default() }), ["galph2", "ralph2"]);
        let zoe = Wanted { role: Some("zoe".into()), last: Some(1), ..Wanted::default() };
        assert_eq!(pick(zoe), ["zoe1"]);
        assert_eq!(pick(Wanted { iterations: Some((2, 9)), ..Wanted::default() }), ["galph2", "ralph2"]);
    }

    #[test]
    fn names_of_turns_and_no_others() {
        let at = "20260120_032929".to_owned();
        for name in ["iter-00017_20260120_032929.log", "iter-17_20260120_032929_main-2.log"] {
            assert_eq!(parts(name, Source::Logs), Some((17, at.clone())), "{name}");
        }
        assert_eq!(parts("iter-00017_20260120_032929-summary.md", Source::Summaries), Some((17, at)));
        for name in [
            "latest.log",
            "iter-x_20260120_032929.log",
            "iter-00017_2026.log",
            "iter-1_20260120_032929.ndjson",
        ] {
            assert_eq!(parts(name, Source::Logs), None, "{name}");
        }
    }
}
