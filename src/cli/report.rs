//! `orchestrator report`: what became of a run (workstreams.md W23).

use super::args::Global;
use super::error::{Failure, INTERNAL, OK};
use super::record::{find, open};
use super::setup::{setup_beside, start_folder};
use super::workstream::{ReportArgs, ReportFormat};
use crate::ledger::{Found, LedgerError};
use crate::workstreams::engine::Saved;
use crate::workstreams::report::{self, Facts};

pub(super) fn report(global: &Global, args: &ReportArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let settings = &setup.settings;
    let ledger = open(settings)?;
    let (Found::Run(run_id) | Found::Attempt { run_id, .. }) = find(&ledger, &args.run)?;
    let spec = Saved::read(&settings.private(), &run_id).ok();
    let facts = Facts::read(&ledger, &run_id, spec, &settings.root)?
        .ok_or_else(|| LedgerError::Unknown(args.run.clone()))?;
    let failed = |cause: String| Failure::new(INTERNAL, "io", "write the report").cause(cause);
    let text = match args.format {
        ReportFormat::Markdown => report::markdown(&facts),
        ReportFormat::Html => report::html(&facts),
        ReportFormat::Json => {
            serde_json::to_string_pretty(&report::json(&facts)).map_err(|e| failed(e.to_string()))? + "\n"
        }
    };
    match &args.output {
        None => super::print(&text)?,
        Some(path) => {
            let path = start_folder()?.join(path);
            std::fs::write(&path, text).map_err(|e| failed(format!("{}: {e}", path.display())))?;
        }
    }
    Ok(OK)
}
