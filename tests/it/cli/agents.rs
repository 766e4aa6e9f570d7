//! `orchestrator agents` and `agents test` (agents.md A8).

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::project::Project;

/// A program of this name on a PATH that has nothing else but the system's own.
fn with_program(name: &str, script: &str) -> Project {
    let mut project = Project::new();
    let file = project.path(&format!("bin/{name}"));
    project.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    project.set("PATH", &format!("{}:/usr/bin:/bin", project.path("bin").display()));
    project
}

fn listed(project: &Project) -> Vec<Value> {
    let json: Value =
        serde_json::from_str(&project.run(&["agents", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!(json["version"], 1);
    json["agents"].as_array().unwrap().clone()
}

#[test]
fn the_list_says_what_is_installed_and_what_was_checked() {
    let p = with_program("codex", "[ \"$*\" = --version ] && echo codex-cli 9.8.7");
    let list = listed(&p);
    let get = |name: &str| list.iter().find(|a| a["name"] == name).unwrap();
    let codex = get("codex");
    assert_eq!((&codex["installed"], &codex["installed_version"]), (&true.into(), &"9.8.7".into()));
    assert_eq!(codex["path"], p.path("bin/codex").to_str().unwrap());
    assert_eq!((&codex["output"], &codex["prompt"]), (&"codex-json".into(), &"stdin".into()));
    assert_eq!((&get("goose")["installed"], &get("goose")["checked_version"]), (&false.into(), &Value::Null));
    assert_eq!(get("shell")["embedded"], true);
    let text = p.run(&["agents"]).expect(0).out;
    assert!(text.contains("codex      installed 9.8.7 · checked "), "{text}");
    assert!(text.contains("goose      not installed · unverified\n"), "{text}");
    assert!(text.ends_with("default: shell\n"), "{text}");
    // Nothing but `--version` was asked, and nothing was written.
    assert!(!p.path(".orchestrator").exists());
}

/// The page for users says what the table says: every command line, and which of them nobody ran.
#[test]
fn the_docs_repeat_the_table() {
    let docs = include_str!("../../../docs/agents.md");
    let p = Project::new();
    for agent in listed(&p).iter().filter(|a| a["embedded"] == false) {
        let words: Vec<&str> =
            agent["command"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        let text = |key: &str| agent[key].as_str().unwrap_or("unverified").to_owned();
        let row = format!(
            "| `{}` | `{}` | {} | `{}` | {} |",
            text("name"),
            words.join(" "),
            text("prompt"),
            text("output"),
            text("checked_version")
        );
        assert!(docs.contains(&row), "docs/agents.md lacks: {row}");
    }
}

#[test]
fn a_test_shows_what_was_parsed() {
    let records = r#"cat > got
echo '{"type":"system","subtype":"init","session_id":"s-1"}'
echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"1","name":"Bash","input":{"command":"ls"}}]}}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"ready","total_cost_usd":0.5,"usage":{"input_tokens":3,"output_tokens":4}}'"#;
    let p = with_program("claude", records);
    let ran = p.run(&["agents", "test", "claude"]).expect(2);
    assert!(ran.err.contains("agent.unattended is not set") && ran.err.contains("docker run"), "{}", ran.err);
    assert_eq!(p.read("got"), "", "it ran without consent");
    p.write("orchestration.yaml", "agent: {unattended: true}\n");
    let out = p.run(&["agents", "test", "claude"]).expect(0).out;
    for line in [
        "session    s-1",
        "message    ready",
        "tokens     3 in (unknown of them cached), 4 out",
        "cost       $0.5000",
        "tool call  Bash ls",
        "result     ok",
    ] {
        assert!(out.contains(&format!("{line}\n")), "{line}: {out}");
    }
    assert!(p.read("got").contains("ready"));
    let json: Value =
        serde_json::from_str(&p.run(&["agents", "test", "claude", "--format", "json"]).expect(0).out)
            .unwrap();
    assert_eq!(
        (&json["ok"], &json["usage"]["cost_usd"], &json["rate_limit"]),
        (&true.into(), &0.5.into(), &Value::Null)
    );
}

#[test]
fn a_refusal_comes_with_its_remedy() {
    let said = "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";
    let p = with_program("claude", &format!("echo '{said}' >&2; exit 1"));
    p.write("orchestration.yaml", "agent: {default: claude, unattended: true}\n");
    p.write("docs/goal.md", "# Goal\n\nA test.\n");
    for args in [&["agents", "test", "claude"][..], &["--once", "--no-git"]] {
        let ran = p.run(args).expect(3);
        assert!(ran.err.contains(&format!("cause: {said}")), "{}", ran.err);
        assert!(
            ran.err.contains("hint: claude does not run") && ran.err.contains("IS_SANDBOX=1"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn the_embedded_agent_and_unknown_ones() {
    let p = Project::new();
    let out = p.run(&["agents", "test", "shell"]).expect(0).out;
    assert!(out.contains("message    ready\n") && out.contains("cost       unknown\n"), "{out}");
    let err = p.run(&["agents", "test", "nobody"]).expect(2).err;
    assert!(err.contains("no agent `nobody`") && err.contains("hint: "), "{err}");
}

/// An agent that ends well without its final record has not finished.
#[test]
fn output_that_breaks_off_is_a_failure() {
    let p =
        with_program("codex", "cat > /dev/null; echo '{\"type\":\"thread.started\",\"thread_id\":\"t\"}'");
    p.write("orchestration.yaml", "agent: {default: codex, unattended: true}\n");
    p.write("docs/goal.md", "# Goal\n\nA test.\n");
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains("cause: the agent's output ended without a final record"), "{}", ran.err);
    assert_eq!(p.brief(), "1 galph failed");
}

/// A model behind HTTP is no program of its own.
#[test]
fn a_model_behind_http_is_listed_as_one() {
    let p = Project::new();
    p.config("agents: {local: {http: {url: 'http://127.0.0.1:9/v1', api: openai-chat, model: m}}}\n");
    let text = p.run(&["agents"]).expect(0).out;
    assert!(text.contains("local      a model behind HTTP: m at http://127.0.0.1:9/v1\n"), "{text}");
    let list = listed(&p);
    let local = list.iter().find(|a| a["name"] == "local").unwrap();
    assert_eq!((&local["url"], &local["installed_version"]), (&"http://127.0.0.1:9/v1".into(), &Value::Null));
}
