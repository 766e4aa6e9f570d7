//! Ways out that run nothing: a quarantined run is given a successor, a waiting one is canceled (workstreams.md W8, W9).

use super::begin::{create, states_of};
use super::error::EngineError;
use super::saved::Saved;
use super::setting::Setting;
use crate::clock::Clock;
use crate::event::{Ended, Event, Place};
use crate::ids::Ids;
use crate::ledger::{Change, Entry, Ledger, Record, RunKind, RunMove, RunState, Writer};

/// The successor of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub new_run_id: String,
}

/// Makes a new run with what the quarantined one had done, and links them. The old one stays as it is.
///
/// # Errors
/// It is not quarantined, or could not be written down.
pub fn release(
    run_id: &str,
    reason: &str,
    setting: &Setting,
    clock: &dyn Clock,
    ids: &dyn Ids,
    ledger: &mut Ledger,
    writer: &Writer,
) -> Result<Released, EngineError> {
    let row = ledger.run(run_id)?.ok_or_else(|| EngineError::NoWorkstream(run_id.to_owned()))?;
    if row.kind != RunKind::Workstream.name() {
        return Err(EngineError::NoWorkstream(run_id.to_owned()));
    }
    if row.state != RunState::Quarantined.name() {
        let wanted = "only a quarantined run is released";
        return Err(EngineError::State { run_id: run_id.to_owned(), state: row.state, wanted });
    }
    let workstream = Saved::read(&setting.private, run_id)?;
    let states = states_of(&workstream.spec, ledger, run_id)?;
    let new_run_id = ids.uuid();
    let now = clock.now().as_millisecond();
    create(&new_run_id, &workstream.spec, &states, Some(run_id), false, setting, now, writer)?;
    let event = Event::RunReleased { reason: reason.to_owned(), new_run_id: new_run_id.clone() };
    let record = Record { place: Place::run(run_id), at: now, event };
    ledger.write([&Entry::Event(Box::new(record))])?;
    Ok(Released { new_run_id })
}

/// Cancels a run that was never begun.
///
/// # Errors
/// It is none.
pub fn cancel_waiting(run_id: &str, clock: &dyn Clock, ledger: &mut Ledger) -> Result<(), EngineError> {
    ledger.close_dead()?;
    let row = ledger.run(run_id)?.ok_or_else(|| EngineError::NoWorkstream(run_id.to_owned()))?;
    if row.kind != RunKind::Workstream.name() {
        return Err(EngineError::NoWorkstream(run_id.to_owned()));
    }
    if row.state != RunState::Pending.name() {
        let wanted = "only a live run or one that was not begun can be canceled";
        return Err(EngineError::State { run_id: run_id.to_owned(), state: row.state, wanted });
    }
    let why = "canceled before it was begun".to_owned();
    let event = Event::RunEnded {
        outcome: Ended::Canceled,
        turns: 0,
        duration: std::time::Duration::ZERO,
        cost_usd: None,
        why: why.clone(),
        next: "orchestrator history".into(),
    };
    ledger.change(Change::MoveRun(RunMove {
        run_id: run_id.to_owned(),
        from: RunState::Pending,
        to: RunState::Canceled,
        at: clock.now().as_millisecond(),
        exit_code: None,
        error: Some(why),
        event,
    }))?;
    Ok(())
}
