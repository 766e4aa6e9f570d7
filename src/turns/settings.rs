//! The loop's settings: the configuration in the loop's own terms, and the options of one start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::prompt_name::{PromptError, normalise};
use super::router;
use super::workflow::{OnCheckFail, Step, Workflow, WorkflowError};
use crate::agents::{Dispatch, DispatchError, Table, check_fallbacks};
use crate::config::{self, Config, Watched};
use crate::ids::RoleId;
use crate::supervise::Redactor;

/// Everything one start of the loop needs to know.
pub struct Settings {
    pub root: PathBuf,
    pub config: Config,
    pub workflow: Workflow,
    pub router: router::Rules,
    pub dispatch: Dispatch,
    pub table: Table,
    pub options: Options,
    pub redactor: Arc<Redactor>,
    /// PATH of the start.
    pub path: OsString,
    /// The file behind `config`, to tell when it changes.
    pub watched: Option<Watched>,
    /// The user's folder for sockets (`XDG_RUNTIME_DIR`), for where the project's path is too long for one.
    pub runtime_dir: Option<PathBuf>,
    /// Where agents keep their own sessions.
    pub home: Option<PathBuf>,
}

/// The options of one start.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// `combined`.
    pub mode: String,
    /// Iterations; 0: until stopped.
    pub loops: u64,
    /// Between iterations.
    pub pause: Duration,
    pub start_actor: Option<RoleId>,
    /// The role of this machine; none in combined mode.
    pub role: Option<RoleId>,
    pub if_turn: bool,
    pub stop_on_failure: bool,
    pub branch: Option<String>,
    pub git: bool,
    /// Log what would be committed, change nothing.
    pub commit_dry_run: bool,
    pub agent_prompts: BTreeMap<String, String>,
    pub agent_roles: BTreeMap<String, String>,
    /// The command that starts the same loop again.
    pub again: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: "combined".into(),
            loops: 20,
            pause: Duration::ZERO,
            start_actor: None,
            role: None,
            if_turn: false,
            stop_on_failure: false,
            branch: None,
            git: true,
            commit_dry_run: false,
            agent_prompts: BTreeMap::new(),
            agent_roles: BTreeMap::new(),
            again: "orchestrator".into(),
        }
    }
}

/// What is wrong with the settings as a whole.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("prompt of {role}: {error}")]
    Prompt { role: String, error: PromptError },
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    #[error(transparent)]
    Agent(#[from] DispatchError),
    #[error("`{role}` is not a role of the workflow; it has {}", .known.join(", "))]
    UnknownRole { role: String, known: Vec<String> },
}

impl SettingsError {
    /// The key of the configuration that is wrong, if it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Agent(error) => Some(error.rule.as_str()).filter(|rule| !rule.starts_with("--")),
            _ => None,
        }
    }
}

impl Settings {
    pub fn new(
        root: PathBuf,
        config: Config,
        options: Options,
        redactor: Redactor,
        path: OsString,
    ) -> Result<Self, SettingsError> {
        let dir = config.prompts_dir.clone();
        let name = |role: &str, prompt: &str| {
            normalise(prompt, &dir).map_err(|error| SettingsError::Prompt { role: role.into(), error })
        };
        let mut steps = Vec::new();
        for step in config.steps() {
            let Some(role) = step.role else { continue };
            let prompts: Result<Vec<String>, SettingsError> =
                step.prompts.iter().map(|p| name(role.as_str(), p)).collect();
            steps.push(Step {
                prompt: name(role.as_str(), &step.prompt)?,
                prompts: prompts?,
                checks: step.checks,
                on_check_fail: match step.on_check_fail {
                    config::OnCheckFail::Note => OnCheckFail::Note,
                    config::OnCheckFail::Fail => OnCheckFail::Fail,
                },
                scope: step.scope,
                role,
            });
        }
        let workflow = Workflow::new(steps, name("the reviewer", &config.reviewer_prompt)?)?;
        let allowlist: Result<Vec<String>, SettingsError> =
            config.router.allowlist.iter().map(|p| name("the allowlist", p)).collect();
        let router = router::Rules {
            enabled: config.router.enabled,
            mode: match config.router.mode {
                config::RouterMode::RouterDefault => router::Mode::RouterDefault,
                config::RouterMode::RouterFirst => router::Mode::RouterFirst,
                config::RouterMode::RouterOnly => router::Mode::RouterOnly,
            },
            prompt: config.router.prompt.as_ref().map(|p| name("the router", p)).transpose()?,
            review_every_n: config.review_every_n(),
            allowlist: allowlist?,
            prompts_dir: dir.clone(),
        };
        let table = Table::new(&config.agents);
        let dispatch = dispatch(&config, &options, &workflow)?;
        dispatch.check(&table.names())?;
        check_fallbacks(&table)?;
        if let Some(role) =
            options.start_actor.iter().chain(&options.role).find(|r| workflow.step(r).is_none())
        {
            let known = workflow.steps().iter().map(|step| step.role.to_string()).collect();
            return Err(SettingsError::UnknownRole { role: role.to_string(), known });
        }
        let redactor = Arc::new(redactor);
        Ok(Self {
            root,
            config,
            workflow,
            router,
            dispatch,
            table,
            options,
            redactor,
            path,
            watched: None,
            runtime_dir: None,
            home: None,
        })
    }

    pub fn private(&self) -> PathBuf {
        self.root.join(super::lock::PRIVATE)
    }

    pub fn state_path(&self) -> PathBuf {
        self.root.join(&self.config.state_file)
    }

    pub fn prompts_folder(&self) -> PathBuf {
        self.root.join(&self.config.prompts_dir)
    }

    /// Whose turns this run takes in role mode.
    pub fn role(&self) -> &RoleId {
        self.options.role.as_ref().unwrap_or_else(|| self.workflow.first())
    }

    pub fn roles(&self) -> Vec<RoleId> {
        self.workflow.roles()
    }
}

/// T27's rules; the keys of prompts are normalised as prompt names are.
fn dispatch(config: &Config, options: &Options, workflow: &Workflow) -> Result<Dispatch, SettingsError> {
    let prompts = |map: &BTreeMap<String, String>| -> Result<BTreeMap<String, String>, SettingsError> {
        map.iter()
            .map(|(k, v)| {
                let key = match k.as_str() {
                    "supervisor" | "loop" => k.clone(),
                    other => normalise(other, &config.prompts_dir)
                        .map_err(|error| SettingsError::Prompt { role: "agent.prompts".into(), error })?,
                };
                // The old orchestrator's aliases also named the two roles' prompts.
                let first = |i: usize| workflow.steps().get(i).map(|s| s.prompt.clone());
                let key = match key.as_str() {
                    "supervisor" => first(0).unwrap_or(key),
                    "loop" => first(1).unwrap_or(key),
                    _ => key,
                };
                Ok((key, v.clone()))
            })
            .collect()
    };
    Ok(Dispatch {
        flag_prompts: prompts(&options.agent_prompts)?,
        flag_roles: options.agent_roles.clone(),
        prompts: prompts(&config.agent.prompts)?,
        roles: config.agent.roles.clone(),
        default: config.agent.default.clone(),
    })
}
