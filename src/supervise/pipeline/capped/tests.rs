use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;

struct Sheet {
    dir: tempfile::TempDir,
}

impl Sheet {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> File {
        let path = self.dir.path().join("log");
        OpenOptions::new().append(true).create(true).open(path).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

#[test]
fn below_the_cap_the_file_is_what_was_written() {
    let sheet = Sheet::new();
    let mut file = sheet.open();
    file.write_all(b"header\n").unwrap();
    let mut log = Capped::new(file.try_clone().unwrap(), 1 << 20, Form::Raw);
    for n in 0..1000 {
        log.write(format!("{n}\n").as_bytes());
    }
    log.finish();
    file.write_all(b"closing line\n").unwrap();
    let text = sheet.text();
    let body = text.strip_prefix("header\n").and_then(|text| text.strip_suffix("closing line\n")).unwrap();
    assert!(body.lines().map(|line| line.parse::<usize>().unwrap()).eq(0..1000));
}

/// P13: beyond the cap head, marker and tail, never longer than the cap, and the marker tells the truth.
#[test]
fn head_and_tail() {
    let sheet = Sheet::new();
    let max = 8000;
    let mut log = Capped::new(sheet.open(), max, Form::Raw);
    let mut sent = String::new();
    for n in 0..10_000 {
        let line = format!("line {n}\n");
        log.write(line.as_bytes());
        sent.push_str(&line);
        if n % 97 == 0 {
            log.flush();
            assert!(sheet.text().len() <= 8000, "{n}");
        }
    }
    log.finish();
    let text = sheet.text();
    let (head, rest) = text.split_once("\n[orchestrator: ").unwrap();
    let (count, tail) = rest.split_once(" bytes left out here]\n").unwrap();
    let left_out: usize = count.parse().unwrap();
    assert!(text.len() <= 8000 && tail.len() >= 1000, "{} {}", text.len(), tail.len());
    assert!(sent.starts_with(head) && sent.ends_with(tail));
    assert_eq!(head.len() + left_out + tail.len(), sent.len());
}

/// P13: lines of JSON stay whole on both sides of the marker, an over-long one is left out whole.
#[test]
fn lines_stay_lines() {
    let sheet = Sheet::new();
    let mut log = Capped::new(sheet.open(), 8000, Form::Lines);
    for n in 0..3000 {
        log.write(format!("{{\"seq\":{n}}}\n").as_bytes());
        if n == 1500 {
            log.write(format!("{{\"long\":\"{}\"}}\n", "x".repeat(5000)).as_bytes());
        }
    }
    log.finish();
    let text = sheet.text();
    assert!(text.len() <= 8000 && text.ends_with("{\"seq\":2999}\n"));
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let marker = lines.iter().position(|line| line.get("data").is_some()).unwrap();
    let seqs = |lines: &[serde_json::Value]| -> Vec<u64> {
        lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    for part in [seqs(&lines[..marker]), seqs(&lines[marker + 1..])] {
        assert!(part.len() > 50 && part.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
    assert!(lines[marker]["data"]["bytes"].as_u64().unwrap() > 5000);
}

/// P13: on a full disk nothing fails, it is said once, and it is known how much is missing.
#[test]
fn a_full_disk() {
    let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut log = Capped::new(file, 1 << 20, Form::Raw);
    for _ in 0..10 {
        log.write(&vec![b'x'; 100_000]);
    }
    log.finish();
    assert_eq!(log.take_error().unwrap().kind(), io::ErrorKind::StorageFull);
    assert!(log.take_error().is_none());
    assert_eq!(log.lost, 1_000_000);
}

/// A log that was cut in the middle of a line goes on with a line of its own.
#[test]
fn continued_after_a_torn_line() {
    let sheet = Sheet::new();
    sheet.open().write_all(b"{\"seq\":1}\n{\"se").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(sheet.dir.path().join("log")).unwrap();
    let mut log = Capped::new(file, 1 << 20, Form::Lines);
    log.write(b"{\"seq\":1}\n");
    log.finish();
    assert_eq!(sheet.text(), "{\"seq\":1}\n{\"se\n{\"seq\":1}\n");
}
