//! Arguments of `workstream`, `tools` and `report`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::Format;

#[derive(Debug, Args)]
pub(in crate::cli) struct WorkstreamArgs {
    #[command(subcommand)]
    pub command: WorkstreamCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WorkstreamCommand {
    /// Run a workstream: each step once, when what it depends on is done
    #[command(after_help = "Example:\n  orchestrator workstream run docs.yaml")]
    Run(RunArgs),
    /// Print a commented workstream file to begin with
    #[command(after_help = "Example:\n  orchestrator workstream example > build.yaml")]
    Example,
    /// Say everything that is wrong with a workstream file; run nothing
    #[command(after_help = "Example:\n  orchestrator workstream validate docs.yaml")]
    Validate(FileArgs),
    /// Print the graph of a workstream file
    #[command(after_help = "Example:\n  orchestrator workstream graph docs.yaml --format mermaid")]
    Graph(GraphArgs),
    /// Print what would run, level by level, and the critical path; run nothing
    #[command(after_help = "Example:\n  orchestrator workstream plan docs.yaml")]
    Plan(FileArgs),
    /// Print which tool would do a step now, and why; run nothing
    #[command(after_help = "Example:\n  orchestrator workstream route docs.yaml write")]
    Route(RouteArgs),
    /// The runs of workstreams on this machine, the newest first
    #[command(after_help = "Example:\n  orchestrator workstream list --state failed")]
    List(ListArgs),
    /// Go on with a run that failed, was interrupted or killed
    #[command(after_help = "Example:\n  orchestrator workstream resume last")]
    Resume(ResumeArgs),
    /// End a live run for good
    #[command(after_help = "Example:\n  orchestrator workstream cancel 019a9c31")]
    Cancel(RunNameArgs),
    /// Give a quarantined run a successor that goes on where it was set aside
    #[command(
        after_help = "Example:\n  orchestrator workstream release 019a9c31 --reason \"widened the scope\""
    )]
    Release(ReleaseArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub file: FileArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only runs in this state: pending, running, succeeded, failed, quarantined or canceled
    #[arg(long)]
    pub state: Option<String>,
    /// How many
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 20)]
    pub number: u32,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FileArgs {
    /// The workstream, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Tools and routing from this JSON file, instead of the configuration's
    #[arg(long, value_name = "FILE")]
    pub router_config: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GraphArgs {
    /// The workstream, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub format: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum GraphFormat {
    Text,
    Dot,
    Mermaid,
    Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RouteArgs {
    #[command(flatten)]
    pub file: FileArgs,
    /// The id of the step
    pub step: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeArgs {
    /// The run, or the beginning or the end of its id; `last`: the newest
    pub run: String,
    /// Tools and routing from this JSON file, instead of the configuration's
    #[arg(long, value_name = "FILE")]
    pub router_config: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RunNameArgs {
    /// The run, or the beginning or the end of its id; `last`: the newest
    pub run: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArgs {
    /// The run, or the beginning or the end of its id; `last`: the newest
    pub run: String,
    /// What was done about it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ToolsArgs {
    #[command(subcommand)]
    pub command: Option<ToolsCommand>,
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ToolsCommand {
    /// Close a tool's circuit
    #[command(after_help = "Example:\n  orchestrator tools reset claude")]
    Reset { name: String },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    /// The run, or the beginning or the end of its id; `last`: the newest
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub format: ReportFormat,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    Markdown,
    Json,
    Html,
}
