//! The newest of everything, for whoever watches: bounded, and cheap to ask for again.

use rusqlite::params;

use super::error::LedgerError;
use super::model::{self, ATTEMPT, AttemptRow, EVENT, EventRow};
use super::schema::Ledger;

/// Kinds that come too often to be told one by one.
const UNTOLD: &str = "'attempt_output', 'attempt_quiet', 'lease_renewed'";
/// So many events are looked through for those that are told.
const WINDOW: i64 = 500_000;

/// The end of what an attempt printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    pub text: String,
    /// There is more before it, behind the number that was asked from.
    pub cut: bool,
    /// Up to here was looked.
    pub seq: i64,
}

impl Ledger {
    /// Another number whenever another process has written since the last call.
    pub fn data_version(&self) -> Result<i64, LedgerError> {
        Ok(self.conn.query_row("pragma data_version", [], |row| row.get(0))?)
    }

    /// Whether another file was put in the place of this one, or none is there any more.
    pub fn is_replaced(&self) -> bool {
        self.replaced()
    }

    /// A run's newest attempts, the newest first.
    pub fn newest_attempts(&self, run_id: &str, limit: u32) -> Result<Vec<AttemptRow>, LedgerError> {
        let mut select = self.conn.prepare_cached(&format!(
            "select {ATTEMPT} from step_attempts where run_id = ?1 order by sequence desc limit ?2"
        ))?;
        let rows = select.query_map(params![run_id, limit], model::attempt)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest turns of all loops, the newest first.
    pub fn newest_turns(&self, limit: u32) -> Result<Vec<AttemptRow>, LedgerError> {
        let columns: Vec<String> = ATTEMPT.split(',').map(|c| format!("a.{}", c.trim())).collect();
        let mut select = self.conn.prepare_cached(&format!(
            "select {} from runs r cross join step_attempts a on a.run_id = r.run_id where r.kind = 'turns'
             order by r.created_at desc, r.run_id desc, a.sequence desc limit ?1",
            columns.join(", ")
        ))?;
        let rows = select.query_map([limit], model::attempt)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many attempts of a run are in each state.
    pub fn attempt_counts(&self, run_id: &str) -> Result<Vec<(String, u64)>, LedgerError> {
        let mut select = self.conn.prepare_cached(
            "select state, count(*) from step_attempts where run_id = ?1 group by state order by state",
        )?;
        let rows = select.query_map([run_id], |row| {
            Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest events of a run behind `after` that are told one by one, the oldest first, and up to where was
    /// looked.
    pub fn newest_told(
        &self,
        run_id: &str,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<EventRow>, i64), LedgerError> {
        let newest = self.newest_seq()?;
        let mut select = self.conn.prepare_cached(&format!(
            "select {EVENT} from run_events where run_id = ?1 and seq > ?2 and seq <= ?3
             and kind not in ({UNTOLD}) order by seq desc limit ?4"
        ))?;
        let from = after.max(newest - WINDOW);
        let rows = select.query_map(params![run_id, from, newest, limit], model::event)?;
        let mut rows: Vec<EventRow> = rows.collect::<Result<_, _>>()?;
        rows.reverse();
        Ok((rows, newest.max(after)))
    }

    /// Whether anything is told behind `after`, of whichever run, and up to where was looked.
    pub fn tells(&self, after: i64) -> Result<(bool, i64), LedgerError> {
        let newest = self.newest_seq()?;
        let mut select = self.conn.prepare_cached(&format!(
            "select exists (select 1 from run_events where seq > ?1 and seq <= ?2 and kind not in ({UNTOLD}))"
        ))?;
        let told = select.query_row(params![after.max(newest - WINDOW), newest], |row| row.get(0))?;
        Ok((told, newest.max(after)))
    }

    /// What an attempt printed behind the event `after`, at most its last `max` bytes.
    pub fn printed(
        &self,
        run_id: &str,
        attempt_id: &str,
        after: i64,
        max: usize,
    ) -> Result<Printed, LedgerError> {
        let newest = self.newest_seq()?;
        let mut select = self.conn.prepare_cached(
            "select json_extract(data, '$.text') from run_events where run_id = ?1 and seq > ?2 and seq <= ?3
             and kind = 'attempt_output' and attempt_id = ?4 order by seq desc",
        )?;
        let mut rows = select.query(params![run_id, after, newest, attempt_id])?;
        let (mut pieces, mut size, mut cut) = (Vec::<String>::new(), 0, false);
        while let Some(row) = rows.next()? {
            if size >= max {
                cut = true;
                break;
            }
            let text: String = row.get::<_, Option<String>>(0)?.unwrap_or_default();
            size += text.len();
            pieces.push(text);
        }
        pieces.reverse();
        let mut text = pieces.concat();
        if text.len() > max {
            cut = true;
            let from = (text.len() - max..=text.len()).find(|at| text.is_char_boundary(*at));
            text.drain(..from.unwrap_or(0));
        }
        Ok(Printed { text, cut, seq: newest.max(after) })
    }

    fn newest_seq(&self) -> Result<i64, LedgerError> {
        let mut newest = self.conn.prepare_cached("select coalesce(max(seq), 0) from run_events")?;
        Ok(newest.query_row([], |row| row.get(0))?)
    }
}
