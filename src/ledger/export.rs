//! A whole run as one JSON document, written piece by piece: memory does not grow with the run.

use std::io::{self, Write};

use super::error::LedgerError;
use super::model::RunRow;
use super::read::EventFilter;
use super::schema::Ledger;

const BATCH: u32 = 500;

/// Writes `{"version": 1, "run": …, "attempts": […], "steps": […], "events": […]}`.
///
/// # Errors
/// The outer error is the ledger's, the inner one the writer's.
pub fn export(ledger: &Ledger, run: &RunRow, out: &mut dyn Write) -> Result<io::Result<()>, LedgerError> {
    let head = serde_json::to_string(run)?;
    let mut list = List { out, first: true, failed: None };
    list.raw(&format!("{{\"version\":1,\"run\":{head},\n\"attempts\":["));
    let mut after = 0;
    loop {
        let rows = ledger.attempts(&run.run_id, after, BATCH)?;
        let Some(last) = rows.last() else { break };
        after = last.sequence;
        for row in &rows {
            list.item(&serde_json::to_string(row)?);
        }
    }
    list.raw("],\n\"steps\":[");
    list.first = true;
    for row in ledger.steps(&run.run_id)? {
        list.item(&serde_json::to_string(&row)?);
    }
    list.raw("],\n\"events\":[");
    list.first = true;
    let filter = EventFilter { run_id: Some(run.run_id.clone()), ..EventFilter::default() };
    let mut after = 0;
    while list.failed.is_none() {
        let (rows, next) = ledger.events(&filter, after, BATCH)?;
        if next == after {
            break;
        }
        after = next;
        for row in &rows {
            list.item(&serde_json::to_string(row)?);
        }
    }
    list.raw("]}\n");
    Ok(list.failed.map_or(Ok(()), Err))
}

struct List<'a> {
    out: &'a mut dyn Write,
    first: bool,
    failed: Option<io::Error>,
}

impl List<'_> {
    fn raw(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(text.as_bytes()).err();
        }
    }

    fn item(&mut self, text: &str) {
        let before = if std::mem::take(&mut self.first) { "\n" } else { ",\n" };
        self.raw(before);
        self.raw(text);
    }
}
