//! Why the turns through a remote ended: the exit code and the words.

use super::error::{FAILED, FENCED, Failure, INTERNAL, LIMIT, REFUSED, USAGE};
use crate::sync::driver::{Doing, Finish, Site};
use crate::sync::protocol::Reason;

/// The exit code, or what a person is told.
pub(super) fn words(finish: Finish) -> Result<u8, Failure> {
    let Finish { reason, trouble, doing, site } = finish;
    let code = reason.code();
    let refused = |what: &str| Failure::new(REFUSED, "sync", what);
    let at = |why: String| if why.contains(&site.url) { why } else { format!("{}: {why}", site.url) };
    let failure = match reason {
        Reason::Done | Reason::ExitSet | Reason::NotOurTurn | Reason::Interrupted(_) => return Ok(code),
        Reason::TurnFailed => {
            Failure::new(FAILED, "turn_failed", "take the turn: it was published as failed")
        }
        Reason::FailedSeen => Failure::new(FAILED, "turn_failed", "go on: a turn has failed")
            .hint("look at its log on that machine, then: orchestrator resume"),
        Reason::Conflict => refused("publish the work: it conflicts with what others pushed")
            .hint("the work is on a ref below refs/orchestrator/rescue/"),
        Reason::Damaged(why) => Failure::new(USAGE, "state", "read the state on the remote").cause(why),
        Reason::NoState { removed } => {
            let failure = Failure::new(USAGE, "state", "find the state on the remote");
            if removed {
                failure.cause("a commit of the branch removed it".to_owned())
            } else {
                let cause = format!("branch {} of {} has none", site.branch, site.url);
                failure.cause(cause).hint("orchestrator init --publish")
            }
        }
        Reason::Offline(why) => refused("reach the remote")
            .cause(at(why))
            .hint("nothing is lost; the next start goes on from here (how long one tries: sync.retry_secs)"),
        Reason::Refused(why) => not_had(doing, at(why), &site),
        Reason::Unpublished => {
            refused("publish the turn; it is kept here").hint("the next start publishes it")
        }
        Reason::Rewritten { seen, now } => refused("go on: the remote branch was rewritten")
            .cause(format!("{}: it does not hold {seen} any more", site.url))
            .hint(put_back(&seen.to_string(), now.map(|id| id.to_string()), &site)),
        Reason::Blocked(names) => refused("claim the turn").cause(names.join(", ")),
        Reason::InTheWay(names) => refused("move the branch: changed files are in the way")
            .cause(names.join(", "))
            .hint("commit them, or put them aside: git stash -u"),
        Reason::Fenced => Failure::new(FENCED, "fenced", "keep the turn: it is not this machine's any more"),
        Reason::LeaseEnded => {
            Failure::new(FENCED, "lease", "renew the lease: the remote was out of reach until it ended")
                .hint("the work is kept here; the next start looks whether the turn is still ours")
        }
        Reason::WaitedTooLong => Failure::new(LIMIT, "wait", "wait any longer for a turn"),
        Reason::Limit(limit) => Failure::new(LIMIT, "budget", "go on within the budget").cause(limit),
        Reason::OutOfStep(what) => {
            Failure::new(INTERNAL, "bug", "follow the protocol").cause(what.to_owned())
        }
    };
    Err(match trouble {
        Some(trouble) if failure.causes.is_empty() => failure.cause(trouble),
        _ => failure,
    })
}

/// What the remote would not do, and what that leaves.
fn not_had(doing: Doing, why: String, site: &Site) -> Failure {
    let (what, hint) = match doing {
        Doing::Read => {
            ("read the remote", "see what works and what does not: orchestrator doctor".to_owned())
        }
        Doing::Claim => (
            "claim the turn: the remote refuses it",
            format!("nothing was run; once it takes pushes to {}, start again", site.branch),
        ),
        Doing::Publish => (
            "publish the turn: the remote refuses it",
            "what is finished is kept here, and the next start publishes it".to_owned(),
        ),
        Doing::Change => (
            "change the state on the remote: it refuses that",
            format!("nothing was changed; once it takes pushes to {}, again", site.branch),
        ),
        Doing::Rescue => (
            "save the work on the remote: it refuses that",
            "the work is kept here, on a ref below refs/orchestrator/rescue/".to_owned(),
        ),
    };
    Failure::new(REFUSED, "sync", what).cause(why).hint(hint)
}

/// The lease of the push is what was seen last: nobody's later push is overwritten.
fn put_back(seen: &str, now: Option<String>, site: &Site) -> String {
    let (remote, branch) = (site.remote.as_deref().unwrap_or(&site.url), &site.branch);
    let lease = now.map_or_else(String::new, |now| format!("--force-with-lease={branch}:{now} "));
    format!(
        "put it back: git push {lease}{remote} {seen}:refs/heads/{branch}; or clone anew to go on from what is there"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::protocol::CommitId;

    fn finish(reason: Reason, doing: Doing) -> Failure {
        let site = Site { url: "/srv/x.git".into(), remote: Some("origin".into()), branch: "work".into() };
        words(Finish { reason, trouble: None, doing, site }).unwrap_err()
    }

    /// I2: what failed is what was tried, and where.
    #[test]
    fn a_refusal_is_told_by_what_was_tried() {
        let refused = || Reason::Refused("hook declined".into());
        let read = finish(refused(), Doing::Read);
        assert_eq!(
            read.text(),
            "error: read the remote\ncause: /srv/x.git: hook declined\nhint: see what works and what does not: orchestrator doctor\n"
        );
        assert!(finish(refused(), Doing::Claim).what.starts_with("claim the turn"));
        let kept = finish(refused(), Doing::Publish);
        assert!(kept.hint.unwrap().contains("the next start publishes it"));
    }

    #[test]
    fn a_branch_that_was_forced_back_can_be_put_back() {
        let [seen, now] = [1u8, 2].map(|n| CommitId::from_bytes(&[n; 20]).unwrap());
        let hint = finish(Reason::Rewritten { seen, now: Some(now) }, Doing::Read).hint.unwrap();
        let push = format!("git push --force-with-lease=work:{now} origin {seen}:refs/heads/work;");
        assert!(hint.contains(&push), "{hint}");
        let gone = finish(Reason::Rewritten { seen, now: None }, Doing::Read).hint.unwrap();
        assert!(gone.contains(&format!("git push origin {seen}:refs/heads/work;")), "{gone}");
    }
}
