//! Queries: bound parameters, a fixed list of columns.

use rusqlite::{OptionalExtension, params};

use super::error::LedgerError;
use super::model::{self, ATTEMPT, AttemptRow, EVENT, EventRow, RUN, RunRow};
use super::schema::Ledger;
use super::state::{RunKind, RunState};

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub kind: Option<RunKind>,
    pub state: Option<RunState>,
    /// Created at this time or later, ms.
    pub since: Option<i64>,
    /// Only those that this text stands in: id, kind, name, error or metadata; upper and lower case are the same.
    pub text: Option<String>,
    /// Only those that come after this run in the order, the newest first.
    pub before: Option<String>,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub run_id: Option<String>,
    pub attempt_id: Option<String>,
    /// Empty: every kind. Kinds are not checked: a newer program may have written others.
    pub kinds: Vec<String>,
}

/// What an id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Run(String),
    Attempt { run_id: String, attempt_id: String },
}

impl Ledger {
    /// The newest runs first, at most `limit`.
    pub fn runs(&self, filter: RunFilter, limit: u32) -> Result<Vec<RunRow>, LedgerError> {
        let mut select = self.conn.prepare_cached(&format!(
            "select {RUN} from runs r where (?1 is null or r.kind = ?1) and (?2 is null or r.state = ?2)
             and r.created_at >= ?3
             and (?5 is null or instr(lower(r.run_id || ' ' || r.kind || ' ' || coalesce(r.workstream_id, '') || ' '
                  || coalesce(r.error, '') || ' ' || coalesce(r.metadata, '')), lower(?5)) > 0)
             and (?6 is null or (r.created_at, r.run_id) <
                  (select b.created_at, b.run_id from runs b where b.run_id = ?6))
             order by r.created_at desc, r.run_id desc limit ?4"
        ))?;
        let RunFilter { kind, state, since, text, before } = filter;
        let (kind, state) = (kind.map(RunKind::name), state.map(RunState::name));
        let since = since.unwrap_or(i64::MIN);
        let rows = select.query_map(params![kind, state, since, limit, text, before], model::run)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn run(&self, run_id: &str) -> Result<Option<RunRow>, LedgerError> {
        let mut select =
            self.conn.prepare_cached(&format!("select {RUN} from runs r where r.run_id = ?1"))?;
        Ok(select.query_row([run_id], model::run).optional()?)
    }

    /// A run and those that went on with it, each with the one before it as its parent; the newest is the last.
    pub fn line_of(&self, run_id: &str) -> Result<Vec<String>, LedgerError> {
        let mut select = self.conn.prepare_cached(
            "with recursive line (id) as (select ?1 union
                 select r.run_id from runs r join line on r.parent_run_id = line.id)
             select run_id from runs where run_id in line order by created_at, run_id",
        )?;
        let rows = select.query_map([run_id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A run's attempts in their order, at most `limit` after the number `after`.
    pub fn attempts(&self, run_id: &str, after: i64, limit: u32) -> Result<Vec<AttemptRow>, LedgerError> {
        let mut select = self.conn.prepare_cached(&format!(
            "select {ATTEMPT} from step_attempts where run_id = ?1 and sequence > ?2 order by sequence limit ?3"
        ))?;
        let rows = select.query_map(params![run_id, after, limit], model::attempt)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn attempt(&self, attempt_id: &str) -> Result<Option<AttemptRow>, LedgerError> {
        let mut select = self
            .conn
            .prepare_cached(&format!("select {ATTEMPT} from step_attempts where attempt_id = ?1"))?;
        Ok(select.query_row([attempt_id], model::attempt).optional()?)
    }

    /// The next events after `after`, at most `limit`, and the number from which to go on.
    pub fn events(
        &self,
        filter: &EventFilter,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<EventRow>, i64), LedgerError> {
        self.events_within(filter, after, limit, usize::MAX)
    }

    /// The same, but no more once their data comes to so many bytes: what a reader keeps in memory at once.
    pub fn events_within(
        &self,
        filter: &EventFilter,
        after: i64,
        limit: u32,
        bytes: usize,
    ) -> Result<(Vec<EventRow>, i64), LedgerError> {
        // Up to here is looked at: where nothing fits, the next look need not begin at the same place.
        let newest = self.last_seq()?;
        let by_run = if filter.run_id.is_some() { "run_id = ?3" } else { "?3 is null" };
        let mut select = self.conn.prepare_cached(&format!(
            "select {EVENT} from run_events where seq > ?1 and seq <= ?2 and {by_run}
             and (?4 is null or attempt_id = ?4)
             and (?5 is null or kind in (select value from json_each(?5))) order by seq limit ?6"
        ))?;
        let kinds = (!filter.kinds.is_empty()).then(|| serde_json::Value::from(filter.kinds.clone()));
        let found = select.query_map(
            params![after, newest, filter.run_id, filter.attempt_id, kinds.map(|k| k.to_string()), limit],
            model::event,
        )?;
        let (mut rows, mut size): (Vec<EventRow>, usize) = (Vec::new(), 0);
        for row in found {
            let row = row?;
            size = size.saturating_add(row.data.get().len());
            rows.push(row);
            if size >= bytes {
                break;
            }
        }
        let full = size >= bytes || rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let last = rows.last().map(|row| row.seq).filter(|_| full).unwrap_or(newest.max(after));
        Ok((rows, last))
    }

    /// The number of the newest event; 0: there is none.
    pub fn last_seq(&self) -> Result<i64, LedgerError> {
        let mut newest = self.conn.prepare_cached("select coalesce(max(seq), 0) from run_events")?;
        Ok(newest.query_row([], |row| row.get(0))?)
    }

    /// The attempts that began last, of all runs, at most `limit`, in the order in which they began.
    pub fn attempts_lately(&self, limit: u32) -> Result<Vec<AttemptRow>, LedgerError> {
        let mut select = self
            .conn
            .prepare_cached(&format!("select {ATTEMPT} from step_attempts order by rowid desc limit ?1"))?;
        let rows = select.query_map([limit], model::attempt)?;
        let mut rows: Vec<AttemptRow> = rows.collect::<Result<_, _>>()?;
        rows.reverse();
        Ok(rows)
    }

    /// The run or attempt that an id, the beginning or the end of one, or `last` stands for. Ids of one hour begin alike,
    /// so the end is the short form.
    pub fn find(&self, given: &str) -> Result<Found, LedgerError> {
        let unknown = || LedgerError::Unknown(given.to_owned());
        if given == "last" {
            let newest = self.runs(RunFilter::default(), 1)?.pop();
            return newest.map(|run| Found::Run(run.run_id)).ok_or_else(unknown);
        }
        if given.is_empty() {
            return Err(unknown());
        }
        // A run and its first attempts are made within a moment and begin alike: the run is meant.
        for (part, place) in [("substr(id, 1, length(?1))", "beginning"), ("substr(id, -length(?1))", "end")]
        {
            let runs = self.alike(
                &format!("select id, id from (select run_id id from runs) where {part} = ?1 order by id <> ?1 limit 2"),
                given,
            )?;
            if let Some((run_id, _)) = only(given, place, runs)? {
                return Ok(Found::Run(run_id));
            }
            let attempts = self.alike(
                &format!(
                    "select id, run_id from (select attempt_id id, run_id from step_attempts) where {part} = ?1
                     order by id <> ?1 limit 2"
                ),
                given,
            )?;
            if let Some((attempt_id, run_id)) = only(given, place, attempts)? {
                return Ok(Found::Attempt { run_id, attempt_id });
            }
        }
        Err(unknown())
    }

    fn alike(&self, sql: &str, given: &str) -> Result<Vec<(String, String)>, LedgerError> {
        let mut select = self.conn.prepare_cached(sql)?;
        let rows = select.query_map([given], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The first of at most two, if it is the only one or exactly what was given.
fn only(
    given: &str,
    place: &'static str,
    found: Vec<(String, String)>,
) -> Result<Option<(String, String)>, LedgerError> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((one, _)), Some((other, _))) if one != given => {
            Err(LedgerError::Ambiguous { given: given.to_owned(), place, one, other })
        }
        (first, _) => Ok(first),
    }
}
