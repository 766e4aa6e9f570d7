//! Who set `exit`, when and why (turns.md T6), as the history tells it.

use crate::clock::iso_seconds;
use crate::state::{State, file};
use crate::sync::seen::{Seen, path_in};
use crate::sync::worktree::{Oid, Repo};
use crate::turns::settings::Settings;

/// How many commits are looked at for the one that set it.
const LOOK_BACK: usize = 500;

/// Why no turn is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitSet {
    /// The author of the commit, and what it says it was.
    pub by: String,
    /// UTC.
    pub at: String,
    pub reason: Option<String>,
}

/// What this clone has seen; nothing where the history does not tell.
pub(super) fn exit_set(settings: &Settings, repo: &Repo, now: jiff::Timestamp) -> Option<ExitSet> {
    let seen = Seen::load(&path_in(&settings.private())).ok()?;
    let state_path = repo.relative(&settings.state_path()).ok()?;
    let state = |at: Oid| -> Option<State> {
        let bytes = repo.blob_at(at, &state_path).ok()??;
        file::parse(&state_path, &bytes, &settings.roles(), now).ok()
    };
    let mut found = None;
    let mut at = repo.raw().find_commit(seen.exit?.commit?).ok();
    for _ in 0..LOOK_BACK {
        let Some(commit) = at else { break };
        let Some(state) = state(commit.id()).filter(State::exits) else { break };
        at = commit.parent(0).ok();
        found = Some((commit, state));
    }
    let (commit, state) = found?;
    let author = commit.author();
    let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
    let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
    let by = if subject.contains("exit=true") { name } else { format!("{name} ({subject})") };
    let at = jiff::Timestamp::from_second(commit.time().seconds()).ok()?;
    Some(ExitSet { by, at: iso_seconds(at), reason: state.exit_reason })
}
