//! P14: a secret appears in no file and on no screen.

use std::sync::Arc;

use orchestrator::supervise::{MASK, Redactor, Stop};

use super::harness::{Bench, Records, conduct};

const SECRET: &str = "tok/en-4711-value";

/// Split over two writes on either stream, within JSON, escaped, in the command line and in the last words.
#[tokio::test]
async fn an_api_token_leaves_no_trace() {
    let (head, tail) = SECRET.split_at(7);
    let escaped = SECRET.replace('/', "\\u002f");
    let script = format!(
        "say '{head}'; sleep 30; print '{tail}'; errsay '{head}'; sleep 30; err '{tail}'; \
         print '{{\"k\":\"message\",\"text\":\"it is {escaped}\"}}'; \
         print '{{\"k\":\"tool\",\"id\":\"1\",\"name\":\"Bash\",\"input\":{{\"a\":[\"{escaped}\"]}}}}'; \
         print '{{\"k\":\"result\",\"error\":true,\"text\":\"bad {SECRET}\"}}'; say '{SECRET}'; exit 3"
    );
    let bench = Bench::new();
    std::fs::write(bench.path("script"), script).unwrap();
    let mut request = bench.with_logs("--script");
    request.argv.extend(["script".into(), SECRET.into()]);
    request.parser = Some(Box::new(Records::default()));
    request.redactor = Arc::new(Redactor::from_env([("API_TOKEN".into(), SECRET.into())]));
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    let (raw, activity) = (bench.text("raw.log"), bench.text("activity.jsonl"));
    for shown in [&raw, &activity, &format!("{outcome:?}"), &format!("{facts:?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(shown.contains(MASK));
    }
    for shown in [&activity, &format!("{outcome:?}"), &format!("{facts:?}")] {
        assert!(!shown.contains(tail), "{shown}");
    }
    assert_eq!(raw.matches(tail).count(), 2, "only where an escape hides that it is the value: {raw}");
    assert_eq!(outcome.error.as_deref(), Some("bad [redacted]"));
    assert!(raw.starts_with("[redacted]\n"), "{raw}");
}
