//! Old names, and what wins over what.

use super::*;

/// T32: keys of the earlier orchestrator keep their names and meaning.
#[test]
fn old_names_keep_their_meaning() {
    let loaded = load_text(
        "supervisor_prompt: s.md\nmain_prompt: m.md\nreviewer_prompt: r.md\ndoc_whitelist: [a.md]\ntracked_output_globs: ['o/**']\ntracked_output_extensions: [csv]\nreport_extensions: [log]\nforce_add_reports: true\nrouter_enabled: true\nrouter_mode: router-first\nrouter_prompt: router.md\nrouter_review_every_n: 4\nrouter_allowlist: [s.md]\nworkflow: {name: default, review_every_n: 9}\nspec_bootstrap: {x: [1]}\n",
    )
    .unwrap();
    let c = &loaded.config;
    assert_eq!(c.auto_commit.docs.globs, ["a.md"]);
    assert!((c.auto_commit.docs.max_file_mib - 1.0).abs() < f64::EPSILON, "caps keep their defaults");
    assert_eq!(c.auto_commit.tracked.globs, ["o/**"]);
    assert_eq!(c.auto_commit.tracked.extensions, ["csv"]);
    assert_eq!(c.auto_commit.reports.extensions, ["log"]);
    assert!(c.auto_commit.force_add_reports);
    assert!(c.router.enabled);
    assert_eq!(c.router.mode, RouterMode::RouterFirst);
    assert_eq!(c.router.prompt.as_deref(), Some("router.md"));
    assert_eq!(c.review_every_n(), 4, "router.review_every_n wins");
    assert_eq!(c.router.allowlist, ["s.md"]);
    assert_eq!(c.steps().iter().map(|s| s.prompt.as_str()).collect::<Vec<_>>(), ["s.md", "m.md"]);
    assert_eq!(loaded.notices, ["`spec_bootstrap` (line 15) is accepted and ignored"]);
}

/// T34: flag > environment > file > default, and each value knows its origin.
#[test]
fn layers_override_in_order() {
    let file = "state_file: f.json\nprompts_dir: p\nrouter: {mode: only}\ndoc_whitelist:\n  - a.md\n";
    let vars = [
        ("STATE_FILE", "e.json"),
        ("ROUTER_MODE", "first"),
        ("ROUTER_ALLOWLIST", "a.md, b.md"),
        ("CLAUDE_CMD", "claude --x 'a b'"),
        ("ROUTER_PROMPT", ""),
        ("ORCHESTRATOR_AGENT_ROLE", "galph=codex, ralph=claude"),
    ];
    let flags = [
        Override::flag("--state-file", "state_file", "flag.json"),
        Override::flags("--agent-role", "run.agent_roles", ["ralph=shell"]),
        Override::flag("--no-auto-commit-docs", "auto_commit.docs.enabled", "false"),
    ];
    let loaded = load_with(file, &vars, &flags).unwrap();
    let c = &loaded.config;
    assert_eq!(c.state_file, "flag.json");
    assert_eq!(c.router.mode, RouterMode::RouterFirst);
    assert_eq!(c.router.allowlist, ["a.md", "b.md"]);
    assert_eq!(c.router.prompt, None);
    assert_eq!(c.agents["claude"].command.as_deref().unwrap(), ["claude", "--x", "a b"]);
    assert_eq!((&*c.run.agent_roles["galph"], &*c.run.agent_roles["ralph"]), ("codex", "shell"));
    assert!(!c.auto_commit.docs.enabled);
    let source = |path: &str| loaded.source_of(path).to_string();
    assert_eq!(source("state_file"), "flag --state-file");
    assert_eq!(source("prompts_dir"), "file, line 2");
    assert_eq!(source("auto_commit.docs.globs"), "file, line 4");
    assert_eq!(source("auto_commit.docs.enabled"), "flag --no-auto-commit-docs");
    assert_eq!(source("router.mode"), "environment ROUTER_MODE");
    assert_eq!(source("run.agent_roles.galph"), "environment ORCHESTRATOR_AGENT_ROLE");
    assert_eq!(source("run.agent_roles.ralph"), "flag --agent-role");
    assert_eq!(source("logs_dir"), "default");
    let shown = loaded.effective();
    assert!(shown.iter().any(|k| k.path == "state_file" && k.value == "flag.json"));
}

/// T34: every name of the earlier orchestrator, each with a value that shows.
#[test]
fn every_variable_sets_its_key() {
    let vars = [
        ("ORCHESTRATOR_MODE", "role", "run.mode", "\"role\""),
        ("ORCHESTRATOR_ROLE", "ralph", "run.role", "\"ralph\""),
        ("ORCHESTRATION_BRANCH", "work", "run.branch", "\"work\""),
        ("SYNC_LOOPS", "3", "run.sync_loops", "3"),
        ("POLL_INTERVAL", "0.25", "sync.poll_interval", "0.25"),
        ("POLL_INTERVAL", "0.25", "run.pause_secs", "0.25"),
        ("MAX_WAIT_SEC", "2m", "run.max_wait_secs", "120"),
        ("STATE_FILE", "s.json", "state_file", "\"s.json\""),
        ("ORCHESTRATOR_AGENT", "codex", "agent.default", "\"codex\""),
        ("ORCHESTRATOR_AGENT_ROLE", "galph=codex", "run.agent_roles.galph", "\"codex\""),
        ("ORCHESTRATOR_AGENT_PROMPT", "a.md=codex,b=x", "run.agent_prompts.a.md", "\"codex\""),
        ("SUPERVISOR_PROMPT", "s.md", "supervisor_prompt", "\"s.md\""),
        ("LOOP_PROMPT", "l.md", "main_prompt", "\"l.md\""),
        ("REVIEWER_PROMPT", "r.md", "reviewer_prompt", "\"r.md\""),
        ("ROUTER_PROMPT", "p.md", "router.prompt", "\"p.md\""),
        ("ROUTER_MODE", "only", "router.mode", "\"router_only\""),
        ("ROUTER_ALLOWLIST", "a.md,b.md", "router.allowlist", "[\"a.md\",\"b.md\"]"),
        ("ROUTER_REVIEW_EVERY_N", "4", "router.review_every_n", "4"),
        ("CLAUDE_CMD", "cl -p", "agents.claude.command", "[\"cl\",\"-p\"]"),
        ("CODEX_CMD", "co", "agents.codex.command", "[\"co\"]"),
    ];
    let named: Vec<(&str, &str)> = vars.iter().map(|(name, text, ..)| (*name, *text)).collect();
    let shown = load_with("", &named, &[]).unwrap().effective();
    for (name, _, path, value) in vars {
        let key = shown.iter().find(|k| k.path == path).unwrap_or_else(|| panic!("{path} is not shown"));
        assert_eq!(key.value.to_string(), value, "{path}");
        assert_eq!(key.source, Source::Env { name: name.into() });
    }
    let expected: Vec<&str> = vars.iter().map(|(name, ..)| *name).collect();
    assert_eq!(env_names().map(|(name, _)| name).collect::<Vec<_>>(), expected);
}

#[test]
fn a_bad_variable_or_flag_is_named() {
    for (name, text, message) in [
        ("ROUTER_REVIEW_EVERY_N", "often", "expected a whole number from 0, found `often`"),
        ("ROUTER_MODE", "onyl", "expected one of router_default, router_first, router_only, found `onyl`"),
        ("ORCHESTRATOR_ROLE", "Bad", "`Bad` is not a role id"),
        ("POLL_INTERVAL", "soon", "expected a duration (5, 0.25, 250ms, 2m, 12h), found `soon`"),
        ("ORCHESTRATOR_AGENT_ROLE", "galph", "expected NAME=VALUE, found `galph`"),
        (
            "CLAUDE_CMD",
            "claude 'x",
            "expected a command as a list of words, such as [make, test], found `claude 'x`",
        ),
    ] {
        let found = load_with("", &[(name, text)], &[]).unwrap_err().lines();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("settings: environment {name}: {message}")), "{found:?}");
    }
    let unknown = [Override::flag("--x", "nothing.here", "1"), Override::flag("--n", "run.sync_loops", "x")];
    let found = load_with("", &[("SYNC_LOOPS", "y")], &unknown).unwrap_err().lines();
    assert_eq!(found.len(), 3, "{found:?}");
}

/// P14: the listing is pasted into reports.
#[test]
fn secrets_of_an_agents_environment_are_masked() {
    let loaded =
        load_text("agents: {a.b: {command: [x], env: {MY_API_KEY: hunter22, PLAIN: seen}}}\n").unwrap();
    let shown = serde_json::to_string(&loaded.effective()).unwrap();
    assert!(!shown.contains("hunter22") && shown.contains("seen"), "{shown}");
    assert_eq!(loaded.config.agents["a.b"].env["MY_API_KEY"], "hunter22");
}
