//! Forgetting what is old.

use rusqlite::{TransactionBehavior, params};

use super::error::LedgerError;
use super::schema::Ledger;

/// Runs deleted in one transaction, so that no live run waits long.
const CHUNK: u32 = 50;

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub runs: usize,
    pub attempts: usize,
    pub events: usize,
}

impl Ledger {
    /// Deletes runs that ended before `before` (ms), with all that is theirs, and older events of no run.
    pub fn forget(&mut self, before: i64) -> Result<Forgotten, LedgerError> {
        self.set_durable(false)?;
        let mut total = Forgotten::default();
        loop {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let old: Vec<String> = {
                let mut select = tx.prepare_cached(
                    "select run_id from runs where ended_at < ?1 and state not in ('pending', 'running') limit ?2",
                )?;
                let rows = select.query_map(params![before, CHUNK], |row| row.get(0))?;
                rows.collect::<Result<_, _>>()?
            };
            for run_id in &old {
                let delete = |sql| tx.prepare_cached(sql)?.execute([run_id]);
                total.events += delete("delete from run_events where run_id = ?1")?;
                total.attempts += delete("delete from step_attempts where run_id = ?1")?;
                total.runs += delete("delete from runs where run_id = ?1")?;
            }
            tx.commit()?;
            if old.is_empty() {
                break;
            }
        }
        total.events +=
            self.conn.execute("delete from run_events where run_id is null and at < ?1", [before])?;
        Ok(total)
    }

    /// Gives the space of deleted rows back to the disk. Writers wait meanwhile.
    pub fn vacuum(&self) -> Result<(), LedgerError> {
        self.conn.execute_batch("vacuum")?;
        self.conn.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
        Ok(())
    }
}
