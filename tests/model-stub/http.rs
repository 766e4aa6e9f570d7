//! As much of HTTP/1.1 as the clients need: one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// `None`: the client closed without asking.
pub fn read(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.contains("chunked"),
            "expect" => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        line.clear();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut piece = vec![0; size + 2];
        reader.read_exact(&mut piece)?;
        body.extend_from_slice(&piece[..size]);
        chunked = size > 0;
    }
    Ok(Some(Request { method, path, body }))
}

pub fn json(stream: &mut TcpStream, status: u16, body: &Value) -> std::io::Result<()> {
    respond(stream, status, "", &body.to_string())
}

pub fn limited(stream: &mut TcpStream, secs: u64, body: &Value) -> std::io::Result<()> {
    respond(stream, 429, &format!("retry-after: {secs}\r\n"), &body.to_string())
}

fn respond(stream: &mut TcpStream, status: u16, more: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} stub\r\ncontent-type: application/json\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Server-sent events: a name (or none) and the data of each. Without `whole` the connection breaks off, so that
/// the client sees that something is missing.
pub fn events(stream: &mut TcpStream, events: &[(&str, Value)], whole: bool) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
    )?;
    for (name, data) in events {
        let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
        let data = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
        let event = format!("{name}data: {data}\n\n");
        write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
    }
    if whole {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}
