//! The texts that the program ships: the loop's prompts and the documents that `init` writes.
//!
//! They are embedded, written out once, and then the user's to change; the loop itself reads only
//! what lies in the project. No rule of the loop may depend on their wording, but for the marker
//! that says that a goal is still the template.

mod goal;
mod texts;

#[cfg(test)]
mod tests;

pub use goal::{GOAL_MARKER, goal_is_template, goal_with};
pub use texts::{
    FINDINGS, FIX_PLAN, GOAL, INPUT, MAIN, MEMORY, PROJECT, PROMPTS, REVIEWER, ROUTER, SUPERVISOR,
};
