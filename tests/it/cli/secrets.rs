//! P14 through the real program: a secret of the environment or the configuration is in no file, on no screen, in no
//! commit message and on no socket.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::project::{Project, wait_until};

const TOKEN: &str = "tok/en-4711-value";
const PASSWORD: &str = "pass word&8822";

/// Says what it should not: in two writes, on either stream, as its last words, in its commit and in its wish.
const TALK: &str = r#"
printf %.9s "$API_TOKEN"; sleep 0.05; printf '%s\n' "$(printf %s "$API_TOKEN" | cut -c10-)"
printf %.4s "$SERVICE_PASSWORD" >&2; sleep 0.05; printf '%s\n' "$(printf %s "$SERVICE_PASSWORD" | cut -c5-)" >&2
echo "{\"t\":\"$API_TOKEN\"}"
if test "$ORCHESTRATOR_ROLE" = galph; then
  "$PROGRAM" stop --reason "because of $API_TOKEN and $SERVICE_PASSWORD"
else
  echo work > work.txt; git add work.txt; git commit -q -m "agent says $API_TOKEN"
fi
echo "so much for $API_TOKEN, $SERVICE_PASSWORD"
test ! -e fail || exit 7
"#;

fn project() -> Project {
    let mut p = Project::git();
    p.set("API_TOKEN", TOKEN);
    p.set("PROGRAM", env!("CARGO_BIN_EXE_orchestrator"));
    p.write("talk.sh", TALK);
    let check = format!("until test -e go; do sleep 0.02; done; echo '{PASSWORD}'; false # {TOKEN}");
    p.write(
        "orchestration.yaml",
        &format!(
            "agent: {{default: talker}}\nagents:\n  talker:\n    command: [sh, talk.sh, '{TOKEN}']\n    prompt: stdin\n    \
             output: text\n    env: {{SERVICE_PASSWORD: '{PASSWORD}'}}\nworkflow:\n  steps:\n    - {{role: galph, prompt: \
             supervisor}}\n    - role: ralph\n      prompt: main\n      checks: [[sh, -c, \"{check}\"]]\n"
        ),
    );
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "talk"]);
    p
}

#[track_caller]
fn clean(what: &str, text: &str) {
    for secret in [TOKEN, PASSWORD, &TOKEN.replace('/', "\\/"), &PASSWORD.replace('&', "\\u0026")] {
        assert!(!text.contains(secret), "{what} shows {secret}:\n{text}");
    }
}

/// Every file below, but for git's own and the one with the literal values.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && entry.file_name() != ".git" {
            found.extend(files(&path));
        } else if kind.is_file() && entry.file_name() != "orchestration.yaml" {
            let text = fs::read(&path).unwrap();
            found.push((path.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
        }
    }
    found
}

/// The socket of the run, once it listens: until then it has another name.
fn socket(p: &Project) -> Option<PathBuf> {
    let entries = fs::read_dir(p.path(".orchestrator/run")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "sock"))
}

fn status_over_the_socket(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"{\"command\":\"status\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_secret_leaves_no_trace() {
    let p = project();
    // The supervisor's wish to stop would end the loop before the engineer; so it is the engineer's turn first.
    let diagnostics = ["--log-level", "trace", "--log-file", "tmp/diag.log"];
    fs::create_dir_all(p.path("tmp")).unwrap();
    let begin = |more: &[&str]| {
        let mut args = vec!["--once", "--start-actor", "ralph"];
        args.extend(diagnostics);
        args.extend(more);
        let run = p.start(&args);
        wait_until("the check", || {
            socket(&p).is_some_and(|path| status_over_the_socket(&path).contains("until test -e go"))
        });
        let said = status_over_the_socket(&socket(&p).unwrap());
        clean("the socket", &said);
        assert!(said.contains("[redacted]"), "{said}");
        let shown = p.run(&["status"]).expect(0);
        clean("status during the check", &shown.out);
        p.write("go", "");
        let output = run.wait_with_output().unwrap();
        fs::remove_file(p.path("go")).unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
        (out, err)
    };
    for more in [&["--verbose"][..], &["--format", "json"]] {
        let (out, err) = begin(more);
        clean("stdout", &out);
        clean("stderr", &err);
        assert!(out.contains("so much for [redacted], [redacted]"), "{out}");
        assert!(format!("{out}{err}").contains("until test -e go"), "the failed check is told: {out}\n{err}");
    }
    // The supervisor's turn: its wish is granted and stands in the state and its commit.
    let ran = p.run(&["--once"]).expect(0);
    clean("stdout", &ran.out);
    clean("stderr", &ran.err);
    assert_eq!(p.state()["exit_reason"], "because of [redacted] and [redacted]");
    p.run(&["resume", "--note", &format!("knows {TOKEN}")]).expect(0);
    // A failed turn tells its last words.
    p.write("fail", "");
    let failed = p.run(&["--once", "--quiet"]).expect(3);
    assert!(failed.err.contains("cause: so much for [redacted], [redacted]"), "{}", failed.err);
    clean("the error", &failed.err);
    p.run(&["stop", "--reason", &format!("a person says {PASSWORD}")]).expect(0);
    assert_eq!(p.state()["exit_reason"], "a person says [redacted]");
    for args in [
        &["status"][..],
        &["status", "--format", "json"],
        &["config"],
        &["config", "--format", "json"],
        &["prompts", "show", "ralph"],
        &["route", "explain"],
        &["check"],
    ] {
        let ran = p.run(args);
        clean(&args.join(" "), &format!("{}{}", ran.out, ran.err));
    }
    let mut seen = 0;
    for (path, text) in files(&p.root()) {
        clean(&path, &text);
        seen += usize::from(text.contains("[redacted]"));
    }
    assert!(seen >= 8, "raw logs, activity logs, summaries and memory speak of it: {seen}");
    let log = p.run_git(&["log", "--format=%B"]);
    assert_eq!(log.matches(TOKEN).count(), log.matches(&format!("agent says {TOKEN}")).count(), "{log}");
    assert!(!log.contains(PASSWORD) && log.contains("Reason: a person says [redacted]"), "{log}");
}
