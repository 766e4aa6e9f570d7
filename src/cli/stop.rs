//! `orchestrator stop` and `orchestrator resume` (turns.md T6).

use super::args::{Global, ResumeArgs, StopArgs};
use super::error::{Failure, INTERNAL, OK};
use super::role;
use super::setup::{Machine, Setup, setup_beside};
use super::sync_end;
use crate::clock::{Clock, iso_seconds};
use crate::control::{self, Request};
use crate::event::Sink;
use crate::sync::memory::Memory;
use crate::sync::protocol::Control;
use crate::turns::context::Previous;
use crate::turns::engine;
use crate::turns::lock::{Live, LoopLock, Owner};
use crate::turns::stop_request::StopRequest;
use crate::ui::console::Form;

pub(super) fn stop(global: &Global, args: &StopArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let machine = Machine::new();
    let root = &setup.settings.root;
    let reason = args.reason.as_deref().map(|text| setup.settings.redactor.text(text).into_owned());
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let live = LoopLock::live(root);
    if !live.is_empty() {
        let request = StopRequest {
            reason: reason.clone(),
            at: iso_seconds(machine.clock.now()),
            role: env("ORCHESTRATOR_ROLE"),
            turn_id: env("ORCHESTRATOR_TURN_ID"),
        };
        request
            .leave(root)
            .map_err(|e| Failure::new(INTERNAL, "io", "leave the request").cause(e.to_string()))?;
        for run in control::live(&control::folder(&setup.settings.private())) {
            let tell = Request::Stop { reason: request.reason.clone(), turn_id: request.turn_id.clone() };
            // The request lies on disk: a loop that cannot be told now finds it before its next turn.
            let _ = control::client::ask(&run.socket, &tell);
        }
        super::print(&format!("{} will stop before its next turn\n", named(&live)))?;
        return Ok(OK);
    }
    let mut console = super::run::console(global, Form::Text);
    if engine::through_remote(&setup.settings, &machine.shared_clock())? {
        return publish(&setup, &machine, &mut console, (Control::Stop, reason));
    }
    let state = engine::stop(&setup.settings, machine.world(&mut console), reason)?;
    super::print(&format!(
        "stopped: no loop takes another turn (iteration {}, {}'s turn)\nnext: orchestrator resume\n",
        state.iteration, state.expected_actor
    ))?;
    Ok(OK)
}

pub(super) fn resume(global: &Global, args: &ResumeArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let machine = Machine::new();
    let mut console = super::run::console(global, Form::Text);
    let beside = engine::beside_roles(&setup.settings);
    if !beside && engine::through_remote(&setup.settings, &machine.shared_clock())? {
        StopRequest::clear(&setup.settings.root);
        let note = args.note.as_deref().map(|text| setup.settings.redactor.text(text).into_owned());
        return publish(&setup, &machine, &mut console, (Control::Resume, note));
    }
    let state = engine::resume(&setup.settings, machine.world(&mut console), args.note.clone())?;
    StopRequest::clear(&setup.settings.root);
    super::print(&format!(
        "ready: iteration {}, {}'s turn, {}\nnext: {}\n",
        state.iteration,
        state.expected_actor,
        state.status,
        again(&setup)
    ))?;
    Ok(OK)
}

/// The loop as it was started last in this clone.
fn again(setup: &Setup) -> String {
    let memory = Memory::load(&setup.settings.private()).unwrap_or_default();
    let previous = memory.previous.and_then(|value| serde_json::from_value::<Previous>(value).ok());
    previous.and_then(|p| p.again).unwrap_or_else(|| "orchestrator".to_owned())
}

/// The live loops, as a sentence begins.
fn named(live: &[Live]) -> String {
    let pid = |owner: &Owner| {
        let role = owner.role.as_ref().map_or_else(String::new, |role| format!("{role}, "));
        format!("{role}pid {}", owner.pid)
    };
    match live {
        [Live::Nameless] => "the loop".into(),
        [Live::By(owner)] => format!("the loop ({})", pid(owner)),
        many => {
            let all: Vec<String> = many.iter().cloned().filter_map(Live::owner).map(|o| pid(&o)).collect();
            format!("the loops ({})", all.join("; "))
        }
    }
}

fn publish(
    setup: &Setup,
    machine: &Machine,
    sink: &mut dyn Sink,
    what: (Control, Option<String>),
) -> Result<u8, Failure> {
    let done = match what.0 {
        Control::Stop => "exit is set on the remote: no loop takes another turn\nnext: orchestrator resume\n",
        _ => "published: the loops may go on\n",
    };
    let finish = engine::control_remote(&setup.settings, &role::world(machine), sink, what)?;
    let code = sync_end::words(finish)?;
    super::print(done)?;
    Ok(code)
}
