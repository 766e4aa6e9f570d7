//! What is made of an agent's activity, for people and for the control socket.

use super::tool_line::tool_line;
use crate::control::LiveAttempt;
use crate::event::Event;
use crate::supervise::{Activity, Kind};

/// What of an activity a person sees: text plain, tool calls one line each, never raw records.
pub fn shown(role: &str, activity: &Activity, plain: bool) -> Option<Event> {
    let output = |text: String| Some(Event::AttemptOutput { role: role.to_owned(), text });
    let warning = |text: String| Some(Event::AttemptWarning { role: role.to_owned(), text });
    match &activity.kind {
        Kind::Output { bytes } => {
            let text = String::from_utf8_lossy(bytes);
            if !plain && text.trim_start().starts_with(['{', '[']) { None } else { output(text.into_owned()) }
        }
        Kind::Message { text } => output(format!("{}\n", text.trim_end())),
        Kind::ToolUse { name, input, .. } => output(format!("  > {}\n", tool_line(name, input))),
        Kind::Warning { text } => warning(text.clone()),
        Kind::Heartbeat { silent_ms } => Some(Event::AttemptQuiet {
            role: role.to_owned(),
            silent_ms: *silent_ms,
            running_ms: activity.offset_ms,
        }),
        Kind::Idle { silent_ms } => Some(Event::AttemptIdle { role: role.to_owned(), silent_ms: *silent_ms }),
        Kind::Active => Some(Event::AttemptActive { role: role.to_owned() }),
        Kind::RateLimit(limit) => Some(Event::RateLimited {
            role: role.to_owned(),
            status: limit.status.clone(),
            blocked: limit.blocked,
            resets_at: limit.resets_at,
        }),
        Kind::Terminate { reason, .. } => warning(format!("ending the agent: {reason}")),
        Kind::Leak(leak) => warning(format!(
            "ended a process the agent left behind: pid {} ({})",
            leak.pid,
            leak.argv.join(" ")
        )),
        _ => None,
    }
}

/// Notes on the board what an activity says of an attempt.
pub fn note(attempt: &LiveAttempt, activity: &Activity) {
    match &activity.kind {
        Kind::Spawn { pid, .. } => attempt.spawned(*pid),
        Kind::Idle { .. } => attempt.fell_idle(),
        Kind::Active => attempt.heard(),
        _ if activity.stream.is_some() => attempt.heard(),
        _ => {}
    }
}
