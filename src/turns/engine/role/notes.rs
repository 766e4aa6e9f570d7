//! What happens in the driver's threads, on its way to those who hear events.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::mpsc::UnboundedSender;

use crate::event::{Event as Fact, Place, Sink};
use crate::sync::driver::{Listener, Said};
use crate::sync::protocol::{ClaimKind, Message, Waiting};
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
    role: String,
    root: PathBuf,
}

impl<'s> Ears<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink, place: Place, role: String, root: PathBuf) -> Self {
        Self { sink, place, role, root }
    }

    fn fact(&self, said: &Said) -> Option<Fact> {
        let notice = |text: String| Some(Fact::Notice { text });
        let warning = |text: String| Some(Fact::Warning { text });
        match said {
            Said::Message(message) => self.message(message),
            Said::Notice(text) => notice(text.clone()),
            Said::Trouble(text) => warning(text.clone()),
            Said::TakesAlong(names) => notice(format!("published with the claim: {}", names.join(", "))),
            Said::LeaseLate => warning("the lease has not been renewed for two thirds of its time".into()),
            Said::LeaseGoesOn => warning("the lease had ended, but the turn is still ours".into()),
            Said::StopPublished => {
                StopRequest::clear(&self.root);
                None
            }
        }
    }

    fn message(&self, message: &Message) -> Option<Fact> {
        let notice = |text: String| Some(Fact::Notice { text });
        let warning = |text: String| Some(Fact::Warning { text });
        match message {
            Message::Waiting(waiting) => {
                let why = match waiting {
                    Waiting::NoState => {
                        "there is no state on the remote yet: the first role creates it".into()
                    }
                    Waiting::OtherRole(role) => format!("it is {role}'s turn"),
                    Waiting::Failed(role) => {
                        format!("{role}'s turn has failed (orchestrator resume clears that)")
                    }
                    Waiting::Standby => "another machine runs this role's turn".into(),
                    Waiting::ByCommand => "another machine runs this role's turn, without a lease".into(),
                    Waiting::Odd => "this role is expected while another one runs".into(),
                };
                Some(Fact::Waiting { role: self.role.clone(), why })
            }
            Message::LooksDead { .. } => warning("the machine whose turn it is looks dead".into()),
            Message::Claiming { kind: ClaimKind::TakeOver, .. } => {
                notice("taking over a turn whose machine looks dead".into())
            }
            Message::Claiming { kind: ClaimKind::Resume, .. } => {
                notice("resuming a turn that this clone had begun".into())
            }
            Message::Claiming { .. } | Message::Published { .. } | Message::LostRace => None,
            Message::Settling => notice("settling what an earlier run had sent".into()),
            Message::Replaying { round, .. } => {
                notice(format!("others pushed meanwhile: the work is put on top (round {round})"))
            }
            Message::Offline(text) => warning(text.clone()),
            Message::Suspicious { .. } => {
                warning("the remote branch does not descend from what was seen before".into())
            }
            Message::Rescued { name, .. } => {
                Some(Fact::Rescue { reference: name.to_string(), why: "the turn was lost".into() })
            }
            Message::RescueKeptHere { commit, why } => {
                warning(format!("rescued work stays in this clone ({commit}): {why}"))
            }
        }
    }
}

impl Listener for Ears<'_> {
    fn hear(&mut self, said: &Said) {
        if let Some(fact) = self.fact(said) {
            self.sink.emit_at(&self.place, fact);
        }
    }
}
