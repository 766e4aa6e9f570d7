//! Whether this clone's turns go through a remote (turns.md T6): then so does a change of the state.

use std::sync::Arc;

use crate::clock::Clock;
use crate::state::file;
use crate::sync::journal::{self, Journal, Mode};
use crate::sync::seen::{self, Seen};
use crate::sync::worktree::Repo;
use crate::turns::engine::LoopError;
use crate::turns::settings::Settings;

/// Told by the last turn of this clone; where it took none, by what it has seen of the remote.
///
/// # Errors
/// Files of the private folder that cannot be read.
pub fn through_remote(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<bool, LoopError> {
    if !settings.options.git {
        return Ok(false);
    }
    if settings.options.role.is_some() {
        return Ok(true);
    }
    match Journal::load(&journal::path_in(&settings.private()))?.map(|j| j.mode) {
        Some(Mode::Role) => return Ok(true),
        Some(_) => return Ok(false),
        None => {}
    }
    let Ok(repo) = Repo::open(&settings.root, Arc::clone(clock)) else { return Ok(false) };
    let Some(branch) = repo.head().ok().and_then(|h| h.branch) else { return Ok(false) };
    let local = format!("refs/heads/{branch}");
    if Seen::load(&seen::path_in(&settings.private()))?.tips.contains_key(&local) {
        return Ok(true);
    }
    // A fresh clone: a turn with a lease was taken through the remote.
    let upstream = repo.raw().branch_upstream_name(&local).ok();
    let tip = upstream.as_ref().and_then(|name| repo.raw().refname_to_id(name.as_str().ok()?).ok());
    let leased = || {
        let path = repo.relative(&settings.state_path()).ok()?;
        let bytes = repo.blob_at(tip?, &path).ok()??;
        file::parse(&path, &bytes, &settings.roles(), clock.now()).ok()?.turn?.lease_ref
    };
    Ok(leased().is_some())
}
