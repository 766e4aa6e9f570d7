//! The other end: finds the sockets of a project and asks.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::message::{Reply, Request, Status};
use super::place::{ENDING, UNFINISHED};

/// A run that does not answer for so long is busy being stopped or debugged.
const PATIENCE: Duration = Duration::from_secs(2);
/// A socket under its unfinished name is left alone for so long: its run may just be starting.
const STARTING: Duration = Duration::from_secs(3600);
/// A reply is read no further.
const LONGEST_REPLY: u64 = 4 << 20;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens: the run is over, however it ended.
    #[error("the run is over")]
    Over,
    #[error("the socket belongs to another user")]
    Stranger,
    #[error("ask the run: {0}")]
    Io(#[from] io::Error),
    #[error("read the run's reply: {0}")]
    Reply(#[from] serde_json::Error),
}

/// A run that answers.
#[derive(Debug)]
pub struct LiveRun {
    pub id: String,
    pub socket: PathBuf,
    /// None: it lives, but did not answer in time.
    pub status: Option<Status>,
}

/// Every live run of a project, by its folder of sockets; those that are over are left out.
pub fn live(folder: &Path) -> Vec<LiveRun> {
    let mut found: Vec<LiveRun> = sockets(folder)
        .into_iter()
        .filter_map(|(id, socket)| match ask(&socket, &Request::Status) {
            Ok(reply) => Some(LiveRun { id, socket, status: reply.status }),
            Err(AskError::Over | AskError::Stranger) => None,
            Err(_) => Some(LiveRun { id, socket, status: None }),
        })
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// Removes what dead runs left; returns it. Safe beside live runs and starting ones.
pub fn sweep(folder: &Path, now: Timestamp) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for (id, socket) in sockets(folder) {
        if !matches!(connect(&socket), Err(AskError::Over)) {
            continue;
        }
        let entry = folder.join(format!("{id}.{ENDING}"));
        if socket != entry && socket.file_name() == entry.file_name() {
            // Gone already if the machine was started anew.
            let _ = fs::remove_file(&socket);
        }
        if fs::remove_file(&entry).is_ok() {
            removed.push(entry);
        }
    }
    removed.extend(unfinished(folder, now).into_iter().filter(|path| fs::remove_file(path).is_ok()));
    removed
}

/// What runs left that died while they opened their sockets.
fn unfinished(folder: &Path, now: Timestamp) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let old = |path: &PathBuf| {
        let made = path.symlink_metadata().and_then(|meta| meta.modified()).ok();
        let made = made.and_then(|at| Timestamp::try_from(at).ok());
        made.is_some_and(|at| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > STARTING))
    };
    let ours = entries.flatten().map(|entry| entry.path());
    ours.filter(|path| path.to_string_lossy().ends_with(UNFINISHED) && old(path)).collect()
}

/// Asks once.
pub fn ask(socket: &Path, request: &Request) -> Result<Reply, AskError> {
    let mut stream = connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text).map_err(gone)?;
    let mut line = Vec::new();
    BufReader::new(stream.take(LONGEST_REPLY)).read_until(b'\n', &mut line).map_err(gone)?;
    if line.is_empty() {
        // It ended between our words and its answer.
        return Err(AskError::Over);
    }
    Ok(serde_json::from_slice(&line)?)
}

/// A killed run's listener may outlive it for a moment, in a child that was about to start; nobody answers there.
fn gone(e: io::Error) -> AskError {
    match e.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => AskError::Over,
        _ => AskError::Io(e),
    }
}

fn connect(socket: &Path) -> Result<UnixStream, AskError> {
    let over = |e: io::Error| match e.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => AskError::Over,
        _ => AskError::Io(e),
    };
    // A link may lead anywhere: words for a run are said to this user's run only.
    if socket.metadata().map_err(over)?.uid() != rustix::process::geteuid().as_raw() {
        return Err(AskError::Stranger);
    }
    UnixStream::connect(socket).map_err(over)
}

/// Run and real place of every socket.
fn sockets(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let ours = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == ENDING));
    ours.filter_map(|path| {
        let id = path.file_stem()?.to_str()?.to_owned();
        // A link stands for a socket whose path would be too long to ask at.
        let socket = fs::read_link(&path).unwrap_or(path);
        Some((id, socket))
    })
    .collect()
}
