//! Every user of a machine can read the words of every process: no secret may be among them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::agent_http::server::{Server, ok, send};
use crate::cli::project::Project;
use crate::supervise::of_project;

const KEY: &str = "hunter2-of-the-environment";
const GIVEN: &str = "hunter2-of-the-configuration";

/// Writes down its own words, its parents', and that it has the secrets where it needs them.
const SPY: &str = "#!/bin/sh
cat > /dev/null &
{ tr '\\0' ' ' < /proc/$$/cmdline; echo; cat /proc/$$/comm
pid=$PPID; while [ \"$pid\" -gt 1 ]; do
  tr '\\0' ' ' < /proc/$pid/cmdline; echo; pid=$(cut -d' ' -f4 < /proc/$pid/stat) || break
done; } >> \"$SPIED\" 2> /dev/null
test \"$SERVICE_TOKEN\" = \"$EXPECTED_A\" && test \"$OTHER_PASSWORD\" = \"$EXPECTED_B\" && echo has-both >> \"$SPIED\"
exit 3
";

/// P14, A3: each agent that is built in, with a secret of the environment and one of the configuration.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn no_agent_has_a_secret_among_its_words() {
    for agent in ["claude", "codex", "gemini", "opencode"] {
        let mut p = Project::new();
        p.write(&format!("bin/{agent}"), SPY);
        let program = p.path(&format!("bin/{agent}"));
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        p.set("PATH", &format!("{}:/usr/bin:/bin", p.path("bin").display()));
        p.set("SERVICE_TOKEN", KEY);
        let spied = p.path("../spied").to_string_lossy().into_owned();
        p.set("SPIED", &spied);
        p.set("EXPECTED_A", KEY);
        p.set("EXPECTED_B", GIVEN);
        p.write("docs/goal.md", "# Goal\n\nA test.\n");
        p.write(
            "orchestration.yaml",
            &format!(
                "agent: {{default: {agent}, unattended: true}}\nagents: {{{agent}: {{env: {{OTHER_PASSWORD: '{GIVEN}'}}}}}}\n"
            ),
        );
        p.run(&["--once", "--no-git"]);
        p.write("tasks", "do it\n");
        p.run(&["batch", "tasks"]);
        let words = p.read("../spied");
        assert!(words.contains(agent) && words.contains("orchestrator"), "{agent}: {words}");
        assert!(words.matches("has-both").count() >= 2, "{agent}: {words}");
        assert!(!words.contains(KEY) && !words.contains(GIVEN), "{agent}: {words}");
    }
}

/// The key of a model behind HTTP goes to its server and stands in no process's words.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn no_child_has_a_key_among_its_words() {
    let (told, seen) = std::sync::mpsc::channel();
    let mut p = Project::new();
    let root = p.root();
    let server = Server::start(move |_, asked, stream| {
        // While the request is open its client lives.
        let _ = told.send((of_project(&root).join("\n"), asked.header("authorization").map(str::to_owned)));
        send(stream, &ok("application/json", "{}"));
    });
    p.set("MODEL_ACCESS", KEY);
    p.write("docs/goal.md", "# Goal\n\nA test.\n");
    p.write(
        "orchestration.yaml",
        &format!(
            "agent: {{default: local}}\nagents: {{local: {{http: {{url: '{}', api: openai-chat, model: m, key_env: MODEL_ACCESS}}}}}}\n",
            server.url
        ),
    );
    p.run(&["--once", "--no-git"]);
    let (words, header) = seen.recv_timeout(std::time::Duration::from_secs(90)).unwrap();
    assert_eq!(header.as_deref(), Some(format!("Bearer {KEY}").as_str()));
    assert!(words.contains("agent-http"), "{words}");
    assert!(!words.contains(KEY), "{words}");
    assert!(Path::new("/proc/self/cmdline").exists());
}
