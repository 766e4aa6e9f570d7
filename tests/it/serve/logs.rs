//! Raw logs, piece by piece, and nothing else of the disk.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::Served;
use crate::cli::project::Project;

/// All pieces of a log from an offset on.
fn pieces(s: &Served, attempt: &str, limit: usize) -> (String, u64) {
    let (mut text, mut offset, mut rounds) = (String::new(), 0, 0);
    loop {
        let piece = s.json(&format!("attempts/{attempt}/log?offset={offset}&limit={limit}"));
        text.push_str(piece["text"].as_str().unwrap());
        let next = piece["next"].as_u64().unwrap();
        if next == piece["size"].as_u64().unwrap() {
            return (text, next);
        }
        assert!(next > offset, "{piece}");
        (offset, rounds) = (next, rounds + 1);
        assert!(rounds < 100_000);
    }
}

fn attempt(s: &Served) -> (String, String) {
    let run = s.json("runs/last");
    let of = |name: &str| run["attempts"][0][name].as_str().unwrap().to_owned();
    (of("attempt_id"), of("log_path"))
}

/// T8, P14: what the agent printed comes whole and as text, also in pieces that cut characters, a long line and markup.
#[test]
fn a_log_in_pieces_is_the_log() {
    let p = Project::new();
    p.prompt(
        "supervisor",
        "for i in 1 2 3 4 5 6 7 8; do printf '€%s🦀\\n' $i; done\nprintf '\\377\\376 <script>alert(1)</script> \\033[31mred\\033[0m\\n'\n\
         head -c 1048576 /dev/zero | tr '\\0' x; echo",
    );
    p.run(&["--once", "--no-git"]).expect(0);
    let s = Served::start(&p);
    let (attempt, path) = attempt(&s);
    let bytes = fs::read(p.path(&path)).unwrap();
    assert!(bytes.len() > 1 << 20);
    let whole = String::from_utf8_lossy(&bytes);
    let (text, next) = pieces(&s, &attempt, 1 << 20);
    assert!(text == whole && next == bytes.len() as u64);
    assert!(text.contains("<script>alert(1)</script>") && text.contains("\u{1b}[31mred"));
    let head = bytes.windows(3).position(|w| w == b"\xff\xfe ").unwrap();
    let (mut small, mut offset) = (String::new(), 0);
    while offset < head as u64 {
        let piece = s.json(&format!("attempts/{attempt}/log?offset={offset}&limit=5"));
        small.push_str(piece["text"].as_str().unwrap());
        offset = piece["next"].as_u64().unwrap();
    }
    assert!(whole.starts_with(&small) && small.contains("€8🦀"), "{small}");
    let tail = s.json(&format!("attempts/{attempt}/log?tail=10"));
    assert_eq!(tail["offset"].as_u64().unwrap(), bytes.len() as u64 - 10);
    let beyond = s.json(&format!("attempts/{attempt}/log?offset=999999999"));
    assert_eq!((beyond["text"].as_str(), beyond["next"].as_u64()), (Some(""), Some(bytes.len() as u64)));
    let output: Vec<Value> =
        s.json("runs/last/events?kind=attempt_output")["events"].as_array().unwrap().clone();
    let told: String = output.iter().map(|e| e["data"]["text"].as_str().unwrap()).collect();
    assert!(told.contains("<script>alert(1)</script>") && told.contains(&"x".repeat(1 << 20)));
}

/// T8: a ledger that names a file elsewhere does not open it.
#[test]
fn a_log_is_confined() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let s = Served::start(&p);
    let (attempt, path) = attempt(&s);
    let outside = p.root().parent().unwrap().join("secret.log");
    fs::write(&outside, "secret").unwrap();
    let folder = p.path(&path).parent().unwrap().to_owned();
    symlink(&outside, folder.join("link.log")).unwrap();
    fs::write(p.path("secret.log"), "secret").unwrap();
    let link = folder.join("link.log").strip_prefix(p.root()).unwrap().display().to_string();
    let db = rusqlite::Connection::open(p.path(".orchestrator/ledger.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    for hostile in [
        "../secret.log",
        "logs/../secret.log",
        "logs/../../secret.log",
        "secret.log",
        "/etc/passwd",
        ".orchestrator/serve.token",
        ".orchestrator/ledger.db",
        "logs",
        &outside.display().to_string(),
        &link,
    ] {
        db.execute("update step_attempts set log_path = ?1", [hostile]).unwrap();
        let answer = s.get(&format!("/api/v1/attempts/{attempt}/log"));
        assert_eq!(answer.status, 403, "{hostile}: {}", answer.text());
        assert!(!answer.text().contains("secret\""));
    }
    db.execute("update step_attempts set log_path = 'logs/gone.log'", []).unwrap();
    assert_eq!(s.get(&format!("/api/v1/attempts/{attempt}/log")).status, 404);
    db.execute("update step_attempts set log_path = ?1", [path]).unwrap();
    assert_eq!(s.get(&format!("/api/v1/attempts/{attempt}/log")).status, 200);
}
