//! Good files to start from, and the words that their grammars are made of.

use std::fs;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file below a folder, small ones only: a mutation of a large one seldom meets anything.
fn files(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![here(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension)
                && let Ok(bytes) = fs::read(&path)
                && bytes.len() < 20_000
            {
                found.push(bytes);
            }
        }
    }
    assert!(!found.is_empty(), "no seeds in {folder}");
    found
}

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub const STATE_WORDS: &[&str] = &[
    "\"iteration\": 18446744073709551615,",
    "\"status\": \"running-ralph\",",
    "\"exit\": true,",
    "\"exit_reason\": \"x\",",
    "\"turn\": null,",
    "\"x\": 1e999,",
    "\"x\": [\n{}\n],",
    "\"\\u0065xit\": false,",
    "{",
    "}",
    "\"",
    "\\",
    ",",
    ":",
    "null",
    "-1",
    "<<<<<<< ours\n",
    "\u{feff}",
];

pub fn states() -> Vec<Vec<u8>> {
    let mut all = files("tests/fixtures/states", "json");
    let turn = r#"{"id":"a","epoch":18446744073709551615,"role":"ralph","holder":{"host":"h","boot":"b","pid":1,"started":"1","nonce":"n"},"claimed_at":"2026-01-01T00:00:00Z","lease_secs":600,"lease_ref":null,"failures":18446744073709551615,"new":[1]}"#;
    all.extend(texts(&[
        "{}",
        "{\"status\": \"wa\\ting-ralph\"}",
        "{\"expected_actor\": \"\u{9b}2J\"}",
        &format!(
            "{{\"iteration\": 18446744073709551615, \"expected_actor\": \"ralph\", \"status\": \"running-ralph\", \"exit\": false, \"exit_reason\": null, \"turn\": {turn}, \"other\": {{\"a\": [1.50, -0]}}}}"
        ),
    ]));
    all
}

pub const YAML_WORDS: &[&str] = &[
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "|\n",
    ">-\n",
    "\n  ",
    "\t",
    "~",
    "null",
    "0x10",
    "1e400",
    "-1",
    "99999999999d",
    "\u{1b}[31m",
    "\u{0}",
    "\u{85}",
    "\u{202e}",
    "\r",
    "---\n",
    "...\n",
    "? ",
    "..",
    "/etc/passwd",
    "#",
];

pub fn configs() -> Vec<Vec<u8>> {
    let mut all = texts(&[
        orchestrator::config::EXAMPLE_YAML,
        "agent: {default: shell}\nworkflow:\n  - {role: galph, prompt: a.md}\n  - {role: ralph, prompt: b.md}\n",
    ]);
    all.extend(fs::read(here("orchestration.yaml")));
    all
}

pub const PATH_WORDS: &[&str] = &[
    "../", "/", "./", "prompts/", "link/", "\\", "~", "\n", "\r", "\u{0}", "main.md", ".md", ".MD", " ",
    "out", "\u{202e}",
];

pub fn answers() -> Vec<Vec<u8>> {
    texts(&[
        "main.md",
        "prompts/main",
        "./prompts/sub/deep.md\n",
        "out.md",
        "link/secret.md",
        "../secret.md",
        "a\nb",
        "prompts/~\u{fffd} ",
        "prompts/ ./x",
    ])
}

pub const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "\r\n",
    "\\",
    "\\u",
    "null",
    "1e999",
    "-1",
    "{\n",
    "\u{1b}[0m",
    "\u{2028}",
    "\"type\":\"result\"",
    "\"is_error\":true",
    "{\"type\":\"error\"}\n",
    "rate limit 429\n",
];

pub fn transcripts() -> Vec<Vec<u8>> {
    files("tests/fixtures/transcripts", "jsonl")
}

pub const SECRET_WORDS: &[&str] =
    &["\u{f0}", "sk-", "ghp_", "AKIA", "[redacted]", "hunter2-", "\\\"", "aaaaaaaa"];

/// A number of secrets, their bytes, and a body in which the bytes 0xf0 to 0xf7 stand for them.
pub fn secrets() -> Vec<Vec<u8>> {
    let body = |head: &[u8], body: &[&[u8]]| [head, &body.concat()].concat();
    vec![
        body(b"\x01\x06aaaaa\x06aaabaaaa\x0100aAKIAab", &[b"aa\0\0\0aA\\\"aa\0\0\0aAKIAab\xf0"]),
        body(b"\x00\x0chunter2-and-more", &[b"it is ", b"\xf0", b", \xf4 really \xf0\xf0 hunter2-"]),
        body(b"\x01\x06aaaaaaaaaaaaaa\x06aaabaaabaaabaa", &[b"a\xf0aa\xf1aaa", b"aaab\xf0"]),
        body(b"\x01\x04pass\"w/\\\x0a<&>\x05outer inner!!", &[b"{\"v\": \"\xf4\"} \xf1 \xf5 outer"]),
    ]
}

pub fn workstreams() -> Vec<Vec<u8>> {
    let mut all = files("docs/examples", "yaml");
    all.extend(texts(&[concat!(
        "id: ws-a\nmax_parallel: 4\non_failure: abort\nbudget: {cost_usd: 5}\nacceptance: [{run: [cargo, test]}]\n",
        "steps:\n  - id: outline\n    prompt: prompts/outline.md\n    files_scope: [docs/**]\n",
        "  - {id: write, depends_on: [outline], prompt: prompts/write.md, tool: claude, timeout_secs: 1800,\n",
        "     retry: {attempts: 3, backoff: exponential}, when: \"steps.outline.state == 'succeeded'\",\n",
        "     gates: [{shell: make}], env: {A: b}, outputs: {summary: docs/summary.md}}\n",
        "  - {id: last, depends_on: [outline, write], run: [make, x]}\n",
    )]));
    all
}

pub const VERDICT_WORDS: &[&str] = &[
    "DONE",
    "RETRY",
    "IMPOSSIBLE",
    "done",
    "\n",
    "verdict: ",
    "{\"verdict\": \"DONE\"}",
    "{\"verdict\": \"RETRY\"}",
    "{",
    "}",
    "\"",
    "**",
    "- ",
    "\\u0044ONE",
    "DONE|RETRY|IMPOSSIBLE",
    "```json\n",
    "\"verdict\"",
    ": ",
    "\u{ff1a}",
    "ſ",
    "\u{212a}",
];

pub fn verdicts() -> Vec<Vec<u8>> {
    texts(&[
        "All tests pass.\n\nDONE",
        "{\"verdict\": \"RETRY\", \"feedback\": \"add {tests}\"}",
        "```json\n{\"verdict\": \"DONE\", \"feedback\": \"\"}\n```\n",
        "Verdict: **IMPOSSIBLE**: no such file",
        "{\"verdict\": \"DONE|RETRY|IMPOSSIBLE\", \"feedback\": \"...\"}\n{\"verdict\": \"RETRY\"}",
    ])
}
