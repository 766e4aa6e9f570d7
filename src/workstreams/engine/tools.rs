//! What can be given a step, and how it fares.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::agents::{self, AgentError, Roster};
use crate::config::duration::Secs;
use crate::config::{RoutingRule, Tool};
use crate::event::Event;
use crate::ledger::{Ledger, LedgerError, ToolHealth};
use crate::workstreams::breaker::{Admission, Circuit};
use crate::workstreams::routing::{Capability, Decision, Desk, Health, Need, route};
use crate::workstreams::score::Record;
use crate::workstreams::spec::{Gate, Step};

use super::setting::Setting;

/// How a tool does a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// An agent of the table, or `auto`.
    Agent(String),
    Run(Vec<String>),
    Shell(String),
    Python(String),
}

/// Everything that can be given a step: the configured tools in the order of the file, then the agents.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub capabilities: Vec<Capability>,
    means: BTreeMap<String, (Means, Option<Secs>)>,
    pub rules: Vec<RoutingRule>,
}

impl Catalog {
    pub fn new(setting: &Setting) -> Self {
        let own = &setting.config.workstream;
        let mut all = Self { capabilities: Vec::new(), means: BTreeMap::new(), rules: own.routing.clone() };
        for (name, tool) in &own.tools.0 {
            all.add(name, means(tool), tool.timeout_secs, capability(name, tool));
        }
        // Without any tool of one's own the usual agent does everything.
        let usual = own.tools.0.is_empty().then(|| setting.config.agent.default.clone());
        for name in usual.iter().map(String::as_str).chain(setting.table.names()) {
            if !all.means.contains_key(name) {
                let most = setting.table.get(name).and_then(|agent| agent.limits.max_parallel);
                let listed = usual.as_deref() == Some(name);
                let own =
                    Capability { name: name.to_owned(), max_parallel: most, listed, ..Capability::default() };
                all.add(name, Means::Agent(name.to_owned()), None, own);
            }
        }
        all
    }

    fn add(&mut self, name: &str, means: Means, timeout: Option<Secs>, capability: Capability) {
        self.means.insert(name.to_owned(), (means, timeout));
        self.capabilities.push(capability);
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
        if routed {
            wanted.extend(self.capabilities.iter().filter(|c| c.listed).map(|c| c.name.clone()));
            wanted.extend(self.rules.iter().flat_map(|rule| rule.from.iter().cloned()));
        }
        let mut found = BTreeMap::new();
        for name in wanted {
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
        missing: None,
    }
}

/// How the tools fare, kept over runs by the ledger.
#[derive(Debug, Default)]
pub struct Tools {
    health: RefCell<BTreeMap<String, Health>>,
    positions: RefCell<BTreeMap<String, u64>>,
}

impl Tools {
    /// As the ledger remembers it.
    pub fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        let health = ledger.tool_health()?.into_iter().map(|row| {
            let record = Record {
                runs: row.runs,
                success_rate: row.success_rate.unwrap_or(0.0),
                latency_ms: row.latency_ms.unwrap_or(0.0),
            };
            let circuit = Circuit::stored(&row.circuit, row.failures, row.opened_at);
            (row.tool, Health { circuit, record, running: 0 })
        });
        let health = RefCell::new(health.collect());
        Ok(Self { health, positions: RefCell::new(ledger.positions()?.into_iter().collect()) })
    }

    pub fn health(&self, name: &str) -> Health {
        self.health.borrow().get(name).copied().unwrap_or_default()
    }

    pub fn route(&self, need: Need<'_>, catalog: &Catalog, now: i64) -> Decision {
        let health = |name: &str| self.health(name);
        let position = |rule: &str| self.positions.borrow().get(rule).copied().unwrap_or(0);
        let (tools, rules) = (&catalog.capabilities, &catalog.rules);
        route(need, &Desk { tools, rules, health: &health, position: &position, now })
    }

    /// A use begins. True: it is the trial of a half-open circuit.
    pub(super) fn begin(&self, name: &str, now: i64) -> bool {
        let mut all = self.health.borrow_mut();
        let own = all.entry(name.to_owned()).or_default();
        let trial = own.circuit.admits(now) == Admission::Trial;
        own.circuit = own.circuit.begun(now);
        own.running += 1;
        trial
    }

    pub(super) fn set_position(&self, rule: &str, position: u64) {
        self.positions.borrow_mut().insert(rule.to_owned(), position);
    }

    /// A use has ended; none: it was interrupted, which says nothing about the tool. What is to be kept, and told.
    pub(super) fn end(
        &self,
        name: &str,
        success: Option<bool>,
        trial: bool,
        latency_ms: f64,
        now: i64,
    ) -> (ToolHealth, Option<Event>) {
        let mut all = self.health.borrow_mut();
        let own = all.entry(name.to_owned()).or_default();
        own.running = own.running.saturating_sub(1);
        let before = own.circuit;
        own.circuit = match success {
            Some(true) => before.succeeded(trial),
            Some(false) => before.failed(now, trial),
            None => before.interrupted(trial),
        };
        if let Some(success) = success {
            own.record = own.record.with(success, latency_ms);
        }
        let tool = name.to_owned();
        let event = match (before, own.circuit) {
            (Circuit::Open { .. }, Circuit::Open { .. })
            | (Circuit::Closed { .. }, Circuit::Closed { .. }) => None,
            (_, Circuit::Open { failures, .. }) => Some(Event::BreakerOpened { tool, failures }),
            (_, Circuit::Closed { .. }) => Some(Event::BreakerClosed { tool }),
            _ => None,
        };
        (row(name, own, now), event)
    }

    pub(super) fn row(&self, name: &str, now: i64) -> ToolHealth {
        row(name, &self.health(name), now)
    }
}

fn row(name: &str, health: &Health, now: i64) -> ToolHealth {
    let known = health.record.runs > 0;
    ToolHealth {
        tool: name.to_owned(),
        circuit: health.circuit.name().to_owned(),
        failures: health.circuit.failures(),
        opened_at: health.circuit.opened_at(),
        runs: health.record.runs,
        success_rate: known.then_some(health.record.success_rate),
        latency_ms: known.then_some(health.record.latency_ms),
        updated_at: now,
    }
}
