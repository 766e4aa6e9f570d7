//! The options of `orchestrator batch`.

use std::path::PathBuf;

use clap::Args;

use super::args::Format;

#[derive(Debug, Args)]
pub(super) struct BatchArgs {
    /// The tasks; `-`: standard input
    #[arg(value_name = "FILE", required_unless_present = "resume", conflicts_with = "resume")]
    pub file: Option<PathBuf>,
    /// Tasks at once [default: 5]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_concurrent: Option<usize>,
    /// Silence after which a task counts as idle, such as 30s
    #[arg(long, value_name = "DURATION")]
    pub idle: Option<String>,
    /// End everything at the first task that fails
    #[arg(long)]
    pub fail_fast: bool,
    /// The agent for prompts that name none
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Each line is a command for `sh`
    #[arg(long, conflicts_with = "list")]
    pub exec: bool,
    /// It is a YAML list of tasks, whatever it is called
    #[arg(long)]
    pub list: bool,
    /// Give each task a git worktree and a branch of its own: orchestrator/RUN/TASK
    #[arg(long)]
    pub each_worktree: bool,
    /// Run what an earlier batch did not complete
    #[arg(long, value_name = "RUN", conflicts_with_all = ["exec", "list", "each_worktree"])]
    pub resume: Option<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one has to run".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("not a whole number".into()),
    }
}
