//! P5: any volume, any bytes.

use std::process::Stdio;

use super::harness::{Bench, finished, outcome_of, times};

/// A gigabyte (a tenth of it in the daily run) on each stream at once: exact counts, little memory.
#[test]
fn a_flood_on_both_streams() {
    let bytes = times(1 << 30);
    let bench = Bench::new();
    let raw = format!("raw={}", bench.path("raw.log").display());
    let activity = format!("activity={}", bench.path("activity.jsonl").display());
    let host = bench
        .host(&format!("spam {bytes} both"), &[&raw, &activity, "cap=50000000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = finished(host);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("outcome none Code(0) stdout={bytes} stderr={bytes} ")), "{said}");
    let peak: u64 =
        said.lines().find_map(|line| line.strip_prefix("peak ")?.split(' ').next()?.parse().ok()).unwrap();
    assert!(peak < 20 * 1024, "{peak} KiB resident");
    for log in ["raw.log", "activity.jsonl"] {
        assert!(bench.path(log).metadata().unwrap().len() <= 50_000_000);
    }
}

#[tokio::test]
async fn strange_bytes_are_kept() {
    let bench = Bench::new();
    let mut strange: Vec<u8> = b"\0\0 nul \xff\xfe not text\r\nhalf \xe2\x82".to_vec();
    strange.extend_from_slice(&vec![b'y'; 10 << 20]);
    strange.extend_from_slice(b"\n\xac last \0");
    std::fs::write(bench.path("strange"), &strange).unwrap();
    let outcome = outcome_of(bench.with_logs("raw strange")).await;
    assert!(outcome.succeeded());
    assert_eq!(outcome.stdout_bytes, strange.len() as u64);
    assert!(bench.read("raw.log") == strange, "the raw log differs");
    let mut text = String::new();
    for line in bench.activity().iter().filter(|line| line["kind"] == "output") {
        text.push_str(line["data"]["text"].as_str().unwrap());
        text.push_str(if line["data"]["partial"] == true { "" } else { "\n" });
    }
    assert!(text.len() > 10 << 20 && text.ends_with("last \0"));
}
