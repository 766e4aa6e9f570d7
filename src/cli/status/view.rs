//! What `status` shows: plain values.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::Budget;
use crate::control::LiveRun;
use crate::state::Status;
use crate::sync::worktree::EndedTurn;
use crate::turns::context::Previous;
use crate::turns::lock::Live;
use crate::turns::waiting::Waiting;
use crate::turns::words::after_failure;

#[derive(Debug)]
pub(super) struct View {
    pub now: Timestamp,
    pub iteration: u64,
    pub actor: String,
    pub status: Status,
    pub updated: Timestamp,
    /// The state is not this working tree's but that of this upstream, as it was last fetched.
    pub as_of: Option<String>,
    pub holder: Option<HeldBy>,
    /// The live loops of this working tree.
    pub live: Vec<Live>,
    pub runs: Vec<LiveRun>,
    pub waiting: Option<Waiting>,
    pub branch: Option<String>,
    pub prompt: Option<String>,
    pub agent: String,
    /// Why nothing would run.
    pub unrouted: Option<String>,
    /// The newest first.
    pub turns: Vec<EndedTurn>,
    pub previous: Option<Previous>,
    pub budget: Budget,
    /// The same in words.
    pub budget_words: Vec<String>,
    pub exit: bool,
    pub exit_reason: Option<String>,
    /// Refs of saved work that HEAD does not have, each with the command that merges it.
    pub rescues: Vec<(String, String)>,
    /// What went wrong while looking.
    pub troubles: Vec<String>,
}

/// Who holds the running turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeldBy {
    pub host: String,
    pub pid: u32,
    pub here: bool,
    pub claimed: Option<Timestamp>,
    pub lease_secs: u64,
    /// The holder renews a lease on the remote.
    pub leased: bool,
    /// Since when this machine has seen no sign of it, if it looked.
    pub no_sign_since: Option<Timestamp>,
}

impl View {
    pub(super) fn age_of(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(at)).unwrap_or_default()
    }

    pub(super) fn running(&self) -> bool {
        matches!(self.status, Status::Running(_))
    }

    /// The command that goes on: as the last turn's loop was started, if it was in this clone.
    pub(super) fn again(&self) -> String {
        let last = self.previous.as_ref().and_then(|p| p.again.clone().filter(|_| p.role == self.actor));
        let role = || format!("orchestrator --mode role --role {}", self.actor);
        let leased = self.holder.as_ref().is_some_and(|h| h.leased);
        last.unwrap_or_else(|| if leased { role() } else { "orchestrator".to_owned() })
    }

    /// What needs a person, in words, each with what helps.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut all = self.troubles.clone();
        all.extend(self.unrouted.clone());
        let here = self.holder.as_ref().is_none_or(|h| h.here);
        if self.running() && self.live.is_empty() && here {
            all.push("the last loop ended in the middle of this turn: the next start takes it again".into());
        } else if self.running() && !self.live.is_empty() && !self.live.iter().any(|l| l.covers(&self.actor))
        {
            all.push(format!(
                "{0}'s loop ended in the middle of this turn: its next start takes it again: \
                 orchestrator --mode role --role {0} --no-git",
                self.actor
            ));
        }
        if self.status == Status::Failed {
            all.push(format!("{}'s turn failed: {}", self.actor, after_failure(&self.again())));
        }
        if let Some(holder) = self.holder.as_ref().filter(|h| !h.here && self.running())
            && let Some(since) = holder.no_sign_since
        {
            let silence = self.age_of(since);
            if silence > Duration::from_secs(holder.lease_secs) {
                all.push(format!(
                    "no sign of {} for {}, its lease is over: orchestrator takeover --dry-run",
                    holder.host,
                    crate::clock::duration(silence)
                ));
            }
        }
        let attempts = self.runs.iter().filter_map(|r| r.status.as_ref()).flat_map(|s| &s.attempts);
        for silent in attempts.filter(|a| a.idle) {
            all.push(format!(
                "{} ({}) has printed nothing for {}: orchestrator logs -f, orchestrator interrupt",
                silent.role,
                silent.agent,
                crate::clock::duration(Duration::from_millis(silent.silent_ms))
            ));
        }
        all
    }
}
