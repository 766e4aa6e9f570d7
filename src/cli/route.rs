//! `orchestrator route`: what would run now (turns.md T12). Runs and writes nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, Global, RouteArgs};
use super::error::{FAILED, Failure, OK};
use super::setup::{Machine, Setup, setup_beside};
use crate::clock::Clock;
use crate::state::State;
use crate::turns::engine::read_state;
use crate::turns::prompt_name::resolve;
use crate::turns::router;
use crate::turns::settings::Settings;
use crate::turns::simulate::{self, Coming};

/// The prompt of the next turn and the rules that led to it.
pub(super) struct Next {
    pub prompt: Option<String>,
    pub agent: String,
    /// `rule: what it said`.
    pub steps: Vec<String>,
    pub problem: Option<String>,
}

/// Asks the rules for the turn that the state expects.
pub(super) fn next(settings: &Settings, state: &State) -> Next {
    let (role, rules) = (&state.expected_actor, &settings.router);
    let mut steps = vec![format!(
        "turn: iteration {}, {role} ({} role of the workflow), status {}",
        state.iteration,
        if settings.workflow.is_first(role) { "first" } else { "a later" },
        state.status
    )];
    let said = if rules.enabled { format!("on, mode {}", rules.mode) } else { "off".into() };
    steps.push(format!("router: {said}"));
    let mut next = Next { prompt: None, agent: "-".into(), steps, problem: None };
    let choice = match router::deterministic(&settings.workflow, rules, role, state.iteration) {
        Ok(choice) => choice,
        Err(e) => {
            next.problem = Some(e.to_string());
            return next;
        }
    };
    next.steps.push(format!("deterministic: {} ({})", choice.prompt, choice.reason));
    match router::override_prompt(&settings.workflow, rules, role) {
        Ok(None) => next.steps.push("override: none asked for this turn".into()),
        Ok(Some(prompt)) => {
            next.steps
                .push(format!("override: the answer of {prompt} decides when the turn runs; not asked now"));
        }
        Err(e) => next.problem = Some(e.to_string()),
    }
    let allowed = settings.workflow.allowed_for(role).join(", ");
    next.steps.push(format!("allowed for {role}: {allowed}"));
    if rules.enabled && !rules.allowlist.is_empty() {
        next.steps.push(format!("allowlist: {}", rules.allowlist.join(", ")));
    }
    if let Err(e) = router::check(&settings.workflow, rules, role, &choice) {
        next.problem = Some(e.to_string());
    }
    if let Err(e) = resolve(&settings.prompts_folder(), &choice.prompt) {
        next.problem = Some(e.to_string());
    }
    let agent = settings.dispatch.choose(role.as_str(), &choice.prompt);
    next.steps.push(format!("agent: {} ({})", agent.agent, agent.rule));
    next.agent = agent.agent;
    next.prompt = Some(choice.prompt);
    next
}

pub(super) fn route(global: &Global, args: &RouteArgs, explain: bool) -> Result<u8, Failure> {
    let Setup { settings, .. } = setup_beside(global)?;
    let state = read_state(&settings, Machine::new().clock.now())?;
    let next = next(&settings, &state);
    if args.format == Format::Json {
        let value = json!({
            "version": 1,
            "iteration": state.iteration,
            "role": state.expected_actor.as_str(),
            "prompt": next.prompt,
            "agent": next.agent,
            "steps": next.steps,
            "problem": next.problem,
        });
        super::print(&format!("{value:#}\n"))?;
    } else if explain {
        super::print(&format!("{}\n", next.steps.join("\n")))?;
    } else if let (Some(prompt), None) = (&next.prompt, &next.problem) {
        super::print(&format!("{prompt}\n"))?;
    }
    match next.problem {
        None => Ok(OK),
        Some(problem) => Err(Failure::new(FAILED, "route", "route the next turn").cause(problem)),
    }
}

/// The next turns, if each succeeds.
pub(super) fn simulate(global: &Global, n: usize, format: Format) -> Result<u8, Failure> {
    let Setup { settings, .. } = setup_beside(global)?;
    let state = read_state(&settings, Machine::new().clock.now())?;
    let folder = settings.prompts_folder();
    let exists = |name: &str| resolve(&folder, name).map(drop).map_err(|e| e.to_string());
    let from = (state.iteration, &state.expected_actor);
    let coming = simulate::simulate(&settings.workflow, &settings.router, from, n, &exists);
    let agent = |turn: &Coming| {
        let prompt = turn.prompt.as_deref()?;
        Some(settings.dispatch.choose(turn.role.as_str(), prompt).agent)
    };
    if format == Format::Json {
        let turns: Vec<Value> = coming
            .iter()
            .map(|turn| {
                json!({
                    "iteration": turn.iteration,
                    "role": turn.role.as_str(),
                    "prompt": turn.prompt,
                    "agent": agent(turn),
                    "reason": turn.reason,
                    "asked": turn.asked,
                    "problem": turn.problem,
                })
            })
            .collect();
        super::print(&format!("{:#}\n", json!({"version": 1, "exit": state.exits(), "turns": turns})))?;
        return Ok(OK);
    }
    let mut out = String::new();
    if state.exits() {
        out.push_str("stopped: none of these begins before orchestrator resume\n");
    }
    for turn in &coming {
        let prompt = turn.prompt.as_deref().unwrap_or("-");
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "iter {} {} {prompt} {}",
            turn.iteration,
            turn.role,
            agent(turn).unwrap_or("-".into())
        );
        let _ = match (&turn.problem, &turn.asked) {
            (Some(problem), _) => writeln!(out, " · fails: {problem}"),
            (None, Some(asked)) => writeln!(out, " · unless {asked} answers otherwise"),
            (None, None) => writeln!(out, " · {}", turn.reason),
        };
    }
    super::print(&out)?;
    Ok(OK)
}
