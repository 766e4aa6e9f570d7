//! The settings, typed: one concept a file. Defaults stand here and nowhere else; names, shapes and
//! meanings stand in the table of keys.

mod agents;
mod auto_commit;
mod budget;
mod hooks;
mod oneshot;
mod project;
mod router;
mod run;
mod supervision;
mod sync;
mod workflow;
mod workstream;

pub use agents::{AgentConfig, AgentRecord, Delivery, HttpAgent, HttpApi, Model, Recover};
pub use auto_commit::{AutoCommit, Group};
pub use budget::Budget;
pub use hooks::{HookPoint, Hooks};
pub use oneshot::{Oneshot, OneshotPrompts};
pub use project::{Config, Exit};
pub use router::{RouterConfig, RouterMode};
pub use run::{Mode, Run};
pub use supervision::{Limits, Pty, RateLimit, Repeat, Supervision};
pub use sync::{Sync, Takeover, Transport};
pub use workflow::{Engine, OnCheckFail, StepConfig, WorkflowConfig};
pub use workstream::{
    Complexity, HttpMethod, HttpTool, Level, Match, Quarantine, RoutingRule, Strategy, Tool, Tools,
    Workstream,
};
