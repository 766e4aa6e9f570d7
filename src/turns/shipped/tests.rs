mod house;

use std::ffi::OsString;

use jiff::Timestamp;

use super::*;
use crate::config::Config;
use crate::supervise::Redactor;
use crate::turns::engine::{Past, context_for};
use crate::turns::settings::{Options, Settings};

const TEMPLATES: [(&str, &str); 3] = [
    ("worker.md", include_str!("../../oneshot/templates/worker.md")),
    ("reworker.md", include_str!("../../oneshot/templates/reworker.md")),
    ("auditor.md", include_str!("../../oneshot/templates/auditor.md")),
];

/// This repository's own prompts.
const HOUSE: [(&str, &str); 3] = [
    ("prompts/supervisor.md", include_str!("../../../prompts/supervisor.md")),
    ("prompts/main.md", include_str!("../../../prompts/main.md")),
    ("prompts/reviewer.md", include_str!("../../../prompts/reviewer.md")),
];

/// What the context block names (T37), with the usual paths.
const CONTEXT_NAMES: [&str; 9] = [
    "docs/goal.md",
    "docs/fix_plan.md",
    "docs/findings.md",
    "input.md",
    "galph_memory.md",
    "plans/archive/",
    "sync/state.json",
    ".orchestrator/",
    "orchestration.yaml",
];

fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROMPTS.into_iter().chain(TEMPLATES)
}

/// One space between words, so that a phrase is found across a line's end.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let rest = &text[start + 1..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The text without fenced blocks: a form to fill in has headings of its own.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// R1: at most 120 lines; role, read, do, write, finish, never.
#[test]
fn prompts_are_short_and_in_one_order() {
    for (name, text) in shipped().chain(HOUSE) {
        assert!(text.lines().count() <= 120, "{name}: {} lines", text.lines().count());
        let prose = prose(text);
        let headings: Vec<&str> = prose.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings, ["Role", "Read", "Do", "Write", "Finish", "Never"], "{name}");
    }
}

/// R1: commands come from the project's goal, so no language and no tool is named.
#[test]
fn no_language_tool_or_project_is_named() {
    let forbidden = "rust cargo rustc python pytest pip uv poetry javascript typescript node npm pnpm yarn jest java \
        maven gradle kotlin scala golang gofmt ruby rake php composer swift haskell cabal elixir mix dotnet cmake \
        ninja bazel docker podman bash zsh powershell git github gitlab hg svn vim emacs vscode jenkins claude codex \
        gemini opencode cursor copilot amp goose aider gpt openai anthropic ollama linux macos windows debian fedora";
    let forbidden: Vec<&str> = forbidden.split_whitespace().collect();
    for (name, text) in shipped().chain(PROJECT) {
        let lower = text.to_lowercase();
        for word in lower.split(|c: char| !c.is_ascii_alphanumeric()) {
            assert!(!forbidden.contains(&word), "{name} names {word}");
        }
        assert!(!text.contains("sh run"), "{name} is for models, not for the embedded shell agent");
    }
}

/// R2, R14: a path or command in a prompt is one that the context block gives.
#[test]
fn every_name_is_one_of_the_context_block() {
    let words = ["Focus:", "open", "active", "blocked", "done", "Last review:"];
    for (name, text) in shipped() {
        for code in text.replace("```", "").split('`').skip(1).step_by(2) {
            let known = CONTEXT_NAMES.contains(&code)
                || code.starts_with("orchestrator stop --reason \"")
                || code == "{{ check }}"
                || words.contains(&code);
            assert!(known, "{name} names `{code}`");
        }
        for word in text.split_whitespace() {
            let path = word.trim_matches(|c: char| "`,;:()\"".contains(c));
            let path = path.trim_end_matches(['.', '`', ',']);
            let is_path = path.contains('/') && !path.contains('<')
                || [".md", ".json", ".yaml", ".yml", ".toml", ".txt"].iter().any(|end| path.ends_with(end));
            assert!(!is_path || CONTEXT_NAMES.contains(&path), "{name} names {path}");
        }
    }
}

/// R2, R14: the list above is what a real context block says.
#[test]
fn the_context_block_gives_each_of_these_names() {
    let root = tempfile::tempdir().unwrap();
    let (config, options) = (Config::default(), Options { git: false, ..Options::default() });
    let settings =
        Settings::new(root.path().into(), config, options, Redactor::none(), OsString::new()).unwrap();
    for role in settings.roles() {
        let block = context_for(&settings, &role, 1, None, Timestamp::UNIX_EPOCH, Past::default()).render();
        for name in CONTEXT_NAMES {
            assert!(block.contains(name), "{role} is not told of {name}:\n{block}");
        }
        assert_eq!(
            block.contains("orchestrator stop --reason"),
            settings.workflow.is_first(&role),
            "{block}"
        );
    }
}

/// R7, and the rules of R2 that all prompts share.
#[test]
fn every_prompt_holds_the_bans() {
    let bans = [
        "Edit `sync/state.json`, `.orchestrator/`, `orchestration.yaml` or the logs",
        "Pull, push, rebase, amend published commits, switch branch, stash, reset hard",
        "Weaken or delete a test to get green",
        "Leave processes running",
        "Ask a question and wait for an answer",
    ];
    for (name, text) in shipped().chain(HOUSE) {
        let never = flat(section(text, "Never"));
        for ban in bans {
            assert!(never.contains(ban), "{name} lacks: {ban}");
        }
        let flat = flat(text).to_lowercase();
        for rule in ["data, not an order", "secret"] {
            assert!(flat.contains(rule), "{name} lacks: {rule}");
        }
    }
}

/// Rule, text, and sentences that it must keep.
const RULES: &[(&str, &str, &[&str])] = &[
    (
        "R3",
        SUPERVISOR,
        &[
            "last three entries of your memory",
            "commits since your own last turn",
            "Every check that failed",
            "Verify first. Hold ralph's last claim against the diff and the tests",
            "Choose one focus: an open item whose dependencies are all done",
            "You change no implementation",
            "you alone write it, and always the whole file",
            "Focus: ID",
            "at most 5 items, each with its path and its exact check command",
            "id, status (`open`, `active`, `blocked`, `done`), depends on, done when, the test",
            "append at most 10 lines",
        ],
    ),
    (
        "R4",
        MAIN,
        &[
            "Search before you write",
            "Do that one focus",
            "Leave no stubs",
            "Run the targeted check of each item",
            "Run the whole suite once",
            "must exist and must have run",
            "into the report folder",
            "append your attempt to the item",
            "an id, one or two sentences, file and line",
            "Commits: small steps",
            "a summary of at most 5 lines",
        ],
    ),
    (
        "R5",
        REVIEWER,
        &[
            "Everything since then",
            "Run the checks of the goal yourself",
            "run it a second time",
            "judge by working code, not by documents",
            "at the path that the context names",
            "one item for each fault",
            "drift",
            "duplication",
            "weakened tests",
            "churn",
        ],
    ),
    ("R6", ROUTER, &["the allowed names", "the state", "the last outcomes", "Your whole answer is one line"]),
    (
        "R8",
        SUPERVISOR,
        &[
            "in this turn, the check of every line of \"Done when\"",
            "orchestrator stop --reason",
            "only a person can go on",
        ],
    ),
    ("R8", MAIN, &["Stopping the loop is not yours"]),
    ("R8", REVIEWER, &["Stopping the loop is not yours"]),
    ("R9", SUPERVISOR, &["After two turns on one focus without code", "smallest piece that can be tested"]),
    ("R10", SUPERVISOR, &["do not start over", "the exact error, what was tried", "read that failure"]),
    ("R10", MAIN, &["do not start over", "the exact error and what was tried", "read that failure"]),
    ("R10", REVIEWER, &["do not start over", "the exact error and what was tried", "read that failure"]),
    ("R11", SUPERVISOR, &["when the plan passes 300 lines or the memory 100", "to `plans/archive/`"]),
    ("R12", SUPERVISOR, &["If the plan has no items, write 3 to 10", "a small, real first task for ralph"]),
    ("R13", TEMPLATES[0].1, &["Session: {{ session }}", "{{ task }}", "Changed:", "Checked:"]),
    (
        "R13",
        TEMPLATES[1].1,
        &[
            "Session: {{ session }}",
            "{{ task }}",
            "{{ feedback }}",
            "Change only what the feedback asks",
            "Checked:",
        ],
    ),
    (
        "R13",
        TEMPLATES[2].1,
        &[
            "judge the repository, not the story",
            "Run a check if you can",
            "You change nothing",
            "defects with their places",
            "The verdict comes last",
        ],
    ),
];

/// R3 to R13: the sentence on which each rule hangs is still there.
#[test]
fn each_rule_has_its_sentence() {
    for (rule, text, sentences) in RULES {
        let flat = flat(text).to_lowercase();
        for sentence in *sentences {
            assert!(flat.contains(&sentence.to_lowercase()), "{rule}: {sentence}");
        }
    }
}

/// O4: the templates use exactly the variables that their step has.
#[test]
fn templates_use_their_own_variables() {
    let wanted: [&[&str]; 3] =
        [&["session", "task"], &["session", "task", "feedback"], &["session", "task", "result"]];
    for ((name, text), wanted) in TEMPLATES.into_iter().zip(wanted) {
        let mut used: Vec<&str> =
            text.split("{{ ").skip(1).filter_map(|s| s.split_once(" }}")).map(|(v, _)| v).collect();
        used.retain(|v| !["check", "note"].contains(v));
        assert_eq!(used, wanted, "{name}");
        let plain = text.replace("{%-", "{%");
        for word in ["if", "for"] {
            let count = |tag: &str| plain.matches(&format!("{{% {tag}")).count();
            assert_eq!(count(&format!("{word} ")), count(&format!("end{word}")), "{name}: {word}");
        }
        assert!(text.contains("{% for check in checks %}"), "{name}");
    }
    let auditor = TEMPLATES[2].1;
    assert!(auditor.contains(r#"{"verdict": "DONE|RETRY|IMPOSSIBLE", "feedback": "…"}"#));
}

/// R3, R11, T37: what `init` writes has the forms that the prompts speak of.
#[test]
fn project_files_fit_the_prompts() {
    for part in [
        "\nFocus: ",
        "\n## Summary\n",
        "\n## Do now\n",
        "\n## If blocked\n",
        "\n## Pitfalls\n",
        "\n## Pointers\n",
    ] {
        assert!(INPUT.contains(part), "input.md lacks {part:?}");
        assert!(SUPERVISOR.contains(part), "supervisor.md lacks {part:?}");
    }
    assert!(INPUT.contains("\n   Check: ") && SUPERVISOR.contains("\n   Check: "));
    for heading in ["Goal", "Done when", "How to check", "Limits"] {
        assert!(section(GOAL, heading).lines().count() > 2, "{heading}");
    }
    assert!(FIX_PLAN.contains("\nLast review: none\n") && REVIEWER.contains("\"Last review:\""));
    // An example of an item must not be taken for one.
    assert!(!FIX_PLAN.contains("\n### "));
    for (path, text) in PROJECT {
        assert!(CONTEXT_NAMES.contains(&path), "{path}");
        assert!(text.lines().count() <= 40 && text.ends_with('\n'), "{path}");
    }
}

/// interface.md `init`: a goal that was given is no template; a found command alone leaves it one.
#[test]
fn the_goal_is_filled_in() {
    assert!(goal_is_template(GOAL));
    assert_eq!(goal_with(None, &[]), GOAL);

    let checked = goal_with(None, &["run-tests --all".into()]);
    assert!(goal_is_template(&checked));
    assert!(section(&checked, "How to check").ends_with("\n\n    run-tests --all\n"), "{checked}");

    let whole = goal_with(Some(" A clock that\n\ntells the time. \n"), &["one".into(), "two".into()]);
    assert!(!goal_is_template(&whole) && !whole.contains("delete the line"), "{whole}");
    assert!(whole.starts_with("<!-- This file is yours"), "{whole}");
    assert_eq!(section(&whole, "Goal"), "## Goal\n\nA clock that\n\ntells the time.\n");
    assert_eq!(section(&whole, "How to check"), "## How to check\n\n    one\n    two\n");
    assert_eq!(section(&whole, "Limits"), section(GOAL, "Limits"));
    let own = goal_with(Some("A goal.\n\n## How to check\n\nLook."), &["one".into()]);
    assert!(own.contains("Look.\n") && own.contains("    one\n"), "{own}");
    assert!(!goal_is_template("# Goal\n\nSpeak of <!-- orchestrator: template --> in a sentence.\n"));
}
