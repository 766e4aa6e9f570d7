//! `orchestrator export`: a whole run as one document.

use std::io::{self, BufWriter, Write};

use super::args::Global;
use super::error::{Failure, INTERNAL, OK};
use super::record::{find, open};
use super::record_args::ExportArgs;
use super::screen::Masked;
use super::setup::setup_beside;
use crate::ledger::{self, Found, LedgerError};

pub(super) fn export(global: &Global, args: &ExportArgs) -> Result<u8, Failure> {
    let settings = setup_beside(global)?.settings;
    let ledger = open(&settings)?;
    let (Found::Run(run_id) | Found::Attempt { run_id, .. }) = find(&ledger, &args.run)?;
    let run = ledger.run(&run_id)?.ok_or_else(|| LedgerError::Unknown(args.run.clone()))?;
    let mut out = Masked::new(BufWriter::new(io::stdout().lock()));
    match ledger::export(&ledger, &run, &mut out)?.and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(INTERNAL, "io", "write to stdout").cause(e.to_string()))
        }
        _ => Ok(OK),
    }
}
