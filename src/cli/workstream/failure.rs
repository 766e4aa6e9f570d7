//! Why a workstream was refused, in the words a person reads.

use crate::cli::error::{Failure, INTERNAL, REFUSED, USAGE};
use crate::workstreams::engine::EngineError;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        let fail = |code, reason| Self::new(code, reason, "run the workstream").cause(text.clone());
        match error {
            EngineError::Agent { source, .. } => fail(USAGE, "agent").hint(source.hint()),
            EngineError::Io { .. } => fail(INTERNAL, "io"),
            EngineError::Damaged { .. } => {
                fail(USAGE, "damaged").hint("start it anew from its file: orchestrator workstream run FILE")
            }
            EngineError::NoWorkstream(_) => {
                fail(USAGE, "unknown_run").hint("orchestrator history --kind workstream")
            }
            EngineError::State { run_id, state, .. } if state == "quarantined" => {
                fail(USAGE, "state").hint(format!("orchestrator workstream release {run_id} --reason TEXT"))
            }
            EngineError::State { run_id, .. } => {
                fail(USAGE, "state").hint(format!("orchestrator report {run_id}"))
            }
            EngineError::Live(run_id) => {
                fail(REFUSED, "busy").hint(format!("orchestrator interrupt {run_id}"))
            }
            EngineError::Ledger => {
                fail(INTERNAL, "ledger").hint("a workstream needs its ledger: see .orchestrator/ledger.db")
            }
            EngineError::Read(e) => Self::from(e),
            EngineError::Git(e) => {
                let mut failure = fail(INTERNAL, "git");
                failure.hint = e.hint();
                failure
            }
        }
    }
}
