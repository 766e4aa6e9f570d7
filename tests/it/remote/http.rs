//! Smart HTTP: the least of a web server in front of `git http-backend`, which can be told to fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use super::inetd::Listener;

/// What the server does wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Accepts, and never says a word.
    Hang,
    /// Half of the answer to every request.
    Cut,
    /// Does what a push asks for, and closes without an answer.
    ReplyLost,
    /// This status, for everything.
    Status(u16),
    /// Wants this `Authorization` header.
    Login(String),
}

#[derive(Clone)]
pub struct Knob(Arc<Mutex<Fault>>);

impl Knob {
    pub fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = fault;
    }

    fn get(&self) -> Fault {
        self.0.lock().unwrap().clone()
    }
}

pub struct Server {
    pub knob: Knob,
    /// Requests so far.
    pub asked: Arc<AtomicU32>,
    pub listener: Listener,
    /// Held, so that a hanging connection ends with the server.
    _end: std::sync::mpsc::Sender<()>,
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

impl Server {
    pub fn start(root: &Path) -> Self {
        let knob = Knob(Arc::new(Mutex::new(Fault::None)));
        let (end, ended) = channel();
        let ended = Mutex::new(ended);
        let asked = Arc::new(AtomicU32::new(0));
        let (own, root, count) = (knob.clone(), root.to_owned(), Arc::clone(&asked));
        let listener = Listener::start(move |stream| serve(&stream, &root, &own, (&ended, &count)));
        Self { knob, asked, listener, _end: end }
    }
}

fn serve(stream: &TcpStream, root: &Path, knob: &Knob, (ended, asked): (&Mutex<Receiver<()>>, &AtomicU32)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader, stream) {
        asked.fetch_add(1, Ordering::SeqCst);
        if !answer(stream, &request, root, knob, ended) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Whether the connection goes on.
fn answer(
    mut stream: &TcpStream,
    request: &Request,
    root: &Path,
    knob: &Knob,
    ended: &Mutex<Receiver<()>>,
) -> bool {
    let fault = knob.get();
    match &fault {
        Fault::Hang => {
            let _ = ended.lock().unwrap().recv();
            return false;
        }
        Fault::Status(code) => {
            let _ = write!(stream, "HTTP/1.1 {code} No\r\nContent-Length: 0\r\n\r\n");
            return true;
        }
        Fault::Login(wanted) if request.header("authorization") != Some(wanted) => {
            let _ = write!(
                stream,
                "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
            );
            return true;
        }
        _ => {}
    }
    let (status, headers, body) = backend(request, root);
    match fault {
        Fault::ReplyLost if request.target.ends_with("/git-receive-pack") => return false,
        Fault::Cut => {
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&body[..body.len() / 2]);
            return false;
        }
        _ => {}
    }
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body).is_ok()
}

fn backend(request: &Request, root: &Path) -> (String, String, Vec<u8>) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", &request.method);
    command.env("REMOTE_USER", "tester").env("REMOTE_ADDR", "127.0.0.1");
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    command.env("CONTENT_TYPE", request.header("content-type").unwrap_or_default());
    for (header, name) in [("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")] {
        if let Some(value) = request.header(header) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feed = std::thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let out = child.wait_with_output().unwrap().stdout;
    feed.join().unwrap();
    let end = out.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(out.len().saturating_sub(4));
    let head = String::from_utf8_lossy(&out[..end]).into_owned();
    let mut status = "200 OK".to_owned();
    let mut headers = String::new();
    for line in head.lines() {
        match line.strip_prefix("Status: ") {
            Some(other) => other.clone_into(&mut status),
            None => headers.extend([line, "\r\n"]),
        }
    }
    (status, headers, out.get(end + 4..).unwrap_or_default().to_vec())
}

fn read(reader: &mut BufReader<TcpStream>, mut stream: &TcpStream) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("expect").is_some() {
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if request.header("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            request.body.extend(&chunk[..size]);
        }
    } else if let Some(length) = request.header("content-length").and_then(|l| l.parse().ok()) {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        request.body = body;
    }
    Some(request)
}
