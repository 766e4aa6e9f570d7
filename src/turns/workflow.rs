//! The order of roles and what each may run (turns.md T7): pure.

use crate::ids::RoleId;

/// What happens when a check of a turn fails (T40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCheckFail {
    /// The result is noted; the turn goes on.
    #[default]
    Note,
    /// The turn fails.
    Fail,
}

/// One role's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub role: RoleId,
    /// The role's own prompt, normalised (T8).
    pub prompt: String,
    /// Further prompts a router may choose for it, normalised.
    pub prompts: Vec<String>,
    /// argv lists, run by us after the agent.
    pub checks: Vec<Vec<String>>,
    pub on_check_fail: OnCheckFail,
    /// What the turn may change; empty: anything (T7a).
    pub scope: Vec<String>,
}

/// The steps of one iteration, in order; never empty, every role once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    steps: Vec<Step>,
    /// Run by the first role on a review cadence hit, normalised.
    pub reviewer: String,
}

/// A workflow without a step, or with a role twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkflowError {
    #[error("the workflow has no step")]
    Empty,
    #[error("role `{0}` stands twice in the workflow")]
    Twice(RoleId),
}

impl Workflow {
    pub fn new(steps: Vec<Step>, reviewer: String) -> Result<Self, WorkflowError> {
        if steps.is_empty() {
            return Err(WorkflowError::Empty);
        }
        for (i, step) in steps.iter().enumerate() {
            if steps[..i].iter().any(|s| s.role == step.role) {
                return Err(WorkflowError::Twice(step.role.clone()));
            }
        }
        Ok(Self { steps, reviewer })
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Roles in the order of their turns.
    pub fn roles(&self) -> Vec<RoleId> {
        self.steps.iter().map(|s| s.role.clone()).collect()
    }

    pub fn step(&self, role: &RoleId) -> Option<&Step> {
        self.steps.iter().find(|s| s.role == *role)
    }

    pub fn first(&self) -> &RoleId {
        &self.steps[0].role
    }

    pub fn is_first(&self, role: &RoleId) -> bool {
        self.first() == role
    }

    pub fn is_last(&self, role: &RoleId) -> bool {
        self.steps.last().is_some_and(|s| s.role == *role)
    }

    /// Who follows, and whether a new iteration begins with it.
    pub fn after(&self, role: &RoleId) -> (&RoleId, bool) {
        let at = self.steps.iter().position(|s| s.role == *role).unwrap_or(0);
        self.steps.get(at + 1).map_or((self.first(), true), |s| (&s.role, false))
    }

    /// Prompts a turn of `role` may run (T10 b): its own, its further ones, and for the first role
    /// the reviewer, which only its cadence and its router can choose (T9).
    pub fn allowed_for(&self, role: &RoleId) -> Vec<String> {
        let Some(step) = self.step(role) else { return Vec::new() };
        let mut names = vec![step.prompt.clone()];
        names.extend(step.prompts.iter().cloned());
        names.push(self.reviewer.clone());
        names.dedup();
        names
    }
}
