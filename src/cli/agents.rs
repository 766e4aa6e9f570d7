//! `orchestrator agents`: which agents there are.

use std::fmt::Write as _;
use std::future::Future;

use serde_json::{Value, json};

use super::agents_test::test;
use super::args::{AgentsArgs, AgentsCommand, Format, Global};
use super::error::{Failure, OK};
use super::setup::{Machine, Setup, runtime, setup_beside};
use crate::agents::{self, Agent, SHELL, find_on_path};
use crate::config::Delivery;
use crate::ids::Ids;
use crate::turns::settings::Settings;

pub(super) fn agents(global: &Global, args: &AgentsArgs) -> Result<u8, Failure> {
    let Setup { settings, .. } = setup_beside(global)?;
    match &args.command {
        None => with_machine(|machine| async move { list(&settings, &machine, args.format).await }),
        Some(AgentsCommand::Test { name }) => {
            with_machine(|machine| async move { test(&settings, &machine, name, args.format).await })
        }
    }
}

/// Runs a future on this thread, with signals heard.
fn with_machine<F: Future<Output = Result<u8, Failure>>>(
    work: impl FnOnce(Machine) -> F,
) -> Result<u8, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let machine = Machine::listening()?;
        work(machine).await
    })
}

/// An agent as it is on this machine.
struct Row<'a> {
    agent: &'a Agent,
    path: Option<String>,
    version: Option<String>,
}

/// Those that `auto` would take come first, in its order.
fn rows_of(settings: &Settings) -> Vec<&Agent> {
    let order = &settings.config.agent.order;
    let table = &settings.table;
    let rest = table.names().into_iter().filter(|name| !order.iter().any(|o| o == name));
    order.iter().map(String::as_str).chain(rest).filter_map(|name| table.get(name)).collect()
}

async fn list(settings: &Settings, machine: &Machine, format: Format) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    for agent in rows_of(settings) {
        let program = agent.command.first().and_then(|p| find_on_path(p, &settings.path, &settings.root));
        let mut version = None;
        if let (Some(program), None) = (&program, &agent.http) {
            let attempt = format!("version-{}", machine.ids.uuid());
            version = agents::version(program, &settings.root, attempt, &machine.stop, &*machine.clock).await;
        }
        if let Some(reason) = machine.stop.requested() {
            return Ok(reason.exit_code());
        }
        let path = program.map(|p| p.to_string_lossy().into_owned());
        rows.push(Row { agent, path, version });
    }
    if format == Format::Json {
        let list: Vec<Value> = rows.iter().map(Row::json).collect();
        super::print(&format!("{:#}\n", json!({ "version": 1, "agents": list })))?;
    } else {
        let default = &settings.config.agent.default;
        let mut out = rows.iter().map(Row::text).collect::<String>();
        let _ = writeln!(
            out,
            "default: {default}{}",
            if default == "auto" { ", the first that is installed" } else { "" }
        );
        super::print(&out)?;
    }
    Ok(OK)
}

fn delivery(agent: &Agent) -> &'static str {
    match agent.prompt {
        Delivery::Stdin => "stdin",
        Delivery::File => "file",
        Delivery::Arg => "arg",
        Delivery::Body => "body",
    }
}

impl Row<'_> {
    fn embedded(&self) -> bool {
        self.agent.name == SHELL && self.agent.command.is_empty()
    }

    /// Who ran this command line, if anybody did.
    fn checked(&self) -> String {
        match (self.agent.verified, self.agent.built_in) {
            (Some(version), _) => format!("checked {version}"),
            (None, true) => "unverified".into(),
            (None, false) => "yours".into(),
        }
    }

    fn text(&self) -> String {
        let agent = self.agent;
        if self.embedded() {
            return format!("{:<10} built in: runs the `sh run` blocks of a prompt\n", agent.name);
        }
        if let Some(http) = &agent.http {
            let (url, model) = (http.url.as_deref(), http.model.as_deref());
            let (url, model) = (url.unwrap_or("no url"), model.unwrap_or("no model"));
            return format!("{:<10} a model behind HTTP: {model} at {url}\n", agent.name);
        }
        let installed = match (&self.path, &self.version) {
            (Some(_), Some(version)) => format!("installed {version}"),
            (Some(_), None) => "installed, version unknown".into(),
            (None, _) => "not installed".into(),
        };
        let mut out = format!("{:<10} {installed} · {}\n", agent.name, self.checked());
        // Writing to a String cannot fail.
        if let Some(path) = &self.path {
            let _ = writeln!(out, "{:<10} {path}", "");
        }
        let command = agent.command.join(" ");
        let _ =
            writeln!(out, "{:<10} {command} · prompt by {} · output {}", "", delivery(agent), agent.output);
        out
    }

    fn json(&self) -> Value {
        let agent = self.agent;
        json!({
            "name": agent.name,
            "built_in": agent.built_in,
            "embedded": self.embedded(),
            "installed": self.path.is_some() || self.embedded(),
            "path": self.path,
            "installed_version": self.version,
            "checked_version": agent.verified,
            "command": agent.command,
            "prompt": delivery(agent),
            "output": agent.output,
            "unattended": agent.unattended,
            "url": agent.http.as_ref().and_then(|http| http.url.as_deref()),
        })
    }
}
