//! What the agent says of itself decides (P8, P11, P17).

use std::time::Duration;

use orchestrator::supervise::{ErrorKind, Exit, Kind, Lifecycle, Repeat, Request, Stop};

use super::harness::{Bench, Records, conduct, outcome_of};

fn parsed(bench: &Bench, script: &str) -> Request {
    let mut request = bench.with_logs(script);
    request.parser = Some(Box::new(Records::default()));
    request.limits.result_grace = Duration::from_millis(150);
    request.limits.grace = Duration::from_millis(100);
    request
}

/// P8: one that stays after its result record is ended after the grace, and that is a success.
#[tokio::test]
async fn staying_after_the_result() {
    let bench = Bench::new();
    let request = parsed(&bench, r#"print '{"k":"result","text":"all done"}'; ignore-term; forever"#);
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.state, Lifecycle::Completed, "{outcome:?}");
    assert_eq!((outcome.exit, outcome.error_kind), (Exit::Signal(9), ErrorKind::None));
    assert_eq!(outcome.final_message.as_deref(), Some("all done"));
    assert!(outcome.duration >= Duration::from_millis(250));
}

/// P11: an error record is a failure whatever the exit status, and however the process ended.
#[tokio::test]
async fn an_error_record() {
    for after in ["exit 0", "exit 3", "forever"] {
        let bench = Bench::new();
        let script = format!(r#"print '{{"k":"result","error":true,"text":"no credit"}}'; {after}"#);
        let outcome = outcome_of(parsed(&bench, &script)).await;
        assert_eq!(
            (outcome.error_kind, outcome.error.as_deref()),
            (ErrorKind::AgentError, Some("no credit"))
        );
        assert!(matches!(outcome.state, Lifecycle::Failed(_)));
    }
}

/// P12: pretty-printed records between plain lines and on another stream: each is read, nothing is dropped.
#[tokio::test]
async fn pretty_printed() {
    let bench = Bench::new();
    let pretty = "{\n  \"k\": \"message\",\n  \"text\": \"hi {\"\n}";
    let script = format!(
        "print plain; print '{pretty}'; err '{{'; print '{{'; print '{{\"k\":\"message\",\"text\":\"two\"}}'; say '{{\"cut\":'"
    );
    let (outcome, facts) = conduct(parsed(&bench, &script), &Stop::new()).await;
    let messages: Vec<&str> = facts
        .iter()
        .filter_map(|fact| if let Kind::Message { text } = &fact.kind { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(messages, ["hi {", "two"]);
    assert_eq!(outcome.final_message.as_deref(), Some("two"));
    let plain: String = facts.iter().filter_map(|fact| fact.kind.output_text().map(String::from)).collect();
    let mut lines: Vec<&str> = plain.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["plain", "{", "{", "{\"cut\":"]);
    let sent = format!("plain\n{pretty}\n{{\n{{\"k\":\"message\",\"text\":\"two\"}}\n{{\"cut\":");
    assert_eq!(outcome.stdout_bytes, sent.len() as u64);
}

/// P17: an agent that goes in circles is warned about, or interrupted.
#[tokio::test]
async fn circles() {
    let call = r#"repeat 6 { print '{"k":"tool","id":"1","name":"Bash","input":{"command":"ls"}}'; print '{"k":"done","id":"1"}' }"#;
    let bench = Bench::new();
    let (outcome, facts) = conduct(parsed(&bench, call), &Stop::new()).await;
    assert!(outcome.succeeded());
    let warned = |fact: &&orchestrator::supervise::Activity| matches!(&fact.kind, Kind::Warning { text } if text.contains("same `Bash` call 5 times"));
    assert_eq!(facts.iter().filter(warned).count(), 1);
    let bench = Bench::new();
    let mut request = parsed(&bench, &format!("{call}; forever"));
    request.repeat = Repeat::Interrupt;
    let outcome = outcome_of(request).await;
    assert_eq!(outcome.error_kind, ErrorKind::Interrupted);
}
