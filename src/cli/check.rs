//! `orchestrator check`: everything that can be wrong before a run; runs nothing.

use std::fmt::Write as _;

use serde_json::json;

use super::args::{Format, Global, ReportArgs};
use super::error::{Failure, OK, USAGE};
use super::setup::{Machine, Setup, setup_beside};
use crate::agents;
use crate::clock::Clock;
use crate::config::document;
use crate::oneshot::Templates;
use crate::state::StateError;
use crate::turns::engine::{LoopError, read_state};
use crate::turns::orders::missing_parts;
use crate::turns::prompt_name::resolve;
use crate::turns::settings::Settings;
use crate::turns::shipped::goal_is_template;

#[derive(Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

pub(super) fn check(global: &Global, args: &ReportArgs) -> Result<u8, Failure> {
    let Setup { loaded, settings } = setup_beside(global)?;
    let mut found = Findings { warnings: loaded.notices.clone(), ..Findings::default() };
    prompts(&settings, &mut found);
    agents_of(&settings, &mut found);
    oneshot(&settings, &mut found);
    documents(&settings, &mut found);
    match read_state(&settings, Machine::new().clock.now()) {
        Ok(_) => {}
        Err(LoopError::State(StateError::Missing { .. })) => {
            found
                .warnings
                .push(format!("no state file yet ({}): the loop creates it", settings.config.state_file));
        }
        Err(e) => {
            let text = e.to_string();
            let hint = Failure::from(e).hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            found.errors.push(format!("{text}{hint}"));
        }
    }
    if args.format == Format::Json {
        let value = json!({ "version": 1, "errors": found.errors, "warnings": found.warnings });
        super::print(&format!("{value:#}\n"))?;
    } else {
        let mut out = String::new();
        for warning in &found.warnings {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "warning: {warning}");
        }
        if found.errors.is_empty() {
            let file = loaded.file.as_ref().map_or("defaults".into(), |f| f.display().to_string());
            let _ = writeln!(out, "ok: {file}, {} roles", settings.workflow.steps().len());
        }
        super::print(&out)?;
    }
    if found.errors.is_empty() {
        return Ok(OK);
    }
    let mut failure = Failure::new(USAGE, "check", "check the project");
    failure.causes = found.errors;
    Err(failure.hint("mend each, then ask again: orchestrator check; doctor looks further"))
}

fn prompts(settings: &Settings, found: &mut Findings) {
    let folder = settings.prompts_folder();
    for step in settings.workflow.steps() {
        for prompt in std::iter::once(&step.prompt).chain(&step.prompts) {
            if let Err(e) = resolve(&folder, prompt) {
                found.errors.push(format!("prompt of {}: {e}", step.role));
            }
        }
    }
    if !settings.router.enabled {
        return;
    }
    if settings.router.review_every_n > 0
        && let Err(e) = resolve(&folder, &settings.workflow.reviewer)
    {
        found.errors.push(format!("prompt of the review: {e}"));
    }
    if let Some(prompt) = &settings.router.prompt
        && let Err(e) = resolve(&folder, prompt)
    {
        found.errors.push(format!("router prompt: {e}"));
    }
}

/// The same finding of several roles is told once.
fn agents_of(settings: &Settings, found: &mut Findings) {
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    let mut models = false;
    let mut error = |role: &str, text: String| match told.iter_mut().find(|(known, _)| *known == text) {
        Some((_, roles)) => roles.push(role.to_owned()),
        None => told.push((text, vec![role.to_owned()])),
    };
    for step in settings.workflow.steps() {
        let role = step.role.as_str();
        let choice = settings.dispatch.choose(role, &step.prompt);
        let agent = &settings.config.agent;
        // As a run looks for it: a stand-in is as good.
        let roster = agents::roster(
            &settings.table,
            &choice.agent,
            &agent.order,
            &settings.path,
            &settings.root,
            agent.unattended,
        );
        let roster = match roster {
            Ok(roster) => roster,
            Err(e) => {
                error(role, format!("{e}; {}", e.hint()));
                continue;
            }
        };
        models |= roster.models();
        let ready = roster.get(0);
        let key = ready.agent.http.as_ref().and_then(|http| http.key_env.as_deref());
        if let Some(name) = key.filter(|name| std::env::var_os(name).is_none_or(|v| v.is_empty())) {
            error(role, format!("the variable {name}, its key, is not set"));
        }
        let Ok(path) = resolve(&settings.prompts_folder(), &step.prompt) else { continue };
        let text = document(&path).unwrap_or_default();
        if ready.program.is_none()
            && let Err(e) = agents::blocks(&text)
        {
            found.errors.push(format!("prompt of {role} ({}): {e}", step.prompt));
        }
    }
    for (text, roles) in told {
        found.errors.push(format!("agent of {}: {text}", roles.join(", ")));
    }
    let goal = &settings.config.goal_file;
    if models && document(&settings.root.join(goal)).is_ok_and(|text| goal_is_template(&text)) {
        found.errors.push(format!("{goal} is still the template: no model runs before the goal is in it"));
    }
}

/// Templates and agents of the worker and auditor engine, as far as the configuration names them.
fn oneshot(settings: &Settings, found: &mut Findings) {
    let own = &settings.config.oneshot;
    if let Err(e) = Templates::load(&settings.root, &own.prompts) {
        found.errors.push(format!("oneshot.prompts: {e}"));
    }
    let seats = [("worker", &own.worker_agent), ("auditor", &own.auditor_agent)];
    for (seat, name) in seats.into_iter().filter_map(|(seat, name)| Some((seat, name.as_ref()?))) {
        let order = &settings.config.agent.order;
        let ready = agents::ready(&settings.table, name, order, &settings.path, &settings.root);
        if let Err(e) = ready.and_then(|ready| ready.consented(settings.config.agent.unattended)) {
            found.warnings.push(format!("oneshot.{seat}_agent: {e}; {}", e.hint()));
        }
    }
}

/// A goal that says nothing and orders without a task or a check are what makes a night useless.
fn documents(settings: &Settings, found: &mut Findings) {
    let read = |name: &str| document(&settings.root.join(name)).ok();
    let (goal, input) = (&settings.config.goal_file, &settings.config.input_file);
    match read(goal) {
        None => found.warnings.push(format!("no goal file ({goal}): orchestrator init writes one")),
        Some(text) if goal_is_template(&text) => {
            found.warnings.push(format!("{goal} is still the template: write the goal into it"));
        }
        Some(_) => {}
    }
    let Some(text) = read(input) else { return };
    found.warnings.extend(missing_parts(&text).into_iter().map(|part| format!("{input} has no {part} part")));
}
