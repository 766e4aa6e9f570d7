//! From arguments and environment to settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::args::{Global, RunArgs};
use super::error::{Failure, INTERNAL, USAGE};
use crate::clock::SystemClock;
use crate::config::{Loaded, Override, load, parse_duration};
use crate::event::Sink;
use crate::ids::{RoleId, SystemIds};
use crate::supervise::{Redactor, Stop};
use crate::sync::worktree::Repo;
use crate::turns::engine::World;
use crate::turns::settings::{Options, Settings};

/// Everything a command needs.
pub(super) struct Setup {
    pub loaded: Loaded,
    pub settings: Settings,
}

/// The machine's clock and identifiers, and the wish to stop.
pub(super) struct Machine {
    pub clock: SystemClock,
    pub ids: SystemIds,
    pub stop: Stop,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { clock: SystemClock, ids: SystemIds, stop: Stop::new() }
    }

    pub(super) fn world<'a>(&'a self, sink: &'a mut dyn Sink) -> World<'a> {
        World { clock: &self.clock, ids: &self.ids, stop: &self.stop, sink }
    }
}

fn usage(what: impl Into<String>) -> Failure {
    Failure::new(USAGE, "usage", what)
}

/// The folder a command works from, absolute.
pub(super) fn start_folder(global: &Global) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|e| Failure::new(INTERNAL, "io", "find the working folder").cause(e.to_string()))?;
    let folder = global.dir.as_ref().map_or(here.clone(), |d| here.join(d));
    folder.canonicalize().map_err(|e| usage(format!("enter {}", folder.display())).cause(e.to_string()))
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Reads configuration, environment and flags for the loop or a command beside it.
pub(super) fn setup(global: &Global, args: &RunArgs) -> Result<Setup, Failure> {
    let folder = start_folder(global)?;
    let vars = environment();
    let loaded = load(&folder, global.config.as_deref(), &vars, &flags(args))?;
    let options = options(args, &vars)?;
    let redactor = Redactor::from_env(std::env::vars_os());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let settings = Settings::new(loaded.root.clone(), loaded.config.clone(), options, redactor, path)?;
    Ok(Setup { loaded, settings })
}

/// The same for a command that looks at git if there is one.
pub(super) fn setup_beside(global: &Global) -> Result<Setup, Failure> {
    let mut setup = setup(global, &RunArgs::default())?;
    setup.settings.options.git = Repo::open(&setup.settings.root).is_ok();
    Ok(setup)
}

fn flags(args: &RunArgs) -> Vec<Override> {
    let texts = [
        ("--agent", "agent.default", &args.agent),
        ("--router-mode", "router.mode", &args.router_mode),
        ("--router-prompt", "router.prompt", &args.router_prompt),
        ("--supervisor-prompt", "supervisor_prompt", &args.supervisor_prompt),
        ("--main-prompt", "main_prompt", &args.main_prompt),
        ("--reviewer-prompt", "reviewer_prompt", &args.reviewer_prompt),
        ("--state-file", "state_file", &args.state_file),
    ];
    let mut out: Vec<Override> = texts
        .into_iter()
        .filter_map(|(name, path, value)| Some(Override::flag(name, path, value.clone()?)))
        .collect();
    if let Some(n) = args.router_review_every_n {
        out.push(Override::flag("--router-review-every-n", "router.review_every_n", n.to_string()));
    }
    if !args.router_allowlist.is_empty() {
        let mut list = Override::flag("--router-allowlist", "router.allowlist", "");
        list.texts.clone_from(&args.router_allowlist);
        out.push(list);
    }
    let switches = [
        ("--use-router", "router.enabled", args.use_router, "true"),
        ("--no-router", "router.enabled", args.no_router, "false"),
        ("--no-auto-commit-reports", "auto_commit.reports.enabled", args.no_auto_commit_reports, "false"),
        ("--no-auto-commit-tracked", "auto_commit.tracked.enabled", args.no_auto_commit_tracked, "false"),
        ("--no-auto-commit-docs", "auto_commit.docs.enabled", args.no_auto_commit_docs, "false"),
        ("--no-auto-commit-work", "auto_commit.work.enabled", args.no_auto_commit_work, "false"),
        ("--no-auto-commit-state", "auto_commit.state.enabled", args.no_auto_commit_state, "false"),
    ];
    let on = switches.into_iter().filter(|(_, _, on, _)| *on);
    out.extend(on.map(|(name, path, _, value)| Override::flag(name, path, value)));
    out
}

/// Options of the start: flag, then environment, then default (T34).
fn options(args: &RunArgs, vars: &[(String, String)]) -> Result<Options, Failure> {
    let env = |name: &str| {
        vars.iter().find(|(k, _)| k == name).map(|(_, v)| v.trim().to_owned()).filter(|v| !v.is_empty())
    };
    let mode = args.mode.clone().or_else(|| env("ORCHESTRATOR_MODE")).unwrap_or_else(|| "combined".into());
    match mode.as_str() {
        "combined" => {}
        "role" => {
            return Err(usage("`--mode role` is not part of this version")
                .hint("run both roles on one machine: orchestrator --mode combined"));
        }
        other => return Err(usage(format!("`{other}` is not a mode")).hint("orchestrator --mode combined")),
    }
    if args.role.is_some() {
        return Err(usage("`--role` belongs to role mode, which is not part of this version"));
    }
    let role = |text: &str| RoleId::parse(text).map_err(|e| usage(e.to_string()));
    let loops = match (args.once, args.sync_loops, env("SYNC_LOOPS")) {
        (true, ..) => 1,
        (false, Some(n), _) => n,
        (false, None, Some(text)) => {
            text.parse().map_err(|_| usage(format!("environment SYNC_LOOPS: `{text}` is not a number")))?
        }
        (false, None, None) => Options::default().loops,
    };
    let pause = args.poll_interval.clone().or_else(|| env("POLL_INTERVAL"));
    let pause = pause.map(|t| parse_duration(&t).map_err(|e| usage(e.to_string()))).transpose()?;
    let branch = args.branch.clone().or_else(|| env("ORCHESTRATION_BRANCH").filter(|_| !args.no_git));
    Ok(Options {
        mode,
        loops,
        pause: pause.unwrap_or_default(),
        start_actor: args.start_actor.as_deref().map(role).transpose()?,
        branch,
        git: !args.no_git,
        commit_dry_run: args.commit_dry_run,
        agent_prompts: pairs(&args.agent_prompt, env("ORCHESTRATOR_AGENT_PROMPT"), "--agent-prompt")?,
        agent_roles: pairs(&args.agent_role, env("ORCHESTRATOR_AGENT_ROLE"), "--agent-role")?,
    })
}

/// `key=value` pairs of a flag, or of the environment if the flag was not given.
fn pairs(given: &[String], env: Option<String>, name: &str) -> Result<BTreeMap<String, String>, Failure> {
    let texts: Vec<String> = if given.is_empty() {
        env.iter().flat_map(|t| t.split(',')).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
    } else {
        given.to_vec()
    };
    texts
        .iter()
        .map(|text| {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| usage(format!("{name}: `{text}` is not of the form KEY=AGENT")))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

/// Switches the program's own diagnostics on if asked (I4).
pub(super) fn diagnostics(global: &Global) -> Result<(), Failure> {
    if global.log_level.is_none() && global.log_file.is_none() {
        return Ok(());
    }
    let filter = EnvFilter::try_new(global.log_level.as_deref().unwrap_or("info"))
        .map_err(|e| usage("read --log-level").cause(e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let done = match &global.log_file {
        None => builder.with_writer(std::io::stderr).try_init(),
        Some(path) => {
            let file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(|e| usage(format!("open {}", path.display())).cause(e.to_string()))?;
            builder.with_writer(std::sync::Mutex::new(file)).try_init()
        }
    };
    done.map_err(|e| Failure::new(INTERNAL, "io", "start diagnostics").cause(e.to_string()))
}
