//! The recorded streams through the whole supervisor, one byte at a time.

use std::path::{Path, PathBuf};

use orchestrator::agents::output::Protocol;
use orchestrator::clock::SystemClock;
use orchestrator::supervise::{Kind, Outcome, Request, Stop, run};

fn recorded() -> Vec<(Protocol, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts");
    let mut found = Vec::new();
    for version in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        let cli = version.file_name().unwrap().to_string_lossy().split('-').next().unwrap().to_owned();
        let protocol = Protocol::ALL.into_iter().find(|p| p.name().starts_with(&format!("{cli}-"))).unwrap();
        let files = std::fs::read_dir(&version).unwrap().map(|e| e.unwrap().path());
        found.extend(files.filter(|p| p.extension().is_some_and(|e| e == "jsonl")).map(|p| (protocol, p)));
    }
    found
}

/// The outcome and the facts of a program whose stdout is the file.
fn replay(protocol: Protocol, command: &str, file: &Path) -> (Outcome, Vec<Kind>) {
    let argv = ["/bin/sh", "-c", command, "sh"].map(Into::into).into_iter().chain([file.into()]).collect();
    let attempt = format!("replay-{}", file.display());
    let mut request = Request::new(argv, std::env::temp_dir(), attempt);
    request.parser = Some(protocol.parser());
    let mut facts = Vec::new();
    let mut hear = |activity: &orchestrator::supervise::Activity| {
        if activity.stream.is_some() {
            facts.push(activity.kind.clone());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run(request, &Stop::new(), &SystemClock, &mut hear));
    (outcome, facts)
}

/// P12: wherever the reads fall, the facts are the same.
#[test]
fn one_byte_at_a_time() {
    for (protocol, file) in recorded() {
        // A read of one byte per write, as far as the reader keeps up.
        let slow = "dd bs=1 if=\"$1\" 2>/dev/null";
        if std::fs::metadata(&file).unwrap().len() > 6000 {
            continue;
        }
        let (whole, all) = replay(protocol, "cat \"$1\"", &file);
        let (pieces, some) = replay(protocol, slow, &file);
        assert_eq!(all, some, "{}", file.display());
        assert_eq!(whole.final_message, pieces.final_message, "{}", file.display());
        assert_eq!((whole.usage, whole.session_id), (pieces.usage, pieces.session_id), "{}", file.display());
        assert_eq!(whole.error_kind, pieces.error_kind, "{}", file.display());
    }
}

/// P11: an error record is an error though the program ends with 0, and an answer is none.
#[test]
fn what_the_outcome_says() {
    for (protocol, file) in recorded() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (outcome, _) = replay(protocol, "cat \"$1\"", &file);
        let expected = match name.as_str() {
            // `json-error` fails on stderr, which is not replayed here.
            "text" | "tool" | "tool-fails" | "json" | "json-error" | "rate-limit-waited" | "cut-repeated"
            | "crash" | "hang" => "none",
            _ => "agent_error",
        };
        assert_eq!(outcome.error_kind.name(), expected, "{}", file.display());
    }
}
