//! What one page is sent: events from a number on without a gap or a repetition, and each new state.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::feed::{BATCH_BYTES, Batch, Reading};
use super::parts::{self, Part, Wish};
use super::site::Site;
use crate::ledger::{EventFilter, LedgerError};

/// Where nothing happens, a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Rows read at once of what was before.
const ROWS: u32 = 500;

/// One open page.
struct Client {
    site: Arc<Site>,
    wish: Wish,
    /// Everything up to here was sent.
    last: i64,
    phase: Phase,
    states: watch::Receiver<Bytes>,
    ready: VecDeque<Bytes>,
    _reading: Reading,
}

enum Phase {
    /// Reads the ledger for itself, up to this number or to the end.
    Behind {
        goal: Option<i64>,
        news: Option<broadcast::Receiver<Arc<Batch>>>,
    },
    /// Hears what the feed reads.
    Live(broadcast::Receiver<Arc<Batch>>),
    Over,
}

/// The answer to a request for the stream. `after`: none begins with what comes from now on.
pub(super) fn respond(site: &Arc<Site>, wish: Wish, after: Option<i64>, newest: i64) -> Response<Body> {
    // A number that this ledger never gave belongs to one that is gone.
    let last = after.unwrap_or(newest).clamp(0, newest);
    let client = Client {
        site: Arc::clone(site),
        wish,
        last,
        phase: Phase::Behind { goal: None, news: None },
        states: site.watch.listen(),
        ready: VecDeque::from([Bytes::from(parts::hello(last))]),
        _reading: site.feed.read(),
    };
    // What is known of the state already comes at once.
    let mut client = client;
    client.states.mark_changed();
    let body = Body::from_stream(stream::unfold(client, |mut client| async move {
        let bytes = client.next().await?;
        Some((Ok::<_, Infallible>(bytes), client))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

impl Client {
    /// The next bytes; none: this page is let go.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return None,
                Phase::Behind { goal, news } => self.phase = self.catch_up(goal, news).await?,
                Phase::Live(news) => self.phase = self.hear(news).await?,
            }
        }
    }

    /// Reads a page of what was recorded before. It begins to listen when there is little left, so that a long past
    /// does not outlast the ring.
    async fn catch_up(
        &mut self,
        goal: Option<i64>,
        news: Option<broadcast::Receiver<Arc<Batch>>>,
    ) -> Option<Phase> {
        let before = self.last;
        let (parts, last) = self.page().await?;
        self.last = last;
        self.push(&parts);
        let done = last == before || goal.is_some_and(|goal| last >= goal);
        Some(match (done, news) {
            (true, Some(news)) => Phase::Live(news),
            (true, None) => Phase::Behind { goal: None, news: Some(self.site.feed.listen()) },
            (false, news) => Phase::Behind { goal, news },
        })
    }

    async fn page(&self) -> Option<(Vec<Part>, i64)> {
        let (site, after) = (Arc::clone(&self.site), self.last);
        let filter = EventFilter { run_id: self.wish.run.clone(), ..EventFilter::default() };
        let read = move || -> Result<(Vec<Part>, i64), LedgerError> {
            let Some(ledger) = site.open()? else { return Ok((Vec::new(), after)) };
            let (rows, last) = ledger.events_within(&filter, after, ROWS, BATCH_BYTES)?;
            let parts = parts::parts(&rows).into_iter().map(|part| site.feed.mask(part)).collect();
            Ok((parts, last))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(page)) => Some(page),
            // The page comes back and tries again.
            Ok(Err(error)) => {
                tracing::warn!("the ledger cannot be read: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// Waits for something to send.
    async fn hear(&mut self, mut news: broadcast::Receiver<Arc<Batch>>) -> Option<Phase> {
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(batch) => return Some(self.take(&batch, news)),
                // Too slow for the ring: it reads on from the ledger, as one that comes back would.
                Err(RecvError::Lagged(_)) => return Some(Phase::Behind { goal: None, news: None }),
                Err(RecvError::Closed) => return None,
            },
            changed = self.states.changed() => {
                changed.ok()?;
                let state = self.states.borrow_and_update().clone();
                if !state.is_empty() {
                    self.ready.push_back(state);
                }
            }
            () = tokio::time::sleep(HEARTBEAT) => self.ready.push_back(Bytes::from_static(parts::HEARTBEAT.as_bytes())),
        }
        Some(Phase::Live(news))
    }

    fn take(&mut self, batch: &Batch, news: broadcast::Receiver<Arc<Batch>>) -> Phase {
        if batch.to <= self.last {
            return Phase::Live(news);
        }
        if batch.from != self.last {
            // It begins before or after what was sent: the ledger knows what is missing.
            return Phase::Behind { goal: Some(batch.to), news: Some(news) };
        }
        self.last = batch.to;
        self.push(&batch.parts);
        Phase::Live(news)
    }

    fn push(&mut self, parts: &[Part]) {
        self.ready.extend(parts.iter().filter(|part| self.wish.wants(part)).map(|part| part.bytes.clone()));
    }
}
