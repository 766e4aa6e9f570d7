//! From the settings of a start to a driver.

use std::sync::Arc;

use super::{LoopError, RoleWorld, Settings};
use crate::config;
use crate::state::Holder;
use crate::sync::driver::{Driver, Setup, World, lease_ref_of};
use crate::sync::protocol::{BootId, Config, Goal, RefName, Start, Takeover, Timing};
use crate::sync::remote::{Cancel, Connector, Limits};
use crate::sync::worktree::Repo;
use crate::turns::engine::Git;

pub(super) struct Made {
    pub driver: Driver,
    pub repo: Repo,
}

/// The way to the remote of a branch, and the remote's name.
pub(super) fn connect(
    settings: &Settings,
    world: &RoleWorld,
    repo: &Repo,
    branch: &str,
) -> Result<(Connector, String, Cancel), LoopError> {
    let sync = &settings.config.sync;
    let remote = repo.remote_of(branch);
    let limits = Limits { silence: sync.network_timeout_secs.0, ..Limits::default() };
    let cancel = limits.cancel.clone();
    let ids = Arc::clone(&world.ids);
    let connector =
        Connector::new(repo.raw(), &remote, sync.transport, world.surroundings.clone(), limits, ids)?;
    Ok((connector, remote, cancel))
}

pub(super) fn driver(
    settings: &Settings,
    world: &RoleWorld,
    git: &Git,
    holder: Holder,
    (goal, stop_reason): (Goal, Option<String>),
) -> Result<Made, LoopError> {
    let (sync, run, options) = (&settings.config.sync, &settings.config.run, &settings.options);
    let repo = Repo::open(&settings.root, Arc::clone(&world.clock))?;
    let (connector, remote, cancel) = connect(settings, world, &repo, &git.branch)?;
    let first = settings.workflow.first();
    let role = options.role.clone().unwrap_or_else(|| first.clone());
    let turns = if options.if_turn { 1 } else { options.loops };
    let config = Config {
        goal,
        first: role == *first,
        role,
        start: match (options.if_turn, options.stop_on_failure) {
            (true, _) => Start::IfTurn,
            (false, true) => Start::StopOnFailure,
            (false, false) => Start::ByHand,
        },
        turns: Some(turns).filter(|n| *n != 0),
        takeover: match sync.takeover {
            config::Takeover::Auto => Takeover::Auto,
            config::Takeover::Manual => Takeover::Manual,
            config::Takeover::Never => Takeover::Never,
        },
        retry_failed: sync.retry_failed,
        lease_ref: sync.lease_ref.as_deref().map_or_else(|| lease_ref_of(&git.branch), RefName::new),
        boot: BootId::new(&holder.boot),
        timing: Timing {
            poll: sync.poll_interval.0,
            margin: sync.margin_secs.0,
            skew: sync.clock_skew_secs.0,
            retry: sync.retry_secs.0,
            max_wait: Some(run.max_wait_secs.0).filter(|wait| !wait.is_zero()),
            heartbeat: sync.heartbeat_secs.0,
            ..Timing::default()
        },
    };
    let setup = Setup {
        config,
        roles: settings.roles(),
        branch: git.branch.clone(),
        remote: Some(remote),
        state: git.state_path.clone(),
        private: settings.private(),
        lease_secs: sync.lease_secs.0.as_secs(),
        holder,
        message_suffix: sync.message_suffix.clone(),
        stop_reason,
    };
    let time = World { clock: Arc::clone(&world.clock), ids: Arc::clone(&world.ids) };
    Ok(Made { driver: Driver::new(setup, time, connector, cancel), repo })
}
