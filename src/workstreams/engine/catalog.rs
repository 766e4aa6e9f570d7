//! What can be given a step.

use std::collections::BTreeMap;

use crate::agents::{self, AgentError, Roster, http};
use crate::config::duration::Secs;
use crate::config::{HttpTool, RoutingRule, Tool};
use crate::workstreams::routing::{Capability, Need};
use crate::workstreams::spec::{Gate, Step};

use super::setting::Setting;

/// Why a tool behind HTTP cannot run in a program that was built without.
const NO_HTTP: &str = "this build has no `http` feature";

/// How a tool does a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// An agent of the table, or `auto`.
    Agent(String),
    Run(Vec<String>),
    Shell(String),
    Python(String),
    Http(Box<HttpTool>),
}

/// Everything that can be given a step: the configured tools in the order of the file, then the agents.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub capabilities: Vec<Capability>,
    means: BTreeMap<String, (Means, Option<Secs>)>,
    pub rules: Vec<RoutingRule>,
    /// Of oneshots, where no rule decides.
    worker: Option<String>,
}

impl Catalog {
    pub fn new(setting: &Setting) -> Self {
        let own = &setting.config.workstream;
        let mut all = Self {
            capabilities: Vec::new(),
            means: BTreeMap::new(),
            rules: own.routing.clone(),
            worker: setting.config.oneshot.worker_agent.clone(),
        };
        for (name, tool) in &own.tools.0 {
            all.add(name, means(tool), tool.timeout_secs, capability(name, tool));
        }
        // Without any tool of one's own the usual agent does everything.
        let usual = own.tools.0.is_empty().then(|| setting.config.agent.default.clone());
        let worker = setting.config.oneshot.worker_agent.as_deref();
        for name in usual.as_deref().into_iter().chain(setting.table.names()).chain(worker) {
            if !all.means.contains_key(name) {
                let most = setting.table.get(name).and_then(|agent| agent.limits.max_parallel);
                let listed = usual.as_deref() == Some(name);
                let own = Capability {
                    name: name.to_owned(),
                    max_parallel: most,
                    listed,
                    agent: true,
                    ..Capability::default()
                };
                all.add(name, Means::Agent(name.to_owned()), None, own);
            }
        }
        all
    }

    fn add(&mut self, name: &str, means: Means, timeout: Option<Secs>, capability: Capability) {
        self.means.insert(name.to_owned(), (means, timeout));
        self.capabilities.push(capability);
    }

    /// What a step asks for; `failed`: the tools that failed at it.
    pub fn need<'a>(&'a self, step: &'a Step, failed: &'a [String]) -> Need<'a> {
        let need = Need::of(step, failed);
        let usual = need.agent.then_some(self.worker.as_deref()).flatten();
        Need { usual, ..need }
    }

    pub fn names(&self) -> Vec<String> {
        self.capabilities.iter().map(|c| c.name.clone()).collect()
    }

    pub fn get(&self, name: &str) -> Option<(&Means, Option<Secs>)> {
        self.means.get(name).map(|(means, timeout)| (means, *timeout))
    }

    /// Looks for the agents behind the tools; those that cannot run are passed over when a step is routed.
    ///
    /// # Errors
    /// A step names one that cannot run, or there is no other.
    pub fn find_agents(&mut self, steps: &[Step], setting: &Setting) -> Result<Agents, (String, AgentError)> {
        let mut wanted: Vec<String> = Vec::new();
        let routed = steps.iter().any(|step| step.is_routed() && step.tool.is_none());
        let gates = steps.iter().flat_map(|step| &step.gates).filter_map(|gate: &Gate| gate.tool.as_ref());
        wanted.extend(steps.iter().filter_map(|step| step.tool.clone()).chain(gates.cloned()));
        if let Some(step) = steps.iter().find(|step| step.oneshot.is_some()) {
            let own = &setting.config.oneshot;
            wanted.extend(own.worker_agent.clone());
            let auditor = own.auditor_agent.as_ref().unwrap_or(&setting.config.agent.default);
            let order = &setting.config.agent.order;
            // Without an auditor the worker's work would be for nothing.
            agents::ready(&setting.table, auditor, order, &setting.path, &setting.root)
                .and_then(|ready| ready.consented(setting.config.agent.unattended))
                .map_err(|source| (step.id.clone(), source))?;
        }
        if routed {
            wanted.extend(self.capabilities.iter().filter(|c| c.listed).map(|c| c.name.clone()));
            wanted.extend(self.rules.iter().flat_map(|rule| rule.from.iter().cloned()));
        }
        let mut found = BTreeMap::new();
        for name in wanted {
            let step = |name: &str| {
                steps.iter().find(|step| {
                    let gate = |gate: &Gate| gate.tool.as_deref() == Some(name);
                    step.tool.as_deref() == Some(name) || step.gates.iter().any(gate)
                })
            };
            if let (Some((Means::Http(_), _)), Some(step), false) =
                (self.means.get(&name), step(&name), http::BUILT)
            {
                return Err((step.id.clone(), AgentError::NoHttp(name)));
            }
            let Some((Means::Agent(agent), _)) = self.means.get(&name) else { continue };
            if found.contains_key(agent) {
                continue;
            }
            let (table, order) = (&setting.table, &setting.config.agent.order);
            let consent = setting.config.agent.unattended;
            match agents::roster(table, agent, order, &setting.path, &setting.root, consent) {
                Ok(roster) => {
                    found.insert(agent.clone(), roster);
                }
                Err(error) => {
                    let step = steps.iter().find(|step| step.tool.as_deref() == Some(&name));
                    let only = routed && self.capabilities.iter().filter(|c| c.listed).count() <= 1;
                    let first = steps.iter().find(|s| s.is_routed() && s.tool.is_none());
                    if let Some(step) = step.or(first.filter(|_| only && self.is_listed(&name))) {
                        return Err((step.id.clone(), error));
                    }
                    if let Some(own) = self.capabilities.iter_mut().find(|c| c.name == name) {
                        own.missing = Some(error.to_string());
                    }
                }
            }
        }
        Ok(Agents(found))
    }

    fn is_listed(&self, name: &str) -> bool {
        self.capabilities.iter().any(|c| c.name == name && c.listed)
    }
}

/// The agents that were found, by the name they were looked for.
#[derive(Debug)]
pub struct Agents(BTreeMap<String, Roster>);

impl Agents {
    pub fn get(&self, name: &str) -> Option<&Roster> {
        self.0.get(name)
    }

    pub fn rosters(&self) -> impl Iterator<Item = &Roster> {
        self.0.values()
    }
}

fn means(tool: &Tool) -> Means {
    // The configuration holds exactly one of them.
    if let Some(http) = &tool.http {
        return Means::Http(Box::new(http.clone()));
    }
    match (&tool.agent, &tool.run, &tool.shell, &tool.python) {
        (Some(agent), ..) => Means::Agent(agent.clone()),
        (_, Some(argv), ..) => Means::Run(argv.clone()),
        (_, _, Some(line), _) => Means::Shell(line.clone()),
        (.., Some(function)) => Means::Python(function.clone()),
        (None, None, None, None) => Means::Run(Vec::new()),
    }
}

fn capability(name: &str, tool: &Tool) -> Capability {
    Capability {
        name: name.to_owned(),
        kinds: tool.kinds.clone(),
        domains: tool.domains.clone(),
        max_parallel: tool.max_parallel,
        safety: tool.safety,
        listed: true,
        agent: tool.agent.is_some(),
        missing: (tool.http.is_some() && !http::BUILT).then(|| NO_HTTP.to_owned()),
    }
}
