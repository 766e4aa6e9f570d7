//! `orchestrator prompts show ROLE`: the exact text an agent would be given (turns.md T37).

use super::args::Global;
use super::error::{Failure, OK, USAGE};
use super::setup::{Machine, Setup, setup_beside};
use crate::clock::Clock;
use crate::config::document;
use crate::sync::memory::Memory;
use crate::sync::worktree::Repo;
use crate::turns::budget::{self, Spent};
use crate::turns::engine::{Past, context_for, read_state, rescues};
use crate::turns::prompt_name::resolve;
use crate::turns::router;

pub(super) fn show(global: &Global, role: &str) -> Result<u8, Failure> {
    let Setup { settings, .. } = setup_beside(global)?;
    let clock = Machine::new().clock;
    let roles = settings.roles();
    let found = roles.iter().find(|r| r.as_str() == role);
    let role = found.ok_or_else(|| Failure::no_role(role, &roles))?;
    let iteration = read_state(&settings, clock.now()).map_or(1, |s| s.iteration);
    let choice = router::deterministic(&settings.workflow, &settings.router, role, iteration)
        .map_err(|e| Failure::new(USAGE, "route", "choose a prompt").cause(e.to_string()))?;
    let read = resolve(&settings.prompts_folder(), &choice.prompt)
        .map_err(|e| e.to_string())
        .and_then(|p| document(&p).map_err(|e| format!("{}: {e}", p.display())));
    let text = read
        .map_err(|e| Failure::new(USAGE, "prompt", "read the prompt").cause(e).hint("orchestrator init"))?;
    let mut out = String::new();
    if settings.config.prompt_context {
        let repo = Repo::open(&settings.root, clock.clone()).ok();
        let head = repo.as_ref().and_then(|r| r.head().ok());
        let seen = Memory::load(&settings.private()).unwrap_or_default();
        let past = Past {
            previous: seen.previous.and_then(|v| serde_json::from_value(v).ok()),
            rescue_refs: repo.as_ref().map(rescues).unwrap_or_default(),
            notes: seen.notes,
            budget_left: budget::left(&settings.config.budget, &Spent::default()),
        };
        let branch = head.as_ref().and_then(|h| h.branch.as_deref());
        out.push_str(&context_for(&settings, role, iteration, branch, clock.now(), past).render());
    }
    out.push_str(&text);
    super::print(&out)?;
    Ok(OK)
}
