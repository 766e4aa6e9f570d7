//! The real agent CLIs, through the program, against a model stub on loopback: no key, no account, no model.
//!
//! They are looked for in the folder that `ORCHESTRATOR_TEST_CLIS` names, else on PATH. A test of one that is not
//! there says `skipped` and passes: what it would prove is then not proven.

mod bytes;
mod delivery;
pub mod stage;
mod stub;
mod turns;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The folders where a CLI may be, the named one first and alone.
fn folders() -> Vec<PathBuf> {
    match std::env::var_os("ORCHESTRATOR_TEST_CLIS") {
        Some(folder) => vec![folder.into()],
        None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect(),
    }
}

/// The folder that holds a CLI, or `None` and a word about it.
#[expect(clippy::print_stderr, reason = "a test that proves nothing says so")]
fn installed(name: &str) -> Option<PathBuf> {
    let runs = |folder: &PathBuf| {
        let file = std::fs::metadata(folder.join(name));
        file.is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let found = folders().into_iter().find(runs);
    if found.is_none() {
        eprintln!("skipped: {name} is not installed here");
    }
    found
}
