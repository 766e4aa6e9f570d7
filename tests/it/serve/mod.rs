//! The web page's server as real clients meet it: who is let in, what is shown, what a stream sends.

mod door;
mod ends;
mod logs;
mod same;
mod stream;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::cli::project::Project;

/// Long, so that a busy machine fails no test.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running server. Dropped, it is killed.
struct Served {
    child: Child,
    port: u16,
    token: String,
    stderr: Option<std::process::ChildStderr>,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Served {
    fn start(p: &Project) -> Self {
        Self::with(p, &["--port", "0"])
    }

    fn with(p: &Project, args: &[&str]) -> Self {
        let mut child = p.start(&[&["serve"], args].concat());
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some((address, token)) = line.trim().split_once("/?token=") else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("no address: {line:?} {said}")
        };
        let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        let stderr = child.stderr.take();
        Self { child, port, token: token.to_owned(), stderr }
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends exactly this.
    fn raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// A request with these header lines and no others.
    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".into()];
        lines.extend(headers.iter().map(|h| (*h).to_owned()));
        let mut all = Vec::new();
        self.raw(&(lines.join("\r\n") + "\r\n\r\n")).read_to_end(&mut all).unwrap();
        Answer::parse(&all)
    }

    /// The same as somebody who has the token.
    fn get(&self, path: &str) -> Answer {
        let (host, bearer) =
            (format!("Host: {}", self.host()), format!("Authorization: Bearer {}", self.token));
        self.ask("GET", path, &[&host, &bearer])
    }

    /// A document under `/api/v1/`.
    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn stream(&self, query: &str) -> Stream {
        self.stream_after(query, None)
    }

    fn stream_after(&self, query: &str, last: Option<i64>) -> Stream {
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!(
            "GET /api/v1/stream?{query} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{last}\r\n",
            self.host(),
            self.token
        );
        Stream::new(self.raw(&request))
    }

    /// Ends it with a signal; its exit code.
    fn end(&mut self, signal: rustix::process::Signal) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn parse(all: &[u8]) -> Self {
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&all[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let pair = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { status, headers: lines.map(pair).collect(), body: all[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A message of server-sent events.
#[derive(Debug, Clone, Default)]
struct Message {
    id: Option<i64>,
    event: String,
    data: Value,
}

/// Server-sent events over a connection of their own.
struct Stream {
    reader: BufReader<TcpStream>,
    /// Of the current chunk.
    left: usize,
}

impl Stream {
    fn new(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Self { reader, left: 0 }
    }

    /// The next byte; none at the end, however it came.
    fn byte(&mut self) -> Option<u8> {
        while self.left == 0 {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                continue;
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap();
            if self.left == 0 {
                return None;
            }
        }
        let mut one = [0];
        self.reader.read_exact(&mut one).ok()?;
        self.left -= 1;
        Some(one[0])
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Some(String::from_utf8(line).unwrap()),
                byte => line.push(byte),
            }
        }
    }

    /// The next whole message; none: the server is gone.
    fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => message.id = Some(id.parse().unwrap()),
                Some(("event", event)) => event.clone_into(&mut message.event),
                Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !message.event.is_empty() => return Some(message),
                _ => {}
            }
        }
    }

    /// The next event of the ledger.
    fn event(&mut self) -> Option<Message> {
        loop {
            let message = self.next()?;
            if !["hello", "state"].contains(&message.event.as_str()) {
                return Some(message);
            }
        }
    }

    /// Events up to the end of the run, or of the stream.
    fn until_run_ended(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.event() {
            let over = message.event == "run_ended";
            all.push(message);
            if over {
                break;
            }
        }
        all
    }
}
