//! The lease's own thread (G10): a busy main loop must not starve it, and a hung one must not be kept
//! alive by it. What to do is [`Lease`]'s to say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use git2::Oid;

use super::host::{Rest, Said};
use super::inbox::Mail;
use super::setup::{DriverError, Setup, World, id_of, oid_of};
use super::sight::Sight;
use crate::sync::lease::{Action, Event, Lease};
use crate::sync::protocol::{LeaseOrder, Lost};
use crate::sync::remote::{Connector, Remote, Swap, Swapped};
use crate::sync::worktree::Repo;

/// A sleep through a suspend must not outlast the lease by much.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The main loop's last sign of life, in milliseconds of the boot-time clock.
pub(super) type Ticked = Arc<AtomicU64>;

/// Ends the thread when dropped, as soon as it sleeps.
pub(super) struct Renewer {
    pub number: u64,
    _stop: Sender<()>,
}

struct Own {
    repo: Repo,
    remote: Box<dyn Remote>,
    sight: Sight,
    setup: Setup,
    order: LeaseOrder,
    world: World,
    beats: u64,
    rest: Rest,
    /// What of it stands in the last renewal.
    told: Option<String>,
}

impl Renewer {
    pub(super) fn start(
        number: u64,
        order: LeaseOrder,
        (setup, world): (&Setup, &World),
        (repo, connector): (&Repo, &Connector),
        (mail, ticked, rest): (Sender<Mail>, Ticked, Rest),
    ) -> Result<Self, DriverError> {
        let repo = Repo::open(repo.top(), Arc::clone(&world.clock))?;
        let mut own = Own {
            repo,
            remote: connector.open(),
            sight: Sight::new(setup),
            setup: setup.clone(),
            order: order.clone(),
            world: world.clone(),
            beats: 0,
            rest,
            told: None,
        };
        let length = Duration::from_secs(setup.lease_secs);
        let lease = Lease::new(order, setup.config.role.clone(), length);
        let (stop, stopped) = channel();
        let body = move || {
            if let Err(e) = own.renew(lease, &ticked, &stopped, number, &mail) {
                // A thread that cannot go on is a lease that is not kept.
                let _ = mail.send(Mail::Lease(Said::Trouble(format!("the lease is not renewed: {e}"))));
                let _ = mail.send(Mail::LeaseLost(number, Lost::Unreachable));
            }
        };
        thread::Builder::new().name("lease".to_owned()).spawn(body).map_err(DriverError::Thread)?;
        Ok(Self { number, _stop: stop })
    }
}

impl Own {
    fn renew(
        &mut self,
        mut lease: Lease,
        ticked: &Ticked,
        stopped: &Receiver<()>,
        number: u64,
        mail: &Sender<Mail>,
    ) -> Result<(), DriverError> {
        let mut event = Event::Started;
        loop {
            if !matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
                return Ok(());
            }
            let ticked = Duration::from_millis(ticked.load(Ordering::Relaxed));
            if event == Event::Woke && self.rest_changed() {
                lease.hurry(self.world.clock.mono());
            }
            let mut next = None;
            for action in lease.step(self.world.clock.mono(), ticked, event) {
                match action {
                    Action::Warn => drop(mail.send(Mail::Lease(Said::LeaseLate))),
                    Action::GoOn => drop(mail.send(Mail::Lease(Said::LeaseGoesOn))),
                    Action::Lost(lost) => drop(mail.send(Mail::LeaseLost(number, lost))),
                    ask => next = self.ask(&ask, stopped, mail)?,
                }
            }
            match next {
                Some(next) => event = next,
                None => return Ok(()),
            }
        }
    }

    /// The answer; `None`: the lease is over.
    fn ask(
        &mut self,
        action: &Action,
        stopped: &Receiver<()>,
        mail: &Sender<Mail>,
    ) -> Result<Option<Event>, DriverError> {
        Ok(Some(match *action {
            Action::Build { on } => {
                let on = on.map(oid_of).transpose()?;
                Event::Built(id_of(self.build(on)?)?)
            }
            Action::Push { expected, new } => {
                let expected = expected.map(oid_of).transpose()?;
                let reference = self.order.lease_ref.to_string();
                let swap = Swap { reference: &reference, expected, new: oid_of(new)? };
                match self.remote.swap(&swap) {
                    Ok(Swapped::Refused(why)) => {
                        let name = self.order.lease_ref.clone();
                        drop(mail.send(Mail::LeaseRefused(name, why.to_string())));
                    }
                    Err(e) => drop(mail.send(Mail::Lease(Said::Trouble(format!("the lease: {e}"))))),
                    Ok(_) => {}
                }
                Event::Pushed
            }
            Action::List => {
                let lease = self.order.lease_ref.clone();
                Event::Listed(self.sight.list(&mut *self.remote, &lease, None)?)
            }
            Action::Fetch { tip, claim } => {
                let now = self.world.clock.now();
                let asked = (&[claim][..], None);
                Event::Fetched(self.sight.facts(&self.repo, &mut *self.remote, tip, asked, now)?)
            }
            Action::Wait { until } => return Ok(self.sleep(until, stopped).then_some(Event::Woke)),
            Action::Warn | Action::GoOn | Action::Lost(_) => return Ok(None),
        }))
    }

    /// What the turn waits for is not what the last renewal says.
    fn rest_changed(&self) -> bool {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) != self.told
    }

    /// Whether to go on.
    fn sleep(&self, until: Duration, stopped: &Receiver<()>) -> bool {
        loop {
            let left = until.saturating_sub(self.world.clock.mono());
            if left.is_zero() || self.rest_changed() {
                return true;
            }
            match stopped.recv_timeout(left.min(LONGEST_SLEEP)) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return false,
            }
        }
    }

    /// A commit on the last value, so that a server that wants fast-forwards has one.
    fn build(&mut self, on: Option<Oid>) -> Result<Oid, DriverError> {
        self.beats += 1;
        let mut message = serde_json::json!({
            "turn": self.order.turn.as_str(),
            "epoch": self.order.epoch,
            "holder": self.setup.holder,
            "beat": self.beats,
        });
        self.told.clone_from(&self.rest.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(until) = &self.told {
            message["not_before"] = until.as_str().into();
        }
        let known = |repo: &Repo, id: Oid| repo.raw().find_commit(id).is_ok();
        if let Some(on) = on.filter(|id| !known(&self.repo, *id)) {
            // Another clone's last value. Without it the new one stands alone, which most take too.
            let _ = self.remote.fetch(self.order.lease_ref.as_str(), on);
        }
        let parent = on.filter(|id| known(&self.repo, *id));
        Ok(self.repo.commit_note(parent, &message.to_string())?)
    }
}
