//! The commits the protocol orders: each made from the state at a fresh tip, out of reach of any
//! branch (G8, G11).

use git2::Oid;

use super::host::{Details, Runner, Said};
use super::setup::{DriverError, id_of, oid_of};
use super::shell::Shell;
use crate::state::{self, NewTurn, State, transition};
use crate::sync::message::{PROTOCOL, StateMessage, Step, Trailers};
use crate::sync::protocol::{Base, ClaimKind, Control, Event, Obstacle, Order, Outcome, TurnId};
use crate::sync::remote::extends;
use crate::sync::worktree::{GitError, PreflightError, Replayed, path_text};

/// A state commit to be made.
struct New {
    on: Option<Oid>,
    state: State,
    step: Step,
    iteration: u64,
    actor: crate::ids::RoleId,
    trailers: Trailers,
}

/// Work on a tip, or why it does not fit there.
type Placed = Result<Oid, Obstacle>;

impl Shell<'_> {
    pub(super) fn build(&mut self, order: Order, runner: &mut dyn Runner) -> Result<Event, DriverError> {
        match order {
            Order::Claim { kind, tip, epoch } => self.build_claim(kind, oid_of(tip)?, epoch, runner),
            Order::Stamp { turn, epoch, outcome, exit, base } => {
                self.build_stamp(&turn, epoch, (outcome, exit), base)
            }
            Order::Control { what, tip } => {
                let tip = tip.map(oid_of).transpose()?;
                match (&what, tip) {
                    (Control::HandOff { outcome, .. }, Some(tip)) => self.build_hand_off(*outcome, tip),
                    _ => self.build_control(&what, tip),
                }
            }
        }
    }

    fn build_claim(
        &mut self,
        kind: ClaimKind,
        tip: Oid,
        epoch: u64,
        runner: &mut dyn Runner,
    ) -> Result<Event, DriverError> {
        let refused = |why: String| Ok(Event::NotBuilt(Obstacle::Refused(why)));
        if let Err(e) = self.repo.preflight(Some(&self.setup.branch), &self.setup.state) {
            return match e {
                PreflightError::Git(e) => Err(e.into()),
                other => refused(with_hint(&other.to_string(), other.hint())),
            };
        }
        if let Err(names) = runner.before_claim(&self.repo) {
            return refused(names.join("; "));
        }
        let base = match self.repo.head()?.commit {
            None => Ok(tip),
            Some(head) => self.place(head, tip, kind == ClaimKind::Resume)?,
        };
        let base = match base {
            Ok(base) => base,
            Err(obstacle) => return Ok(Event::NotBuilt(obstacle)),
        };
        if base != tip {
            let others = self.repo.commits_between(Some(tip), base)?;
            let names = others.iter().map(|c| format!("{} {}", c.short, c.subject)).collect();
            self.say(&Said::TakesAlong(names));
        }
        if let Err(e) = self.follow(base)? {
            return refused(format!("changed files are in the way: {}", e.join(", ")));
        }
        let before = self.sight.whole_state(&self.repo, base, self.now())?;
        let role = self.setup.config.role.clone();
        let id = self.world.ids.uuid();
        let turn = NewTurn {
            id: id.clone(),
            epoch,
            holder: self.setup.holder.clone(),
            lease_secs: self.setup.lease_secs,
            lease_ref: Some(self.setup.config.lease_ref.to_string()),
        };
        let prompt = runner.routed(&before);
        let event = match kind {
            ClaimKind::Fresh => state::Event::Claim { role: role.clone(), turn, prompt },
            ClaimKind::Resume | ClaimKind::TakeOver => {
                state::Event::Reclaim { role: role.clone(), turn, prompt }
            }
        };
        let state = transition(&before, event, &self.setup.roles, self.now())?;
        let trailers = Trailers {
            turn_id: Some(id.clone()),
            epoch: Some(epoch),
            role: Some(role.to_string()),
            reason: match kind {
                ClaimKind::Fresh => None,
                ClaimKind::Resume => Some("resumed after a crash".to_owned()),
                ClaimKind::TakeOver => Some("taken over".to_owned()),
            },
            orchestrator: Some(PROTOCOL),
            ..Trailers::default()
        };
        let iteration = state.iteration;
        let new = New { on: Some(base), state, step: Step::Running, iteration, actor: role, trailers };
        let commit = id_of(self.commit(new)?)?;
        Ok(Event::ClaimBuilt { turn: TurnId::from(id), commit })
    }

    /// `head`'s own commits on `tip`.
    fn place(&self, head: Oid, tip: Oid, of_turn: bool) -> Result<Placed, GitError> {
        Ok(match self.repo.replay(head, tip, &[], &self.setup.state)? {
            Replayed::At(at) => Ok(at),
            Replayed::Conflict(paths) => {
                let names = paths.iter().map(|p| path_text(p)).collect();
                Err(if of_turn { Obstacle::TurnConflict(names) } else { Obstacle::Conflict(names) })
            }
            Replayed::Unrelated => Err(Obstacle::Refused(format!(
                "branch {} here and on the remote have no commit in common (no merge base)",
                self.setup.branch
            ))),
        })
    }

    fn build_stamp(
        &mut self,
        turn: &TurnId,
        epoch: u64,
        (outcome, exit): (Outcome, bool),
        base: Base,
    ) -> Result<Event, DriverError> {
        let end = self.journal.turn.as_ref().and_then(|t| t.end).ok_or(DriverError::OutOfStep("a stamp"))?;
        let head = oid_of(end.head)?;
        let on = match base {
            Base::Head => Ok(head),
            Base::Bare(tip) => Ok(oid_of(tip)?),
            Base::Replay(tip) => self.place(head, oid_of(tip)?, true)?,
        };
        let on = match on {
            Ok(on) => on,
            Err(obstacle) => return Ok(Event::NotBuilt(obstacle)),
        };
        let before = self.sight.whole_state(&self.repo, on, self.now())?;
        let details = match &self.disk.details {
            Some((of, details)) if of == turn => details.clone(),
            _ => Details::default(),
        };
        let role = self.setup.config.role.clone();
        let short = self.repo.short_id(on)?;
        let (commit, prompt) = (Some(short.clone()), details.routed.clone());
        let event = match outcome {
            Outcome::Succeeded => state::Event::Succeed { role: role.clone(), commit, prompt },
            Outcome::Failed => state::Event::Fail { role: role.clone(), commit, prompt },
            Outcome::Interrupted => state::Event::Interrupt { role: role.clone() },
        };
        let mut state = transition(&before, event, &self.setup.roles, self.now())?;
        if exit {
            let reason = details.exit_reason.clone().or(self.setup.stop_reason.clone());
            state = transition(&state, state::Event::Stop { reason }, &self.setup.roles, self.now())?;
        }
        let step = match outcome {
            Outcome::Succeeded => Step::Ok { next: state.expected_actor.clone(), commit: short },
            Outcome::Failed => Step::Fail { commit: short },
            Outcome::Interrupted => Step::Interrupted,
        };
        let trailers = Trailers {
            turn_id: Some(turn.to_string()),
            epoch: Some(epoch),
            role: Some(role.to_string()),
            orchestrator: Some(PROTOCOL),
            ..details.trailers()
        };
        let iteration = state.iteration;
        let new = New { on: Some(on), state, step, iteration, actor: role, trailers };
        Ok(Event::Built(id_of(self.commit(new)?)?))
    }

    fn build_control(&mut self, what: &Control, tip: Option<Oid>) -> Result<Event, DriverError> {
        let head = self.repo.head()?.commit;
        let on = match (tip, head) {
            // The first state of an empty remote brings the project along.
            (None, head) => head,
            // What was committed here on top of it too: the state, or what the roles need to begin.
            (Some(tip), Some(head))
                if *what == Control::Create && extends(self.repo.raw(), head, tip).unwrap_or(false) =>
            {
                Some(head)
            }
            (tip, _) => tip,
        };
        let now = self.now();
        if *what == Control::Create
            && let Some(head) = on.filter(|on| Some(*on) == head)
            && self.repo.blob_at(head, &self.setup.state)?.is_some()
        {
            // A state that is there already is published as it is: nothing begins anew (T3).
            self.sight.whole_state(&self.repo, head, now)?;
            return Ok(Event::Built(id_of(head)?));
        }
        let before = match (what, on) {
            (Control::Create, _) | (_, None) => {
                let first = self.setup.roles.first().ok_or(DriverError::OutOfStep("a first state"))?;
                State::initial(first.clone(), now)
            }
            (_, Some(on)) => self.sight.whole_state(&self.repo, on, now)?,
        };
        let mut trailers = Trailers { orchestrator: Some(PROTOCOL), ..Trailers::default() };
        let (event, step) = match what {
            Control::Create => (None, Step::Init),
            Control::Stop => {
                let reason = self.setup.stop_reason.clone();
                trailers.reason.clone_from(&reason);
                (Some(state::Event::Stop { reason }), Step::Exit)
            }
            Control::Resume => {
                trailers.reason.clone_from(&self.setup.stop_reason);
                (Some(state::Event::Resume), Step::Resume)
            }
            Control::Release { turn, epoch } => {
                trailers.turn_id = Some(turn.to_string());
                trailers.epoch = Some(epoch.saturating_add(1));
                let role = before.expected_actor.clone();
                trailers.role = Some(role.to_string());
                (Some(state::Event::Release { role }), Step::Released)
            }
            Control::HandOff { .. } => return Err(DriverError::OutOfStep("a hand-off on nothing")),
            Control::ReleaseBare { .. } => {
                let role = before.expected_actor.clone();
                trailers.role = Some(role.to_string());
                (Some(state::Event::Release { role }), Step::Released)
            }
        };
        let state = match event {
            Some(event) => transition(&before, event, &self.setup.roles, now)?,
            None => before,
        };
        let (iteration, actor) = (state.iteration, state.expected_actor.clone());
        Ok(Event::Built(id_of(self.commit(New { on, state, step, iteration, actor, trailers })?)?))
    }

    /// Claim, this clone's own commits, stamp: one push for all (turns.md T31).
    fn build_hand_off(&mut self, outcome: Outcome, tip: Oid) -> Result<Event, DriverError> {
        let (role, roles, now) = (self.setup.config.role.clone(), self.setup.roles.clone(), self.now());
        let before = self.sight.whole_state(&self.repo, tip, now)?;
        let (id, epoch) = (self.world.ids.uuid(), self.memory.epoch.max(before.epoch()).saturating_add(1));
        let turn = NewTurn {
            id: id.clone(),
            epoch,
            holder: self.setup.holder.clone(),
            lease_secs: self.setup.lease_secs,
            lease_ref: None,
        };
        let claim = match before.status {
            state::Status::Running(_) => state::Event::Reclaim { role: role.clone(), turn, prompt: None },
            _ => state::Event::Claim { role: role.clone(), turn, prompt: None },
        };
        let claimed = transition(&before, claim, &roles, now)?;
        let trailers = Trailers {
            turn_id: Some(id),
            epoch: Some(epoch),
            role: Some(role.to_string()),
            reason: Some("by hand".to_owned()),
            orchestrator: Some(PROTOCOL),
            ..Trailers::default()
        };
        let claim = self.commit(New {
            on: Some(tip),
            state: claimed.clone(),
            step: Step::Running,
            iteration: claimed.iteration,
            actor: role.clone(),
            trailers: trailers.clone(),
        })?;
        let work = match self.repo.head()?.commit {
            None => Ok(claim),
            Some(head) => self.place(head, claim, false)?,
        };
        let work = match work {
            Ok(work) => work,
            Err(obstacle) => return Ok(Event::NotBuilt(obstacle)),
        };
        let short = self.repo.short_id(work)?;
        let (commit, prompt) = (Some(short.clone()), None);
        let (event, failed) = match outcome {
            Outcome::Succeeded => (state::Event::Succeed { role: role.clone(), commit, prompt }, false),
            _ => (state::Event::Fail { role: role.clone(), commit, prompt }, true),
        };
        let state = transition(&claimed, event, &roles, now)?;
        let next = state.expected_actor.clone();
        let step = if failed { Step::Fail { commit: short } } else { Step::Ok { next, commit: short } };
        let (on, iteration) = (Some(work), state.iteration);
        Ok(Event::Built(id_of(self.commit(New { on, state, step, iteration, actor: role, trailers })?)?))
    }

    fn commit(&self, new: New) -> Result<Oid, GitError> {
        let New { on, state, step, iteration, actor, trailers } = new;
        let message = StateMessage { step, actor, iteration, trailers };
        let message = message.render(self.setup.message_suffix.as_deref());
        let text = state.render(&self.setup.roles);
        self.repo.commit_state(on, &self.setup.state, text.as_bytes(), &message)
    }
}

fn with_hint(text: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{text} ({hint})"),
        None => text.to_owned(),
    }
}
