//! Stands in for a model's API on loopback, so that real agent CLIs can be run without a key or the internet.
//!
//! `model-stub [--requests FOLDER] REPLY…` prints its address and serves until its standard input ends. Each
//! request that offers tools takes the next reply, the last one for ever; requests without tools (titles, counts
//! of tokens) get a short text and take none. What was asked is kept in FOLDER, one file a request.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for tests speaks on its streams")]

mod anthropic;
mod dialect;
mod gemini;
mod http;
mod openai;
mod reply;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use self::dialect::Dialect;
use self::http::Request;
use self::reply::{Reply, Tool};

struct Stub {
    replies: Vec<Reply>,
    taken: Mutex<usize>,
    folder: Option<PathBuf>,
    requests: AtomicUsize,
}

fn main() {
    let mut folder = None;
    let mut replies = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--requests" {
            folder = args.next().map(PathBuf::from);
        } else if let Some(reply) = Reply::parse(&arg) {
            replies.push(reply);
        } else {
            eprintln!("no such reply: {arg}");
            std::process::exit(2);
        }
    }
    if replies.is_empty() {
        replies.push(Reply::Text("hello from the stub".into()));
    }
    let listener = match TcpListener::bind("127.0.0.1:0").and_then(|l| Ok((l.local_addr()?, l))) {
        Ok((address, listener)) => {
            println!("http://{address}");
            listener
        }
        Err(error) => {
            eprintln!("bind: {error}");
            std::process::exit(1);
        }
    };
    let _ = std::io::stdout().flush();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let stub = Stub { replies, taken: Mutex::new(0), folder, requests: AtomicUsize::new(0) };
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let stub = &stub;
            // A client that went away is its own affair.
            scope.spawn(move || drop(stub.serve(stream)));
        }
    });
}

impl Stub {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(request) = http::read(&mut stream)? else { return Ok(()) };
        self.keep(&request)?;
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let Some(dialect) = Dialect::of(&request.path) else { return other(&mut stream, &request) };
        let tool = dialect.tool(&body);
        let reply = if tool == Tool::NoneOffered { Reply::Text(dialect.aside(&body)) } else { self.next() };
        match reply {
            Reply::Text(text) => {
                let streamed = dialect.streamed(&request.path, &body);
                let answer = dialect.text(&text, &body);
                if streamed {
                    http::events(&mut stream, &answer, true)
                } else {
                    http::json(&mut stream, 200, &dialect.whole(&text))
                }
            }
            Reply::Tool(command) => http::events(&mut stream, &dialect.call(&tool, &command, &body), true),
            Reply::Refuse(text) => http::events(&mut stream, &dialect.refusal(&text, &body), true),
            Reply::Error(status) => {
                http::json(&mut stream, status, &dialect.error(status, "the stub refuses", None))
            }
            Reply::Limit(secs) => {
                let body = dialect.error(429, "the stub is busy", Some(secs));
                http::limited(&mut stream, secs, &body)
            }
            Reply::Hang => loop {
                std::thread::park();
            },
            Reply::Cut => {
                let events = dialect.text("half of an answer that never ends", &body);
                http::events(&mut stream, &events[..events.len() / 2], false)
            }
        }
    }

    fn next(&self) -> Reply {
        let Ok(mut taken) = self.taken.lock() else { return Reply::Hang };
        let index = (*taken).min(self.replies.len() - 1);
        *taken += 1;
        self.replies[index].clone()
    }

    fn keep(&self, request: &Request) -> std::io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut text = format!("{} {}\n", request.method, request.path).into_bytes();
        text.extend_from_slice(&request.body);
        std::fs::write(folder.join(format!("{number:03}")), text)
    }
}

/// What else the CLIs ask for: lists of models, counts of tokens, statistics.
fn other(stream: &mut TcpStream, request: &Request) -> std::io::Result<()> {
    if request.path.contains("countTokens") || request.path.contains("count_tokens") {
        return http::json(stream, 200, &json!({"totalTokens": 10, "input_tokens": 10}));
    }
    if request.path.contains("/models") {
        return http::json(stream, 200, &json!({"object": "list", "data": [], "models": []}));
    }
    http::json(stream, 404, &json!({"error": {"message": "no such path", "type": "not_found"}}))
}
