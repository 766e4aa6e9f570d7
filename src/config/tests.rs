use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn load_text(text: &str) -> Result<Loaded, ConfigError> {
    load_with(text, &[], &[])
}

fn load_with(text: &str, vars: &[(&str, &str)], flags: &[Override]) -> Result<Loaded, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE_NAME), text).unwrap();
    let vars: Vec<(String, String)> = vars.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    load(dir.path(), None, &vars, flags)
}

fn problems(text: &str) -> Vec<String> {
    load_text(text).unwrap_err().lines()
}

/// T33: all errors of a file at once, with place and suggestion.
#[test]
fn every_problem_is_reported_at_once() {
    let found = problems(
        "workflow:\n  reveiw_every_n: 2\nrouter:\n  enabled: yes\nauto_commit:\n  docs:\n    globs: [\"a[\"]\nsupervision: {idle_secs: soon}\nrouter_mode: frist\n",
    );
    assert_eq!(
        found,
        [
            "orchestration.yaml:2:3: unknown key `reveiw_every_n` in `workflow` (did you mean `review_every_n`?)",
            "orchestration.yaml:4:12: `router.enabled`: expected true or false, found `yes` (`yes` is a text here: write true)",
            "orchestration.yaml:7:13: `auto_commit.docs.globs[0]`: bad glob `a[`: unclosed character class; missing ']'",
            "orchestration.yaml:8:26: `supervision.idle_secs`: expected a duration (5, 0.25, 250ms, 2m, 12h), found `soon`",
            "orchestration.yaml:9:14: `router.mode`: expected one of router_default, router_first, router_only, found `frist`",
        ]
    );
}

/// T33: nothing is expanded, so a bomb costs nothing.
#[test]
fn an_alias_bomb_is_refused_at_once() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 0..40 {
        bomb += &format!("b{i}: &b{i} [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n");
    }
    let start = Instant::now();
    assert_eq!(problems(&bomb), ["orchestration.yaml:1:4: anchors are not supported (write the value out)"]);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(problems("workflow: *x\n")[0].contains("orchestration.yaml:1"));
    assert!(problems("workflow:\n  <<: {name: x}\n")[0].contains("merge keys are not supported"));
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!("oneshot: {}{}", "[".repeat(80), "]".repeat(80));
    assert!(problems(&deep)[0].contains("nested deeper than 64"));
    assert!(problems(&format!("# {}", "x".repeat(1 << 20)))[0].contains("1 MiB"));
}

#[test]
fn types_are_strict_and_say_how_to_write_it() {
    for (text, expected) in [
        ("prompts_dir: 5", "expected a text, found `5` (quote it: \"5\")"),
        ("workflow: {review_every_n: 010}", "`010` is a text here: write 10"),
        ("workflow: {review_every_n: -1}", "expected a whole number from 0, found `-1`"),
        ("workflow: []", "`workflow`: expected a mapping, found a list"),
        ("workflow: {steps: {role: x}}", "expected a list, found a mapping"),
        ("workflow: {steps: [{role: Bad, prompt: x}]}", "`Bad` is not a role id"),
        ("workflow: {steps: [{prompt: x}]}", "`workflow.steps[0]` has no `role`"),
        ("workflow: {steps: [{role: a, prompt: x}, {role: a, prompt: y}]}", "role `a` stands twice"),
        ("idle_secs: 5", "unknown key `idle_secs` (known: "),
        ("retry_failed: 5", "there is `sync.retry_failed`"),
        ("a: 1\na: 2", "unknown key `a`"),
        ("tmp_dir: a\ntmp_dir: b", "key `tmp_dir` stands twice"),
        ("- x", "expected a mapping of keys, found a list"),
        ("a: [", "not valid YAML"),
        ("router_mode: first\nrouter: {mode: only}", "are the same key"),
    ] {
        let found = problems(text).join("\n");
        assert!(found.contains(expected), "{text}: {found}");
    }
}

/// T32: keys of the earlier orchestrator keep their names and meaning.
#[test]
fn old_names_keep_their_meaning() {
    let loaded = load_text(
        "supervisor_prompt: s.md\nmain_prompt: m.md\nreviewer_prompt: r.md\ndoc_whitelist: [a.md]\ntracked_output_globs: ['o/**']\ntracked_output_extensions: [csv]\nreport_extensions: [log]\nrouter_enabled: true\nrouter_mode: router-first\nrouter_prompt: router.md\nrouter_review_every_n: 4\nrouter_allowlist: [s.md]\nworkflow: {name: default, review_every_n: 9}\nspec_bootstrap: {x: [1]}\n",
    )
    .unwrap();
    let c = &loaded.config;
    assert_eq!(c.auto_commit.docs.globs, ["a.md"]);
    assert!((c.auto_commit.docs.max_file_mib - 1.0).abs() < f64::EPSILON, "caps keep their defaults");
    assert_eq!(c.auto_commit.tracked.globs, ["o/**"]);
    assert_eq!(c.auto_commit.tracked.extensions, ["csv"]);
    assert_eq!(c.auto_commit.reports.extensions, ["log"]);
    assert!(c.router.enabled);
    assert_eq!(c.router.mode, RouterMode::RouterFirst);
    assert_eq!(c.router.prompt.as_deref(), Some("router.md"));
    assert_eq!(c.review_every_n(), 4, "router.review_every_n wins");
    assert_eq!(c.router.allowlist, ["s.md"]);
    assert_eq!(c.steps().iter().map(|s| s.prompt.as_str()).collect::<Vec<_>>(), ["s.md", "m.md"]);
    assert_eq!(loaded.notices, ["`spec_bootstrap` (line 14) is accepted and ignored"]);
}

/// T34: flag > environment > file > default, and each value knows its origin.
#[test]
fn layers_override_in_order() {
    let file = "state_file: f.json\nprompts_dir: p\nrouter: {mode: only}\n";
    let vars = [
        ("STATE_FILE", "e.json"),
        ("ROUTER_MODE", "first"),
        ("ROUTER_ALLOWLIST", "a.md, b.md"),
        ("CLAUDE_CMD", "claude --x 'a b'"),
        ("ROUTER_PROMPT", ""),
    ];
    let flags = [Override::flag("--state-file", "state_file", "flag.json")];
    let loaded = load_with(file, &vars, &flags).unwrap();
    let c = &loaded.config;
    assert_eq!(c.state_file, "flag.json");
    assert_eq!(c.router.mode, RouterMode::RouterFirst);
    assert_eq!(c.router.allowlist, ["a.md", "b.md"]);
    assert_eq!(c.router.prompt, None);
    assert_eq!(c.agents["claude"].command.as_deref().unwrap(), ["claude", "--x", "a b"]);
    let source = |path: &str| loaded.source_of(path).to_string();
    assert_eq!(source("state_file"), "flag --state-file");
    assert_eq!(source("prompts_dir"), "file, line 2");
    assert_eq!(source("router.mode"), "environment ROUTER_MODE");
    assert_eq!(source("logs_dir"), "default");
    let shown = loaded.effective();
    assert!(shown.iter().any(|k| k.path == "state_file" && k.value == "flag.json"));
    let bad = load_with("", &[("ROUTER_REVIEW_EVERY_N", "often")], &[]).unwrap_err().lines();
    assert_eq!(
        bad,
        ["settings: environment ROUTER_REVIEW_EVERY_N: expected a whole number from 0, found `often`"]
    );
}

/// Every key of the table is known to the typed configuration, or says that it is unused.
#[test]
fn the_table_and_the_types_agree() {
    let values = serde_json::to_value(Config::default()).unwrap();
    for (path, key) in keys::all() {
        if path.contains("[]") || path.contains("NAME") || key.unused {
            continue;
        }
        let above_unused = path
            .match_indices('.')
            .any(|(i, _)| keys::all().iter().any(|(p, k)| *p == path[..i] && k.unused));
        let found = path.split('.').try_fold(&values, |v, part| v.get(part));
        assert!(above_unused || found.is_some(), "{path} has no field");
    }
    assert_eq!(keys::ALIASES.iter().filter(|(_, new)| keys::shape_at(new).is_none()).count(), 0);
}

#[test]
fn the_example_is_valid_and_says_nothing_odd() {
    let loaded = load_text(EXAMPLE_YAML).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
    let uncommented: String = EXAMPLE_YAML
        .lines()
        .map(|l| l.strip_prefix("# ").filter(|r| r.starts_with(' ') || r.ends_with(':')).unwrap_or(l))
        .fold(String::new(), |all, l| all + l + "\n");
    assert!(uncommented.contains("\nworkflow:\n"));
    load_text(&uncommented).unwrap();
}

#[test]
fn the_file_is_searched_upward_to_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    fs::write(dir.path().join(FILE_NAME), "tmp_dir: x\n").unwrap();
    assert_eq!(load(&inner, None, &[], &[]).unwrap().root, dir.path());
    fs::create_dir(dir.path().join("a/.git")).unwrap();
    let loaded = load(&inner, None, &[], &[]).unwrap();
    assert_eq!((loaded.root, loaded.file), (dir.path().join("a"), None));
    let missing = load(&inner, Some("none.yaml".as_ref()), &[], &[]).unwrap_err();
    assert!(matches!(missing, ConfigError::NotFound { .. }));
}

proptest! {
    /// Garbage is refused with a place or read; it never panics.
    #[test]
    fn garbage_never_panics(text in "[a-z:\\[\\]{}&*!|> \n\"'#-]{0,60}") {
        if let Ok(Some(root)) = tree::read(&text) {
            let _ = check::check(&root);
        }
    }
}
