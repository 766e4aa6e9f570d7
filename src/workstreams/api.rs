//! The operations of runs as a library (workstreams.md W7), for programs that embed the engine.
//!
//! A [`Runs`] is a project's ledger and its writer. `create_run` records a run that waits, also for another process;
//! `start_run` runs it, or lets a failed one go on; `execute_step` does one step of it alone.

use std::sync::Arc;

use super::engine::{
    self, EngineError, ProgressCell, Report, Saved, Setting, World, cancel_waiting, prepare, resume,
};
use super::quarantine::Reason;
use super::spec::Workstream;
use crate::clock::Clock;
use crate::control::{self, Request, client};
use crate::event::{Ended, Event, Sink};
use crate::ids::Ids;
use crate::ledger::{
    Change, EventFilter, EventRow, FILE, IllegalMove, Ledger, LedgerError, Mask, Options, RunFilter, RunKind,
    RunMove, RunRow, RunState, StepRow, Writer,
};
use crate::supervise::Stop;

/// The runs of one project.
pub struct Runs {
    setting: Setting,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    ledger: Ledger,
    writer: Writer,
}

/// How a run is ended by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Succeeded,
    Failed(String),
    Canceled(String),
    Quarantined(Reason),
}

impl Runs {
    /// Opens the project's ledger, made if it is not there.
    pub fn open(setting: Setting, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, EngineError> {
        let private = &setting.private;
        std::fs::create_dir_all(private)
            .map_err(|source| EngineError::Io { path: private.clone(), source })?;
        let path = private.join(FILE);
        let ledger = Ledger::open(&path)?;
        let redactor = Arc::clone(&setting.redactor);
        let mask = Some(Mask::new(move |value| redactor.json(value)));
        let writer = Writer::start(Options { path: path.clone(), clock: Arc::clone(&clock), mask });
        let writer = writer.map_err(|source| EngineError::Io { path, source })?;
        Ok(Self { setting, clock, ids, ledger, writer })
    }

    /// Records a run that waits to be started, by this process or another; its id.
    pub fn create_run(&self, workstream: Workstream) -> Result<String, EngineError> {
        let stop = Stop::new();
        let mut nobody = |_: Event| {};
        let world = self.world(&stop, &mut nobody);
        Ok(prepare(workstream, None, false, &self.setting, &world, &self.ledger)?.run_id)
    }

    /// Runs what is not done of a run to its end; one that failed goes on. Children die with the thread that this is
    /// called on.
    pub async fn start_run(
        &mut self,
        run_id: &str,
        stop: &Stop,
        sink: &mut dyn Sink,
    ) -> Result<Report, EngineError> {
        let begin = resume(run_id, &self.setting, &mut self.ledger)?;
        engine::run(begin, &self.setting, self.world(stop, sink)).await
    }

    /// Does one step, whose dependencies are done, and leaves the run `failed`, to be gone on with.
    pub async fn execute_step(
        &mut self,
        run_id: &str,
        step: &str,
        stop: &Stop,
        sink: &mut dyn Sink,
    ) -> Result<Report, EngineError> {
        let begin = resume(run_id, &self.setting, &mut self.ledger)?.only(step)?;
        engine::run(begin, &self.setting, self.world(stop, sink)).await
    }

    /// Ends a run by hand: to a terminal state or `failed`. A failure that is quarantined keeps its end and error.
    pub fn complete_run(&mut self, run_id: &str, status: Status) -> Result<(), EngineError> {
        let row = self.row(run_id)?;
        let from: RunState = row.state.parse().unwrap_or(RunState::Pending);
        let (to, outcome, error) = match &status {
            Status::Succeeded => (RunState::Succeeded, Ended::Succeeded, None),
            Status::Failed(why) => (RunState::Failed, Ended::Failed, Some(why.clone())),
            Status::Canceled(why) => (RunState::Canceled, Ended::Canceled, Some(why.clone())),
            Status::Quarantined(reason) => {
                (RunState::Quarantined, Ended::Failed, Some(reason.reason.clone()))
            }
        };
        // A live run is ended by its own process.
        if self.is_live(run_id) {
            return Err(EngineError::Live(run_id.to_owned()));
        }
        from.step(to).map_err(LedgerError::from)?;
        let event = match status {
            Status::Quarantined(reason) => {
                Event::RunQuarantined { reason: reason.reason, evidence: reason.evidence }
            }
            _ => Event::RunEnded {
                outcome,
                turns: 0,
                duration: std::time::Duration::ZERO,
                cost_usd: None,
                why: error.clone().unwrap_or_default(),
                next: format!("orchestrator report {run_id}"),
            },
        };
        // A failure that is set aside keeps its own error.
        let error = error.filter(|_| from != RunState::Failed || row.error.is_none());
        self.ledger.change(Change::MoveRun(RunMove {
            run_id: run_id.to_owned(),
            from,
            to,
            at: self.clock.now().as_millisecond(),
            exit_code: None,
            error,
            event,
        }))?;
        Ok(())
    }

    pub fn quarantine_run(&mut self, run_id: &str, reason: Reason) -> Result<(), EngineError> {
        self.complete_run(run_id, Status::Quarantined(reason))
    }

    /// Cancels a run: a live one through its socket, a waiting one in the ledger.
    pub fn cancel_run(&mut self, run_id: &str) -> Result<(), EngineError> {
        let live = control::live(&control::folder(&self.setting.private));
        match live.iter().find(|run| run.id == run_id) {
            Some(run) => match client::ask(&run.socket, &Request::Cancel) {
                Ok(_) => Ok(()),
                Err(e) => Err(EngineError::Io {
                    path: run.socket.clone(),
                    source: std::io::Error::other(e.to_string()),
                }),
            },
            None => cancel_waiting(run_id, &*self.clock, &mut self.ledger),
        }
    }

    pub fn run_status(&self, run_id: &str) -> Result<RunRow, EngineError> {
        self.row(run_id)
    }

    /// The newest runs first.
    pub fn list_runs(&self, limit: u32) -> Result<Vec<RunRow>, EngineError> {
        let filter = RunFilter { kind: Some(RunKind::Workstream), ..RunFilter::default() };
        Ok(self.ledger.runs(filter, limit)?)
    }

    /// In the order of the file.
    pub fn run_steps(&self, run_id: &str) -> Result<Vec<StepRow>, EngineError> {
        Ok(self.ledger.steps(run_id)?)
    }

    /// Events after the number `after`, and the number from which to go on.
    pub fn run_events(&self, run_id: &str, after: i64) -> Result<(Vec<EventRow>, i64), EngineError> {
        let filter = EventFilter { run_id: Some(run_id.to_owned()), ..EventFilter::default() };
        Ok(self.ledger.events(&filter, after, 1000)?)
    }

    /// What a run was made of.
    pub fn workstream(&self, run_id: &str) -> Result<Workstream, EngineError> {
        Saved::read(&self.setting.private, run_id)
    }

    fn row(&self, run_id: &str) -> Result<RunRow, EngineError> {
        let row = self.ledger.run(run_id)?.filter(|row| row.kind == RunKind::Workstream.name());
        row.ok_or_else(|| EngineError::NoWorkstream(run_id.to_owned()))
    }

    fn is_live(&self, run_id: &str) -> bool {
        control::live(&control::folder(&self.setting.private)).iter().any(|run| run.id == run_id)
    }

    fn world<'a>(&'a self, stop: &'a Stop, sink: &'a mut dyn Sink) -> World<'a> {
        World {
            clock: Arc::clone(&self.clock),
            ids: &*self.ids,
            stop,
            sink,
            writer: &self.writer,
            progress: ProgressCell::default(),
        }
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.writer.close(std::time::Duration::from_secs(5));
    }
}

/// Why an operation is illegal, where it is.
pub fn illegal(error: &EngineError) -> Option<IllegalMove> {
    if let EngineError::Read(LedgerError::Illegal(illegal)) = error { Some(*illegal) } else { None }
}
