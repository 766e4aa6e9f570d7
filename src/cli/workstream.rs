//! `orchestrator workstream`: graphs of steps.

mod args;
mod drive;
mod failure;
mod look;

use std::io::Read;
use std::path::Path;

pub(super) use args::{ReportArgs, ReportFormat, ToolsArgs, ToolsCommand, WorkstreamArgs};

use self::args::{FileArgs, WorkstreamCommand};
use super::args::Global;
use super::error::{Failure, OK, USAGE};
use super::history::history;
use super::record_args::HistoryArgs;
use super::setup::{setup_beside, start_folder};
use crate::agents::Table;
use crate::config::{Config, ConfigError};
use crate::turns::settings::Settings;
use crate::workstreams::engine::{Catalog, Setting};
use crate::workstreams::router_config::{self, RouterConfig};
use crate::workstreams::spec::{self, Known, Workstream};

/// One to begin with.
const EXAMPLE: &str = include_str!("../../docs/examples/build.yaml");
/// A file is read into memory; 100 000 steps come to less.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn workstream(global: &Global, args: &WorkstreamArgs) -> Result<u8, Failure> {
    match &args.command {
        WorkstreamCommand::Run(args) => drive::run(global, &args.file),
        WorkstreamCommand::Example => {
            super::print(EXAMPLE)?;
            Ok(OK)
        }
        WorkstreamCommand::List(args) => history(
            global,
            &HistoryArgs {
                kind: Some("workstream".into()),
                state: args.state.clone(),
                since: None,
                number: args.number,
                format: args.format,
            },
        ),
        WorkstreamCommand::Resume(args) => drive::resume(global, args),
        WorkstreamCommand::Cancel(args) => drive::cancel(global, &args.run),
        WorkstreamCommand::Release(args) => drive::release(global, args),
        WorkstreamCommand::Validate(args) => look::validate(global, args),
        WorkstreamCommand::Graph(args) => look::graph(global, args),
        WorkstreamCommand::Plan(args) => look::plan(global, args),
        WorkstreamCommand::Route(args) => look::route(global, args),
    }
}

/// A project and what its configuration, or a router configuration, says of tools.
struct Ground {
    settings: Settings,
    notices: Vec<String>,
    router: Option<RouterConfig>,
}

impl Ground {
    fn new(global: &Global, router: Option<&Path>) -> Result<Self, Failure> {
        let setup = setup_beside(global)?;
        let mut settings = setup.settings;
        let router = router.map(self::router).transpose()?;
        if let Some(router) = &router {
            settings.config.workstream.tools = router.tools.clone();
            settings.config.workstream.routing.clone_from(&router.rules);
        }
        Ok(Self { settings, notices: setup.loaded.notices, router })
    }

    fn setting(&self) -> Setting {
        let settings = &self.settings;
        Setting {
            root: settings.root.clone(),
            private: settings.private(),
            config: settings.config.clone(),
            table: settings.table.clone(),
            path: settings.path.clone(),
            home: settings.home.clone(),
            redactor: std::sync::Arc::clone(&settings.redactor),
            runtime_dir: settings.runtime_dir.clone(),
            git: settings.options.git,
        }
    }

    /// The workstream of a file, checked.
    fn read(&self, path: &Path, setting: &Setting) -> Result<Workstream, Failure> {
        let text = text(path)?;
        let names = Catalog::new(setting).names();
        let root = &self.settings.root;
        let known = Known { tools: &names, file: &|name| root.join(name).is_file() };
        let mut found = spec::read(&text, &known).map_err(|problems| {
            let origin = path.display().to_string();
            let lines = ConfigError::Invalid { origin: origin.clone(), problems }.lines();
            let failure = Failure::new(USAGE, "workstream", format!("read the workstream {origin}"));
            let failure = lines.into_iter().fold(failure, Failure::cause);
            failure.hint("every key: orchestrator man workstream; a file to begin with: orchestrator workstream example")
        })?;
        if let Some(router) = &self.router {
            router.complete(&mut found.spec);
        }
        Ok(found)
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed =
        |cause: String| Failure::new(USAGE, "usage", format!("read {}", path.display())).cause(cause);
    let whole = start_folder()?.join(path);
    let mut text = String::new();
    let read = std::fs::File::open(whole).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    read.map_err(|e| {
        let hint = "a workstream is a text file in UTF-8; one to begin with: orchestrator workstream example > build.yaml";
        failed(e.to_string()).hint(hint)
    })?;
    if text.len() as u64 > MAX_BYTES { Err(failed("larger than 64 MiB".into())) } else { Ok(text) }
}

fn router(path: &Path) -> Result<RouterConfig, Failure> {
    router_config::read(&text(path)?).map_err(|problems| {
        let failure =
            Failure::new(USAGE, "config", format!("read the router configuration {}", path.display()));
        problems.into_iter().fold(failure, Failure::cause)
    })
}

/// What a file may name as tools, where only the configuration is at hand.
pub(super) fn catalog(config: &Config, settings: &Settings) -> Catalog {
    let ground = Setting {
        root: settings.root.clone(),
        private: settings.private(),
        config: config.clone(),
        table: Table::new(&config.agents),
        path: settings.path.clone(),
        home: None,
        redactor: std::sync::Arc::clone(&settings.redactor),
        runtime_dir: None,
        git: false,
    };
    Catalog::new(&ground)
}

impl FileArgs {
    fn ground(&self, global: &Global) -> Result<(Ground, Setting, Workstream), Failure> {
        let ground = Ground::new(global, self.router_config.as_deref())?;
        let setting = ground.setting();
        let found = ground.read(&self.file, &setting)?;
        Ok((ground, setting, found))
    }
}
