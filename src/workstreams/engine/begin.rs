//! Before the first step: a new run, or one that goes on.

use std::collections::BTreeMap;
use std::fs::File;

use serde_json::{Value, json};

use super::error::EngineError;
use super::saved::{Saved, kept_result};
use super::setting::{Setting, World};
use super::step::read_output;
use super::tools::Tools;
use crate::event::{Event, Place};
use crate::ledger::{
    AttemptRow, Change, Ledger, NewRun, NewWorkstream, RunKind, RunMove, RunState, StepState, Writer,
};
use crate::workstreams::schedule::Schedule;
use crate::workstreams::spec::{Spec, Workstream};

/// The reason in the record of a step that its own condition skipped: it is done, and not looked at again.
pub(super) const CONDITION: &str = "its `when` does not hold";

/// A run that can be begun.
#[derive(Debug)]
pub struct Begin {
    pub run_id: String,
    pub workstream: Workstream,
    pub(super) states: Vec<StepState>,
    /// Attempts that there were.
    pub(super) attempts: BTreeMap<String, u64>,
    /// What is known of steps that are done.
    pub(super) known: BTreeMap<String, Value>,
    pub(super) tools: Tools,
    pub(super) from: RunState,
    /// Nothing but this step is begun.
    pub(super) only: Option<usize>,
    /// Others may not resume it meanwhile.
    _held: Option<File>,
}

impl Begin {
    /// The same with one step to do.
    ///
    /// # Errors
    /// There is no such step, it is done, or what it depends on is not.
    pub fn only(mut self, step: &str) -> Result<Self, EngineError> {
        let refused = |state: &str, wanted: &'static str| EngineError::State {
            run_id: format!("{}, step {step},", self.run_id),
            state: state.to_owned(),
            wanted,
        };
        let at = self.workstream.spec.steps.iter().position(|s| s.id == step);
        let Some(at) = at else { return Err(refused("unknown", "the workstream has no such step")) };
        if self.states[at] != StepState::Pending {
            return Err(refused(self.states[at].name(), "only a step that is not done can be executed"));
        }
        let waits =
            self.workstream.graph.dependencies(at).iter().any(|d| self.states[*d] == StepState::Pending);
        if waits {
            return Err(refused("pending", "what it depends on is not done"));
        }
        self.only = Some(at);
        Ok(self)
    }
}

/// Records a new run, `pending`. With `owned` this program begins it now; else whoever resumes it.
///
/// # Errors
/// It could not be written down.
pub fn prepare(
    workstream: Workstream,
    parent: Option<&str>,
    owned: bool,
    setting: &Setting,
    world: &World<'_>,
    ledger: &Ledger,
) -> Result<Begin, EngineError> {
    let run_id = world.ids.uuid();
    let states = vec![StepState::Pending; workstream.spec.steps.len()];
    let now = world.clock.now().as_millisecond();
    create(&run_id, &workstream.spec, &states, parent, owned, setting, now, world.writer)?;
    Ok(Begin {
        run_id,
        workstream,
        states,
        attempts: BTreeMap::new(),
        known: BTreeMap::new(),
        tools: Tools::read(ledger)?,
        from: RunState::Pending,
        only: None,
        _held: None,
    })
}

/// Saves what resuming needs and records the run.
#[expect(clippy::too_many_arguments, reason = "the parts of one record")]
pub(super) fn create(
    run_id: &str,
    spec: &Spec,
    states: &[StepState],
    parent: Option<&str>,
    owned: bool,
    setting: &Setting,
    now: i64,
    writer: &Writer,
) -> Result<(), EngineError> {
    Saved::new(spec.clone()).write(&setting.private, run_id)?;
    let run = NewRun {
        run_id: run_id.to_owned(),
        kind: RunKind::Workstream,
        project_id: None,
        workstream_id: Some(spec.id.clone()),
        parent_run_id: parent.map(str::to_owned),
        metadata: Some(json!({"name": spec.name, "steps": spec.steps.len(), "max_parallel": spec.limit()})),
        at: now,
    };
    let steps = spec.steps.iter().map(|s| s.id.clone()).zip(states.iter().copied()).collect();
    let ticket = writer.change(Change::CreateWorkstream(NewWorkstream { run, steps, owned }));
    match ticket.wait(std::time::Duration::from_secs(10)) {
        Some(Ok(())) => Ok(()),
        Some(Err(e)) => Err(EngineError::Read(e)),
        None => Err(EngineError::Ledger),
    }
}

/// A run that failed, was interrupted or killed, or was never begun, ready to go on.
///
/// # Errors
/// There is no such run, or it is none that can go on.
pub fn resume(run_id: &str, setting: &Setting, ledger: &mut Ledger) -> Result<Begin, EngineError> {
    ledger.close_dead()?;
    let row = ledger.run(run_id)?.ok_or_else(|| EngineError::NoWorkstream(run_id.to_owned()))?;
    if row.kind != RunKind::Workstream.name() {
        return Err(EngineError::NoWorkstream(run_id.to_owned()));
    }
    let held = Saved::hold(&setting.private, run_id)?;
    // Once more, now that nobody else may begin it.
    let row = ledger.run(run_id)?.ok_or_else(|| EngineError::NoWorkstream(run_id.to_owned()))?;
    let from = match row.state.parse() {
        Ok(RunState::Running) => return Err(EngineError::Live(run_id.to_owned())),
        Ok(state @ (RunState::Failed | RunState::Pending)) => state,
        _ => {
            let wanted = if row.state == "quarantined" {
                "it is released, not resumed"
            } else {
                "only a run that failed can go on"
            };
            return Err(EngineError::State { run_id: run_id.to_owned(), state: row.state, wanted });
        }
    };
    if from == RunState::Pending && row.owner.is_some() {
        return Err(EngineError::Live(run_id.to_owned()));
    }
    let workstream = Saved::read(&setting.private, run_id)?;
    let rows = attempts(ledger, run_id)?;
    let states = states_of(&workstream.spec, ledger, run_id)?;
    let known = known(&workstream, &states, &rows, run_id, setting);
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.step_id).or_insert(0) += 1;
    }
    let tools = Tools::read(ledger)?;
    Ok(Begin {
        run_id: run_id.to_owned(),
        workstream,
        states,
        attempts: counts,
        known,
        tools,
        from,
        only: None,
        _held: Some(held),
    })
}

pub(super) fn attempts(ledger: &Ledger, run_id: &str) -> Result<Vec<AttemptRow>, EngineError> {
    const PAGE: u32 = 1000;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = ledger.attempts(run_id, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.sequence;
        all.extend(page);
    }
}

/// What is done stays; everything else is to be done again.
pub(super) fn states_of(spec: &Spec, ledger: &Ledger, run_id: &str) -> Result<Vec<StepState>, EngineError> {
    let rows: BTreeMap<String, (StepState, Option<String>)> =
        ledger.steps(run_id)?.into_iter().map(|row| (row.step_id, (row.state, row.reason))).collect();
    let state = |(at, step): (usize, &crate::workstreams::spec::Step)| {
        let Some((state, reason)) = rows.get(&step.id) else { return StepState::Pending };
        let done = match state {
            StepState::Skipped => reason.as_deref() == Some(CONDITION),
            state => Schedule::counts_as_done(*state, spec.on_failure(at)),
        };
        if done { *state } else { StepState::Pending }
    };
    Ok(spec.steps.iter().enumerate().map(state).collect())
}

fn known(
    workstream: &Workstream,
    states: &[StepState],
    rows: &[AttemptRow],
    run_id: &str,
    setting: &Setting,
) -> BTreeMap<String, Value> {
    let exits: BTreeMap<&str, Option<i32>> = rows.iter().map(|r| (r.step_id.as_str(), r.exit_code)).collect();
    let over = workstream.spec.steps.iter().zip(states).filter(|(_, state)| state.is_over());
    over.map(|(step, state)| {
        let outputs = step
            .outputs
            .iter()
            .filter_map(|(name, path)| Some((name.clone(), read_output(setting, path).ok()?)))
            .collect();
        let answer = kept_result(&setting.private, run_id, &step.id);
        let exit = exits.get(step.id.as_str()).copied().flatten();
        (step.id.clone(), super::step::fact(state.name(), &outputs, &answer, exit))
    })
    .collect()
}

/// The move that begins the run, or lets it go on.
pub(super) fn moves(begin: &Begin, at: i64, limits: String) -> (Vec<Change>, Event) {
    let event = Event::RunStarted {
        mode: "workstream".into(),
        branch: None,
        agents: Vec::new(),
        limits,
        state: begin.workstream.spec.name.clone().unwrap_or_else(|| begin.workstream.spec.id.clone()),
    };
    let mut changes = Vec::new();
    if begin.from == RunState::Failed {
        let steps = begin.workstream.spec.steps.iter().zip(&begin.states);
        let again = steps.filter(|(_, state)| **state == StepState::Pending).map(|(step, _)| step.id.clone());
        let (run_id, steps) = (begin.run_id.clone(), again.collect());
        changes.push(Change::StepsAgain { run_id, steps, at });
    }
    changes.push(Change::MoveRun(RunMove {
        run_id: begin.run_id.clone(),
        from: begin.from,
        to: RunState::Running,
        at,
        exit_code: None,
        error: None,
        event: event.clone(),
    }));
    (changes, event)
}

pub(super) fn run_place(run_id: &str) -> Place {
    Place::run(run_id)
}
