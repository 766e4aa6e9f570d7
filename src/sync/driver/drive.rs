//! The main loop: an event in, actions out, the answer in again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread;

use tokio::sync::watch;

use super::disk::Disk;
use super::host::{Claimed, Desk, Details, Exit, Listener, Rest, Runner, Said, Work};
use super::inbox::{Handle, Mail};
use super::setup::{DriverError, Setup, World, fallback_lease_ref_of, oid_of};
use super::shell::{Next, Shell, new_ticked};
use super::sight::Sight;
use crate::sync::protocol::{Action, CommitId, Event, Machine, OpenTurn, Reason};
use crate::sync::remote::{Cancel, Connector};
use crate::sync::worktree::Repo;

/// One clone, its remote, and what it was told to do. The caller holds the clone's lock (T20a).
pub struct Driver {
    setup: Setup,
    world: World,
    connector: Connector,
    mail: Sender<Mail>,
    inbox: Receiver<Mail>,
    cancel: Cancel,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    pub reason: Reason,
    /// The last trouble with the network, where that may explain it.
    pub trouble: Option<String>,
    /// What the remote was last asked for in vain.
    pub doing: Doing,
    pub site: Site,
}

/// What is asked of a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doing {
    #[default]
    Read,
    Claim,
    Publish,
    /// A change of the state without a turn.
    Change,
    Rescue,
}

/// Which remote, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Site {
    /// Without a password.
    pub url: String,
    /// As it is called in this clone, where it has a name.
    pub remote: Option<String>,
    pub branch: String,
}

impl Site {
    pub(super) fn of(connector: &Connector, setup: &Setup) -> Self {
        let Setup { remote, branch, .. } = setup;
        Self { url: connector.shown_url(), remote: remote.clone(), branch: branch.clone() }
    }
}

impl Driver {
    /// `cancel` is the one the connector was made with.
    pub fn new(setup: Setup, world: World, connector: Connector, cancel: Cancel) -> Self {
        let (mail, inbox) = channel();
        Self { setup, world, connector, mail, inbox, cancel }
    }

    /// The remote that it talks to.
    pub fn site(&self) -> Site {
        Site::of(&self.connector, &self.setup)
    }

    /// For signal handlers and for whoever watches for stop requests.
    pub fn handle(&self) -> Handle {
        Handle { mail: self.mail.clone(), cancel: self.cancel.clone() }
    }

    /// Takes turns until there is a reason to end. Blocks; `runner` works in a thread of its own.
    ///
    /// # Errors
    /// A deed that failed. It is as if the program had crashed there: the next start goes on.
    pub fn run(
        mut self,
        repo: Repo,
        runner: &mut dyn Runner,
        listener: &mut dyn Listener,
    ) -> Result<Finish, DriverError> {
        let (disk, journal, memory) = Disk::open(&self.setup, &repo)?;
        if disk.known.refused_lease.as_ref() == Some(&self.setup.config.lease_ref) {
            self.setup.config.lease_ref = fallback_lease_ref_of(&self.setup.branch);
        }
        let who = repo.identity()?;
        let mut machine = Machine::new(Arc::new(self.setup.config.clone()), journal.clone(), memory.clone());
        let mut sight = Sight::new(&self.setup);
        sight.counted = disk.known.epoch_at.map(|at| (at, disk.known.epoch));
        let mut shell = Shell {
            setup: self.setup,
            world: &self.world,
            repo,
            connector: &self.connector,
            remote: self.connector.open(),
            sight,
            disk,
            journal,
            memory,
            listener,
            mail: self.mail.clone(),
            inbox: &self.inbox,
            ticked: new_ticked(),
            renewer: None,
            renewers: 0,
            kept_files: None,
            trouble: None,
            next_lease_ref: None,
            rest: Rest::default(),
            stopping: false,
            doing: Doing::Read,
            silent: false,
        };
        if who.assumed {
            let name = format!("{} <{}>", who.name, who.email);
            let text = format!("user.name and user.email are not configured: commits are made as {name}");
            shell.say(&Said::Notice(text));
        }
        for notice in self.connector.notices() {
            shell.say(&Said::Notice(notice.clone()));
        }
        let mut event = Event::Started;
        loop {
            if let Some(Exit { reason }) = runner.asked_to_stop() {
                shell.hand_over(&mut machine, Mail::Stop(reason), runner)?;
            }
            let answer = machine.step(shell.clocks(), event);
            event = match shell.carry_out_all(answer, runner)? {
                Next::Answer(event) => event,
                Next::Run(turn, on) => shell.run_turn(&mut machine, turn, on, runner)?,
                Next::Exit(reason) => {
                    let (trouble, doing) = (shell.trouble.clone(), shell.doing);
                    return Ok(Finish { reason, trouble, doing, site: shell.site() });
                }
                Next::On => return Err(DriverError::OutOfStep("nothing")),
            };
            while let Ok(mail) = shell.inbox.try_recv() {
                shell.hand_over(&mut machine, mail, runner)?;
            }
        }
    }
}

impl Shell<'_> {
    fn carry_out_all(&mut self, actions: Vec<Action>, runner: &mut dyn Runner) -> Result<Next, DriverError> {
        for action in actions {
            match self.carry_out(action, runner)? {
                Next::On => {}
                next => return Ok(next),
            }
        }
        Ok(Next::On)
    }

    /// Mail that comes while no agent runs.
    fn hand_over(
        &mut self,
        machine: &mut Machine,
        mail: Mail,
        runner: &mut dyn Runner,
    ) -> Result<(), DriverError> {
        if let Some(event) = self.event_of(mail)? {
            let deeds = machine.step(self.clocks(), event);
            self.carry_out_all(deeds, runner)?;
        }
        Ok(())
    }

    fn event_of(&mut self, mail: Mail) -> Result<Option<Event>, DriverError> {
        Ok(match mail {
            Mail::Note(event) => Some(event),
            Mail::Stop(reason) => self.stop_requested(reason).then_some(Event::StopRequested),
            // Of a lease that was given up meanwhile: it says nothing about the turn.
            Mail::LeaseLost(number, lost) => {
                let of_this_turn = self.renewer.as_ref().map(|r| r.number) == Some(number);
                if of_this_turn {
                    let epoch = self.journal.turn.as_ref().map_or(0, |t| t.epoch);
                    self.say(&Said::LeaseLost { lost, epoch });
                }
                of_this_turn.then_some(Event::LeaseLost(lost))
            }
            Mail::LeaseRefused(name, why) => {
                self.lease_refused(name, &why)?;
                None
            }
            Mail::Lease(said) => {
                self.say(&said);
                None
            }
            Mail::AgentStarted(..) | Mail::AgentEnded(_) => None,
        })
    }

    /// Runs the turn's agent, and goes on hearing meanwhile.
    fn run_turn(
        &mut self,
        machine: &mut Machine,
        turn: OpenTurn,
        on: CommitId,
        runner: &mut dyn Runner,
    ) -> Result<Event, DriverError> {
        let on = oid_of(on)?;
        let state = self.sight.whole_state(&self.repo, on, self.now())?;
        let claimed = Claimed { turn: turn.clone(), on, state };
        let (stop, stopped) = watch::channel(false);
        let desk = Desk { mail: self.mail.clone(), stop: stopped, rest: Arc::clone(&self.rest) };
        let done = self.mail.clone();
        let work = thread::scope(|scope| {
            let body = || {
                let work = runner.run(&claimed, &desk);
                // The driver waits for it.
                let _ = done.send(Mail::AgentEnded(Box::new(work)));
            };
            let thread = thread::Builder::new().name("turn".to_owned()).spawn_scoped(scope, body);
            let thread = thread.map_err(DriverError::Thread)?;
            let work = self.attend(machine, &stop, || thread.is_finished());
            if work.is_err() {
                // The runner is told to end before the scope waits for it.
                let _ = stop.send(true);
            }
            // One that broke down is a failed turn, not the end of the program.
            let _ = thread.join();
            work
        })?;
        let exit_reason = work.exit.as_ref().and_then(|e| e.reason.clone());
        if let Some(lease_ref) = self.next_lease_ref.take() {
            self.setup.config.lease_ref = lease_ref;
            machine.config = Arc::new(self.setup.config.clone());
        }
        desk_cleared(&self.rest);
        let mut details = Details { exit_reason, ..work.details };
        if work.astray.is_some() {
            details.reason.clone_from(&work.astray);
        }
        self.disk.details = Some((turn.id, details));
        Ok(Event::AgentEnded(self.ended(on, (work.how, work.astray), work.exit.is_some())?))
    }

    fn attend(
        &mut self,
        machine: &mut Machine,
        stop: &watch::Sender<bool>,
        finished: impl Fn() -> bool,
    ) -> Result<Work, DriverError> {
        loop {
            self.tick();
            let mail = match self.inbox.recv_timeout(self.pace()) {
                Ok(mail) => mail,
                Err(_) if finished() => match self.inbox.try_recv() {
                    Ok(mail) => mail,
                    // It broke down without a word.
                    Err(_) => return Ok(broken_down()),
                },
                Err(_) => continue,
            };
            let (event, written) = match mail {
                Mail::AgentEnded(work) => return Ok(*work),
                Mail::AgentStarted(mark, written) => (Some(Event::AgentStarted(mark)), Some(written)),
                other => (self.event_of(other)?, None),
            };
            let Some(event) = event else { continue };
            for deed in machine.step(self.clocks(), event) {
                if deed == Action::StopAgent {
                    let _ = stop.send(true);
                } else {
                    self.carry_out(deed, &mut Busy)?;
                }
            }
            if let Some(written) = written {
                let _ = written.send(());
            }
        }
    }
}

fn broken_down() -> Work {
    Work::failed("the turn's runner broke down".to_owned())
}

/// What the turn waited for does not hold for the next one.
fn desk_cleared(rest: &Rest) {
    *rest.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Stands in while the runner runs: notes lead to no deed that needs it.
struct Busy;

impl Runner for Busy {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        Err(vec!["a turn is running".to_owned()])
    }

    fn run(&mut self, _: &Claimed, _: &Desk) -> Work {
        broken_down()
    }

    fn end_old(&mut self, _: &crate::sync::protocol::AgentMark) {}
}
