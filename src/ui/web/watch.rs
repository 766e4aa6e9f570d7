//! The one look at the state for all open pages: what `status` says, again when something has happened.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::parts;
use super::site::{Project, open};
use crate::clock::Clock;

/// What is looked at has no event in common: files, refs, sockets, a lock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between two looks, however much happens.
const GAP: Duration = Duration::from_millis(200);
/// Fields that change by themselves, or with every event.
const RUNNING: &[&str] = &["running_ms", "silent_ms", "problems", "serve"];

pub(super) struct Watch {
    ledger: PathBuf,
    clock: Arc<dyn Clock>,
    project: Arc<dyn Project>,
    /// The newest message; empty before the first look.
    told: watch::Sender<Bytes>,
    wish: Mutex<Wish>,
    more: Condvar,
    /// Only one look at a time; the last one, and when.
    last: Mutex<Option<(Instant, Value)>>,
}

#[derive(Default)]
struct Wish {
    readers: usize,
    soon: bool,
}

impl Watch {
    pub(super) fn start(
        ledger: PathBuf,
        clock: Arc<dyn Clock>,
        project: Arc<dyn Project>,
    ) -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self {
            ledger,
            clock,
            project,
            told: watch::Sender::new(Bytes::new()),
            wish: Mutex::default(),
            more: Condvar::new(),
            last: Mutex::new(None),
        });
        let own = Arc::clone(&watch);
        std::thread::Builder::new().name("watch".into()).spawn(move || own.run())?;
        Ok(watch)
    }

    pub(super) fn enter(&self) {
        self.lock().readers += 1;
        self.more.notify_all();
    }

    pub(super) fn leave(&self) {
        self.lock().readers -= 1;
    }

    /// Something has happened.
    pub(super) fn look(&self) {
        self.lock().soon = true;
        self.more.notify_all();
    }

    /// Each new message.
    pub(super) fn listen(&self) -> watch::Receiver<Bytes> {
        self.told.subscribe()
    }

    /// The state now, or a moment ago: pages that ask together are answered by one look.
    pub(super) fn state(&self) -> Value {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = last.as_ref()
            && at.elapsed() < GAP
        {
            return value.clone();
        }
        let mut value = self.project.state();
        let ledger = open(&self.ledger).ok().flatten();
        let last_seq = ledger.as_ref().and_then(|ledger| ledger.last_seq().ok());
        if let Some(fields) = value.as_object_mut() {
            let serve = json!({
                "program": env!("CARGO_PKG_VERSION"),
                "ledger": ledger.is_some(),
                "last_seq": last_seq.unwrap_or(0),
                "now_ms": self.clock.now().as_millisecond(),
            });
            fields.insert("serve".into(), serve);
        }
        *last = Some((Instant::now(), value.clone()));
        value
    }

    fn lock(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut before = Value::Null;
        loop {
            let guard = self.lock();
            let mut guard =
                self.more.wait_while(guard, |w| w.readers == 0).unwrap_or_else(PoisonError::into_inner);
            guard.soon = false;
            drop(guard);
            let value = self.state();
            let text = value.to_string();
            let mut mark = value;
            still(&mut mark);
            if mark != before {
                before = mark;
                let message = self.project.mask(parts::state(&text).into_bytes());
                self.told.send_replace(Bytes::from(message));
            }
            std::thread::sleep(GAP);
            let guard = self.lock();
            drop(self.more.wait_timeout_while(guard, LOOK_AGAIN, |w| !w.soon));
        }
    }
}

/// Without what changes by itself.
fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in RUNNING {
                fields.remove(*name);
            }
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}
