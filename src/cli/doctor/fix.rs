//! What `--fix` mends: only what a dead run left, or what is missing and shipped. Nothing of a person's is changed.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use super::gather::Looked;
use super::judge::{Finding, Fix};
use crate::clock::{Clock, SystemClock, iso_seconds};
use crate::control;
use crate::sync::worktree::Repo;
use crate::turns::lock::{LoopLock, Owner};
use crate::turns::shipped;

/// Mends what can be mended and says what was done.
pub(super) fn mend(looked: &Looked, findings: &[Finding]) -> Vec<String> {
    let fixes: Vec<&Fix> = findings.iter().filter_map(|f| f.fix.as_ref()).collect();
    let mut done = Vec::new();
    for fix in fixes {
        let said = match fix {
            Fix::OwnLocks => own_locks(looked),
            Fix::RefLock(lock) => {
                looked.connector.as_ref().map(|connector| match connector.clear_ref_lock(lock) {
                    Ok(()) => format!("removed {}", lock.display()),
                    Err(why) => format!("left {} alone: {why}", lock.display()),
                })
            }
            Fix::Prompt(name) => prompt(looked, name),
            Fix::Exclude => {
                let repo = Repo::open(&looked.root, Arc::new(SystemClock)).ok();
                let added = repo.and_then(|repo| repo.exclude_private().ok()).unwrap_or(false);
                added.then(|| "keeps .orchestrator/ out of commits (.git/info/exclude)".to_owned())
            }
            Fix::Sockets => {
                let folder = control::folder(&looked.settings.private());
                let removed = control::sweep(&folder, SystemClock.now()).len();
                (removed > 0).then(|| format!("removed {removed} sockets of dead runs"))
            }
        };
        done.extend(said);
    }
    done
}

/// Only whoever holds the loop's lock knows that the run is dead.
fn own_locks(looked: &Looked) -> Option<String> {
    let (pid, started) = (std::process::id(), iso_seconds(SystemClock.now()));
    let owner = Owner { pid, started, mode: "doctor".into(), ..Owner::default() };
    let _lock = LoopLock::take(&looked.root, &owner).ok()?;
    let repo = Repo::open(&looked.root, Arc::new(SystemClock)).ok()?;
    let branch = repo.head().ok()?.branch?;
    let removed = repo.clear_own_locks(&branch).ok()?;
    let names: Vec<String> = removed.iter().map(|path| path.display().to_string()).collect();
    (!names.is_empty()).then(|| format!("removed {}", names.join(", ")))
}

/// Never overwrites.
fn prompt(looked: &Looked, name: &str) -> Option<String> {
    let (_, text) = shipped::PROMPTS.iter().find(|(shipped, _)| *shipped == name)?;
    let path = looked.settings.prompts_folder().join(name);
    fs::create_dir_all(path.parent()?).ok()?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
    file.write_all(text.as_bytes()).ok()?;
    Some(format!("wrote {}", path.strip_prefix(&looked.root).unwrap_or(&path).display()))
}
