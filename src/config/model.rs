//! The settings, typed. Defaults stand here and nowhere else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::Secs;
use super::model_agents::{AgentConfig, AgentRecord};
use crate::ids::RoleId;

/// Everything `orchestration.yaml` says, with defaults for what it does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub prompts_dir: String,
    pub supervisor_prompt: String,
    pub main_prompt: String,
    pub reviewer_prompt: String,
    pub state_file: String,
    pub logs_dir: String,
    pub tmp_dir: String,
    pub goal_file: String,
    pub findings_file: String,
    pub input_file: String,
    pub prompt_context: bool,
    pub workflow: WorkflowConfig,
    pub router: RouterConfig,
    pub agent: AgentConfig,
    pub agents: BTreeMap<String, AgentRecord>,
    pub supervision: Supervision,
    pub sync: Sync,
    pub auto_commit: AutoCommit,
    pub exit: Exit,
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
            findings_file: "docs/findings.md".into(),
            input_file: "input.md".into(),
            prompt_context: true,
            workflow: WorkflowConfig::default(),
            router: RouterConfig::default(),
            agent: AgentConfig::default(),
            agents: BTreeMap::new(),
            supervision: Supervision::default(),
            sync: Sync::default(),
            auto_commit: AutoCommit::default(),
            exit: Exit::default(),
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
}

/// Paths that no key names: they are the prompts' own (prompts.md R3).
pub const PLAN_FILE: &str = "docs/fix_plan.md";
/// The supervisor's memory.
pub const MEMORY_FILE: &str = "galph_memory.md";

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkflowConfig {
    pub name: Option<String>,
    pub review_every_n: Option<u64>,
    pub steps: Vec<StepConfig>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StepConfig {
    /// Required; its absence is reported with the rest of the file's problems.
    pub role: Option<RoleId>,
    pub prompt: String,
    pub prompts: Vec<String>,
    pub scope: Vec<String>,
    pub checks: Vec<Vec<String>>,
    pub on_check_fail: OnCheckFail,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCheckFail {
    #[default]
    Note,
    Fail,
}

/// Limits that a role or an agent sets for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub idle_secs: Option<Secs>,
    pub inactivity_secs: Option<Secs>,
    pub tool_secs: Option<Secs>,
    pub timeout_secs: Option<Secs>,
    pub result_grace_secs: Option<Secs>,
    pub grace_secs: Option<Secs>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RouterConfig {
    pub enabled: bool,
    pub mode: RouterMode,
    pub prompt: Option<String>,
    pub review_every_n: Option<u64>,
    pub allowlist: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterMode {
    #[default]
    RouterDefault,
    RouterFirst,
    RouterOnly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supervision {
    pub idle_secs: Secs,
    /// `None`: 900 s, 1800 s for agents whose output is plain text.
    pub inactivity_secs: Option<Secs>,
    pub tool_secs: Secs,
    pub timeout_secs: Secs,
    pub result_grace_secs: Secs,
    pub grace_secs: Secs,
    pub repeat: Repeat,
    pub log_max_bytes: u64,
    pub pty: Pty,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            idle_secs: Secs::new(30),
            inactivity_secs: None,
            tool_secs: Secs::new(3600),
            timeout_secs: Secs::new(0),
            result_grace_secs: Secs::new(10),
            grace_secs: Secs::new(5),
            repeat: Repeat::Warn,
            log_max_bytes: 1 << 30,
            pty: Pty::Auto,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    #[default]
    Warn,
    Interrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pty {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sync {
    pub lease_secs: Secs,
    pub message_suffix: Option<String>,
}

impl Default for Sync {
    fn default() -> Self {
        Self { lease_secs: Secs::new(600), message_suffix: None }
    }
}

/// What is committed after a turn (T22).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoCommit {
    #[serde(deserialize_with = "over_reports")]
    pub reports: Group,
    #[serde(deserialize_with = "over_tracked")]
    pub tracked: Group,
    #[serde(deserialize_with = "over_docs")]
    pub docs: Group,
    #[serde(deserialize_with = "over_work")]
    pub work: Group,
    pub state: StateGroup,
    pub force_add_reports: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub enabled: bool,
    pub globs: Vec<String>,
    pub extensions: Vec<String>,
    pub max_file_mib: f64,
    pub max_total_mib: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateGroup {
    pub enabled: bool,
}

impl Default for StateGroup {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// What a file sets of a group; the rest keeps that group's own defaults.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PartialGroup {
    enabled: Option<bool>,
    globs: Option<Vec<String>>,
    extensions: Option<Vec<String>>,
    max_file_mib: Option<f64>,
    max_total_mib: Option<f64>,
}

impl Group {
    fn new(globs: &[&str], max_file_mib: f64, max_total_mib: f64) -> Self {
        let globs = globs.iter().map(|g| (*g).to_owned()).collect();
        Self { enabled: true, globs, extensions: Vec::new(), max_file_mib, max_total_mib }
    }

    fn over<'de, D: serde::Deserializer<'de>>(self, d: D) -> Result<Self, D::Error> {
        let p = PartialGroup::deserialize(d)?;
        Ok(Self {
            enabled: p.enabled.unwrap_or(self.enabled),
            globs: p.globs.unwrap_or(self.globs),
            extensions: p.extensions.unwrap_or(self.extensions),
            max_file_mib: p.max_file_mib.unwrap_or(self.max_file_mib),
            max_total_mib: p.max_total_mib.unwrap_or(self.max_total_mib),
        })
    }
}

fn over_reports<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Group, D::Error> {
    AutoCommit::default().reports.over(d)
}

fn over_tracked<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Group, D::Error> {
    AutoCommit::default().tracked.over(d)
}

fn over_docs<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Group, D::Error> {
    AutoCommit::default().docs.over(d)
}

fn over_work<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Group, D::Error> {
    AutoCommit::default().work.over(d)
}

impl Default for AutoCommit {
    fn default() -> Self {
        let docs = [
            "input.md",
            "galph_memory.md",
            "docs/{goal,fix_plan,findings}.md",
            "plans/**/*.md",
            "prompts/**/*.md",
            ".gitignore",
            ".gitattributes",
            ".gitmodules",
        ];
        Self {
            reports: Group::new(&["plans/**/reports/**", "reports/**"], 5.0, 20.0),
            tracked: Group::new(&[], 32.0, 100.0),
            docs: Group::new(&docs, 1.0, 100.0),
            work: Group::new(&[], 32.0, 100.0),
            state: StateGroup::default(),
            force_add_reports: false,
        }
    }
}

/// Whose agents may stop the loop (T6b).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exit {
    /// Empty: the first role.
    pub roles: Vec<RoleId>,
    pub checks: Vec<Vec<String>>,
}
