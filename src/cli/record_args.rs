//! The arguments of the commands that read the ledger.

use clap::Args;

use super::args::Format;

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Only runs of this kind: turns, oneshot, batch or workstream
    #[arg(long)]
    pub kind: Option<String>,
    /// Only runs in this state: pending, running, succeeded, failed, quarantined or canceled
    #[arg(long)]
    pub state: Option<String>,
    /// Only runs that began within this time, such as 12h or 7d
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// How many
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 20)]
    pub number: u32,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A run or an attempt: its id, the beginning or the end of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// Only events of this run or attempt: its id, the beginning or the end of it, or `last`
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Go on with events as they happen, until the run is over or Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// Only events of this kind; may be repeated
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Begin after the event of this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub since: i64,
    /// The form of a line
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// A run: its id, the beginning or the end of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
    /// The form of the document
    #[arg(long, value_parser = ["json"], default_value = "json", value_name = "FORMAT")]
    pub format: String,
}

#[derive(Debug, Args)]
pub(super) struct GcArgs {
    /// Keep what is younger than this
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    pub keep: String,
    /// Say what would be removed; remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
