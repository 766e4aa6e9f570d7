//! Answers for a live run, on a thread of its own.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::board::Board;
use super::message::{LONGEST_REQUEST, Reply, Request};
use super::place::{Place, UNFINISHED, place};

/// Clients at once; more are told so.
const CLIENTS: usize = 32;
/// How long a client may take for its first request: one that says nothing holds a place that others want.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take for each later one, and to take a reply.
const PATIENCE: Duration = Duration::from_secs(30);
/// Reads of one who is sent away.
const MOST_PARTS: usize = 256;
/// After a failure to accept (no descriptors left): it would fail again at once.
const RESPITE: Duration = Duration::from_millis(200);

/// Why a run has no socket. It can run without.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the path of the control socket is too long here, and there is no XDG_RUNTIME_DIR for it: {path}", path = .0.display())]
    TooLong(PathBuf),
    #[error("open the control socket {path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The open socket; dropping it closes and removes it.
pub struct Server {
    place: Place,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Opens the socket of the board's run in `folder` (see [`super::folder`]), or if the path is too long for one
    /// below `runtime`, the user's runtime folder.
    pub fn open(folder: &Path, runtime: Option<&Path>, board: Board) -> Result<Self, OpenError> {
        let id = board.status().run.id;
        let place = place(folder, runtime, &id).ok_or_else(|| OpenError::TooLong(folder.to_owned()))?;
        let failed = |source| OpenError::Io { path: place.socket.clone(), source };
        let listener = listen(&place, folder).map_err(failed)?;
        let (end, ended) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
            match runtime {
                Ok(runtime) => runtime.block_on(serve(listener, board, ended)),
                Err(error) => tracing::warn!("the control socket is not served: {error}"),
            }
        };
        let thread = thread::Builder::new().name("control".into()).stack_size(256 * 1024).spawn(serve);
        let thread = Some(thread.map_err(failed)?);
        Ok(Self { place, end: Some(end), thread })
    }

    /// Where it really lies.
    pub fn socket(&self) -> &Path {
        &self.place.socket
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for path in [Some(&self.place.socket), self.place.link.as_ref()].into_iter().flatten() {
            // Whoever removed it before has done no harm.
            let _ = fs::remove_file(path);
        }
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: it waits for nobody.
            let _ = thread.join();
        }
    }
}

/// Under another name first: a socket with the right name listens, and only for this user.
fn listen(place: &Place, folder: &Path) -> io::Result<StdListener> {
    private(folder)?;
    if let Some(parent) = place.socket.parent() {
        private(parent)?;
    }
    let unfinished = place.socket.with_extension(UNFINISHED);
    for stale in [&unfinished, &place.socket] {
        // The id of a run is its own: what lies here is dead.
        match fs::remove_file(stale) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let listener = StdListener::bind(&unfinished)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
    fs::rename(&unfinished, &place.socket)?;
    if let Some(link) = &place.link {
        let _ = fs::remove_file(link);
        symlink(&place.socket, link)?;
    }
    Ok(listener)
}

/// A folder that is only this user's, made if it is missing.
fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if folder.metadata()?.uid() != own_user() {
        let text = format!("{} belongs to another user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

async fn serve(listener: StdListener, board: Board, mut ended: oneshot::Receiver<()>) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::warn!("the control socket is not served: {error}"),
    };
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let accepted = tokio::select! {
            _ = &mut ended => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((mut stream, _)) = accepted else {
            tokio::time::sleep(RESPITE).await;
            continue;
        };
        // Where the system does not keep strangers away from the file, this does.
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own_user()) {
            tokio::spawn(async move { dismiss(&mut stream, "not your run").await });
            continue;
        }
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let board = board.clone();
                tokio::spawn(async move {
                    converse(&mut stream, &board).await;
                    drop(place);
                });
            }
            Err(_) => {
                tokio::spawn(async move { dismiss(&mut stream, "too many clients").await });
            }
        }
    }
}

/// Answers one client until it leaves, stalls or asks for too much.
async fn converse(stream: &mut UnixStream, board: &Board) {
    let mut waiting = Vec::new();
    let mut patience = FIRST_PATIENCE;
    loop {
        let line = match timeout(patience, next_line(stream, &mut waiting)).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => {
                return dismiss(stream, "no request came in time").await;
            }
        };
        if line.len() > LONGEST_REQUEST {
            return dismiss(stream, &format!("a request has at most {LONGEST_REQUEST} bytes")).await;
        }
        let reply = match Request::read(&line) {
            Ok(request) => board.answer(request),
            Err(error) => Reply::refused(error),
        };
        patience = PATIENCE;
        if !say(stream, &reply).await {
            return;
        }
    }
}

/// The next line, the last one also without an end; of a too long one only its beginning.
async fn next_line(stream: &mut UnixStream, waiting: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut looked = 0;
    loop {
        if let Some(end) = memchr::memchr(b'\n', &waiting[looked..]) {
            let line = waiting.drain(..=looked + end).collect();
            return Ok(Some(line));
        }
        looked = waiting.len();
        if looked > LONGEST_REQUEST {
            return Ok(Some(std::mem::take(waiting)));
        }
        let mut part = [0; 1024];
        match stream.read(&mut part).await? {
            0 if waiting.is_empty() => return Ok(None),
            0 => return Ok(Some(std::mem::take(waiting))),
            count => waiting.extend_from_slice(&part[..count]),
        }
    }
}

/// Says why and hears out what was sent meanwhile: closed with words unread, a socket drops its own last words too.
async fn dismiss(stream: &mut UnixStream, why: &str) {
    if !say(stream, &Reply::refused(why)).await || stream.shutdown().await.is_err() {
        return;
    }
    let rest = async {
        let mut part = [0; 4096];
        for _ in 0..MOST_PARTS {
            if !matches!(stream.read(&mut part).await, Ok(1..)) {
                return;
            }
        }
    };
    // Over in any case.
    let _ = timeout(FIRST_PATIENCE, rest).await;
}

/// False when nobody listens any more.
async fn say(stream: &mut UnixStream, reply: &Reply) -> bool {
    let Ok(mut text) = serde_json::to_vec(reply) else { return false };
    text.push(b'\n');
    matches!(timeout(PATIENCE, stream.write_all(&text)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests;
