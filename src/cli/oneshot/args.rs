//! The arguments of `orchestrator oneshot`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::Format;
use crate::config::Override;

pub(in crate::cli) const EXAMPLES: &str = "Examples:
  orchestrator oneshot \"make the parser accept tabs\" --check 'make test'
  orchestrator oneshot -f task.md --worker-agent codex --auditor-agent claude
  orchestrator oneshot resume                       go on with the newest session
  orchestrator oneshot list";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct OneshotArgs {
    #[command(subcommand)]
    pub command: Option<OneshotCommand>,
    #[command(flatten)]
    pub start: StartArgs,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OneshotCommand {
    /// Do a task (what `oneshot TASK` is short for)
    #[command(after_help = "Example:\n  orchestrator oneshot run - < task.md")]
    Run(Box<StartArgs>),
    /// Go on with a session that was interrupted or killed
    #[command(after_help = "Example:\n  orchestrator oneshot resume 0199 --max-iterations 8")]
    Resume(ResumeArgs),
    /// The sessions of this project, the newest last
    #[command(after_help = "Example:\n  orchestrator oneshot list --format json")]
    List(ListArgs),
    /// One session: its state, its way, its result
    #[command(after_help = "Example:\n  orchestrator oneshot view 0199")]
    View(ViewArgs),
    /// Print a session's activity log as it grows, to its end
    #[command(after_help = "Example:\n  orchestrator oneshot follow | jq -r .kind")]
    Follow(FollowArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StartArgs {
    /// The task, or the name of a file with it (one word); `-` reads it from standard input
    #[arg(value_name = "TASK", conflicts_with = "file")]
    pub task: Option<String>,
    /// Read the task from a file; `-` is standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Agent that does the task
    #[arg(long, value_name = "NAME")]
    pub worker_agent: Option<String>,
    /// Model of that agent
    #[arg(long, value_name = "MODEL")]
    pub worker_model: Option<String>,
    /// Agent that judges the result
    #[arg(long, value_name = "NAME")]
    pub auditor_agent: Option<String>,
    /// Model of that agent
    #[arg(long, value_name = "MODEL")]
    pub auditor_model: Option<String>,
    /// Worker runs in all [default: 5]
    #[arg(long, value_name = "N")]
    pub max_iterations: Option<u64>,
    /// Command that must pass before DONE is believed; may be repeated
    #[arg(long, value_name = "CMD")]
    pub check: Vec<String>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LimitArgs {
    /// Silence after which an agent is ended; 0: never
    #[arg(long, value_name = "DURATION")]
    pub inactivity: Option<String>,
    /// Total time of one agent run; 0: no limit
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Keep a copy of the activity log here
    #[arg(long, value_name = "PATH")]
    pub activity_log: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeArgs {
    /// Id, or the beginning or end of one (default: the newest session)
    pub id: Option<String>,
    /// Worker runs in all, instead of what the session was started with
    #[arg(long, value_name = "N")]
    pub max_iterations: Option<u64>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ViewArgs {
    /// Id, or the beginning or end of one (default: the newest session)
    pub id: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FollowArgs {
    /// Id, or the beginning or end of one (default: the newest session)
    pub id: Option<String>,
}

impl LimitArgs {
    pub(super) fn overrides(&self) -> Vec<Override> {
        texts(&[
            ("--inactivity", "oneshot.inactivity_secs", &self.inactivity),
            ("--timeout", "oneshot.timeout_secs", &self.timeout),
        ])
    }
}

impl StartArgs {
    pub(super) fn overrides(&self) -> Vec<Override> {
        let mut out = self.limits.overrides();
        out.extend(texts(&[
            ("--worker-agent", "oneshot.worker_agent", &self.worker_agent),
            ("--worker-model", "oneshot.worker_model", &self.worker_model),
            ("--auditor-agent", "oneshot.auditor_agent", &self.auditor_agent),
            ("--auditor-model", "oneshot.auditor_model", &self.auditor_model),
        ]));
        if let Some(n) = self.max_iterations {
            out.push(Override::flag("--max-iterations", "oneshot.max_iterations", n.to_string()));
        }
        if !self.check.is_empty() {
            out.push(Override::flags("--check", "oneshot.checks", self.check.clone()));
        }
        out
    }
}

fn texts(list: &[(&str, &str, &Option<String>)]) -> Vec<Override> {
    list.iter()
        .filter_map(|(name, path, value)| Some(Override::flag(name, path, value.as_deref()?)))
        .collect()
}
