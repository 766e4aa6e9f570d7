//! Forgetting what is old.

use rusqlite::{TransactionBehavior, params};

use super::error::LedgerError;
use super::owner::Owner;
use super::schema::Ledger;

/// Rows deleted in one transaction, so that no live run waits long.
const CHUNK: u32 = 5_000;

/// What was deleted, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub runs: usize,
    pub attempts: usize,
    pub events: usize,
}

const OLD: &str = "select run_id from runs where ended_at < ?1 and state not in ('pending', 'running')";

impl Ledger {
    /// What [`Ledger::forget`] would delete.
    pub fn forgettable(&self, before: i64) -> Result<Forgotten, LedgerError> {
        let count = |sql: &str| -> Result<usize, LedgerError> {
            let n: i64 = self.conn.query_row(sql, [before], |row| row.get(0))?;
            Ok(usize::try_from(n).unwrap_or(0))
        };
        Ok(Forgotten {
            runs: count(&format!("select count(*) from ({OLD})"))?,
            attempts: count(&format!("select count(*) from step_attempts where run_id in ({OLD})"))?,
            events: count(&format!(
                "select count(*) from run_events where run_id in ({OLD}) or (run_id is null and at < ?1)"
            ))?,
        })
    }

    /// Deletes runs that ended before `before` (ms), with all that is theirs, and older events of no run. A run is
    /// deleted last, so that a kill in between leaves nothing without a name.
    pub fn forget(&mut self, before: i64) -> Result<Forgotten, LedgerError> {
        let mut total = Forgotten::default();
        let old: Vec<String> = {
            let mut select = self.conn.prepare(OLD)?;
            let rows = select.query_map([before], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for run_id in &old {
            total.events += self.chunks(
                "delete from run_events where seq in (select seq from run_events where run_id = ?1 limit ?2)",
                run_id,
            )?;
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            total.attempts += tx.execute("delete from step_attempts where run_id = ?1", [run_id])?;
            tx.execute("delete from steps where run_id = ?1", [run_id])?;
            total.runs += tx.execute("delete from runs where run_id = ?1", [run_id])?;
            tx.commit()?;
        }
        total.events += self.chunks(
            "delete from run_events where seq in
             (select seq from run_events where run_id is null and at < ?1 limit ?2)",
            before,
        )?;
        Ok(total)
    }

    fn chunks(&self, sql: &str, key: impl rusqlite::ToSql) -> Result<usize, LedgerError> {
        let mut delete = self.conn.prepare_cached(sql)?;
        let mut total = 0;
        loop {
            let count = delete.execute(params![key, CHUNK])?;
            total += count;
            if count == 0 {
                return Ok(total);
            }
        }
    }

    /// Whether some program that lives has an open run here.
    pub fn has_live_run(&self) -> Result<bool, LedgerError> {
        let mut select =
            self.conn.prepare_cached("select owner from runs where state in ('pending', 'running')")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let owner: Option<String> = row.get(0)?;
            let owner = owner.and_then(|text| serde_json::from_str::<Owner>(&text).ok());
            if owner.is_some_and(|owner| !owner.is_dead(&self.owner)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the space of deleted rows back to the disk. Writers wait meanwhile.
    pub fn vacuum(&self) -> Result<(), LedgerError> {
        self.conn.execute_batch("vacuum")?;
        self.conn.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        Ok(())
    }
}
