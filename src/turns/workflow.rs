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

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    fn step(name: &str, prompts: &[&str]) -> Step {
        Step {
            role: role(name),
            prompt: format!("{name}.md"),
            prompts: prompts.iter().map(|p| (*p).to_owned()).collect(),
            checks: vec![],
            on_check_fail: OnCheckFail::default(),
            scope: vec![],
        }
    }

    fn three() -> Workflow {
        let steps = vec![step("plan", &["replan.md"]), step("build", &[]), step("test", &["bench.md"])];
        Workflow::new(steps, "reviewer.md".into()).unwrap()
    }

    /// T7: at least one role, and none of them twice.
    #[test]
    fn a_workflow_needs_roles_that_differ() {
        let made = |steps| Workflow::new(steps, "reviewer.md".into()).map_err(|e| e.to_string());
        assert_eq!(made(vec![]), Err("the workflow has no step".into()));
        let twice = vec![step("plan", &[]), step("build", &[]), step("plan", &["other.md"])];
        assert_eq!(made(twice), Err("role `plan` stands twice in the workflow".into()));
        assert!(made(vec![step("plan", &[])]).is_ok());
    }

    /// T7: the roles follow each other in the order of the file; after the last a new iteration begins.
    #[test]
    fn the_order_goes_round() {
        let workflow = three();
        assert_eq!(workflow.roles(), [role("plan"), role("build"), role("test")]);
        assert_eq!(workflow.after(&role("plan")), (&role("build"), false));
        assert_eq!(workflow.after(&role("build")), (&role("test"), false));
        assert_eq!(workflow.after(&role("test")), (&role("plan"), true));
        let ends = |name: &str| (workflow.is_first(&role(name)), workflow.is_last(&role(name)));
        assert_eq!(
            [ends("plan"), ends("build"), ends("test")],
            [(true, false), (false, false), (false, true)]
        );
        let alone = Workflow::new(vec![step("solo", &[])], "reviewer.md".into()).unwrap();
        assert_eq!(alone.after(&role("solo")), (&role("solo"), true));
        assert!(alone.is_first(&role("solo")) && alone.is_last(&role("solo")));
    }

    /// T10 b: a role runs its own prompts and the reviewer; no other role's, and a stranger none.
    #[test]
    fn each_role_has_its_own_prompts() {
        let workflow = three();
        assert_eq!(workflow.allowed_for(&role("plan")), ["plan.md", "replan.md", "reviewer.md"]);
        assert_eq!(workflow.allowed_for(&role("build")), ["build.md", "reviewer.md"]);
        assert_eq!(workflow.allowed_for(&role("stranger")), Vec::<String>::new());
        assert_eq!(workflow.step(&role("stranger")), None);
        let reviewed = vec![step("plan", &["reviewer.md"])];
        let workflow = Workflow::new(reviewed, "reviewer.md".into()).unwrap();
        assert_eq!(workflow.allowed_for(&role("plan")), ["plan.md", "reviewer.md"], "named once");
    }
}
