//! Whether an agent asked all loops to stop: in the working file, or in a commit of its own (G11).

use std::path::Path;

use git2::Oid;
use jiff::Timestamp;

use crate::ids::RoleId;
use crate::state::{State, file};
use crate::sync::worktree::{GitError, Repo};

/// The state file as the agent left it, if `exit` is set there; whether it counts is for the caller to
/// say (T6b). Nothing else of it is ever taken.
pub fn asked_to_exit(
    repo: &Repo,
    on: Oid,
    state: &Path,
    roles: &[RoleId],
    now: Timestamp,
) -> Result<Option<State>, GitError> {
    let file = repo.top().join(state);
    if let Some(state) = file::read(&file, roles, now).ok().filter(State::exits) {
        return Ok(Some(state));
    }
    let Some(head) = repo.head()?.commit else { return Ok(None) };
    // What does not descend from the claim is put aside with all it says.
    if head == on || !repo.descends(head, on)? {
        return Ok(None);
    }
    let said = repo.sanitize(on, head, state)?.agent_state;
    let said = said.and_then(|bytes| file::parse(state, &bytes, roles, now).ok());
    Ok(said.filter(State::exits))
}
