//! The demo's second half: galph and ralph as two processes, each in a clone of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::cli::error::{FAILED, Failure, INTERNAL};
use crate::clock::SystemClock;
use crate::ids::RoleId;
use crate::sync::audit::audit;
use crate::sync::worktree::Repo;

const TURNS: &str = "2";

fn failure(what: &str, e: &dyn std::fmt::Display) -> Failure {
    Failure::new(INTERNAL, "io", what).cause(e.to_string())
}

/// Makes the remote and the clones below `folder`, runs both roles, and checks what they left.
pub(super) fn run(folder: &Path, project: &Path, roles: &[RoleId]) -> Result<(), Failure> {
    let bare = folder.join("remote.git");
    let clone = |from: &Path, to: &Path, bare: bool| {
        let text = from.to_string_lossy();
        let made = git2::build::RepoBuilder::new().bare(bare).branch("work").clone(&text, to);
        let made = made.and_then(|repo| super::name(&repo));
        made.map_err(|e| failure("clone the scratch project", &e))
    };
    clone(project, &bare, true)?;
    let mut children = Vec::new();
    let (lines, heard) = channel();
    for role in roles {
        let place = folder.join(role.as_str());
        clone(&bare, &place, false)?;
        let child = start(&place, role.as_str())?;
        children.push((role, child));
    }
    let mut readers = Vec::new();
    for (role, child) in &mut children {
        readers.extend(child.stdout.take().map(|out| tell(role.as_str(), out, lines.clone())));
        readers.extend(child.stderr.take().map(|err| tell(role.as_str(), err, lines.clone())));
    }
    drop(lines);
    for line in heard {
        crate::cli::print(&line)?;
    }
    for reader in readers {
        // It has sent all it had.
        let _ = reader.join();
    }
    for (role, mut child) in children {
        let status = child.wait().map_err(|e| failure("wait for a role", &e))?;
        if !status.success() {
            return Err(Failure::new(FAILED, "turn_failed", format!("take {role}'s turns: {status}")).hint(
                format!("cd {} && orchestrator status --remote", folder.join(role.as_str()).display()),
            ));
        }
    }
    check(&folder.join(roles[roles.len() - 1].as_str()), roles)
}

fn start(place: &Path, role: &str) -> Result<Child, Failure> {
    let program: PathBuf = std::env::current_exe().map_err(|e| failure("find the program", &e))?;
    let mut command = Command::new(program);
    command.args(["--mode", "role", "--role", role, "--sync-loops", TURNS]);
    command.args(["--poll-interval", "100ms", "--max-wait-sec", "60"]);
    // The same everywhere, as the first half: no variable of the caller's but PATH counts.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.current_dir(place).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|e| failure("start a role", &e))
}

/// Whole lines, each with its role, as they come.
fn tell(role: &str, from: impl Read + Send + 'static, to: Sender<String>) -> thread::JoinHandle<()> {
    let role = role.to_owned();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Nobody listens any more: the output was cut.
            let _ = to.send(format!("{role:<5} | {line}\n"));
        }
    })
}

/// Whether the two kept to the rules.
fn check(clone: &Path, roles: &[RoleId]) -> Result<(), Failure> {
    let words = |e: &dyn std::fmt::Display| failure("read the history", e);
    let repo = Repo::open(clone, Arc::new(SystemClock)).map_err(|e| words(&e))?;
    let Some(tip) = repo.head().map_err(|e| words(&e))?.commit else { return Ok(()) };
    let state = Path::new("sync/state.json");
    let line = repo.state_line(tip, state).map_err(|e| words(&e))?;
    let report = audit(&line, roles, state);
    match report.problems.first() {
        None => crate::cli::print(&format!(
            "\naudit: {} turns in {} commits, every step is legal\n",
            report.turns,
            line.len()
        )),
        Some(problem) => Err(Failure::new(FAILED, "audit", "trust the history")
            .cause(format!("{}: {}", line[problem.at].short, problem.what))),
    }
}
