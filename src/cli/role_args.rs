//! The arguments of the commands that belong to role mode.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Format;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// The branch as the remote has it; without this, as it is here
    #[arg(long)]
    pub remote: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct RecapArgs {
    /// Only turns that ended within this time, such as 12h or 7d
    #[arg(long, value_name = "DURATION", default_value = "12h")]
    pub since: String,
    /// The branch as the remote has it; without this, as it is here
    #[arg(long)]
    pub remote: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct TakeoverArgs {
    /// Only if it is this role's turn
    #[arg(long)]
    pub role: Option<String>,
    /// Say who holds the turn and what would be done; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also if its holder gave a sign of life within its lease, or keeps none
    #[arg(long)]
    pub force: bool,
    /// Then claim the turn and run it here
    #[arg(long, conflicts_with = "dry_run")]
    pub run: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "run")]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Ending {
    Ok,
    Fail,
}

#[derive(Debug, Args)]
pub(super) struct HandoffArgs {
    /// The role whose turn was taken by hand
    pub role: String,
    /// How it ended
    #[arg(value_enum)]
    pub ending: Ending,
    /// Stop with code 4 unless HEAD is this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Refuse instead of putting this clone's commits on top of what others pushed
    #[arg(long)]
    pub no_pull: bool,
    /// Only commit here: for a branch without a remote, or to push by hand
    #[arg(long)]
    pub no_push: bool,
    /// Also with uncommitted changes; they stay as they are
    #[arg(long)]
    pub allow_dirty: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    #[command(subcommand)]
    pub kind: SetupKind,
}

#[derive(Debug, Subcommand)]
pub(super) enum SetupKind {
    /// A line for crontab that takes the role's turn when it is its turn
    #[command(after_help = "Example:\n  orchestrator setup cron --role ralph --every 5m\n  crontab -e")]
    Cron(TimerArgs),
    /// A user unit and its timer for systemd, the same
    #[command(after_help = "Example:\n  orchestrator setup systemd --role ralph --every 5m")]
    Systemd(TimerArgs),
}

#[derive(Debug, Args)]
pub(super) struct TimerArgs {
    /// The role of this machine
    #[arg(long)]
    pub role: String,
    /// How often to look; cron knows minutes and hours only
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub every: String,
    /// Where the output goes [default: the project's logs folder]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
