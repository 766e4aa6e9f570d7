use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use jiff::Timestamp;

use super::*;
use crate::clock::SystemClock;
use crate::control::{RunInfo, client};

fn board(id: &str) -> Board {
    let info = RunInfo {
        id: id.into(),
        kind: "turns".into(),
        mode: "combined".into(),
        pid: 7,
        started_at: "then".into(),
    };
    Board::new(info, Arc::new(SystemClock), |_| ())
}

/// Answers to lines that are written as they stand; closes its side then.
fn replies(socket: &Path, sent: &[u8]) -> Vec<serde_json::Value> {
    let mut stream = UnixStream::connect(socket).unwrap();
    // Refused in the middle when it is too long.
    let _ = stream.write_all(sent);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
}

/// P18: in the project, for this user only, gone with the run.
#[test]
fn opened_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    let server = Server::open(&folder, None, board("r1")).unwrap();
    let socket = folder.join("r1.sock");
    assert_eq!(server.socket(), socket);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(&folder)), (0o600, 0o700));
    let status = client::ask(&socket, &Request::Status).unwrap().status.unwrap();
    assert_eq!((status.run.id.as_str(), status.attempts.len()), ("r1", 0));
    drop(server);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(client::live(&folder).is_empty());
}

/// P18: a path too long for a socket is served from the runtime folder, and found through a link.
#[test]
fn a_long_path() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("d".repeat(100)).join("run");
    assert!(matches!(Server::open(&folder, None, board("r1")), Err(OpenError::TooLong(_))));
    let server = Server::open(&folder, Some(runtime.path()), board("r1")).unwrap();
    assert!(server.socket().starts_with(runtime.path()));
    let live = client::live(&folder);
    assert_eq!(
        live.iter().map(|run| (run.id.as_str(), run.status.is_some())).collect::<Vec<_>>(),
        [("r1", true)]
    );
    assert_eq!(client::sweep(&folder, Timestamp::now()), Vec::<PathBuf>::new(), "a live one stays");
    drop(server);
    assert!(folder.join("r1.sock").symlink_metadata().is_err() && client::live(&folder).is_empty());
}

/// Sockets of dead runs are removed, linked ones with what the link leads to; other files are not.
#[test]
fn dead_ones_are_swept() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("run");
    let live = Server::open(&folder, None, board("alive")).unwrap();
    drop(StdListener::bind(folder.join("dead.sock")).unwrap());
    drop(StdListener::bind(runtime.path().join("far.sock")).unwrap());
    symlink(runtime.path().join("far.sock"), folder.join("far.sock")).unwrap();
    symlink(runtime.path().join("nowhere.sock"), folder.join("gone.sock")).unwrap();
    fs::write(runtime.path().join("precious"), "").unwrap();
    symlink(runtime.path().join("precious"), folder.join("odd.sock")).unwrap();
    fs::write(folder.join("note.txt"), "").unwrap();
    drop(StdListener::bind(folder.join("begun.sock.new")).unwrap());
    let mut removed = client::sweep(&folder, Timestamp::now());
    removed.sort();
    let names = ["dead.sock", "far.sock", "gone.sock", "odd.sock"];
    assert_eq!(removed, names.map(|name| folder.join(name)));
    // One that is being made now has no right name yet; an hour later it will never have.
    let later = Timestamp::now() + Duration::from_secs(3601);
    assert_eq!(client::sweep(&folder, later), [folder.join("begun.sock.new")]);
    assert!(!runtime.path().join("far.sock").exists() && runtime.path().join("precious").exists());
    let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["alive.sock", "note.txt"]);
    drop(live);
}

/// P18: what a dead run of the same name left does not keep a new one from its socket.
#[test]
fn a_stale_socket_is_replaced() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["r1.sock", "r1.sock.new"] {
        drop(StdListener::bind(dir.path().join(name)).unwrap());
    }
    let server = Server::open(dir.path(), None, board("r1")).unwrap();
    assert!(client::ask(server.socket(), &Request::Status).unwrap().ok);
    let long = dir.path().join("d".repeat(100));
    fs::create_dir(&long).unwrap();
    symlink("/nowhere", long.join("r1.sock")).unwrap();
    let server = Server::open(&long, Some(runtime.path()), board("r1")).unwrap();
    assert_eq!(fs::read_link(long.join("r1.sock")).unwrap(), server.socket());
}

/// A folder that others could look into is closed to them.
#[test]
fn an_open_folder_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let _server = Server::open(&folder, None, board("r1")).unwrap();
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

/// One who says nothing at first is sent away soon, so that nobody keeps the places of others.
#[test]
fn the_silent_are_sent_away() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), None, board("r1")).unwrap();
    let silent: Vec<UnixStream> =
        (0..CLIENTS).map(|_| UnixStream::connect(server.socket()).unwrap()).collect();
    let mut said = String::new();
    let start = Instant::now();
    (&silent[0]).read_to_string(&mut said).unwrap();
    assert!(said.contains("no request came in time"), "{said}");
    assert!(start.elapsed() < FIRST_PATIENCE + Duration::from_secs(30), "{:?}", start.elapsed());
    // Its place is free as soon as it has been told.
    while !client::ask(server.socket(), &Request::Status).unwrap().ok {
        assert!(start.elapsed() < FIRST_PATIENCE + Duration::from_secs(60));
    }
}

/// Garbage is answered with an error object, and the next request as ever.
#[test]
fn garbage_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), None, board("r1")).unwrap();
    let got =
        replies(server.socket(), b"hello\n\xff\xfe\n\n{\"command\":\"status\"}\n{\"command\":\"status\"}");
    assert_eq!(
        got.iter().map(|r| r["ok"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, false, false, true, true]
    );
    assert!(got[0]["error"].as_str().unwrap().contains("not a request"));
    assert!(got.iter().all(|reply| reply["version"] == 1));
    assert_eq!(got[3]["status"]["pid"], 7);
    let got = replies(server.socket(), &vec![b'x'; 10 * LONGEST_REQUEST]);
    assert_eq!(got.len(), 1);
    assert!(got[0]["error"].as_str().unwrap().contains("at most"), "{got:?}");
}

/// Clients that ask nothing, or half a thing, or take no answer, hold neither the others nor the end.
#[test]
fn slow_clients_hold_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), None, board("r1")).unwrap();
    let mut slow: Vec<UnixStream> =
        (0..CLIENTS).map(|_| UnixStream::connect(server.socket()).unwrap()).collect();
    // One that has asked before has more time for the rest of what it began.
    slow[0].write_all(b"{\"command\":\"status\"}\n{\"command\":").unwrap();
    slow[1].set_nonblocking(true).unwrap();
    while slow[1].write(b"{\"command\":\"status\"}\n").is_ok() {}
    let refused = client::ask(server.socket(), &Request::Status).unwrap();
    assert_eq!(refused.error.as_deref(), Some("too many clients"));
    drop(slow.drain(2..));
    let start = Instant::now();
    // The places become free as soon as the server has seen them leave.
    while !client::ask(server.socket(), &Request::Status).unwrap().ok {
        assert!(start.elapsed() < Duration::from_secs(60));
    }
    slow[0].write_all(b"\"status\"}\n").unwrap();
    let mut lines = BufReader::new(&slow[0]).lines();
    for line in [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()] {
        assert!(line.contains("\"ok\":true"), "{line}");
    }
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest);
    assert!(rest.is_empty());
}
