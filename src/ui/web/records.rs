//! What the ledger says, as documents.

use serde_json::{Value, json};

use super::answer::{Fault, text};
use super::routes::Query;
use super::site::Site;
use crate::ledger::{EventFilter, Found, Ledger, RunFilter};
use crate::ui::json;

/// Data of a page of events, about.
const PAGE_BYTES: usize = 2 << 20;
/// Attempts in the document of a run; the rest is read in pages.
const ATTEMPTS: usize = 500;

impl Site {
    /// The ledger, where something in it is asked for by name.
    fn some(&self, name: &str) -> Result<Ledger, Fault> {
        self.open()?.ok_or_else(|| {
            Fault::Unknown(format!("no run or attempt is called `{name}`: nothing was run here yet"))
        })
    }

    pub(super) fn runs(&self, query: &Query) -> Result<Vec<u8>, Fault> {
        let bad = |e: crate::ledger::UnknownWord| Fault::Query(e.to_string());
        let filter = RunFilter {
            kind: query.text("kind").map(|word| word.parse()).transpose().map_err(bad)?,
            state: query.text("state").map(|word| word.parse()).transpose().map_err(bad)?,
            since: query.number("since")?,
            text: query.text("text"),
            before: query.text("before"),
        };
        let limit = query.limit(50, 500)?;
        let Some(ledger) = self.open()? else {
            return text(&json!({"version": 1, "runs": [], "next": null}));
        };
        let found = json::runs(&ledger, filter, limit)?;
        let full = found.runs.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = found.runs.last().filter(|_| full).map(|run| run.row.run_id.clone());
        text(&json!({"version": found.version, "runs": found.runs, "next": next}))
    }

    pub(super) fn run(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let ledger = self.some(name)?;
        let run_id = json::run_named(&ledger, name)?;
        let run = json::run(&ledger, &run_id, ATTEMPTS)?;
        text(&run.ok_or_else(|| Fault::Unknown(format!("no run is called `{name}`")))?)
    }

    pub(super) fn attempts(&self, name: &str, query: &Query) -> Result<Vec<u8>, Fault> {
        let (after, limit) = (query.number("after")?.unwrap_or(0), query.limit(200, 1000)?);
        let ledger = self.some(name)?;
        let run_id = json::run_named(&ledger, name)?;
        text(&json::attempts(&ledger, &run_id, after, limit)?)
    }

    pub(super) fn steps(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let ledger = self.some(name)?;
        let run_id = json::run_named(&ledger, name)?;
        let report: Option<Value> = self.project.report(&ledger, &run_id)?;
        text(&report.ok_or_else(|| Fault::Unknown(format!("no run is called `{name}`")))?)
    }

    pub(super) fn attempt_id(&self, name: &str) -> Result<(Ledger, String), Fault> {
        let ledger = self.some(name)?;
        match ledger.find(name)? {
            Found::Attempt { attempt_id, .. } => Ok((ledger, attempt_id)),
            Found::Run(_) => Err(Fault::Unknown(format!("`{name}` is a run and no attempt"))),
        }
    }

    pub(super) fn attempt(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let (ledger, attempt_id) = self.attempt_id(name)?;
        let attempt = json::attempt(&ledger, &attempt_id)?;
        text(&attempt.ok_or_else(|| Fault::Unknown(format!("no attempt is called `{name}`")))?)
    }

    /// A page of events, of one run or of all.
    pub(super) fn events(&self, name: Option<&str>, query: &Query) -> Result<Vec<u8>, Fault> {
        let (after, limit) = (query.number("after")?.unwrap_or(0), query.limit(500, 5000)?);
        let kinds = query.text("kind").map(|all| all.split(',').map(str::to_owned).collect());
        let mut filter = EventFilter { kinds: kinds.unwrap_or_default(), ..EventFilter::default() };
        let ledger = match name {
            Some(name) => {
                let ledger = self.some(name)?;
                match ledger.find(name)? {
                    Found::Run(run_id) => filter.run_id = Some(run_id),
                    Found::Attempt { run_id, attempt_id } => {
                        (filter.run_id, filter.attempt_id) = (Some(run_id), Some(attempt_id));
                    }
                }
                Some(ledger)
            }
            None => self.open()?,
        };
        let Some(ledger) = ledger else {
            return text(&json::Events { version: 1, events: Vec::new(), next: after, more: false });
        };
        let (events, next) = ledger.events_within(&filter, after, limit, PAGE_BYTES)?;
        let more = next < ledger.last_seq()?;
        text(&json::Events { version: 1, events, next, more })
    }
}
