//! The top level: paths, prompts and the sections.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::agents::{AgentConfig, AgentRecord};
use super::auto_commit::AutoCommit;
use super::budget::Budget;
use super::hooks::Hooks;
use super::oneshot::Oneshot;
use super::router::RouterConfig;
use super::run::Run;
use super::supervision::Supervision;
use super::sync::Sync;
use super::workflow::{StepConfig, WorkflowConfig};
use super::workstream::Workstream;
use crate::ids::RoleId;

/// Everything `orchestration.yaml` and its overrides say, with defaults for what they do not.
///
/// Paths are relative to the project root, with `/` between their parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub prompts_dir: String,
    pub supervisor_prompt: String,
    pub main_prompt: String,
    pub reviewer_prompt: String,
    pub state_file: String,
    pub logs_dir: String,
    pub tmp_dir: String,
    pub goal_file: String,
    pub plan_file: String,
    pub findings_file: String,
    pub input_file: String,
    pub memory_file: String,
    pub prompt_context: bool,
    pub workflow: WorkflowConfig,
    pub router: RouterConfig,
    pub agent: AgentConfig,
    /// What the file and the environment say of agents, by name; fields that are not set keep the
    /// value of the built-in record of that name.
    pub agents: BTreeMap<String, AgentRecord>,
    pub supervision: Supervision,
    pub sync: Sync,
    pub auto_commit: AutoCommit,
    pub exit: Exit,
    pub hooks: Hooks,
    pub budget: Budget,
    pub oneshot: Oneshot,
    pub workstream: Workstream,
    /// Set by flags and environment only.
    pub run: Run,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prompts_dir: "prompts".into(),
            supervisor_prompt: "supervisor.md".into(),
            main_prompt: "main.md".into(),
            reviewer_prompt: "reviewer.md".into(),
            state_file: "sync/state.json".into(),
            logs_dir: "logs".into(),
            tmp_dir: "tmp".into(),
            goal_file: "docs/goal.md".into(),
            plan_file: "docs/fix_plan.md".into(),
            findings_file: "docs/findings.md".into(),
            input_file: "input.md".into(),
            memory_file: "galph_memory.md".into(),
            prompt_context: true,
            workflow: WorkflowConfig::default(),
            router: RouterConfig::default(),
            agent: AgentConfig::default(),
            agents: BTreeMap::new(),
            supervision: Supervision::default(),
            sync: Sync::default(),
            auto_commit: AutoCommit::default(),
            exit: Exit::default(),
            hooks: Hooks::default(),
            budget: Budget::default(),
            oneshot: Oneshot::default(),
            workstream: Workstream::default(),
            run: Run::default(),
        }
    }
}

impl Config {
    /// The roles and prompts of one iteration: `workflow.steps`, or galph and ralph.
    pub fn steps(&self) -> Vec<StepConfig> {
        if !self.workflow.steps.is_empty() {
            return self.workflow.steps.clone();
        }
        let pair = [("galph", &self.supervisor_prompt), ("ralph", &self.main_prompt)];
        pair.into_iter()
            .filter_map(|(role, prompt)| {
                let role = RoleId::parse(role).ok()?;
                Some(StepConfig { role: Some(role), prompt: prompt.clone(), ..StepConfig::default() })
            })
            .collect()
    }

    /// `router.review_every_n` wins over `workflow.review_every_n`.
    pub fn review_every_n(&self) -> u64 {
        self.router.review_every_n.or(self.workflow.review_every_n).unwrap_or(0)
    }

    /// Documents that were moved by a key stay documents: their paths join the default whitelist,
    /// else the supervisor's own files would be left uncommitted and fail its turn (T23).
    pub(in crate::config) fn follow_moved_documents(&mut self) {
        let plain = Self::default();
        let moved = [
            (&self.goal_file, &plain.goal_file),
            (&self.plan_file, &plain.plan_file),
            (&self.findings_file, &plain.findings_file),
            (&self.input_file, &plain.input_file),
            (&self.memory_file, &plain.memory_file),
        ];
        let mut globs: Vec<String> =
            moved.into_iter().filter(|(now, was)| now != was).map(|(now, _)| globset::escape(now)).collect();
        if self.prompts_dir != plain.prompts_dir {
            globs.push(format!("{}/**/*.md", globset::escape(self.prompts_dir.trim_end_matches('/'))));
        }
        self.auto_commit.docs.globs.extend(globs);
    }
}

/// Whose agents may stop the loop (T6b).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// Empty: the first role.
    pub roles: Vec<RoleId>,
    pub checks: Vec<Vec<String>>,
}
