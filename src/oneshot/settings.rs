//! What a session needs to know of the project, and who can take a seat.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::OneshotError;
use super::fact::Role;
use super::session::Seat;
use crate::agents::{self, Ready, Table};
use crate::config::{Config, Limits, Model};
use crate::supervise::Redactor;

/// The project as a session sees it.
pub struct Settings {
    pub root: PathBuf,
    pub config: Config,
    pub table: Table,
    pub redactor: Arc<Redactor>,
    /// PATH of the start.
    pub path: OsString,
    /// Where agents keep their own sessions.
    pub home: Option<PathBuf>,
    /// What every agent finds in its environment besides the session's own names.
    pub env: Vec<(String, String)>,
    /// Limits of either agent's runs; they win over those of the configuration.
    pub limits: Limits,
    /// Whether git may be asked.
    pub git: bool,
}

impl Settings {
    /// The seat as the configuration has it; `auto` is not resolved yet.
    pub(super) fn seat(&self, role: Role) -> Seat {
        let own = &self.config.oneshot;
        let (agent, model) = match role {
            Role::Worker => (&own.worker_agent, &own.worker_model),
            Role::Auditor => (&own.auditor_agent, &own.auditor_model),
        };
        let agent = agent.clone().unwrap_or_else(|| self.config.agent.default.clone());
        Seat { agent, model: model.clone() }
    }

    /// The agent of a seat, ready to run, with the seat's model.
    pub(super) fn ready(&self, role: Role, seat: &Seat) -> Result<Ready, OneshotError> {
        let refused = |source| OneshotError::Agent { role: role.name(), source };
        let order = &self.config.agent.order;
        let mut ready =
            agents::ready(&self.table, &seat.agent, order, &self.path, &self.root).map_err(refused)?;
        ready.consented(self.config.agent.unattended).map_err(refused)?;
        if let Some(model) = &seat.model {
            let flag = ready.agent.model.take().and_then(|m| m.flag);
            if flag.is_none() && !ready.agent.command.iter().any(|word| word == "{model}") {
                return Err(OneshotError::NoModelFlag { role: role.name(), agent: ready.agent.name });
            }
            ready.agent.model = Some(Model { flag, value: Some(model.clone()) });
        }
        Ok(ready)
    }

    /// Where an agent keeps its own record of a session.
    pub(super) fn store_of(&self, agent: &str) -> Option<String> {
        agents::store_of(agent, &self.config.agents)
    }

    /// The engine's own limits, which win over the agent's.
    pub(super) fn limits(&self) -> Limits {
        let own = &self.config.oneshot;
        Limits {
            inactivity_secs: self.limits.inactivity_secs.or(own.inactivity_secs),
            timeout_secs: self.limits.timeout_secs.or(own.timeout_secs),
            ..self.limits
        }
    }
}
