//! Masks every text of a fact: what a parser decoded may spell a secret that the bytes did not.

use std::borrow::Cow;

use super::super::activity::Kind;
use super::redact::Redactor;

pub(super) fn mask(redactor: &Redactor, kind: &mut Kind) {
    let text = |text: &mut String| {
        if let Cow::Owned(masked) = redactor.text(text) {
            *text = masked;
        }
    };
    match kind {
        Kind::Output { bytes } => {
            if let Cow::Owned(masked) = redactor.bytes(bytes) {
                *bytes = masked;
            }
        }
        Kind::Message { text: t }
        | Kind::Thinking { text: t }
        | Kind::Warning { text: t }
        | Kind::Terminate { reason: t, .. }
        | Kind::Exit { error: Some(t), .. }
        | Kind::Session { id: t }
        | Kind::ToolResult { text: t, .. }
        | Kind::Result { text: Some(t), .. } => text(t),
        Kind::ToolUse { name, input, .. } => {
            text(name);
            redactor.json(input);
        }
        Kind::RateLimit(limit) => text(&mut limit.status),
        Kind::Spawn { argv, .. } => argv.iter_mut().for_each(text),
        Kind::Leak(leak) => leak.argv.iter_mut().for_each(text),
        Kind::Result { text: None, .. }
        | Kind::Stdin { .. }
        | Kind::Usage(_)
        | Kind::Heartbeat { .. }
        | Kind::Idle { .. }
        | Kind::Active
        | Kind::Exit { error: None, .. } => {}
    }
}
