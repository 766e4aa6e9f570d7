//! From arguments and environment to settings.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use super::again::again;
use super::args::{Global, RunArgs};
use super::error::{Failure, INTERNAL, USAGE};
use super::screen;
use crate::clock::SystemClock;
use crate::config::{Config, Loaded, Mode, Override, Source, did_you_mean, load};
use crate::event::Sink;
use crate::ids::{RoleId, SystemIds};
use crate::supervise::{Redactor, Stop, names_a_secret};
use crate::sync::worktree::Repo;
use crate::turns::engine::World;
use crate::turns::lock::PRIVATE;
use crate::turns::settings::{Options, Settings, SettingsError};

/// Everything a command needs.
pub(super) struct Setup {
    pub loaded: Loaded,
    pub settings: Settings,
}

/// The machine's clock and identifiers, and the wish to stop.
pub(super) struct Machine {
    pub clock: Arc<SystemClock>,
    pub ids: SystemIds,
    pub stop: Stop,
}

impl Machine {
    pub fn shared_clock(&self) -> Arc<dyn crate::clock::Clock> {
        self.clock.clone()
    }

    pub(super) fn new() -> Self {
        Self { clock: Arc::new(SystemClock), ids: SystemIds, stop: Stop::new() }
    }

    /// The same, with a wish to stop that follows the process's signals. Needs a running runtime.
    pub(super) fn listening() -> Result<Self, Failure> {
        Ok(Self { stop: listen()?, ..Self::new() })
    }

    pub(super) fn world<'a>(&'a self, sink: &'a mut dyn Sink) -> World<'a> {
        World { clock: self.clock.clone(), ids: &self.ids, stop: &self.stop, sink }
    }
}

/// For work on this thread: children die with the thread that spawned them, so it must be the one that lives as long
/// as the program.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| Failure::new(INTERNAL, "io", "start the runtime").cause(e.to_string()))
}

/// A wish to stop that follows the process's signals.
pub(super) fn listen() -> Result<Stop, Failure> {
    Stop::install_signals()
        .map_err(|e| Failure::new(INTERNAL, "io", "listen to signals").cause(e.to_string()))
}

fn usage(what: impl Into<String>) -> Failure {
    Failure::new(USAGE, "usage", what)
}

/// Goes into the folder of `-C`, as git does, so that it is the one from which every path of the command line starts.
/// Before anything else is done: there are no other threads yet.
pub(super) fn enter(global: &Global) -> Result<(), Failure> {
    let Some(folder) = &global.dir else { return Ok(()) };
    std::env::set_current_dir(folder)
        .map_err(|e| usage(format!("enter {}", folder.display())).cause(e.to_string()))
}

/// The folder a command works from, absolute.
pub(super) fn start_folder() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.map_err(|e| Failure::new(INTERNAL, "io", "find the working folder").cause(e.to_string()))
}

pub(super) fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Reads configuration, environment and flags for the loop or a command beside it.
pub(super) fn setup(global: &Global, args: &RunArgs) -> Result<Setup, Failure> {
    let folder = start_folder()?;
    let vars = environment();
    let flags = flags(args);
    let loaded = load(&folder, global.config.as_deref(), &vars, &flags)?;
    let options = Options { again: again(global, &flags, args), ..options(args, &loaded.config)? };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let redactor = redactor(&loaded.config);
    confined(&loaded.root, &loaded.config)?;
    let made = Settings::new(loaded.root.clone(), loaded.config.clone(), options, redactor, path);
    let mut settings = made.map_err(|e| placed(e, &loaded))?;
    settings.watched = Some(loaded.watched.clone());
    screen::hide(&settings.redactor);
    settings.runtime_dir = runtime_dir();
    settings.home = home();
    Ok(Setup { loaded, settings })
}

/// What is wrong, and where it was set.
fn placed(error: SettingsError, loaded: &Loaded) -> Failure {
    let place = error.key().map(|key| loaded.source_of(key)).filter(|place| *place != Source::Default);
    let failure = Failure::from(error);
    let file = loaded.file.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    match place {
        Some(Source::File { line }) => failure.hint(format!("mend {file}, line {line}")),
        Some(place) => failure.hint(format!("it comes from the {place}")),
        None => failure,
    }
}

/// What this program writes to lies in the project, also when a link that came with the repository says otherwise. A
/// state file of the user's own flag may lie anywhere, and so may the logs: those are only added to.
pub(super) fn confined(root: &Path, config: &Config) -> Result<(), Failure> {
    let refuse = |name: &str, place: &Path| {
        let what = format!("use {name}: a link leads out of the project");
        Failure::new(USAGE, "config", what)
            .cause(format!("it lies in {}", place.display()))
            .hint("remove the link: what is behind it is not the project's")
    };
    let private = root.join(PRIVATE);
    if let Ok(target) = private.read_link() {
        return Err(refuse(PRIVATE, &target));
    }
    let state = Path::new(&config.state_file);
    let own = state.is_absolute() || state.components().any(|part| part == Component::ParentDir);
    let place = root.join(state);
    let real = place.ancestors().find_map(|part| part.canonicalize().ok());
    match (real, root.canonicalize()) {
        (Some(real), Ok(root)) if !own && !real.starts_with(&root) => Err(refuse(&config.state_file, &real)),
        _ => Ok(()),
    }
}

/// The user's folder for sockets.
pub(super) fn runtime_dir() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute())
}

/// The user's home.
pub(super) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|p| p.is_absolute())
}

/// Hides the secrets of the environment, of the environments that the configuration gives to agents, and the keys of
/// models, whatever their variables are called.
pub(super) fn redactor(config: &Config) -> Redactor {
    let given = config.agents.values().flat_map(|agent| &agent.env);
    let given = given.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let mut keys: Vec<&str> =
        config.agents.values().filter_map(|a| a.http.as_ref()?.key_env.as_deref()).collect();
    let tools = config.workstream.tools.0.iter().filter_map(|(_, tool)| tool.http.as_ref());
    keys.extend(tools.flat_map(crate::config::HttpTool::variables));
    let secret = |name: &OsString| names_a_secret(name) || keys.iter().any(|key| name == key);
    let all = std::env::vars_os().chain(given).filter(|(name, _)| secret(name));
    let values: Vec<OsString> = all.map(|(_, value)| value).collect();
    Redactor::new(values.iter().map(|value| value.as_bytes()))
}

/// The same for a command that looks at git if there is one.
pub(super) fn setup_beside(global: &Global) -> Result<Setup, Failure> {
    let mut setup = setup(global, &RunArgs::default())?;
    setup.settings.options.git = Repo::open(&setup.settings.root, Arc::new(SystemClock)).is_ok();
    Ok(setup)
}

pub(super) fn flags(args: &RunArgs) -> Vec<Override> {
    let texts = [
        ("--agent", "agent.default", &args.agent),
        ("--router-mode", "router.mode", &args.router_mode),
        ("--router-prompt", "router.prompt", &args.router_prompt),
        ("--supervisor-prompt", "supervisor_prompt", &args.supervisor_prompt),
        ("--main-prompt", "main_prompt", &args.main_prompt),
        ("--reviewer-prompt", "reviewer_prompt", &args.reviewer_prompt),
        ("--state-file", "state_file", &args.state_file),
        ("--mode", "run.mode", &args.mode),
        ("--role", "run.role", &args.role),
        ("--branch", "run.branch", &args.branch),
        ("--max-wait-sec", "run.max_wait_secs", &args.max_wait_sec),
        ("--heartbeat-secs", "sync.heartbeat_secs", &args.heartbeat_secs),
        ("--poll-interval", "run.pause_secs", &args.poll_interval),
        ("--poll-interval", "sync.poll_interval", &args.poll_interval),
    ];
    let mut out: Vec<Override> = texts
        .into_iter()
        .filter_map(|(name, path, value)| Some(Override::flag(name, path, value.clone()?)))
        .collect();
    if let Some(n) = args.router_review_every_n {
        out.push(Override::flag("--router-review-every-n", "router.review_every_n", n.to_string()));
    }
    if let Some(n) = if args.once { Some(1) } else { args.sync_loops } {
        let name = if args.once { "--once" } else { "--sync-loops" };
        out.push(Override::flag(name, "run.sync_loops", n.to_string()));
    }
    let lists = [
        ("--router-allowlist", "router.allowlist", &args.router_allowlist),
        ("--agent-role", "run.agent_roles", &args.agent_role),
        ("--agent-prompt", "run.agent_prompts", &args.agent_prompt),
    ];
    for (name, path, texts) in lists.into_iter().filter(|(_, _, texts)| !texts.is_empty()) {
        out.push(Override::flags(name, path, texts.clone()));
    }
    let switches = [
        ("--use-router", "router.enabled", args.use_router, "true"),
        ("--no-router", "router.enabled", args.no_router, "false"),
        ("--no-auto-commit-reports", "auto_commit.reports.enabled", args.no_auto_commit_reports, "false"),
        ("--no-auto-commit-tracked", "auto_commit.tracked.enabled", args.no_auto_commit_tracked, "false"),
        ("--no-auto-commit-docs", "auto_commit.docs.enabled", args.no_auto_commit_docs, "false"),
        ("--no-auto-commit-work", "auto_commit.work.enabled", args.no_auto_commit_work, "false"),
        ("--tolerate-doc-dirty", "run.tolerate_doc_dirty", args.tolerate_doc_dirty, "true"),
        ("--no-git", "run.no_git", args.no_git, "true"),
        ("--no-auto-commit-state", "auto_commit.state.enabled", args.no_auto_commit_state, "false"),
    ];
    let on = switches.into_iter().filter(|(_, _, on, _)| *on);
    out.extend(on.map(|(name, path, _, value)| Override::flag(name, path, value)));
    out
}

/// Options of the start; the layers of flag and environment are behind them already.
fn options(args: &RunArgs, config: &Config) -> Result<Options, Failure> {
    let run = &config.run;
    let role_mode = run.mode == Mode::Role;
    // A role in the environment alone is no wish: inside a turn it names the turn's role (T37).
    if !role_mode
        && (args.role.is_some() || args.if_turn || args.stop_on_failure || args.max_wait_sec.is_some())
    {
        return Err(usage("--role, --if-turn, --stop-on-failure and --max-wait-sec belong to role mode")
            .hint("take turns with other machines: orchestrator --mode role --role ralph"));
    }
    if role_mode && (args.start_actor.is_some() || args.commit_dry_run) {
        return Err(usage("--start-actor and --commit-dry-run do not go with role mode"));
    }
    if role_mode && run.role.is_none() {
        return Err(usage("role mode needs the role of this machine")
            .hint("for example: orchestrator --mode role --role ralph"));
    }
    let start_actor = args.start_actor.as_deref().map(RoleId::parse).transpose();
    Ok(Options {
        mode: if role_mode { "role" } else { "combined" }.into(),
        role: run.role.clone().filter(|_| role_mode),
        if_turn: args.if_turn,
        stop_on_failure: args.stop_on_failure,
        loops: run.sync_loops,
        pause: run.pause_secs.0,
        start_actor: start_actor.map_err(|e| usage(e.to_string()))?,
        branch: run.branch.clone().filter(|_| !args.no_git),
        git: !run.no_git,
        commit_dry_run: args.commit_dry_run,
        agent_prompts: run.agent_prompts.clone(),
        agent_roles: run.agent_roles.clone(),
        ..Options::default()
    })
}

/// The levels of the program's own diagnostics.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Switches the program's own diagnostics on if asked (I4).
pub(super) fn diagnostics(global: &Global) -> Result<(), Failure> {
    if global.log_level.is_none() && global.log_file.is_none() {
        return Ok(());
    }
    let level = global.log_level.as_deref().unwrap_or("info");
    // A bare word that is no level would silently be the name of a module.
    let word = level.split(',').map(str::trim).find(|part| {
        !part.contains(['=', '[']) && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part))
    });
    if let Some(word) = word {
        let near = did_you_mean(word, &LEVELS).map_or_else(String::new, |near| format!(" ({near})"));
        return Err(usage("read --log-level")
            .cause(format!("`{word}` is no level{near}"))
            .hint(format!("one of {}, or MODULE=LEVEL, separated by commas", LEVELS.join(", "))));
    }
    let filter = EnvFilter::try_new(level).map_err(|e| usage("read --log-level").cause(e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let done = match &global.log_file {
        None => builder.with_writer(screen::stderr).try_init(),
        Some(path) => {
            let file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(|e| usage(format!("open {}", path.display())).cause(e.to_string()))?;
            builder.with_writer(std::sync::Mutex::new(screen::Masked::new(file))).try_init()
        }
    };
    done.map_err(|e| Failure::new(INTERNAL, "io", "start diagnostics").cause(e.to_string()))
}
