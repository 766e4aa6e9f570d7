//! P13: the logs.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use orchestrator::supervise::{ActivityTag, Kind, RawLog, Stop};

use super::harness::{Bench, conduct, outcome_of, unless_late};

#[tokio::test]
async fn the_activity_log_is_gapless_and_named() {
    let bench = Bench::new();
    let mut request = bench.with_logs("print one; print two; say three; err four; exit 1");
    request.tag =
        ActivityTag { run: "r1".into(), role: "ralph".into(), iteration: Some(3), agent: "fa\"ke".into() };
    outcome_of(request).await;
    let lines = bench.activity();
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], at + 1);
        assert!(line["ts_ms"].as_i64().unwrap() > 1_600_000_000_000);
        assert_eq!(
            (&line["run"], &line["role"], &line["iteration"]),
            (&"r1".into(), &"ralph".into(), &3.into())
        );
        assert_eq!(line["agent"], "fa\"ke");
    }
    let texts: Vec<&str> = lines
        .iter()
        .filter(|l| l["stream"] == "stdout")
        .map(|l| l["data"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert_eq!(lines.first().unwrap()["kind"], "spawn");
    let exit = &lines.last().unwrap()["data"];
    assert_eq!(
        (&exit["code"], &exit["state"], &exit["error_kind"]),
        (&1.into(), &"failed".into(), &"exit".into())
    );
    assert_eq!(lines.iter().find(|line| line["stream"] == "stderr").unwrap()["data"]["text"], "four");
}

/// Both logs are on disk while the agent lives: at once when it pauses, within 100 ms when it does not.
#[tokio::test]
async fn flushed_in_time() {
    for pause in ["sleep 400", "sh 'for i in 1 2 3 4 5 6 7 8; do sleep 0.05; echo $i; done'"] {
        unless_late(Duration::from_millis(150), async || {
            let bench = Bench::new();
            let request = bench.with_logs(&format!("print hello; {pause}; print end"));
            let seen = async {
                while !bench.text("activity.jsonl").contains("hello")
                    || !bench.text("raw.log").contains("hello")
                {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Instant::now()
            };
            let (seen, ended) = tokio::join!(seen, async {
                outcome_of(request).await;
                Instant::now()
            });
            if ended - seen > Duration::from_millis(200) {
                return Ok(());
            }
            Err(format!("seen {:?} before the end", ended - seen))
        })
        .await;
    }
}

/// On a full disk the turn goes on, warned once.
#[tokio::test]
async fn a_full_disk() {
    let bench = Bench::new();
    let mut request = bench.request("spam 300000; print end");
    let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    request.raw_log = Some(RawLog::file(file, 1 << 20));
    request.activity_log = Some("/dev/full".into());
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert!(outcome.succeeded() && outcome.logs_incomplete);
    let warnings = facts.iter().filter(|fact| matches!(fact.kind, Kind::Warning { .. })).count();
    assert_eq!((warnings, outcome.stdout_bytes), (1, 300_004));
    let mut request = bench.request("print end");
    request.activity_log = Some(bench.path("no/such/folder/activity.jsonl"));
    let (outcome, facts) = conduct(request, &Stop::new()).await;
    assert!(outcome.succeeded() && outcome.logs_incomplete);
    assert_eq!(facts.iter().filter(|fact| matches!(fact.kind, Kind::Warning { .. })).count(), 1);
}

/// Head and tail of both logs beyond the cap.
#[tokio::test]
async fn capped() {
    let bench = Bench::new();
    let mut request = bench.with_logs("print first; spam 3000000; print last");
    request.limits.log_max_bytes = 100_000;
    request.raw_log.as_mut().unwrap().max_bytes = 100_000;
    let outcome = outcome_of(request).await;
    assert!(outcome.succeeded() && !outcome.logs_incomplete);
    let raw = bench.text("raw.log");
    assert!(raw.len() <= 100_000 && raw.starts_with("first\n") && raw.ends_with("last\n"), "{}", raw.len());
    assert!(raw.contains("bytes left out here"));
    let (text, lines) = (bench.text("activity.jsonl"), bench.activity());
    assert!(text.len() <= 100_000);
    assert_eq!(lines.last().unwrap()["kind"], "exit");
}
