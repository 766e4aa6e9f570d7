//! `doctor` in broken set-ups: each is found, with what helps; `--fix` mends what is safe.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::project::Project;

/// The findings that are no praise, as `level area: what`.
fn findings(p: &Project, args: &[&str]) -> Vec<String> {
    let ran = p.run(&[&["doctor", "--format", "json"], args].concat());
    let json: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err));
    assert_eq!(json["version"], 1);
    assert_eq!(ran.code, i32::from(json["errors"].as_u64().unwrap() > 0), "{}", ran.out);
    let all = json["findings"].as_array().unwrap();
    let bad: Vec<&Value> = all.iter().filter(|f| f["level"] != "fine").collect();
    let text = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
    for finding in &bad {
        let noticed = finding["area"] == "configuration";
        assert!(noticed || finding["remedy"].is_string(), "no remedy: {finding}");
    }
    bad.iter().map(|f| format!("{} {}: {}", text(f, "level"), text(f, "area"), text(f, "what"))).collect()
}

#[track_caller]
fn found(p: &Project, args: &[&str], start: &str, word: &str) {
    let all = findings(p, args);
    assert!(
        all.iter().any(|f| f.starts_with(start) && f.contains(word)),
        "no `{start} … {word}` in {all:#?}"
    );
}

/// A project in order: a goal, a remote, a branch of its own that is published.
fn sound() -> Project {
    let p = Project::git();
    p.write("docs/goal.md", "# Goal\n\nA todo app.\n");
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "Goal"]);
    p.run_git(&["init", "-q", "--bare", "-b", "main", "../bare"]);
    p.run_git(&["remote", "add", "origin", "../bare"]);
    p.run_git(&["push", "-q", "-u", "origin", "work"]);
    p.run_git(&["config", "user.name", "t"]);
    p.run_git(&["config", "user.email", "t@example.org"]);
    p
}

fn bare(p: &Project) -> PathBuf {
    p.root().parent().unwrap().join("bare")
}

fn program(p: &Project, name: &str, script: &str) {
    let file = format!("../bin/{name}");
    p.write(&file, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(p.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
}

fn bin(p: &Project) -> String {
    format!("{}:{}", p.root().parent().unwrap().join("bin").display(), std::env::var("PATH").unwrap())
}

/// A sound project has nothing to say but praise; looking changes nothing.
#[test]
fn a_sound_project() {
    let p = sound();
    let before = p.run_git(&["for-each-ref"]);
    assert_eq!(findings(&p, &[]), Vec::<String>::new());
    assert_eq!(
        (p.run_git(&["for-each-ref"]), p.run_git(&["status", "--porcelain"])),
        (before, String::new())
    );
    assert!(!p.path(".orchestrator").exists());
    let text = p.run(&["doctor"]).expect(0).out;
    assert!(text.contains("by git2 (local path)") && text.contains("ok:      branch: work\n"), "{text}");
    assert!(text.ends_with("0 errors, 0 warnings\n"), "{text}");
    assert_eq!(p.run(&["doctor", "--quiet"]).expect(0).out, "0 errors, 0 warnings\n");
}

#[test]
fn remotes_and_branches() {
    let mut p = sound();
    p.run_git(&["remote", "rename", "origin", "other"]);
    p.run_git(&["branch", "--unset-upstream"]);
    found(&p, &[], "warning remote: ", "one machine only");
    p.set("ORCHESTRATOR_MODE", "role");
    p.set("ORCHESTRATOR_ROLE", "ralph");
    found(&p, &[], "error remote: ", "role mode needs one");
    p.run_git(&["remote", "rename", "other", "origin"]);
    // No right to push: the branch is checked out there.
    p.run_git(&["clone", "-q", "../bare", "../worked-on", "-b", "work"]);
    p.run_git(&["remote", "set-url", "origin", "../worked-on"]);
    found(&p, &[], "error remote: ", "no right to push");
    found(&p, &[], "warning branch: ", "work is the remote's default branch");
    p.run_git(&["remote", "set-url", "origin", "../nowhere"]);
    found(&p, &[], "error remote: ", "no such repository");
    assert!(!findings(&p, &["--offline"]).iter().any(|f| f.contains("remote")));
    p.run_git(&["remote", "set-url", "origin", "../bare"]);
    p.set("ORCHESTRATION_BRANCH", "elsewhere");
    found(&p, &[], "error branch: ", "only elsewhere is to be worked on");
    p.run_git(&["switch", "-q", "--detach"]);
    found(&p, &[], "error branch: ", "HEAD is detached");
    p.run_git(&["switch", "-q", "-c", "new"]);
    found(&p, &[], "warning remote: ", "it has no branch new yet");
}

/// G18: a push is tried dry also where the git program is the way.
#[test]
fn the_git_program_is_asked_too() {
    let p = sound();
    p.config("sync: {transport: git}\n");
    p.run_git(&["commit", "-q", "-a", "-m", "Config"]);
    assert_eq!(findings(&p, &[]), Vec::<String>::new());
    p.run_git(&["clone", "-q", "../bare", "../worked-on", "-b", "work"]);
    p.run_git(&["remote", "set-url", "origin", "../worked-on"]);
    found(&p, &[], "warning branch: ", "default branch");
}

#[test]
fn project_files() {
    let p = sound();
    p.config("promts_dir: x\n");
    let ran = p.run(&["doctor"]).expect(1);
    assert!(
        ran.out.contains("unknown key `promts_dir`") && ran.out.contains("did you mean `prompts_dir`"),
        "{}",
        ran.out
    );
    p.config("");
    fs::remove_file(p.path("prompts/main.md")).unwrap();
    p.write("docs/goal.md", "# Goal\n\n<!-- orchestrator: template -->\n");
    p.write("stray.txt", "mine\n");
    found(&p, &[], "error prompts: ralph: ", "no such prompt file");
    found(&p, &[], "error goal: ", "docs/goal.md is still the template");
    found(&p, &[], "warning repository: ", "changed files, which no turn will commit");
    let fixed = p.run(&["doctor", "--fix"]);
    assert!(fixed.out.starts_with("mended: wrote prompts/main.md\n"), "{}", fixed.out);
    assert!(p.read("prompts/main.md").len() > 100);
    let good = p.read("sync/state.json");
    p.write("sync/state.json", "{");
    found(&p, &[], "error state: ", "sync/state.json:1");
    p.write("sync/state.json", &good);
    p.write(".orchestrator/turn.json", "{\"version\": 99}");
    p.write(".orchestrator/seen.json", "nonsense");
    found(&p, &[], "error state: ", "has version 99");
    found(&p, &[], "error state: ", "seen.json is damaged");
    found(&p, &[], "warning repository: ", ".orchestrator/ is not ignored");
    p.run(&["doctor", "--fix"]);
    assert!(!findings(&p, &[]).iter().any(|f| f.contains("not ignored")));
}

#[test]
fn agents() {
    let mut p = sound();
    p.run_git(&["rm", "-q", "--cached", "-r", "docs"]);
    p.write("orchestration.yaml", "agent: {default: codex, roles: {ralph: goose}, unattended: true}\n");
    program(&p, "codex", "[ \"$*\" = --version ] && echo codex-cli 0.1.0");
    p.set("PATH", &bin(&p));
    found(&p, &[], "error agents: ralph: ", "`goose` is not on PATH");
    found(&p, &[], "warning agents: ", "codex: no sign of a login");
    found(&p, &[], "warning agents: ", "codex 0.1.0 is older than ");
    p.set("OPENAI_API_KEY", "k-4711-4711-4711");
    assert!(!findings(&p, &[]).iter().any(|f| f.contains("login")));
    p.write("orchestration.yaml", "agent: {default: codex}\n");
    found(&p, &[], "error agents: ", "nobody has allowed it to");
    p.write(
        "orchestration.yaml",
        "agent: {default: m}\nagents: {m: {http: {url: \"http://127.0.0.1:9\", model: x, key_env: MY_KEY}}}\n",
    );
    found(&p, &[], "error agents: ", "the variable MY_KEY, its key, is not set");
}

/// A8: what an agent said in the last turn is known, and its remedy with it.
#[test]
fn a_refusal_of_the_last_turn() {
    let p = sound();
    p.prompt("main", "echo 'Not logged in · Please run /login'; exit 1");
    p.run_git(&["commit", "-q", "-a", "-m", "Prompt"]);
    p.run(&["--once"]).expect(3);
    let text = p.run(&["status"]).expect(0).out;
    let all = findings(&p, &[]);
    let seen = all.iter().any(|f| f.starts_with("error agents: ralph's agent refused to work"));
    assert_eq!(seen, text.contains("Not logged in"), "{text}\n{all:#?}");
}

/// Locks: a killed run's own goes, a living git's stays; a dead pusher's in the remote goes by its rule (G21).
#[test]
fn stale_locks() {
    let p = sound();
    let git_dir = p.path(".git");
    fs::write(git_dir.join("orchestrator-busy"), "busy\n").unwrap();
    fs::write(git_dir.join("index.lock"), "").unwrap();
    found(&p, &[], "error repository: ", "a killed run of this program left a lock");
    let fixed = p.run(&["doctor", "--fix"]);
    assert!(fixed.out.contains("mended: removed ") && !git_dir.join("index.lock").exists(), "{}", fixed.out);
    fs::write(git_dir.join("index.lock"), "").unwrap();
    found(&p, &[], "error repository: ", "the index is locked");
    p.run(&["doctor", "--fix"]);
    assert!(git_dir.join("index.lock").exists(), "nobody knows whose it is");
    fs::remove_file(git_dir.join("index.lock")).unwrap();
    let lock = bare(&p).join("refs/heads/work.lock");
    fs::write(&lock, "").unwrap();
    found(&p, &[], "error remote: ", "blocks every push");
}

/// Clocks, protocols and finished turns, as far as the commits tell.
#[test]
fn peers() {
    let p = sound();
    let commit = |message: &str, date: &str| {
        let mut command = p.sandboxed("git", &["commit", "-q", "--allow-empty", "-m", message]);
        assert!(command.env("GIT_COMMITTER_DATE", date).status().unwrap().success());
    };
    let now = jiff::Timestamp::now();
    commit("[SYNC i=1] actor=galph status=running\n\nOrchestrator: 9", &format!("{} +0000", now.as_second()));
    found(&p, &[], "error peers: ", "a peer speaks protocol 9, this program 1");
    commit("From the future", &format!("{} +0000", now.as_second() + 600));
    found(&p, &[], "warning clock: ", "in the future");
    p.write(
        ".orchestrator/turn.json",
        "{\"version\":1,\"turn_id\":\"t\",\"epoch\":1,\"role\":\"ralph\",\"iteration\":1,\"mode\":\"role\",\
         \"stamp\":\"1111111111111111111111111111111111111111\",\"confirmed\":false}\n",
    );
    found(&p, &[], "error hand-off: ", "a finished turn of ralph");
    p.write("stray.txt", "mine\n");
    found(&p, &[], "error repository: ", "changed files stop every claim: stray.txt");
}

/// A web server says what time it is, whatever else it says.
#[test]
fn a_clock_that_is_off() {
    let p = sound();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    p.run_git(&["remote", "set-url", "origin", &format!("http://127.0.0.1:{port}/x.git")]);
    std::thread::spawn(move || {
        for connection in server.incoming() {
            let mut connection = connection.unwrap();
            let mut head = [0; 4096];
            let _ = connection.read(&mut head);
            let answer = "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    found(&p, &[], "warning clock: ", "ahead of the remote's server");
    found(&p, &[], "error remote: ", "no such repository");
}

/// A timer has another PATH: what is found only there is told, and how to set it.
#[test]
fn cron() {
    let mut p = sound();
    p.config("");
    let fine = p.run(&["doctor", "--cron"]).expect(0).out;
    assert!(fine.contains("cron: nothing is different with PATH=/usr/bin:/bin"), "{fine}");
    p.write("orchestration.yaml", "agent: {default: mine}\nagents: {mine: {command: [my-agent]}}\n");
    program(&p, "my-agent", "echo 1.2");
    p.set("PATH", &bin(&p));
    assert!(!findings(&p, &[]).iter().any(|f| f.contains("my-agent")));
    found(&p, &["--cron"], "error cron, agents: ", "`my-agent` is not on PATH (PATH=/usr/bin:/bin)");
}

/// A disk that is as good as full, in a mount of this test's own.
#[test]
fn a_full_disk() {
    let p = sound();
    let inside = |script: &str| {
        let args = ["--user", "--map-root-user", "--mount", "sh", "-euc", script];
        p.sandboxed("unshare", &args).output().unwrap()
    };
    if !inside("mkdir -p ../small; mount -t tmpfs -o size=4m small ../small").status.success() {
        let _ = writeln!(std::io::stderr(), "skipped: no user and mount namespaces here");
        return;
    }
    let program = env!("CARGO_BIN_EXE_orchestrator");
    let ran = inside(&format!(
        "mount -t tmpfs -o size=4m small ../small; cp -r .git ../small/; git -C ../small reset -q --hard; \
         '{program}' -C ../small doctor --offline || echo code $?"
    ));
    let out = String::from_utf8_lossy(&ran.stdout);
    assert!(out.contains("error:   disk: the project's disk has ") && out.contains(" MiB left"), "{out}");
    assert!(out.contains("make room: orchestrator gc --dry-run") && out.ends_with("code 1\n"), "{out}");
}
