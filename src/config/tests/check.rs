//! What is refused, and with which words.

use std::time::{Duration, Instant};

use super::*;

/// T33: all errors of a file at once, with place and suggestion.
#[test]
fn every_problem_is_reported_at_once() {
    let text = "\
workflow:
  reveiw_every_n: 2
  steps:
    - {prompt: x.md}
    - {role: a, prompt: x.md}
    - {role: a, prompt: y.md}
router:
  enabled: yes
auto_commit:
  docs:
    globs: [\"a[\"]
supervision: {idle_secs: soon}
router_mode: frist
exit: {roles: [b]}
";
    let expected = [
        "2:3: unknown key `reveiw_every_n` in `workflow` (did you mean `review_every_n`?)",
        "4:7: `workflow.steps[0]` has no `role`",
        "6:8: `workflow.steps[2].role`: role `a` stands twice",
        "8:12: `router.enabled`: expected true or false, found `yes` (`yes` is a text here: write true)",
        "11:13: `auto_commit.docs.globs[0]`: bad glob `a[`: unclosed character class; missing ']'",
        "12:26: `supervision.idle_secs`: expected a duration (5, 0.25, 250ms, 2m, 12h), found `soon`",
        "13:14: `router.mode`: expected one of router_default, router_first, router_only, found `frist`",
        "14:8: `exit.roles`: `b` is no role of the workflow (did you mean `a`?)",
    ];
    assert_eq!(problems(text), expected.map(|line| format!("orchestration.yaml:{line}")));
    let error = load_text(text).unwrap_err();
    let paths: Vec<&str> = error.problems().iter().map(|p| p.path.as_str()).collect();
    assert_eq!(
        paths[..4],
        ["workflow.reveiw_every_n", "workflow.steps[0].role", "workflow.steps[2].role", "router.enabled"]
    );
}

/// The state names a lease in whole seconds: one of none would be over before it began.
#[test]
fn a_lease_has_at_least_a_second() {
    let problem = "orchestration.yaml:1:8: `sync.lease_secs` must be at least 1 s";
    assert_eq!(problems("sync: {lease_secs: 250ms}\n"), [problem]);
    assert!(load_text("sync: {lease_secs: 1}\n").is_ok());
}

/// T33: nothing is expanded, so a bomb costs nothing.
#[test]
fn an_alias_bomb_is_refused_at_once() {
    let bomb = (0..40).fold(String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n"), |all, i| {
        all + &format!("b{i}: &b{i} [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n")
    });
    let start = Instant::now();
    assert_eq!(problems(&bomb), ["orchestration.yaml:1:4: anchors are not supported (write the value out)"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(problems("workflow: *x\n")[0].contains("orchestration.yaml:1"));
    for merge in ["workflow:\n  <<: {name: x}\n", "agents:\n  <<: {claude: {}}\n"] {
        assert_eq!(
            problems(merge),
            ["orchestration.yaml:2:3: merge keys are not supported (write the keys out)"]
        );
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("oneshot: {}{}", "[".repeat(80), "]".repeat(80));
    assert!(problems(&deep)[0].contains("nested deeper than 64"));
    let steps = "- ".repeat(80);
    assert!(problems(&format!("oneshot:\n {steps}x\n"))[0].contains("nested deeper than 64"));
    assert!(problems(&format!("# {}", "x".repeat(1 << 20)))[0].contains("1 MiB"));
}

/// A file of nothing but mistakes costs no more than it is long, and does not flood the terminal.
#[test]
fn a_hopeless_file_is_given_up() {
    let mut text: String = (0..90_000).fold(String::new(), |all, i| all + &format!("k{i}:\n"));
    text.push_str(&"x".repeat(200_000));
    text.push_str(": 1\n");
    let start = Instant::now();
    let found = problems(&text);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(found.len() <= 100, "{}", found.len());
    assert!(problems(&format!("{}: 1", "x".repeat(900)))[0].len() < 900);
}

#[test]
fn types_are_strict_and_say_how_to_write_it() {
    for (text, expected) in [
        ("prompts_dir: 5", "expected a text, found `5` (quote it: \"5\")"),
        ("prompts_dir: ''", "expected a text, found nothing"),
        ("workflow: {review_every_n: 010}", "`010` is a text here: write 10"),
        ("workflow: {review_every_n: 000}", "`000` is a text here: write 0"),
        ("sync: {lease_secs: 010}", "`010` is a text here: write 10"),
        ("router: {enabled: Off}", "`Off` is a text here: write false"),
        ("router: {enabled: 'true'}", "found the text \"true\" (`true` is a text here: write true)"),
        ("workflow: {review_every_n: -1}", "expected a whole number from 0, found `-1`"),
        ("workflow: {review_every_n: 1.5}", "expected a whole number from 0, found `1.5`"),
        ("budget: {cost_usd: .nan}", "expected a number from 0, found `.nan`"),
        ("agents: {a: {success_codes: [256]}}", "expected a whole number from 0 to 255, found `256`"),
        ("supervision: {timeout_secs: 99999999d}", "expected a duration"),
        ("workflow: []", "`workflow`: expected a mapping, found a list"),
        ("workflow: {steps: {role: x}}", "expected a list, found a mapping"),
        ("workflow: {steps: [{role: Bad, prompt: x}]}", "`Bad` is not a role id"),
        ("workflow: {steps: [{prompt: x}]}", "`workflow.steps[0]` has no `role`"),
        ("workflow: {steps: [{role: a}]}", "`workflow.steps[0]` has no `prompt`"),
        ("workflow: {steps: [{role: , prompt: x}]}", "expected a role id, found nothing"),
        ("workflow: {steps: [{role: a, prompt: x, checks: [make]}]}", "a command as a list of words"),
        ("exit: {checks: [[]]}", "expected a command as a list of words, such as [make, test], found a list"),
        ("oneshot: {checks: [\"say 'x\"]}", "expected a command: one text, or a list of words"),
        ("auto_commit: {docs: {globs: [/a]}}", "paths are relative to the project root"),
        ("auto_commit: {docs: {globs: [docs/]}}", "a folder's files are `folder/**`"),
        ("idle_secs: 5", "unknown key `idle_secs` (known: "),
        ("retry_failed: 5", "there is `sync.retry_failed`"),
        ("run: {mode: role}", "`run` is set by flags and environment, not in the file"),
        ("a: 1\na: 2", "unknown key `a`"),
        ("tmp_dir: a\ntmp_dir: b", "key `tmp_dir` stands twice"),
        ("agents: {a: {}, a: {}}", "key `a` stands twice"),
        ("agents: {a: {command: [x], http: {url: y}}}", "`agents.a` has both `command` and `http`"),
        ("workstream: {tools: {a: {kinds: [x]}}}", "needs exactly one of `agent`, `run`, `shell`"),
        ("- x", "expected a mapping of keys, found a list"),
        ("a: [", "not valid YAML"),
        (": x", "a key is missing"),
        ("? [a]\n: b", "a key must be a plain text"),
        ("tmp_dir: !!str a", "tags are not supported"),
        ("a: 1\n---\nb: 1", "a second document"),
        ("router_mode: first\nrouter: {mode: only}", "`router_mode` and `router.mode` are the same key"),
    ] {
        let found = problems(text).join("\n");
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn what_is_left_empty_is_not_set() {
    for text in
        ["", "# nothing\n", "~", "budget:\nrouter:\n  mode:\nagents: {claude: }\n", "\u{feff}tmp_dir: tmp\n"]
    {
        assert_eq!(load_text(text).unwrap().config, Config::default(), "{text:?}");
    }
}

#[test]
fn words_and_extensions_are_taken_as_written() {
    let loaded = load_text(
        "agents: {a: {command: [x, 010, yes, 1.50], env: {A: 010, B: ''}}}\noneshot: {checks: [\"cargo test -- 'a b'\", [make, 2]]}\nreport_extensions: [.png, csv]\n",
    );
    let config = loaded.unwrap().config;
    let agent = &config.agents["a"];
    assert_eq!(agent.command.as_deref().unwrap(), ["x", "010", "yes", "1.50"]);
    assert_eq!((agent.env["A"].as_str(), agent.env["B"].as_str()), ("010", ""));
    assert_eq!(config.oneshot.checks, [vec!["cargo", "test", "--", "a b"], vec!["make", "2"]]);
    assert_eq!(config.auto_commit.reports.extensions, ["png", "csv"]);
}

/// What surprises is said, but not refused.
#[test]
fn keys_without_effect_are_named() {
    let loaded = load_text(
        "main_prompt: x.md\nagent: {roles: {ralf: claude, loop: codex}}\nworkflow: {steps: [{role: a, prompt: a.md}]}\n",
    );
    assert_eq!(
        loaded.unwrap().notices,
        [
            "`agent.roles.ralf` has no effect: the workflow has no such role",
            "`main_prompt` has no effect: `workflow.steps` names the prompts",
        ]
    );
}

/// T23: else moving the supervisor's file would leave it uncommitted.
#[test]
fn moved_documents_stay_documents() {
    let moved = "input_file: docs/in[1].md\nprompts_dir: p\n";
    let globs = load_text(moved).unwrap().config.auto_commit.docs.globs;
    let set = glob_set(&globs).unwrap();
    for hit in ["docs/in[1].md", "p/a/b.md", "galph_memory.md", "docs/fix_plan.md"] {
        assert!(set.is_match(hit), "{hit}");
    }
    let own = load_text(&format!("{moved}doc_whitelist: [a.md]\n")).unwrap();
    assert_eq!(own.config.auto_commit.docs.globs, ["a.md"], "a list of one's own is left as it is");
}
