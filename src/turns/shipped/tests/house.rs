//! This repository's own loop: its prompts are run, as the embedded shell agent runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::HOUSE;

const STATE: &str = include_str!("../../../../sync/state.json");
const SCHEMA: &str = include_str!("../../../../sync/state.schema.json");

/// T1: the state file of this repository has the keys in their order, and the schema knows each.
#[test]
fn state_and_schema_have_the_same_keys() {
    let keys = |text: &str| -> Vec<String> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        object.keys().cloned().collect()
    };
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let known = keys(&schema["properties"].to_string());
    let order = "iteration expected_actor status last_update lease_expires_at galph_commit ralph_commit \
        last_prompt last_prompt_actor exit exit_reason turn";
    assert_eq!(known, order.split_whitespace().collect::<Vec<_>>());
    assert_eq!(keys(STATE)[..9], known[..9]);
    let turn = keys(&schema["$defs"]["turn"]["properties"].to_string());
    assert_eq!(turn, ["id", "epoch", "role", "holder", "claimed_at", "lease_secs", "lease_ref", "failures"]);
}

/// The blocks that the embedded shell agent runs, by their info string.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "```sh run" {
            found.push(lines.by_ref().take_while(|l| *l != "```").flat_map(|l| [l, "\n"]).collect());
        }
    }
    found
}

fn run(block: &str, folder: &Path, reports: &Path) -> Output {
    Command::new("sh")
        .args(["-eu", "-c", block])
        .current_dir(folder)
        .env("ORCHESTRATOR_REPORT_DIR", reports)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A7: this repository's prompts do something real with no model, and find it sound.
#[test]
fn the_blocks_of_this_repository_pass_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reports = tempfile::tempdir().unwrap();
    for ((name, text), count) in HOUSE.into_iter().zip([2, 1, 1]) {
        let blocks = blocks(text);
        assert_eq!(blocks.len(), count, "{name}");
        for block in blocks {
            let output = run(&block, root, reports.path());
            assert!(output.status.success(), "{name}: {}", said(&output));
            assert!(!output.stdout.is_empty(), "{name} says nothing");
        }
    }
    let health = fs::read_to_string(reports.path().join("health.md")).unwrap();
    assert!(health.contains("| turns | ") && health.contains("| all | "), "{health}");
}

/// The same blocks, in a tree that is not sound, without git.
#[test]
fn the_blocks_of_this_repository_find_faults() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for name in ["Cargo.toml", "orchestration.yaml", "prompts/main.md", "sync/state.json", "docs/goal.md"] {
        write(name, "");
    }
    write("docs/findings.md", "");
    write("input.md", "Focus: A-1\n");
    write("docs/fix_plan.md", "### A-1: first\n- Status: open\n### A-2: second\n- Status: done\n");
    write("src/lib.rs", "//! Docs.\n");
    write("src/room/big.rs", &format!("//! Docs.\n{}", "fn f() {}\n".repeat(501)));
    // Put together here, so that a search for what was left open does not find this test.
    let open = ["todo", "!()"].concat();
    let tests = format!("#[cfg(test)]\nmod tests {{\n    #[test]\n    fn t() {{ {open} }}\n}}\n");
    write("src/room/small.rs", &format!("//! Docs.\nfn g() {{}}\n{tests}"));

    let survey = blocks(HOUSE[0].1);
    let health = blocks(HOUSE[1].1).remove(0);
    let compare = blocks(HOUSE[2].1).remove(0);
    let folder = |n: usize| root.join(format!("plans/active/a/reports/2026010{n}_000000"));

    let output = run(&survey[0], root, &folder(1));
    let text = said(&output);
    assert!(output.status.success() && text.contains("focus: A-1\n  open: A-1: first\nitems:"), "{text}");
    assert!(!text.contains("second") && text.contains("no repository here"), "{text}");
    assert!(run(&survey[1], root, &folder(1)).status.success());
    let output = run(&compare, root, &folder(1));
    assert!(output.status.success() && said(&output).contains("no health report yet"), "{}", said(&output));

    let output = run(&health, root, &folder(1));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("| room | 2 | 504 | 509 | 1 |\n") && text.contains("| src | 1 | 1 | 1 | 0 |\n"),
        "{text}"
    );
    assert!(text.contains("- note over 500 lines without tests: src/room/big.rs (502)\n"), "{text}");

    write("docs/a.md", "[there](goal.md), [out](https://example.org/x), [gone](gone/b.md#part)\n");
    let output = run(&survey[1], root, &folder(2));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("broken link: docs/a.md:1: docs/gone/b.md\nlinks checked: 2, faults: 1\n"),
        "{text}"
    );

    write("src/room/small.rs", &format!("//! Docs.\nfn g() {{ {open} }}\n"));
    write("docs/b.md", "one\n<<<<<<< ours\n");
    let output = run(&health, root, &folder(2));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("- fault left open: src/room/small.rs:2\n"), "{text}");
    assert!(text.contains("- fault conflict marker: docs/b.md:2:<<<<<<< ours\n"), "{text}");

    let output = run(&compare, root, &folder(3));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("look: room has fewer tests than before\n"), "{text}");
    assert!(text.contains("faults: 0 before, 2 now\n"), "{text}");
    assert_eq!(
        fs::read_to_string(folder(3).join("comparison.txt")).unwrap(),
        String::from_utf8_lossy(&output.stdout)
    );
}
