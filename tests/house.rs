//! The shape of the source tree: which room may use which, and what may not stand where.
#![expect(clippy::expect_used, reason = "a test says what broke by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in groups; a room uses only rooms of later groups.
const ORDER: &[&[&str]] = &[
    &["cli"],
    &["ui", "hooks"],
    &["turns", "workstreams"],
    &["oneshot"],
    &["sync", "agents"],
    &["supervise"],
    &["ledger"],
    &["control"],
    &["state", "config"],
    &["event"],
    &["clock", "ids"],
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("source folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|group| group.contains(&room))
}

/// The room of `src/turns/router.rs` is `turns`, of `src/clock.rs` `clock`.
fn room_of(path: &Path, src: &Path) -> String {
    let relative = path.strip_prefix(src).expect("below src");
    let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every room named behind `crate::` in code (comments excepted).
fn used_rooms(text: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for part in code.split("crate::").skip(1) {
            let names = part.strip_prefix('{').map_or(part, |list| list.split('}').next().unwrap_or(list));
            for name in names.split(',') {
                let word: String =
                    name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !word.is_empty() {
                    used.push((number + 1, word));
                }
                if !part.starts_with('{') {
                    break;
                }
            }
        }
    }
    used
}

#[test]
fn rooms_use_only_rooms_to_their_right() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    let mut edges: BTreeMap<String, usize> = BTreeMap::new();
    for path in files {
        let room = room_of(&path, &src);
        let Some(own) = rank(&room) else {
            assert!(["lib", "main"].contains(&room.as_str()), "{room} is no room of the architecture");
            continue;
        };
        for (line, used) in used_rooms(&fs::read_to_string(&path).expect("text")) {
            let Some(other) = rank(&used) else { continue };
            *edges.entry(format!("{room} -> {used}")).or_default() += 1;
            if used != room && other <= own {
                wrong.push(format!("{}:{line}: {room} may not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!edges.is_empty(), "no edge was read: the test reads the wrong folder");
}

/// What people see is made of records and events alone.
#[test]
fn the_screens_know_no_engine() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src.join("ui"), &mut files);
    assert!(!files.is_empty(), "the test reads the wrong folder");
    for path in files {
        for (line, used) in used_rooms(&fs::read_to_string(&path).expect("text")) {
            let known = ["ui", "control", "ledger", "state", "event", "clock", "ids"];
            let engine = rank(&used).is_some() && !known.contains(&used.as_str());
            assert!(!engine, "{}:{line}: ui may not use {used}", path.display());
        }
    }
}

#[test]
fn a_forbidden_edge_would_be_seen() {
    let used = used_rooms("use crate::{cli, turns::x};\n// crate::ui\nlet a = crate::sync::b();\n");
    assert_eq!(used, [(1, "cli".into()), (1, "turns".into()), (3, "sync".into())]);
    assert!(rank("cli") < rank("turns"));
}

#[test]
fn unsafe_stands_in_one_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    for path in files {
        let text = fs::read_to_string(&path).expect("text");
        let has = text.lines().any(|l| l.split("//").next().is_some_and(|code| code.contains("unsafe {")));
        assert!(!has || path.ends_with("supervise/tree.rs"), "{}", path.display());
    }
}
