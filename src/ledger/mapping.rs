//! Which events are transitions, and of what. Pure.

use serde_json::json;

use super::change::{AttemptEnd, Change, NewAttempt, NewRun, RunMove};
use super::state::{AttemptState, RunKind, RunState};
use crate::event::{Ended, Event, Place};

/// The transition that an event of a run is the sign of; `None` for one that changes no state.
pub(super) fn change_of(place: &Place, at: i64, event: &Event) -> Option<Change> {
    let run_id = place.run_id.clone()?;
    match event {
        Event::RunCreated { run_kind, parent_run_id } => Some(Change::CreateRun(NewRun {
            run_id,
            kind: run_kind.parse::<RunKind>().ok()?,
            project_id: None,
            workstream_id: None,
            parent_run_id: parent_run_id.clone(),
            metadata: None,
            at,
        })),
        Event::RunStarted { .. } => {
            let (from, to) = (RunState::Pending, RunState::Running);
            let event = event.clone();
            Some(Change::MoveRun(RunMove { run_id, from, to, at, exit_code: None, error: None, event }))
        }
        Event::RunEnded { outcome, why, .. } => {
            let (to, error) = match outcome {
                Ended::Succeeded => (RunState::Succeeded, None),
                Ended::Failed => (RunState::Failed, Some(why.clone())),
                Ended::Canceled => (RunState::Canceled, Some(why.clone())),
            };
            let (from, event) = (RunState::Running, event.clone());
            Some(Change::MoveRun(RunMove { run_id, from, to, at, exit_code: None, error, event }))
        }
        Event::AttemptStarted { iteration, role, prompt, agent, log, step, turn_id } => {
            let known = |text: &String| Some(text.clone()).filter(|t| !t.is_empty() && t != "-");
            Some(Change::StartAttempt(NewAttempt {
                attempt_id: place.attempt_id.clone()?,
                run_id,
                step_id: step.clone(),
                role: known(role),
                agent: known(agent),
                tool: None,
                prompt: known(prompt),
                request: Some(json!({"iteration": iteration, "turn_id": turn_id})),
                log_path: known(log),
                at,
                event: event.clone(),
            }))
        }
        Event::AttemptEnded { outcome, result, .. } => {
            place.attempt_id.as_ref()?;
            let state = match outcome {
                Ended::Succeeded => AttemptState::Succeeded,
                Ended::Failed => AttemptState::Failed,
                Ended::Canceled => AttemptState::Canceled,
            };
            let result = result.clone();
            Some(Change::EndAttempt(AttemptEnd {
                place: place.clone(),
                state,
                at,
                result,
                event: event.clone(),
            }))
        }
        _ => None,
    }
}
