use orchestrator::agents::output::Protocol;
use orchestrator::supervise::{Activity, Kind, Stream};

/// No line ends a parser; a line that is no record comes out as it went in; no fact is made of plain words.
pub fn protocol(data: &[u8]) {
    for protocol in Protocol::ALL {
        let mut parser = protocol.parser();
        let mut records = false;
        let mut out: Vec<Activity> = Vec::new();
        for (at, line) in data.split(|b| *b == b'\n').enumerate() {
            // Now and then a line of the other stream.
            let stream = if at % 5 == 4 { Stream::Stderr } else { Stream::Stdout };
            let before = out.len();
            parser.line(stream, line, &mut out);
            let record = serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|v| v.is_object());
            records |= record;
            if !record {
                let passed = [line, b"\n"].concat();
                let there = out[before..]
                    .iter()
                    .any(|a| matches!(&a.kind, Kind::Output { bytes } if *bytes == passed));
                assert!(there, "{protocol:?} lost {:?}", String::from_utf8_lossy(line));
            }
        }
        parser.finish(&mut out);
        for activity in &out {
            match &activity.kind {
                Kind::Output { .. } | Kind::Warning { .. } => {}
                Kind::Message { .. }
                | Kind::Thinking { .. }
                | Kind::ToolUse { .. }
                | Kind::ToolResult { .. }
                | Kind::Usage(_)
                | Kind::RateLimit(_)
                | Kind::Session { .. }
                | Kind::Result { .. } => {
                    assert!(records, "{protocol:?} made {:?} of no record", activity.kind);
                }
                other => panic!("{protocol:?} may not say {other:?}"),
            }
        }
    }
}
