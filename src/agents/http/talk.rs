//! One request, and its answer as records: what the child does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

use super::answer::Answer;
use super::record::Record;
use super::sse::{Frame, Sse};
use super::{pieces, request, reset};
use crate::config::HttpApi;

/// An event longer than this is no event of these APIs.
const LONGEST_LINE: usize = 4 << 20;
/// A server that does not stream gives its whole answer as one document.
const LONGEST_BODY: u64 = 32 << 20;
/// Of an error page.
const LONGEST_ERROR: u64 = 64 << 10;

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub api: HttpApi,
    pub url: String,
    pub model: String,
    pub key: Option<String>,
}

/// Sends the prompt and writes the answer's records, one a line, as they come. True if the answer is whole;
/// everything else that can happen is in the records too.
///
/// `now`: seconds since the epoch, for resets that are told as spans.
///
/// # Errors
/// The records could not be written.
pub fn talk(call: &Call, prompt: &str, now: &dyn Fn() -> i64, out: &mut dyn Write) -> io::Result<bool> {
    let mut printer = Printer { out };
    let (address, body) = request(call.api, &call.url, &call.model, prompt);
    let response = match send(&address, call.key.as_deref(), &body.to_string()) {
        Ok(response) => response,
        Err(e) => return printer.failed(format!("{address}: {e}")),
    };
    if response.status().is_success() {
        printer.answer(call.api, response)
    } else {
        printer.refused(response, &address, now())
    }
}

/// Redirects are not followed: a key must not travel to where nobody sent it.
fn send(address: &str, key: Option<&str>, body: &str) -> Result<Response<Body>, ureq::Error> {
    let mut config = Agent::config_builder();
    if is_here(address) {
        // A proxy of the environment is for the world outside.
        config = config.proxy(None);
    }
    let agent: Agent = config
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .user_agent(concat!("orchestrator/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent
        .post(address)
        .header("content-type", "application/json")
        .header("accept", "text/event-stream, application/x-ndjson, application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    request.send(body)
}

/// Whether an address is this machine's own.
pub fn is_here(address: &str) -> bool {
    let host = address.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Writes records, each at once.
struct Printer<'o> {
    out: &'o mut dyn Write,
}

impl Printer<'_> {
    fn print(&mut self, records: &mut Vec<Record>) -> io::Result<()> {
        for record in records.drain(..) {
            serde_json::to_writer(&mut self.out, &record)?;
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }

    fn failed(&mut self, text: String) -> io::Result<bool> {
        self.print(&mut vec![Record::Result { text: Some(text), is_error: true }])?;
        Ok(false)
    }

    /// A status that is no success: what the server says about it, and until when it refuses.
    fn refused(&mut self, response: Response<Body>, address: &str, now: i64) -> io::Result<bool> {
        let status = response.status();
        let lower = |name: &ureq::http::HeaderName| name.as_str().to_ascii_lowercase();
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((lower(name), value.to_str().ok()?.to_owned())))
            .collect();
        let mut bytes = Vec::new();
        // An error page that cannot be read leaves the status, which says the most.
        let _ = response.into_body().into_reader().take(LONGEST_ERROR).read_to_end(&mut bytes);
        let page = String::from_utf8_lossy(&bytes);
        let value: Value = serde_json::from_str(&page).unwrap_or_default();
        let error = if value["error"].is_null() { &value } else { &value["error"] };
        let said = error["message"].as_str().or(error.as_str()).unwrap_or(&page).trim();
        let said: String = said.lines().next().unwrap_or("").chars().take(500).collect();
        let quota = ["code", "type"].iter().any(|f| error[*f].as_str() == Some("insufficient_quota"));
        let waits = headers.iter().any(|(name, _)| name == "retry-after");
        let limited = (status.as_u16() == 429 && !quota) || (status.as_u16() == 503 && waits);
        let mut records = Vec::new();
        if limited {
            let resets_at = reset::resets_at(&headers, now);
            records.push(Record::RateLimit { status: status.as_u16().to_string(), blocked: true, resets_at });
        }
        self.print(&mut records)?;
        let colon = if said.is_empty() { "" } else { ": " };
        self.failed(format!("{address}: {status}{colon}{said}"))
    }

    fn answer(&mut self, api: HttpApi, response: Response<Body>) -> io::Result<bool> {
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
        let document = api != HttpApi::Ollama && kind.starts_with("application/json");
        let reader = BufReader::new(response.into_body().into_reader());
        let (mut answer, mut records) = (Answer::default(), Vec::new());
        let read = if document {
            let mut text = String::new();
            reader.take(LONGEST_BODY).read_to_string(&mut text).map(|_| {
                take(api, &text, &mut answer, &mut records);
            })
        } else {
            self.stream(api, reader, &mut answer, &mut records)
        };
        let whole = answer.finish(read.err().map(|e| e.to_string()), &mut records);
        self.print(&mut records)?;
        Ok(whole)
    }

    fn stream(
        &mut self,
        api: HttpApi,
        mut reader: impl BufRead,
        answer: &mut Answer,
        records: &mut Vec<Record>,
    ) -> io::Result<()> {
        let mut sse = Sse::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let limit = LONGEST_LINE as u64;
            let count = reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
            if count == LONGEST_LINE {
                return Err(io::Error::other("a line of more than 4 MiB"));
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            let frame = match api {
                HttpApi::Ollama => (!text.trim().is_empty()).then(|| Frame::Data(text.to_owned())),
                HttpApi::OpenaiChat | HttpApi::OpenaiResponses if count == 0 => sse.finish(),
                HttpApi::OpenaiChat | HttpApi::OpenaiResponses => sse.line(text),
            };
            match frame {
                Some(Frame::Data(data)) => take(api, &data, answer, records),
                Some(Frame::Comment) => records.push(Record::Alive),
                None => {}
            }
            self.print(records)?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// One event's data.
fn take(api: HttpApi, data: &str, answer: &mut Answer, records: &mut Vec<Record>) {
    if data.trim() == "[DONE]" {
        return answer.take(super::Piece::Ended(None), records);
    }
    match serde_json::from_str(data) {
        Ok(event) => {
            for piece in pieces(api, &event) {
                answer.take(piece, records);
            }
        }
        Err(e) => records.push(Record::Warning { text: format!("an event that is no JSON: {e}") }),
    }
}
