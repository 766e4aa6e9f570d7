//! The texts by name.

/// The first role's prompt: verify, choose one focus, write it down.
pub const SUPERVISOR: &str = include_str!("supervisor.md");
/// Every other role's prompt: do the one focus.
pub const MAIN: &str = include_str!("main.md");
/// The first role's prompt on a review cadence hit.
pub const REVIEWER: &str = include_str!("reviewer.md");
/// The router's prompt, whose answer is one allowed name.
pub const ROUTER: &str = include_str!("router.md");

/// The prompts by their file names in the folder of the prompts.
pub const PROMPTS: [(&str, &str); 4] =
    [("supervisor.md", SUPERVISOR), ("main.md", MAIN), ("reviewer.md", REVIEWER), ("router.md", ROUTER)];

/// The goal, still the template: see [`goal_with`](super::goal_with).
pub const GOAL: &str = include_str!("project/goal.md");
/// An empty fix plan with the form of an item.
pub const FIX_PLAN: &str = include_str!("project/fix_plan.md");
/// Findings without an entry.
pub const FINDINGS: &str = include_str!("project/findings.md");
/// A first, harmless task for a loop that begins with the engineer.
pub const INPUT: &str = include_str!("project/input.md");
/// The supervisor's memory without an entry.
pub const MEMORY: &str = include_str!("project/galph_memory.md");

/// The documents of the loop by their usual paths in the project.
pub const PROJECT: [(&str, &str); 5] = [
    ("docs/goal.md", GOAL),
    ("docs/fix_plan.md", FIX_PLAN),
    ("docs/findings.md", FINDINGS),
    ("input.md", INPUT),
    ("galph_memory.md", MEMORY),
];
