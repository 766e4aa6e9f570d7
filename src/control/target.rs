//! Whom a person means by a run's or an attempt's name. Pure.

use super::client::LiveRun;

/// Who is to be interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The place of the run in the list that was asked about.
    pub run: usize,
    /// None: the whole run.
    pub attempt: Option<&'a str>,
}

/// Nobody, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    #[error("no run is live here")]
    NoneLive,
    #[error("several runs are live here")]
    Several,
    #[error("no live run or attempt is called `{0}`")]
    Unknown(String),
    #[error("`{0}` may be several of them")]
    Ambiguous(String),
}

/// `word` is a run, an attempt, or `RUN/ATTEMPT`, each in full or as a beginning or an end that only one has. No word: the
/// only run there is.
pub fn resolve<'a>(live: &'a [LiveRun], word: Option<&str>) -> Result<Target<'a>, NoTarget> {
    let Some(word) = word else {
        return match live {
            [] => Err(NoTarget::NoneLive),
            [_] => Ok(Target { run: 0, attempt: None }),
            _ => Err(NoTarget::Several),
        };
    };
    let all = everybody(live);
    let exactly: Vec<Target<'a>> =
        all.iter().filter(|(name, path, _)| name == word || path == word).map(|(.., t)| *t).collect();
    let begins: Vec<Target<'a>> = all
        .iter()
        .filter(|(name, path, _)| !word.is_empty() && (name.starts_with(word) || begins(path, word)))
        .map(|(.., t)| *t)
        .collect();
    let ends: Vec<Target<'a>> = all
        .iter()
        .filter(|(name, ..)| !word.is_empty() && begins.is_empty() && name.ends_with(word))
        .map(|(.., t)| *t)
        .collect();
    match (exactly.as_slice(), begins.as_slice(), ends.as_slice()) {
        ([one], ..) | ([], [one], _) | ([], [], [one]) => Ok(*one),
        ([], [], []) => Err(NoTarget::Unknown(word.to_owned())),
        _ => Err(NoTarget::Ambiguous(word.to_owned())),
    }
}

/// Name, path and target of every run and attempt.
fn everybody(live: &[LiveRun]) -> Vec<(String, String, Target<'_>)> {
    let mut all = Vec::new();
    for (run, entry) in live.iter().enumerate() {
        all.push((entry.id.clone(), entry.id.clone(), Target { run, attempt: None }));
        for attempt in entry.status.iter().flat_map(|status| &status.attempts) {
            let path = format!("{}/{}", entry.id, attempt.id);
            all.push((attempt.id.clone(), path, Target { run, attempt: Some(&attempt.id) }));
        }
    }
    all
}

/// `ab/cd` begins `abc/cde`.
fn begins(path: &str, word: &str) -> bool {
    match (path.split_once('/'), word.split_once('/')) {
        (Some((run, attempt)), Some((r, a))) => run.starts_with(r) && attempt.starts_with(a),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{AttemptStatus, RunInfo, Status};

    fn run(id: &str, attempts: &[&str]) -> LiveRun {
        let attempt = |id: &&str| AttemptStatus {
            id: (*id).into(),
            role: "galph".into(),
            iteration: None,
            prompt: "p".into(),
            agent: "a".into(),
            pid: None,
            started_at: String::new(),
            running_ms: 0,
            silent_ms: 0,
            idle: false,
            interrupted: false,
        };
        let info = RunInfo {
            id: id.into(),
            kind: "turns".into(),
            mode: "combined".into(),
            pid: 1,
            started_at: String::new(),
        };
        let attempts = attempts.iter().map(attempt).collect();
        let status = Status { run: info, stop_asked: false, interrupted: false, attempts };
        LiveRun { id: id.into(), socket: id.into(), status: Some(status) }
    }

    #[test]
    fn names_and_beginnings() {
        let live = [run("aaa1", &["x1"]), run("aaa2", &["x2", "y1"])];
        let who = |word| resolve(&live, word);
        let target = |run, attempt| Ok(Target { run, attempt });
        assert_eq!(who(Some("aaa1")), target(0, None));
        assert_eq!(who(Some("x2")), target(1, Some("x2")));
        assert_eq!(who(Some("y")), target(1, Some("y1")));
        assert_eq!(who(Some("a2")), target(1, None));
        assert_eq!(who(Some("aaa2/x")), target(1, Some("x2")));
        assert_eq!(who(Some("aaa1/x1")), target(0, Some("x1")));
        assert_eq!(who(Some("aaa")), Err(NoTarget::Ambiguous("aaa".into())));
        assert_eq!(who(Some("x")), Err(NoTarget::Ambiguous("x".into())));
        assert_eq!(who(Some("aaa1/y")), Err(NoTarget::Unknown("aaa1/y".into())));
        assert_eq!(who(Some("")), Err(NoTarget::Unknown(String::new())));
        assert_eq!(who(None), Err(NoTarget::Several));
        assert_eq!(resolve(&live[..1], None), target(0, None));
        assert_eq!(resolve(&[], None), Err(NoTarget::NoneLive));
    }
}
