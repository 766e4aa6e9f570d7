//! The arguments (interface.md §1). Help texts live here and nowhere else.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Parser, Subcommand, ValueEnum};

use super::batch_args::BatchArgs;
use super::error::{Failure, USAGE};
use super::record_args::{EventsArgs, ExportArgs, GcArgs, HistoryArgs, ShowArgs};
use super::role_args::{AuditArgs, HandoffArgs, RecapArgs, SetupArgs, TakeoverArgs};

const EXAMPLES: &str = "Examples:
  orchestrator demo                        a complete run in a scratch repository
  orchestrator init --goal \"a todo app\"    prepare this repository
  orchestrator --once                      one iteration: every role takes a turn
  orchestrator --agent codex --sync-loops 0";

/// Lets coding agents take turns on a repository for hours.
///
/// Without a command it runs the loop (short for `orchestrator run`).
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Run as if started in this folder: paths of other options start there, too
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = "Options of every command")]
    pub dir: Option<PathBuf>,
    /// Configuration file (default: orchestration.yaml, searched upward)
    #[arg(long, value_name = "FILE", global = true, help_heading = "Options of every command")]
    pub config: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto, global = true, help_heading = "Options of every command")]
    pub color: Colour,
    /// Say nothing but results, warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Options of every command")]
    pub quiet: bool,
    /// Say more: claims, routing, logs
    #[arg(short, long, global = true, help_heading = "Options of every command")]
    pub verbose: bool,
    /// Diagnostics of the program itself, such as debug or orchestrator=trace
    #[arg(long, value_name = "FILTER", global = true, help_heading = "Options of every command")]
    pub log_level: Option<String>,
    /// Where diagnostics go (default: stderr)
    #[arg(long, value_name = "FILE", global = true, help_heading = "Options of every command")]
    pub log_file: Option<PathBuf>,
    /// Print times in UTC
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub utc: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

impl Global {
    pub(super) fn apply_colour(&self) {
        match self.color {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The options of the loop.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Loop options")]
pub(super) struct RunArgs {
    /// combined: all roles here, in turn; role: one role here, the others on other machines
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// The role of this machine (role mode)
    #[arg(long)]
    pub role: Option<String>,
    /// Role mode: at most one turn, and only if it is this role's turn now
    #[arg(long)]
    pub if_turn: bool,
    /// Role mode: end with code 3 when a turn has failed
    #[arg(long)]
    pub stop_on_failure: bool,
    /// Role mode: longest wait for a turn, then code 6; 0: none
    #[arg(long, value_name = "DURATION")]
    pub max_wait_sec: Option<String>,
    /// Role mode: between two lines of a loop that waits [default: 10m]
    #[arg(long, value_name = "DURATION")]
    pub heartbeat_secs: Option<String>,
    /// Role mode: hand off although documents are left uncommitted
    #[arg(long)]
    pub tolerate_doc_dirty: bool,
    /// Take turns through the git remote: the default in role mode
    #[arg(long, conflicts_with = "no_git")]
    pub sync_via_git: bool,
    /// Iterations; in role mode turns of the role; 0: until stopped [default: 20]
    #[arg(long, value_name = "N")]
    pub sync_loops: Option<u64>,
    /// One iteration
    #[arg(long, conflicts_with = "sync_loops")]
    pub once: bool,
    /// Pause between iterations [default: 0]; in role mode between two looks at the remote [default: 5]
    #[arg(long, value_name = "DURATION")]
    pub poll_interval: Option<String>,
    /// Begin with this role's turn
    #[arg(long, value_name = "ROLE")]
    pub start_actor: Option<String>,
    /// Stop with code 4 unless HEAD is this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Never ask git: no commits, no branch
    #[arg(long, conflicts_with = "branch")]
    pub no_git: bool,
    /// Agent for every prompt
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Agent for a role, such as galph=codex; may be repeated
    #[arg(long, value_name = "ROLE=NAME", value_delimiter = ',')]
    pub agent_role: Vec<String>,
    /// Agent for a prompt, such as reviewer.md=claude; may be repeated
    #[arg(long, value_name = "PROMPT=NAME", value_delimiter = ',')]
    pub agent_prompt: Vec<String>,
    /// Route prompts
    #[arg(long, conflicts_with = "no_router")]
    pub use_router: bool,
    /// Every role runs its own prompt
    #[arg(long)]
    pub no_router: bool,
    /// When the router prompt's answer counts: default, first or only
    #[arg(long, value_name = "MODE")]
    pub router_mode: Option<String>,
    /// Prompt whose answer names the prompt to run
    #[arg(long, value_name = "PROMPT")]
    pub router_prompt: Option<String>,
    /// Review every n iterations; 0: never
    #[arg(long, value_name = "N")]
    pub router_review_every_n: Option<u64>,
    /// Prompts that may run
    #[arg(long, value_name = "PROMPT", value_delimiter = ',')]
    pub router_allowlist: Vec<String>,
    /// The supervisor's own prompt
    #[arg(long, value_name = "PROMPT")]
    pub supervisor_prompt: Option<String>,
    /// The engineer's own prompt
    #[arg(long, value_name = "PROMPT")]
    pub main_prompt: Option<String>,
    /// The prompt of a review
    #[arg(long, value_name = "PROMPT")]
    pub reviewer_prompt: Option<String>,
    /// The state file
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<String>,
    /// Leave reports uncommitted
    #[arg(long)]
    pub no_auto_commit_reports: bool,
    /// Leave tracked outputs uncommitted
    #[arg(long)]
    pub no_auto_commit_tracked: bool,
    /// Leave documents uncommitted
    #[arg(long)]
    pub no_auto_commit_docs: bool,
    /// Leave work uncommitted
    #[arg(long)]
    pub no_auto_commit_work: bool,
    /// Make no commits of claims and stamps
    #[arg(long)]
    pub no_auto_commit_state: bool,
    /// Say what would be committed; commit none of it
    #[arg(long)]
    pub commit_dry_run: bool,
    /// How the run is reported
    // An id of its own: other commands have a `--format` with their own values.
    #[arg(id = "loop_format", long = "format", value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the loop (the default command)
    #[command(after_help = "Example:\n  orchestrator run --once --agent shell")]
    Run(Box<RunArgs>),
    /// Show a complete run in a scratch repository, with no model, key or network
    #[command(after_help = "Example:\n  orchestrator demo")]
    Demo,
    /// Prepare this project: configuration, prompts, documents, state
    #[command(after_help = "Example:\n  orchestrator init --goal \"a small todo app\" --commit")]
    Init(InitArgs),
    /// Check configuration, prompts, agents and state; run nothing
    #[command(after_help = "Example:\n  orchestrator check")]
    Check(ReportArgs),
    /// Look for everything that is wrong with this set-up, and say what helps
    #[command(after_help = super::doctor::EXAMPLES)]
    Doctor(super::doctor::DoctorArgs),
    /// Print the settings in force, each with where it came from
    #[command(after_help = "Example:\n  orchestrator config --format json")]
    Config(ConfigArgs),
    /// Print the prompt that would run now; run nothing
    #[command(
        after_help = "Examples:\n  orchestrator route\n  orchestrator route explain\n  orchestrator route simulate 10"
    )]
    Route(RouteArgs),
    /// Look at prompts
    #[command(after_help = "Example:\n  orchestrator prompts show galph")]
    Prompts(PromptsArgs),
    /// Stop every loop before its next turn
    #[command(after_help = "Example:\n  orchestrator stop --reason \"enough for today\"")]
    Stop(StopArgs),
    /// Clear a stop or a failure, so that the loop can go on
    #[command(after_help = "Example:\n  orchestrator resume --note \"fixed the build\"")]
    Resume(ResumeArgs),
    /// Run many tasks, a few at once: prompts for agents, or commands
    #[command(
        after_help = "FILE has a task a line: a prompt, the name of a prompt file, or with --exec a command.\nA .yaml or .json file (or --list) is a list of tasks with `prompt` or `run`, and `id`,\n`agent`, `env`, `cwd`, `timeout`.\n\nExamples:\n  orchestrator batch --max-concurrent 3 prompts.txt\n  printf 'make test\\nmake lint\\n' | orchestrator batch --exec -\n  orchestrator batch --each-worktree tasks.yaml\n  orchestrator batch --resume 019a9c31"
    )]
    Batch(BatchArgs),
    /// Run a graph of steps; look at one; go on with, end or release a run
    #[command(
        after_help = "Examples:\n  orchestrator workstream validate docs.yaml\n  orchestrator workstream run docs.yaml\n  orchestrator workstream resume last"
    )]
    Workstream(super::workstream::WorkstreamArgs),
    /// List the tools of workstreams: how they fare, whether their circuits are open
    #[command(after_help = "Examples:\n  orchestrator tools\n  orchestrator tools reset claude")]
    Tools(super::workstream::ToolsArgs),
    /// Report on a run: outcome, timeline, attempts, decisions
    #[command(
        after_help = "Examples:\n  orchestrator report last\n  orchestrator report last --format html --output report.html"
    )]
    Report(super::workstream::ReportArgs),
    /// End a live run, or one of its attempts, at once
    #[command(after_help = "Example:\n  orchestrator interrupt")]
    Interrupt(InterruptArgs),
    /// Whose turn it is and what would run next
    #[command(
        after_help = "Examples:\n  orchestrator status\n  orchestrator status --watch\n  orchestrator status --oneline\n  orchestrator status --remote"
    )]
    Status(StatusArgs),
    /// Watch what runs: who has the turn, since when, what it does, what the last turns cost
    #[command(after_help = "Leave it with q; the run goes on.\n\nExample:\n  orchestrator watch")]
    Watch,
    /// Show what the agents printed, or the summaries of their turns
    #[command(after_help = super::logs::EXAMPLES)]
    Logs(super::logs::LogsArgs),
    /// Do one task: a worker does it, an auditor judges it, until it is done
    #[command(after_help = super::oneshot::EXAMPLES)]
    Oneshot(Box<super::oneshot::OneshotArgs>),
    /// Agents: installed or not, version, command line; try one
    #[command(after_help = "Example:\n  orchestrator agents\n  orchestrator agents test claude")]
    Agents(AgentsArgs),
    /// List what ran on this machine, the newest first
    #[command(
        after_help = "Examples:\n  orchestrator history\n  orchestrator history --state failed --since 7d --format json"
    )]
    History(HistoryArgs),
    /// Show a run with its attempts, or one attempt
    #[command(after_help = "Examples:\n  orchestrator show last\n  orchestrator show 019a9c31 --format json")]
    Show(ShowArgs),
    /// Print the events of a run, or of all, one JSON object a line
    #[command(
        after_help = "Examples:\n  orchestrator events last --kind attempt_ended\n  orchestrator events --follow --since 1200"
    )]
    Events(EventsArgs),
    /// Write a whole run: its row, its attempts and its events
    #[command(after_help = "Example:\n  orchestrator export last > run.json")]
    Export(ExportArgs),
    /// Forget what is old: runs, logs, merged rescue refs and worktrees
    #[command(after_help = "Examples:\n  orchestrator gc --dry-run\n  orchestrator gc --keep 30d")]
    Gc(GcArgs),
    /// Tell whether the branch's history is a chain of legal turns
    #[command(
        after_help = "Ends with 3, and names the first wrong commit, if it is not.\n\nExamples:\n  orchestrator audit\n  orchestrator audit --remote --format json"
    )]
    Audit(AuditArgs),
    /// What happened lately, on all machines: turns, cost, failures, what to do next
    #[command(after_help = "Examples:\n  orchestrator recap\n  orchestrator recap --since 7d --remote")]
    Recap(RecapArgs),
    /// Publish the end of a turn that a person took by hand: claim, commits and hand-off in one push
    #[command(
        after_help = "Commit the work first; it becomes the turn's.\n\nExamples:\n  orchestrator handoff galph ok\n  orchestrator handoff ralph fail --branch work"
    )]
    Handoff(HandoffArgs),
    /// Show what runs and what ran on a web page
    ///
    /// The first line of its output is the address to open. It ends with Ctrl-C; a page that is open goes on when it
    /// is started again.
    #[command(after_help = "Examples:\n  orchestrator serve\n  orchestrator serve --port 8080 --open")]
    Serve(super::serve::ServeArgs),
    /// Print an entry for a timer that takes a role's turns: install nothing
    #[command(
        after_help = "Examples:\n  orchestrator setup cron --role ralph --every 5m\n  orchestrator setup systemd --role ralph"
    )]
    Setup(SetupArgs),
    /// Give back the turn of a machine that is gone
    #[command(
        after_help = "Examples:\n  orchestrator takeover --dry-run\n  orchestrator takeover --role ralph --run"
    )]
    Takeover(TakeoverArgs),
    /// Print the JSON Schema of orchestration.yaml, for editors
    #[command(after_help = "Example:\n  orchestrator schema > orchestration.schema.json")]
    Schema,
    /// Print the completion script of a shell
    #[command(after_help = super::shell::COMPLETION_EXAMPLES)]
    Completions(super::shell::CompletionsArgs),
    /// Print the manual page of the program or of a command, or write all of them
    #[command(after_help = super::shell::MAN_EXAMPLES)]
    Man(super::shell::ManArgs),
    /// Ask a model behind HTTP: what an agent with `http` runs
    #[command(hide = true)]
    AgentHttp(AgentHttpArgs),
    /// Send a request: what a tool with `http` runs
    #[command(hide = true)]
    ToolHttp,
}

#[derive(Debug, Args)]
pub(super) struct AgentHttpArgs {
    #[arg(long)]
    pub api: String,
    #[arg(long)]
    pub url: String,
    #[arg(long)]
    pub model: String,
    /// Name of the variable that holds the key
    #[arg(long, value_name = "NAME")]
    pub key_env: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct AgentsArgs {
    #[command(subcommand)]
    pub command: Option<AgentsCommand>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum AgentsCommand {
    /// Run a one-line prompt through an agent and show what was understood
    #[command(after_help = "Example:\n  orchestrator agents test claude")]
    Test { name: String },
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// What the project is to become; goes into docs/goal.md
    #[arg(long, value_name = "TEXT")]
    pub goal: Option<String>,
    /// Commit what was written
    #[arg(long)]
    pub commit: bool,
    /// Commit it, and put branch and state on the remote, for the other machines to begin with
    #[arg(long)]
    pub publish: bool,
    /// Convert a state file that counts steps; write nothing else
    #[arg(long, conflicts_with_all = ["goal", "commit"])]
    pub import_state: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = ConfigFormat::Text)]
    pub format: ConfigFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ConfigFormat {
    Text,
    Json,
    Yaml,
}

#[derive(Debug, Args)]
pub(super) struct RouteArgs {
    #[command(subcommand)]
    pub command: Option<RouteCommand>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum RouteCommand {
    /// Print each rule tried, and why it did or did not decide
    #[command(after_help = "Example:\n  orchestrator route explain")]
    Explain,
    /// Print the next turns, if each succeeds
    #[command(after_help = "Example:\n  orchestrator route simulate 10")]
    Simulate {
        /// How many turns
        #[arg(value_name = "N", default_value_t = 10)]
        turns: usize,
    },
}

#[derive(Debug, Args)]
pub(super) struct PromptsArgs {
    #[command(subcommand)]
    pub command: PromptsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PromptsCommand {
    /// Print the exact text that a role's agent would be given now
    #[command(after_help = "Example:\n  orchestrator prompts show ralph")]
    Show {
        /// A role of the workflow, such as galph or ralph
        role: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct StopArgs {
    /// Why, for whoever resumes
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// What was done about it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct InterruptArgs {
    /// A run, an attempt or RUN/ATTEMPT, as `status` names them, or a beginning or end of one; without it, the only live run
    #[arg(value_name = "RUN|ATTEMPT", conflicts_with = "all")]
    pub who: Option<String>,
    /// Every live run of this project
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// One line, for a prompt or a status bar
    #[arg(long)]
    pub oneline: bool,
    /// Again and again; without a terminal, once for each change
    #[arg(long, conflicts_with = "remote")]
    pub watch: bool,
    /// Look at the remote first: the turn of all machines, who holds it, the last turns
    #[arg(long)]
    pub remote: bool,
}

/// A loop option before another command would be ignored silently; it is an error that names it.
pub(super) fn misplaced_loop_option(matches: &ArgMatches) -> Option<Failure> {
    let (command, _) = matches.subcommand()?;
    let sample = <RunArgs as Args>::augment_args(clap::Command::new("loop"));
    let option = sample.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        matches.try_contains_id(id).unwrap_or(false)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    })?;
    let name = option.get_long().unwrap_or("?");
    Some(
        Failure::new(USAGE, "usage", format!("`--{name}` is an option of the loop, not of `{command}`"))
            .hint(format!("put options of a command behind its name: orchestrator {command} --help")),
    )
}
