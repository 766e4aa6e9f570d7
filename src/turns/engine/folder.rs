//! Role mode without git (turns.md T18, T20a): loops of several roles in one folder, one process each.
//!
//! The state file says whose turn it is, as in combined mode; locks say who may act on it. Whoever holds the lock of a
//! role takes its turns, so a turn of that role that is found running belongs to nobody who lives, and is taken again.
//! Each change of the state is made from a fresh look under the state's lock, held from the look to the write.
//!
//! | crash after | on disk | the next start of that role |
//! | --- | --- | --- |
//! | nothing, or the temporary file | old state | takes the turn |
//! | the claimed state | `running-<role>` | ends the old agent's processes, takes the turn again |
//! | the stamped state | the next role's turn | waits for its next turn |

mod words;

use std::time::Duration;

use jiff::Timestamp;

use super::error::End;
use super::{Engine, LoopError, World};
use crate::agents;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::state::{Event, State, StateError, Status, file};
use crate::sync::driver::view_of;
use crate::sync::memory::Memory;
use crate::sync::message::{Step, Trailers};
use crate::sync::protocol::{Decision, Outlook, Reason, Start, Takeover, Waiting, decide};
use crate::turns::context::Previous;
use crate::turns::lock::LoopLock;
use crate::turns::settings::Settings;
use crate::turns::state_lock::StateLock;
use crate::turns::stop_request::StopRequest;
use crate::turns::waiting::Waiting as Rested;

/// What a loop needs that is not alone with the state.
#[derive(Default)]
pub(super) struct Folder {
    /// Held from the look at the state to the write that follows from it.
    held: Option<StateLock>,
}

/// Which failure: told apart by turn, and without one by iteration.
type Failure = (Option<String>, u64);

/// What became of a turn that could be claimed.
enum Took {
    /// Somebody else changed the state first.
    Nothing,
    Turn,
    Ended(End),
}

/// The wait in progress.
#[derive(Default)]
struct Wait {
    since: Option<Duration>,
    said: Option<(Duration, Waiting)>,
    /// The turn that was said to be left by its loop.
    dead: Option<String>,
}

impl Folder {
    pub(super) fn of(settings: &Settings) -> Option<Self> {
        (settings.options.role.is_some() && !settings.options.git).then(Self::default)
    }
}

impl<'a> Engine<'a> {
    /// As [`Engine::start`]: everything up to the first look at the state.
    pub(super) fn start_in_folder(
        settings: &'a Settings,
        world: World<'a>,
    ) -> Result<(Self, LoopLock), LoopError> {
        let (mut engine, lock) = Self::open(settings, world)?;
        engine.open_control();
        if Rested::find(&settings.root).is_some_and(|w| w.role == settings.role().as_str()) {
            Rested::clear(&settings.root);
        }
        engine.warn_of_a_useless_guard();
        engine.warn_of_unchecked_scope();
        engine.agents_may_run()?;
        if let Some(state) = engine.peek()? {
            engine.state = state;
        }
        Ok((engine, lock))
    }

    /// Takes the turns of this role until there is a reason to end.
    pub(super) async fn take_role_turns(&mut self) -> Result<End, LoopError> {
        let options = &self.settings.options;
        let most = if options.if_turn { 1 } else { options.loops };
        let first = self.peek()?.as_ref().and_then(failure_of);
        let (mut taken, mut wait, mut seen) = (0, Wait::default(), false);
        loop {
            if let Some(reason) = self.world.stop.check().await {
                self.say(Fact::Signal { name: reason.text.clone() });
                return Ok(End::Interrupted(reason));
            }
            self.take_stop_request_beside()?;
            let why = match self.peek()? {
                None if seen => {
                    return Err(StateError::Missing { path: self.settings.state_path() }.into());
                }
                None if self.settings.workflow.is_first(self.settings.role()) => {
                    self.create_beside()?;
                    continue;
                }
                None => Waiting::NoState,
                Some(state) => {
                    seen = true;
                    self.see(state);
                    match self.decide(first.as_ref()) {
                        Decision::Wait(why) => why,
                        Decision::Leave(reason) => return self.left(&reason),
                        Decision::Claim(_) => {
                            match self.take_one(first.as_ref()).await? {
                                Took::Nothing => continue,
                                Took::Ended(end) => return Ok(end),
                                Took::Turn => taken += 1,
                            }
                            wait = Wait::default();
                            if most != 0 && taken >= most {
                                self.take_stop_request_beside()?;
                                return Ok(if self.state.exits() { self.stopped() } else { End::Done });
                            }
                            continue;
                        }
                    }
                }
            };
            if self.settings.options.if_turn {
                return Ok(End::NotOurTurn);
            }
            if self.rest(&mut wait, why).await? {
                return Ok(End::WaitedTooLong);
            }
        }
    }

    fn decide(&self, failed_at_start: Option<&Failure>) -> Decision {
        let options = &self.settings.options;
        let failure = failure_of(&self.state);
        decide(&Outlook {
            role: self.settings.role(),
            start: match (options.if_turn, options.stop_on_failure) {
                (true, _) => Start::IfTurn,
                (false, true) => Start::StopOnFailure,
                (false, false) => Start::ByHand,
            },
            takeover: Takeover::Auto,
            retry_failed: self.settings.config.sync.retry_failed,
            state: &view_of(&self.state),
            exit_seen: false,
            // Whoever had it is dead: this program holds the role's lock.
            mine: true,
            ripe: false,
            failed_at_start: failure.is_some() && failure.as_ref() == failed_at_start,
        })
    }

    fn left(&mut self, reason: &Reason) -> Result<End, LoopError> {
        Ok(match reason {
            Reason::ExitSet => self.stopped(),
            _ => End::FailedSeen(self.failed_words()?),
        })
    }

    /// Claims and runs a turn, if a look under the lock still says that it is to be.
    async fn take_one(&mut self, failed_at_start: Option<&Failure>) -> Result<Took, LoopError> {
        if let Some(end) = self.at_limit() {
            return Ok(Took::Ended(end));
        }
        self.tell_of_changed_configuration();
        self.enter()?;
        let role = self.settings.role().clone();
        if let Some(state) = self.peek()? {
            self.see(state);
        }
        if !matches!(self.decide(failed_at_start), Decision::Claim(_)) {
            self.leave();
            return Ok(Took::Nothing);
        }
        self.memory = Memory::load(&self.settings.private())?;
        if self.state.status == Status::Running(role.clone()) {
            let text = format!("{role}'s turn was left running by a loop that is gone: it is taken again");
            self.say(Fact::Notice { text });
        }
        let end = self.turn(&role).await;
        self.leave();
        self.place.attempt_id = None;
        if let Some(end) = end? {
            return Ok(Took::Ended(end));
        }
        self.turns += 1;
        self.warn_of_blind_spots();
        Ok(Took::Turn)
    }

    /// Says what is waited for, and waits until the next look. True: it was waited for too long.
    async fn rest(&mut self, wait: &mut Wait, why: Waiting) -> Result<bool, LoopError> {
        let (sync, run) = (&self.settings.config.sync, &self.settings.config.run);
        let now = self.world.clock.mono();
        let since = *wait.since.get_or_insert(now);
        let most = run.max_wait_secs.0;
        if !most.is_zero() && now.saturating_sub(since) >= most {
            return Ok(true);
        }
        self.say_if_left(wait)?;
        let heartbeat = sync.heartbeat_secs.0;
        let due = match &wait.said {
            None => true,
            Some((at, said)) => *said != why || now.saturating_sub(*at) >= heartbeat,
        };
        if due {
            let (role, text) = (self.settings.role().to_string(), self.waiting_words(&why)?);
            let fresh = wait.said.as_ref().is_none_or(|(_, said)| *said != why);
            self.say(if fresh {
                Fact::Waiting { role, why: text }
            } else {
                Fact::Notice { text: format!("{role} waits: {text}") }
            });
            wait.said = Some((now, why));
        }
        let left = if most.is_zero() { most } else { most.saturating_sub(now.saturating_sub(since)) };
        let pause = sync.poll_interval.0;
        let pause = if left.is_zero() { pause } else { pause.min(left) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = self.board.wait_stop() => {}
            _ = self.world.stop.wait() => {}
        }
        // What others use is not this run's.
        self.idle += self.world.clock.mono().saturating_sub(now);
        Ok(false)
    }

    /// Once for a turn: no loop takes it that its own next start would not take again.
    fn say_if_left(&mut self, wait: &mut Wait) -> Result<(), LoopError> {
        let Some((role, id)) = running_elsewhere(&self.state, self.settings.role()) else { return Ok(()) };
        if wait.dead.as_ref() == Some(&id) || LoopLock::lives(&self.settings.root, &role) {
            return Ok(());
        }
        // It may have been stamped between the two looks.
        if self
            .peek()?
            .is_none_or(|s| running_elsewhere(&s, self.settings.role()) != Some((role.clone(), id.clone())))
        {
            return Ok(());
        }
        let text = words::left(&role, self.state.iteration);
        self.say(Fact::Warning { text });
        wait.dead = Some(id);
        Ok(())
    }

    fn waiting_words(&mut self, why: &Waiting) -> Result<String, LoopError> {
        let now = self.world.clock.now();
        Ok(match why {
            Waiting::NoState => words::no_state(self.settings.workflow.first()),
            Waiting::Failed(_) => self.failed_words()?,
            _ => words::other_role(&self.state, now),
        })
    }

    fn failed_words(&mut self) -> Result<String, LoopError> {
        // The reason is written behind the stamp, before its lock is given back.
        self.enter()?;
        let memory = Memory::load(&self.settings.private());
        self.leave();
        let previous = memory?.previous.and_then(|p| serde_json::from_value::<Previous>(p).ok());
        Ok(words::failed(&self.state, previous.as_ref()))
    }

    /// The state as it is on disk; none before it was created.
    fn peek(&self) -> Result<Option<State>, LoopError> {
        match file::read(&self.settings.state_path(), &self.settings.roles(), self.world.clock.now()) {
            Ok(state) => Ok(Some(state)),
            Err(StateError::Missing { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn see(&mut self, state: State) {
        self.seen.note_epoch(state.epoch(), None);
        self.state = state;
    }

    fn create_beside(&mut self) -> Result<(), LoopError> {
        self.enter()?;
        let made = if self.peek()?.is_none() { self.load_or_create() } else { Ok(()) };
        self.leave();
        made
    }

    /// A person's request goes into the state at once, by whoever finds it first; while another loop runs a turn it
    /// is that loop's, which puts it into the stamp.
    fn take_stop_request_beside(&mut self) -> Result<(), LoopError> {
        self.board.stop_answered();
        let root = &self.settings.root;
        let Some(request) = StopRequest::find(root) else { return Ok(()) };
        self.enter()?;
        let done = self.answer(&request);
        self.leave();
        done
    }

    fn answer(&mut self, request: &StopRequest) -> Result<(), LoopError> {
        let root = &self.settings.root;
        let Some(state) = self.peek()? else {
            // Nothing to write it into, and nothing runs that would be stopped by it.
            return Ok(());
        };
        self.see(state);
        let elsewhere = running_elsewhere(&self.state, self.settings.role());
        if elsewhere.is_some_and(|(role, _)| LoopLock::lives(root, &role)) {
            return Ok(());
        }
        if !self.state.exits() && request.turn_id.is_none() {
            let reason = self.masked(request.reason.clone());
            self.say(Fact::StopRequested { by: "a person".into(), reason: reason.clone() });
            let trailers = Trailers { reason: reason.clone(), ..Trailers::default() };
            let actor = self.state.expected_actor.clone();
            self.apply(Event::Stop { reason }, Step::Exit, actor, trailers)?;
        }
        StopRequest::clear(&self.settings.root);
        Ok(())
    }

    /// Lets nobody else change the state until [`Self::leave`]; nothing to do for a loop that is alone with it.
    pub(super) fn enter(&mut self) -> Result<(), LoopError> {
        if let Some(folder) = &mut self.folder
            && folder.held.is_none()
        {
            folder.held = Some(StateLock::take(&self.settings.state_path())?);
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        if let Some(folder) = &mut self.folder {
            folder.held = None;
        }
    }

    /// Before a stamp. A claim with a later epoch is another program's that took this one for dead, as happens where
    /// a disk loses locks: what follows is not ours to say.
    pub(super) fn enter_as_holder(&mut self) -> Result<(), LoopError> {
        if self.folder.is_none() {
            return Ok(());
        }
        self.enter()?;
        let ours = self.state.turn.as_ref().map(|t| (t.id.clone(), t.epoch));
        // What an agent made unreadable is written over, as in combined mode.
        let Ok(Some(now)) = self.peek() else { return Ok(()) };
        match (ours, now.turn) {
            (Some((id, epoch)), Some(turn)) if turn.id != id && turn.epoch > epoch => {
                let holder = turn.holder.as_ref().map_or_else(|| "another program".to_owned(), words::name);
                Err(LoopError::TakenOver { role: turn.role.to_string(), epoch: turn.epoch, holder })
            }
            _ => Ok(()),
        }
    }

    /// Role and agent of this run.
    pub(super) fn own_agents(&self) -> Vec<(String, String)> {
        let s = self.settings;
        let only = s.options.role.as_ref();
        let agent_of = |role: &RoleId, prompt: &str| {
            let choice = s.dispatch.choose(role.as_str(), prompt);
            match agents::ready(&s.table, &choice.agent, &s.config.agent.order, &s.path, &s.root) {
                Ok(ready) if choice.agent == "auto" => format!("{} (auto)", ready.agent.name),
                _ => choice.agent,
            }
        };
        let steps = s.workflow.steps().iter().filter(|st| only.is_none_or(|role| *role == st.role));
        steps.map(|st| (st.role.to_string(), agent_of(&st.role, &st.prompt))).collect()
    }
}

fn failure_of(state: &State) -> Option<Failure> {
    let turn = state.turn.as_ref().map(|t| t.id.clone());
    (state.status == Status::Failed).then_some((turn, state.iteration))
}

/// Another role's turn that runs, and its id.
fn running_elsewhere(state: &State, own: &RoleId) -> Option<(RoleId, String)> {
    let Status::Running(role) = &state.status else { return None };
    let id = state.turn.as_ref().map(|t| t.id.clone()).unwrap_or_default();
    (role != own).then(|| (role.clone(), id))
}

/// A look for people: who takes turns here is told by locks, not by time stamps.
pub(super) fn now_and_ago(at: Timestamp, now: Timestamp) -> String {
    let since = crate::clock::iso_seconds(at);
    let ago = u64::try_from(now.as_second().saturating_sub(at.as_second())).ok();
    match ago {
        Some(secs) => format!("{since} ({} ago)", crate::clock::duration(Duration::from_secs(secs))),
        None => since,
    }
}
