//! What happens in the driver's threads, on its way to those who hear events.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::words::{self, Here};
use crate::clock::{Clock, duration};
use crate::event::{Event as Fact, Place, Sink};
use crate::sync::driver::{Backdrop, Listener, Said, Site};
use crate::sync::protocol::{ClaimKind, Lost, Message, Waiting};
use crate::turns::logs::RoleLogs;
use crate::turns::settings::Settings;
use crate::turns::stop_request::StopRequest;

pub(super) enum Note {
    Said(Place, Fact),
    Ahead(Place, Fact),
    Settle(SyncSender<()>),
}

impl Note {
    pub(super) fn play(self, sink: &mut dyn Sink) {
        match self {
            Self::Said(place, fact) => sink.emit_at(&place, fact),
            Self::Ahead(place, fact) => sink.ahead(&place, &fact),
            Self::Settle(done) => {
                sink.settle();
                // Who asked may have ended.
                let _ = done.send(());
            }
        }
    }
}

/// The far end of the stream of events.
#[derive(Clone)]
pub(super) struct Channel(pub UnboundedSender<Note>);

impl Sink for Channel {
    fn emit(&mut self, event: Fact) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Fact) {
        // Nobody hears a run that is over.
        let _ = self.0.send(Note::Said(place.clone(), event));
    }

    fn ahead(&mut self, place: &Place, event: &Fact) {
        let _ = self.0.send(Note::Ahead(place.clone(), event.clone()));
    }

    fn settle(&mut self) {
        let (done, settled) = sync_channel(1);
        if self.0.send(Note::Settle(done)).is_ok() {
            let _ = settled.recv();
        }
    }
}

/// The protocol's messages, as events.
pub(super) struct Ears<'s> {
    sink: &'s mut dyn Sink,
    place: Place,
    here: Here,
    root: PathBuf,
    clock: Arc<dyn Clock>,
    on: Backdrop,
    /// What was last waited for: a hook is called once for it, however often it is said.
    waited: Option<(Waiting, Option<String>)>,
    url: String,
    /// How long a remote that is out of reach is tried.
    retry: Duration,
    out_of_reach: Option<OutOfReach>,
    fenced: Option<FencedOff>,
}

/// How often it is said that the remote is out of reach.
const REMIND: Duration = Duration::from_secs(60);

/// Since when the remote gives no answer, and when that was said last.
struct OutOfReach {
    since: Duration,
    said: Duration,
}

/// A turn that was lost, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FencedOff {
    pub turn: String,
    pub why: String,
}

impl<'s> Ears<'s> {
    pub(super) fn new(
        sink: &'s mut dyn Sink,
        place: Place,
        (settings, clock, site): (&Settings, Arc<dyn Clock>, Site),
    ) -> Self {
        let role = settings.role();
        let logs = RoleLogs::folder(Path::new(&settings.config.logs_dir), Some(&site.branch));
        let here = Here {
            role: role.to_string(),
            logs: logs.to_string_lossy().into_owned(),
            margin: settings.config.sync.margin_secs.0.as_secs(),
        };
        let (root, on, waited) = (settings.root.clone(), Backdrop::default(), None);
        let (url, retry) = (site.url, settings.config.sync.retry_secs.0);
        let (out_of_reach, fenced) = (None, None);
        Self { sink, place, here, root, clock, on, waited, url, retry, out_of_reach, fenced }
    }

    pub(super) fn fenced(self) -> Option<FencedOff> {
        self.fenced
    }

    /// At first with what follows, then once a minute: a night without a network is not a thousand lines.
    fn offline(&mut self, text: &str) -> Option<Fact> {
        let now = self.clock.mono();
        let url = &self.url;
        let text = match &mut self.out_of_reach {
            Some(OutOfReach { said, .. }) if now.saturating_sub(*said) < REMIND => return None,
            Some(OutOfReach { since, said }) => {
                *said = now;
                let spent = now.saturating_sub(*since);
                let left = duration(self.retry.saturating_sub(spent));
                format!("{url} is out of reach since {}: {text}; given up in {left}", duration(spent))
            }
            None => {
                self.out_of_reach = Some(OutOfReach { since: now, said: now });
                let limit = duration(self.retry);
                format!("{url}: {text}; tried again for {limit} (sync.retry_secs)")
            }
        };
        Some(Fact::Warning { text })
    }

    fn fact(&mut self, said: &Said) -> Option<Fact> {
        let notice = |text: String| Some(Fact::Notice { text });
        let warning = |text: String| Some(Fact::Warning { text });
        match said {
            Said::Message(message) => self.message(message),
            Said::Notice(text) => notice(text.clone()),
            // What is tried again is told by the messages of the wait.
            Said::Trouble(_) if self.out_of_reach.is_some() => None,
            Said::Trouble(text) => warning(text.clone()),
            Said::Answers => {
                let since = self.out_of_reach.take()?.since;
                let after = duration(self.clock.mono().saturating_sub(since));
                notice(format!("{} answers again, after {after}", self.url))
            }
            Said::TakesAlong(names) => notice(format!("published with the claim: {}", names.join(", "))),
            Said::LeaseLate => warning("the lease has not been renewed for two thirds of its time".into()),
            Said::LeaseGoesOn => warning("the lease had ended, but the turn is still ours".into()),
            Said::LeaseLost { lost, epoch } => {
                let reason = match lost {
                    Lost::Fenced => "the turn is another machine's now",
                    Lost::Unreachable => "the remote was out of reach until the lease ended",
                };
                let (role, epoch) = (self.here.role.clone(), *epoch);
                Some(Fact::LeaseLost { role, epoch, reason: reason.into() })
            }
            Said::StopRequested(reason) => {
                Some(Fact::StopRequested { by: "a person".into(), reason: reason.clone() })
            }
            Said::StopPublished => {
                StopRequest::clear(&self.root);
                None
            }
        }
    }

    fn message(&mut self, message: &Message) -> Option<Fact> {
        let notice = |text: String| Some(Fact::Notice { text });
        let warning = |text: String| Some(Fact::Warning { text });
        let role = || self.here.role.clone();
        match message {
            Message::Waiting { why, sign } => {
                let text = words::waiting(&self.here, why, *sign, &self.on, self.clock.now());
                let turn = self.on.state.as_ref().and_then(|s| s.turn.as_ref()).map(|t| t.id.clone());
                let fact = Some((why.clone(), turn));
                if self.waited == fact {
                    return notice(format!("{} waits: {text}", self.here.role));
                }
                self.waited = fact;
                Some(Fact::Waiting { role: role(), why: text })
            }
            Message::LooksDead { sign, .. } => {
                warning(words::looks_dead(&self.here, *sign, &self.on, self.clock.now()))
            }
            Message::Claiming { kind: ClaimKind::TakeOver, .. } => {
                notice("taking over a turn whose machine looks dead".into())
            }
            Message::Claiming { kind: ClaimKind::Resume, .. } => {
                notice("resuming a turn that this clone had begun".into())
            }
            Message::Won { kind: ClaimKind::TakeOver, epoch } => {
                let turn = self.on.before.as_ref().and_then(|s| s.turn.as_ref());
                let from = turn.and_then(|t| t.holder.as_ref()).map_or_else(|| "unknown".into(), words::name);
                let silence = turn.map_or(0, |t| t.lease_secs).saturating_add(self.here.margin);
                let silence = duration(Duration::from_secs(silence));
                let reason = format!("no sign of it for {silence}");
                Some(Fact::Takeover { role: role(), epoch: *epoch, from, reason })
            }
            Message::Fenced { epoch, turn } => {
                let reason = words::new_owner(&self.on, *epoch);
                self.fenced = Some(FencedOff { turn: turn.to_string(), why: reason.clone() });
                Some(Fact::Fenced { role: role(), epoch: *epoch, reason })
            }
            Message::Published { .. } => {
                let state = self.on.state.as_ref()?;
                let (iteration, epoch) = (state.iteration, state.epoch());
                let commit = self.on.tip.clone().unwrap_or_default();
                Some(Fact::StatePublished { iteration, role: role(), epoch, commit })
            }
            Message::Claiming { .. } | Message::Won { .. } | Message::LostRace => None,
            Message::Settling => notice("settling what an earlier run had sent".into()),
            Message::Replaying { round, .. } => {
                notice(format!("others pushed meanwhile: the work is put on top (round {round})"))
            }
            Message::Offline(text) => self.offline(text),
            Message::Suspicious { .. } => {
                warning("the remote branch does not descend from what was seen before".into())
            }
            Message::Rescued { name, .. } => {
                let why = self.on.rescue_why.clone().unwrap_or_else(|| "the turn was lost".into());
                Some(Fact::Rescue { reference: name.to_string(), why })
            }
            Message::RescueKeptHere { commit, why } => {
                warning(format!("rescued work stays in this clone ({commit}): {why}"))
            }
        }
    }
}

impl Listener for Ears<'_> {
    fn see(&mut self, backdrop: Backdrop) {
        self.on = backdrop;
    }

    fn hear(&mut self, said: &Said) {
        if let Some(fact) = self.fact(said) {
            self.sink.emit_at(&self.place, fact);
        }
    }
}
