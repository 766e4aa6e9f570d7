//! How the configuration reaches the supervisor: prompts, limits, terminal (supervision.md P4, P6, P7, P13).

use super::project::Project;

fn agent(p: &Project, record: &str, more: &str) {
    p.write("orchestration.yaml", &format!("agent: {{default: mine}}\nagents:\n  mine: {record}\n{more}"));
}

/// P4: a prompt too long for an argument goes by a file that only its user reads and that is gone after the turn.
#[test]
fn a_long_argument_goes_by_file() {
    let p = Project::new();
    let told = "Follow the instructions in the file ";
    p.write(
        "agent.sh",
        &format!(
            "case \"$1\" in \"{told}\"*) f=${{1#\"{told}\"}}; stat -c %a \"$f\"; tail -n 1 \"$f\";; *) echo short;; esac >> got"
        ),
    );
    agent(&p, "{command: [sh, agent.sh, '{prompt}'], prompt: arg, output: text}", "");
    p.write("prompts/supervisor.md", &format!("{}\nthe end\n", "x".repeat(100 * 1024)));
    p.write("prompts/main.md", "brief\n");
    p.run(&["--no-git", "--once"]).expect(0);
    assert_eq!(p.read("got"), "600\nthe end\nshort\n");
    let private = std::fs::read_dir(p.path(".orchestrator")).unwrap();
    let left: Vec<_> =
        private.map(|e| e.unwrap().file_name()).filter(|n| n.to_string_lossy().contains("prompt-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// P7: the general limit, the agent's over it, the role's over both; the message names the limit.
#[test]
fn whose_limit_counts() {
    let p = Project::new();
    let silent = "{command: [sh, -c, 'cat > /dev/null; exec sleep 300'], output: text";
    let cases = [
        ("}", "supervision: {inactivity_secs: 0.2}\n", "no sign of life for 0.2 s (inactivity limit)"),
        (", limits: {timeout_secs: 0.3}}", "supervision: {inactivity_secs: 60}\n", "ran for 0.3 s (timeout)"),
        (
            ", limits: {inactivity_secs: 60}}",
            "workflow: {steps: [{role: galph, prompt: supervisor, limits: {inactivity_secs: 0.4}}]}\n",
            "no sign of life for 0.4 s (inactivity limit)",
        ),
    ];
    for (record, more, cause) in cases {
        agent(&p, &format!("{silent}{record}"), more);
        let ran = p.run(&["--no-git", "--once"]).expect(3);
        assert!(ran.err.contains(&format!("warning: galph: ending the agent: {cause}")), "{}", ran.err);
        assert!(ran.err.contains(&format!("cause: {cause}")), "{}", ran.err);
        assert_eq!(p.brief(), "1 galph failed");
    }
}

/// P7, P15: a silent agent is told of when it falls idle, and at half of its time.
#[test]
fn silence_is_told() {
    let p = Project::new();
    p.config("supervision: {idle_secs: 0.1, inactivity_secs: 0.4}\n");
    p.prompt("supervisor", "exec sleep 300");
    let ran = p.run(&["--no-git", "--once"]).expect(3);
    assert!(ran.err.contains("warning: galph: silent for 0 s"), "{}", ran.err);
    assert!(ran.err.contains("warning: galph: silent for 0.2 s, ended after 0.4 s"), "{}", ran.err);
}

/// P6: `pty: always`, and an agent that will not have one.
#[test]
fn on_a_terminal_if_wished() {
    let p = Project::new();
    p.config("supervision: {pty: always}\n");
    p.prompt("supervisor", "test -t 1 && echo terminal >> got");
    p.prompt("main", "test -t 1 && echo terminal >> got");
    p.run(&["--no-git", "--once"]).expect(0);
    assert_eq!(p.read("got"), "terminal\nterminal\n");
    let plain =
        "{command: [sh, -c, 'cat > /dev/null; test -t 1 || echo plain >> got'], pty: never, output: text}";
    agent(&p, plain, "supervision: {pty: always}\n");
    p.run(&["--no-git", "--once"]).expect(0);
    assert_eq!(p.read("got"), "terminal\nterminal\nplain\nplain\n");
}

/// P13: the cap of the configuration holds for the turn's log and for the activity log beside it.
#[test]
fn logs_are_capped() {
    let p = Project::new();
    p.config("supervision: {log_max_bytes: 100000}\n");
    p.prompt("supervisor", "echo first; yes | head -c 3000000; echo last");
    p.run(&["--no-git", "--once", "--quiet"]).expect(0);
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(p.path("logs/local/galph")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            logs.push((
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            ));
        }
    }
    logs.sort();
    let [(_, text), (activity, facts)] = logs.as_slice() else { panic!("{logs:?}") };
    assert!(activity.ends_with("ndjson"), "{activity}");
    // The head and the last line of a turn's log are the loop's own.
    assert!(text.len() < 101_000 && text.contains("first\n") && text.contains("last\n"), "{}", text.len());
    assert!(text.contains("bytes left out here"));
    assert!(facts.len() <= 100_000 && facts.lines().last().unwrap().contains("\"kind\":\"exit\""));
}

/// P13: where no more can be written the turn goes on, is warned about, and its log is called incomplete.
#[test]
fn a_full_disk_ends_no_turn() {
    let p = Project::new();
    p.prompt("supervisor", "yes | head -c 3000000 >&2");
    let program = p.command(&["--no-git", "--once"]);
    let mut limited = std::process::Command::new("sh");
    // Files longer than 100 blocks fail; the signal for it is ignored.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh"]);
    limited.arg(program.get_program()).args(program.get_args()).current_dir(p.root());
    limited.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", err.replace("y\n", ""));
    assert!(err.contains("warning: galph: "), "{}", err.replace("y\n", ""));
    let mut summaries = std::fs::read_dir(p.path("logs/local/galph-summaries")).unwrap();
    let summary = std::fs::read_to_string(summaries.next().unwrap().unwrap().path()).unwrap();
    assert!(summary.ends_with(".log (incomplete)\n"), "{summary}");
}
