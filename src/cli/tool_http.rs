//! The hidden command that is an `http` tool's child process: a request on stdin, records on stdout.

use super::error::{Failure, USAGE};

#[cfg(not(feature = "http"))]
pub(super) fn tool_http() -> Result<u8, Failure> {
    Err(Failure::new(USAGE, "usage", "send a request").cause("this build has no `http` feature"))
}

#[cfg(feature = "http")]
pub(super) fn tool_http() -> Result<u8, Failure> {
    use std::io::Read;

    use super::error::{INTERNAL, OK};
    use crate::clock::{Clock, SystemClock};
    use crate::workstreams::http::{Ended, FAILED, REFUSED, talk};

    let io = |what: &str, e: &dyn std::fmt::Display| Failure::new(INTERNAL, "io", what).cause(e.to_string());
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|e| io("read the request", &e))?;
    let usage = |e: serde_json::Error| Failure::new(USAGE, "usage", "read the request").cause(e.to_string());
    let call = serde_json::from_str(&text).map_err(usage)?;
    // A key that was pasted with its line end is meant without it.
    let variable = |name: &str| {
        std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let root = std::env::current_dir().map_err(|e| io("find the project", &e))?;
    let now = SystemClock.now().as_second();
    let ended = talk(&call, &variable, &root, now, &mut std::io::stdout().lock());
    Ok(match ended.map_err(|e| io("write the records", &e))? {
        Ended::Done => OK,
        Ended::Failed => FAILED,
        Ended::Refused => REFUSED,
    })
}
