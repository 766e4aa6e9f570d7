//! One request, and its answer as records and files: what the child does.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use ureq::http::{Request, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::plan::{Call, Part, filled};
use crate::agents::http::{Record, is_here, resets_at};
use crate::config::HttpMethod;
use crate::sync::atomic;

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// Of an answer so much is shown, and seen by conditions: a record is one line.
const SHOWN: usize = 128 * 1024;
const CONNECT: Duration = Duration::from_secs(30);

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// Another try may help.
    Failed,
    /// It would be refused again.
    Refused,
}

struct Trouble(Ended, String);

fn failed(text: impl Into<String>) -> Trouble {
    Trouble(Ended::Failed, text.into())
}

fn refused(text: impl Into<String>) -> Trouble {
    Trouble(Ended::Refused, text.into())
}

/// Sends the request; its records go to `out`, its outputs below `root`. `now`: seconds since the epoch.
///
/// # Errors
/// The records could not be written.
pub fn talk(
    call: &Call,
    variable: &dyn Fn(&str) -> Option<String>,
    root: &Path,
    now: i64,
    out: &mut dyn Write,
) -> io::Result<Ended> {
    let mut print = |record: &Record| {
        serde_json::to_writer(&mut *out, record)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    let mut limit = None;
    match exchange(call, variable, root, now, &mut limit) {
        Ok(body) => {
            let whole = body.len() <= SHOWN;
            let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).into_owned();
            if !whole {
                let text = format!("the answer has {} bytes; here is its beginning", body.len());
                print(&Record::Warning { text })?;
            }
            print(&Record::Message { text: text.clone() })?;
            print(&Record::Result { text: Some(text), is_error: false })?;
            Ok(Ended::Done)
        }
        Err(Trouble(ended, text)) => {
            if let Some((status, resets_at)) = limit {
                print(&Record::RateLimit { status, blocked: true, resets_at })?;
            }
            print(&Record::Result {
                text: Some(format!("{} {}: {text}", call.method.name(), call.url)),
                is_error: true,
            })?;
            Ok(ended)
        }
    }
}

type Limit = Option<(String, Option<i64>)>;

fn exchange(
    call: &Call,
    variable: &dyn Fn(&str) -> Option<String>,
    root: &Path,
    now: i64,
    limit: &mut Limit,
) -> Result<Vec<u8>, Trouble> {
    let fill = |text: &str| {
        filled(text, variable).map_err(|name| refused(format!("the variable {name} is not set")))
    };
    let mut url: Uri =
        fill(&call.url)?.parse().map_err(|_| refused("with its variables filled in it is no address"))?;
    let mut headers = Vec::new();
    for (name, value) in &call.headers {
        headers.push((name.clone(), fill(value)?, value.contains("${")));
    }
    let first = url.clone();
    let (mut method, mut body) = (call.method, call.body.clone());
    for _ in 0..=REDIRECTS {
        // What was meant for one host is not carried to another.
        let away = place(&url) != place(&first);
        let own = headers.iter().filter(|(name, _, secret)| !away || !(*secret || is_private(name)));
        let response = send(method, &url, own.map(|(n, v, _)| (n.as_str(), v.as_str())), body.as_deref())?;
        let status = response.status();
        let wanted = expected(call, status);
        let Some(next) = location(&response, &url).filter(|_| status.is_redirection() && !wanted) else {
            return settle(call, response, wanted, root, now, limit);
        };
        let next = next?;
        allowed(&next, &url, call)?;
        // As browsers do it; 307 and 308 repeat the request.
        let plain = status == StatusCode::SEE_OTHER
            || (matches!(status.as_u16(), 301 | 302) && method == HttpMethod::Post);
        if plain && method != HttpMethod::Head {
            (method, body) = (HttpMethod::Get, None);
        }
        url = next;
    }
    Err(refused(format!("more than {REDIRECTS} redirects")))
}

fn send<'h>(
    method: HttpMethod,
    url: &Uri,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: Option<&str>,
) -> Result<Response<Body>, Trouble> {
    let mut config = Agent::config_builder();
    if is_here(&url.to_string()) {
        // A proxy of the environment is for the world outside.
        config = config.proxy(None);
    }
    let agent: Agent = config
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("orchestrator/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = Request::builder().method(method.name()).uri(url);
    let mut typed = false;
    for (name, value) in headers {
        typed |= name.eq_ignore_ascii_case("content-type");
        request = request.header(name, value);
    }
    let text = body.unwrap_or_default();
    if body.is_some() && !typed {
        let json = serde_json::from_str::<serde::de::IgnoredAny>(text)
            .is_ok_and(|_| text.trim_start().starts_with(['{', '[']));
        request = request
            .header("content-type", if json { "application/json" } else { "text/plain; charset=utf-8" });
    }
    let made = |e: ureq::http::Error| refused(format!("it cannot be sent: {e}"));
    let sent = match body {
        Some(body) => agent.run(request.body(body.to_owned()).map_err(made)?),
        None => agent.run(request.body(()).map_err(made)?),
    };
    sent.map_err(|e| failed(e.to_string()))
}

fn expected(call: &Call, status: StatusCode) -> bool {
    if call.expect.is_empty() { status.is_success() } else { call.expect.contains(&status.as_u16()) }
}

/// Scheme, host and port.
fn place(url: &Uri) -> (String, String, u16) {
    let scheme = url.scheme_str().unwrap_or("http").to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    (scheme, url.host().unwrap_or_default().to_ascii_lowercase(), port)
}

/// Where a redirect leads; none: there is no `location`.
fn location(response: &Response<Body>, from: &Uri) -> Option<Result<Uri, Trouble>> {
    let value = response.headers().get("location")?.to_str().unwrap_or_default().trim().to_owned();
    let bad = || refused(format!("it is redirected to what is no address: {value}"));
    let base =
        format!("{}://{}", from.scheme_str().unwrap_or("http"), from.authority().map_or("", |a| a.as_str()));
    let whole = if value.contains("://") {
        value.clone()
    } else if let Some(host) = value.strip_prefix("//") {
        format!("{}://{host}", from.scheme_str().unwrap_or("http"))
    } else if value.starts_with('/') {
        format!("{base}{value}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{base}{folder}/{value}")
    };
    let whole = whole.split('#').next().unwrap_or_default();
    Some(whole.parse().ok().filter(|uri: &Uri| uri.host().is_some()).ok_or_else(bad))
}

fn allowed(next: &Uri, from: &Uri, call: &Call) -> Result<(), Trouble> {
    let ((from_scheme, from_host, from_port), (scheme, host, port)) = (place(from), place(next));
    if !matches!(scheme.as_str(), "http" | "https") || (from_scheme == "https" && scheme == "http") {
        return Err(refused(format!("it is redirected to {scheme}, which is not followed")));
    }
    let named = |allowed: &String| *allowed == host || *allowed == format!("{host}:{port}");
    // From 80 to 443 of the same host it is the same server, better guarded.
    let guarded = from_scheme == "http" && scheme == "https" && (from_port, port) == (80, 443);
    if host == from_host && (port == from_port || guarded) || call.redirect_hosts.iter().any(named) {
        return Ok(());
    }
    Err(refused(format!("it is redirected to {host}:{port}, which `redirect_hosts` does not name")))
}

fn is_private(name: &str) -> bool {
    ["authorization", "cookie", "proxy-authorization"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// The last answer: the body, or what is wrong with it.
fn settle(
    call: &Call,
    response: Response<Body>,
    wanted: bool,
    root: &Path,
    now: i64,
    limit: &mut Limit,
) -> Result<Vec<u8>, Trouble> {
    let status = response.status();
    let lower = |name: &ureq::http::HeaderName| name.as_str().to_ascii_lowercase();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((lower(name), value.to_str().ok()?.to_owned())))
        .collect();
    let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse::<u64>().ok());
    let has_body = call.method != HttpMethod::Head;
    let large = || failed(format!("{status}, and the answer is longer than max_bytes ({})", call.max_bytes));
    if wanted && has_body && length.is_some_and(|length| length > call.max_bytes) {
        return Err(large());
    }
    let mut body = Vec::new();
    let read = response.into_body().into_reader().take(call.max_bytes + 1).read_to_end(&mut body);
    if !wanted {
        let waits = headers.iter().any(|(name, _)| name == "retry-after");
        if status.as_u16() == 429 || (status.as_u16() == 503 && waits) {
            *limit = Some((status.as_u16().to_string(), resets_at(&headers, now)));
        }
        let page = String::from_utf8_lossy(&body[..body.len().min(4096)]);
        let said: String =
            page.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim().chars().take(300).collect();
        let text = format!("{status}{}{said}", if said.is_empty() { "" } else { ": " });
        // Requests that are wrong stay so; servers that are busy or ill do not.
        let hopeless = status.is_redirection()
            || (status.is_client_error() && !matches!(status.as_u16(), 408 | 409 | 423 | 425 | 429));
        return Err(Trouble(if hopeless { Ended::Refused } else { Ended::Failed }, text));
    }
    read.map_err(|e| failed(format!("the answer was cut off: {e}")))?;
    if body.len() as u64 > call.max_bytes {
        return Err(large());
    }
    save(&call.save, &body, root)?;
    Ok(body)
}

fn save(parts: &[Part], body: &[u8], root: &Path) -> Result<(), Trouble> {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    for part in parts {
        let bytes = if part.pointer.is_empty() {
            body.to_vec()
        } else {
            let json = json
                .as_ref()
                .ok_or_else(|| failed("the answer is no JSON, and an output is a part of it"))?;
            let missing = || failed(format!("the answer has no {}", part.pointer));
            match json.pointer(&part.pointer).ok_or_else(missing)? {
                Json::String(text) => text.clone().into_bytes(),
                other => other.to_string().into_bytes(),
            }
        };
        let path = root.join(&part.file);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| atomic::write(&path, &bytes, false))
            .map_err(|e| failed(format!("{}: {e}", part.file)))?;
    }
    Ok(())
}
