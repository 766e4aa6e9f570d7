//! Does what the protocol says, one action after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use git2::Oid;
use jiff::Timestamp;

use super::disk::Disk;
use super::drive::{Doing, Site};
use super::host::{Listener, Rest, Runner, Said};
use super::inbox::Mail;
use super::renewer::{Renewer, Ticked};
use super::setup::{DriverError, Setup, World, fallback_lease_ref_of, oid_of};
use super::sight::Sight;
use crate::sync::protocol::{
    Action, CommitId, Event, Journal, Memory, Message, Now, PushReply, Reason, RefName, Target, Trouble,
};
use crate::sync::remote::{Connector, Passing, Refusal, Remote, RemoteError, Swap, Swapped, swap_branch};
use crate::sync::worktree::Repo;

/// Between two ticks of a main loop that waits, at most.
const TICK: Duration = Duration::from_secs(1);

/// Everything the actions are carried out on.
pub(super) struct Shell<'a> {
    pub setup: Setup,
    pub world: &'a World,
    pub repo: Repo,
    pub connector: &'a Connector,
    pub remote: Box<dyn Remote>,
    pub sight: Sight,
    pub disk: Disk,
    pub journal: Journal,
    pub memory: Memory,
    pub listener: &'a mut dyn Listener,
    pub mail: Sender<Mail>,
    pub inbox: &'a Receiver<Mail>,
    pub ticked: Ticked,
    pub renewer: Option<Renewer>,
    pub renewers: u64,
    /// Files of the last rescue, as a commit.
    pub kept_files: Option<Oid>,
    /// The last thing that went wrong with the network, for the end.
    pub trouble: Option<String>,
    /// The lease ref for the next claim: the one of a turn that runs stands in its claim.
    pub next_lease_ref: Option<RefName>,
    /// What the running turn waits for.
    pub rest: Rest,
    /// A person's wish to stop is known.
    pub stopping: bool,
    /// What the remote was last asked for in vain.
    pub doing: Doing,
    /// It gave no answer the last time.
    pub silent: bool,
}

/// What an action leads to.
pub(super) enum Next {
    /// A deed is done.
    On,
    Answer(Event),
    /// The turn is to be run.
    Run(crate::sync::protocol::OpenTurn, CommitId),
    Exit(Reason),
}

impl Shell<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub(super) fn clocks(&self) -> Now {
        Now { mono: self.world.clock.mono(), wall: self.world.clock.now().as_second() }
    }

    /// Between two ticks. A lease is renewed only if there was one in its last third: a short one needs more.
    pub(super) fn pace(&self) -> Duration {
        TICK.min(Duration::from_secs(self.setup.lease_secs) / 12)
    }

    pub(super) fn tick(&self) {
        let now = u64::try_from(self.world.clock.mono().as_millis()).unwrap_or(u64::MAX);
        self.ticked.store(now, Ordering::Relaxed);
    }

    pub(super) fn say(&mut self, said: &Said) {
        if let Said::Trouble(text) | Said::Message(Message::Offline(text)) = said {
            self.trouble = Some(text.clone());
        }
        self.listener.hear(said);
    }

    pub(super) fn carry_out(&mut self, action: Action, runner: &mut dyn Runner) -> Result<Next, DriverError> {
        self.tick();
        Ok(match action {
            Action::WriteJournal(journal) => {
                self.disk.write_journal(&self.setup, &journal)?;
                self.journal = journal;
                Next::On
            }
            Action::WriteMemory(memory) => {
                self.disk.write_memory(&memory)?;
                self.follow_tracking_ref(&memory)?;
                self.memory = memory;
                Next::On
            }
            Action::StartLease(order) => {
                self.renewers += 1;
                let renewer = Renewer::start(
                    self.renewers,
                    order,
                    (&self.setup, self.world),
                    (&self.repo, self.connector),
                    (self.mail.clone(), Arc::clone(&self.ticked), Arc::clone(&self.rest)),
                )?;
                self.renewer = Some(renewer);
                Next::On
            }
            Action::StopLease => {
                self.renewer = None;
                Next::On
            }
            // Only while one runs, which its own loop sees to.
            Action::StopAgent => Next::On,
            Action::EndOldAgent(mark) => {
                runner.end_old(&mark);
                Next::On
            }
            Action::StopPublished => {
                self.stopping = false;
                self.say(&Said::StopPublished);
                Next::On
            }
            Action::Say(message) => {
                let backdrop = self.backdrop(&message);
                self.listener.see(backdrop);
                self.say(&Said::Message(message));
                Next::On
            }
            Action::List { lease, rescue } => {
                let listed = self.sight.list(&mut *self.remote, &lease, rescue.as_ref())?;
                self.answered(listed.as_ref().err());
                Next::Answer(Event::Listed(listed))
            }
            Action::Fetch { tip, about, exit } => {
                let now = self.now();
                let mut facts = self.sight.facts(&self.repo, &mut *self.remote, tip, (&about, exit), now)?;
                if facts.is_err() {
                    self.doing = Doing::Read;
                }
                if let Ok(facts) = &mut facts {
                    facts.limit = runner.limit(&self.repo, oid_of(tip)?);
                }
                Next::Answer(Event::Fetched(facts))
            }
            Action::Build(order) => Next::Answer(self.build(order, runner)?),
            Action::Push { to, expected, new } => Next::Answer(Event::Pushed(self.push(&to, expected, new)?)),
            Action::RunAgent { turn, on } => Next::Run(turn, on),
            Action::Rescue { turn, from } => Next::Answer(self.rescue(&turn, from)?),
            Action::Move { to, above } => Next::Answer(self.move_to(to, &above)?),
            Action::Wait { least, most } => {
                let spread = most.saturating_sub(least).mul_f64(self.world.ids.unit());
                let until = self.world.clock.mono() + least + spread;
                return Ok(self.wait(until));
            }
            Action::Exit(reason) => Next::Exit(reason),
        })
    }

    /// Who was told that the remote is out of reach is told that it is not any more.
    fn answered(&mut self, trouble: Option<&Trouble>) {
        match trouble {
            Some(trouble) => {
                self.doing = Doing::Read;
                self.silent |= matches!(trouble, Trouble::Passing(_));
            }
            None if std::mem::take(&mut self.silent) => self.say(&Said::Answers),
            None => {}
        }
    }

    /// What a push is for.
    fn errand(&self, to: &Target, new: CommitId) -> Doing {
        let stamp = self.journal.turn.as_ref().and_then(|t| t.end).and_then(|e| e.stamp);
        match to {
            Target::Rescue(_) => Doing::Rescue,
            Target::Branch if self.journal.claim.as_ref().is_some_and(|c| c.commit == new) => Doing::Claim,
            Target::Branch if stamp == Some(new) => Doing::Publish,
            Target::Branch => Doing::Change,
        }
    }

    pub(super) fn site(&self) -> Site {
        Site::of(self.connector, &self.setup)
    }

    /// Whether the protocol is to be told.
    pub(super) fn stop_requested(&mut self, reason: Option<String>) -> bool {
        if std::mem::replace(&mut self.stopping, true) {
            return false;
        }
        self.say(&Said::StopRequested(reason.clone()));
        self.setup.stop_reason = reason;
        true
    }

    /// G3: a host that refuses the lease ref gets a branch. Remembered, for the next start too.
    pub(super) fn lease_refused(&mut self, name: RefName, why: &str) -> Result<(), DriverError> {
        let instead = fallback_lease_ref_of(&self.setup.branch);
        if name == instead || self.disk.known.refused_lease.as_ref() == Some(&name) {
            self.say(&Said::Trouble(format!("the lease: {why}")));
            return Ok(());
        }
        self.say(&Said::Notice(format!("{name} is {why}; the next turn's lease is kept in {instead}")));
        self.disk.known.refused_lease = Some(name);
        self.disk.write_memory(&self.memory)?;
        self.next_lease_ref = Some(instead);
        Ok(())
    }

    fn push(
        &mut self,
        to: &Target,
        expected: Option<CommitId>,
        new: CommitId,
    ) -> Result<PushReply, DriverError> {
        let errand = self.errand(to, new);
        let expected = expected.map(oid_of).transpose()?;
        let new = oid_of(new)?;
        let swapped = match to {
            Target::Branch => {
                let reference = self.setup.branch_ref();
                let swap = Swap { reference: &reference, expected, new };
                swap_branch(&mut *self.remote, self.repo.raw(), &swap)
            }
            Target::Rescue(name) => self.remote.swap(&Swap { reference: name.as_str(), expected, new }),
        };
        for notice in self.remote.notices() {
            self.say(&Said::Notice(notice));
        }
        if !matches!(swapped, Ok(Swapped::Swapped | Swapped::Lost { .. })) {
            self.doing = errand;
        }
        Ok(match swapped {
            Ok(Swapped::Swapped | Swapped::Lost { .. }) => PushReply::Unsure,
            Ok(Swapped::Refused(Refusal::NotAnExtension)) => {
                self.say(&Said::Trouble(Refusal::NotAnExtension.to_string()));
                PushReply::Unsure
            }
            Ok(Swapped::Refused(refusal)) => PushReply::Refused(refusal.to_string()),
            Err(e) => self.failed_push(&e),
        })
    }

    fn failed_push(&mut self, error: &RemoteError) -> PushReply {
        let text = match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        };
        self.say(&Said::Trouble(text.clone()));
        match error.passing() {
            Passing::Yes => PushReply::Unsure,
            Passing::No => PushReply::Refused(text),
        }
    }

    /// `git status` compares with what was seen last, as after a fetch.
    fn follow_tracking_ref(&self, memory: &Memory) -> Result<(), DriverError> {
        let (Some(remote), Some(tip)) = (&self.setup.remote, memory.tip) else { return Ok(()) };
        let name = format!("refs/remotes/{remote}/{}", self.setup.branch);
        let tip = oid_of(tip)?;
        let git = self.repo.raw();
        if git.refname_to_id(&name).ok() != Some(tip) && git.find_commit(tip).is_ok() {
            // For people only: a lock somebody holds is no reason to stop.
            let _ = git.reference(&name, tip, true, "orchestrator: seen");
        }
        Ok(())
    }

    /// Until then, or until a note came: that is put back for the main loop to hand over.
    fn wait(&mut self, until: Duration) -> Next {
        loop {
            self.tick();
            let left = until.saturating_sub(self.world.clock.mono());
            if left.is_zero() {
                return Next::Answer(Event::Woke);
            }
            match self.inbox.recv_timeout(left.min(self.pace())) {
                Ok(mail) => {
                    // Handed over before the answer.
                    let _ = self.mail.send(mail);
                    return Next::Answer(Event::Woke);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Next::Answer(Event::Woke),
            }
        }
    }
}

pub(super) fn new_ticked() -> Ticked {
    Arc::new(AtomicU64::new(0))
}
