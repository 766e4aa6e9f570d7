//! The ladder (G11): what a look at the remote says about a commit of ours that was sent.
//!
//! | rung | ours to the tip | claim to the tip | state at the tip | verdict |
//! | --- | --- | --- | --- | --- |
//! | a | is the tip | any | any | published |
//! | b | contained | any | any | published |
//! | c | extends it | any | any | send the same commit again |
//! | d | apart | in it | our id, epoch, `running-<role>` | replay the work, stamp anew |
//! | e | apart | any | anything else | fenced |
//!
//! Rung c covers more than an unmoved tip: an agent that pushed part of its own work moved the
//! tip along our line, and the same commit still fits on it. That is the only case in which a
//! push in flight could still land, so until the tip leaves our first-parent line only the same
//! commit may be sent (G12).

use super::view::Relation;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    Published,
    SendAgain,
    Replay,
    Fenced,
}

/// The verdict on a hand-off. `still_ours`: the state at the tip runs our very turn.
pub fn judge_stamp(stamp: Relation, claim: Relation, still_ours: bool) -> Rung {
    match stamp {
        Relation::Same | Relation::Contained => Rung::Published,
        Relation::Extends => Rung::SendAgain,
        Relation::Apart if claim.is_published() && still_ours => Rung::Replay,
        Relation::Apart => Rung::Fenced,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimFate {
    /// Ours, also if somebody's commits already lie on it.
    Won,
    SendAgain,
    /// Somebody was faster, or it landed so late that it is over already. Normal, no error.
    Lost,
}

/// The verdict on a claim: rungs a to c; a claim is never replayed, only made anew (G8).
pub fn judge_claim(claim: Relation, still_ours: bool) -> ClaimFate {
    match claim {
        Relation::Same | Relation::Contained if still_ours => ClaimFate::Won,
        Relation::Extends => ClaimFate::SendAgain,
        Relation::Same | Relation::Contained | Relation::Apart => ClaimFate::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::Relation::{Apart, Contained, Extends, Same};
    use super::*;

    const ALL: [Relation; 4] = [Same, Contained, Extends, Apart];

    /// G11: the table, whole.
    #[test]
    fn every_row_of_the_ladder() {
        for claim in ALL {
            for ours in [false, true] {
                assert_eq!(judge_stamp(Same, claim, ours), Rung::Published);
                assert_eq!(judge_stamp(Contained, claim, ours), Rung::Published);
                assert_eq!(judge_stamp(Extends, claim, ours), Rung::SendAgain);
                let replay = ours && matches!(claim, Same | Contained);
                let apart = if replay { Rung::Replay } else { Rung::Fenced };
                assert_eq!(judge_stamp(Apart, claim, ours), apart, "{claim:?} {ours}");
            }
        }
    }

    /// G8: a claim that landed and was taken over before we looked is not run.
    #[test]
    fn a_claim_is_won_only_while_it_is_ours() {
        assert_eq!(judge_claim(Same, true), ClaimFate::Won);
        assert_eq!(judge_claim(Contained, true), ClaimFate::Won);
        assert_eq!(judge_claim(Contained, false), ClaimFate::Lost);
        assert_eq!(judge_claim(Extends, false), ClaimFate::SendAgain);
        assert_eq!(judge_claim(Apart, true), ClaimFate::Lost);
    }
}
