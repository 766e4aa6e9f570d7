//! The guide's own commands, as they stand there (`docs/two-machines.md`).

use super::ground::block;

/// The indented lines of a numbered step.
fn step(number: u32) -> String {
    let page = include_str!("../../../docs/two-machines.md");
    let (_, rest) = page.split_once(&format!("**{number}. ")).unwrap();
    let end = rest.find("\n**").unwrap_or_else(|| rest.find("That is all").unwrap());
    let lines = rest[..end].lines().filter_map(|line| line.strip_prefix("    "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The remote of the first row, then both machines; their loops take one turn with the embedded agent.
#[test]
fn the_ten_minutes_work() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let run = |folder: &str, script: &str| {
        let script = script.replace("/mnt/shared/work.git", &at("work.git"));
        let script = script.replace("--role galph\n", "--role galph --once --agent shell\n");
        let script = script.replace("--role ralph\n", "--role ralph --once --agent shell\n");
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_orchestrator")).parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap();
        let mut command = std::process::Command::new("sh");
        command.args(["-eu", "-c", &script]).current_dir(folder).env_clear();
        command.env("PATH", format!("{}:{path}", program.display())).env("HOME", at("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let out = command.stdin(std::process::Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(out.status.success(), "{script}\n{}\n{}", text(&out.stdout), text(&out.stderr));
        text(&out.stdout)
    };
    for folder in ["home", "first", "second", "first/prompts"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    let page = include_str!("../../../docs/two-machines.md");
    assert!(page.contains("`git init --bare /mnt/shared/work.git`"));
    run(&at(""), "git init -q --bare /mnt/shared/work.git");
    // A project that has prompts which the embedded agent can run.
    std::fs::write(at("first/prompts/supervisor.md"), block("echo plan > input.md")).unwrap();
    std::fs::write(at("first/prompts/main.md"), block("cat input.md > done.txt")).unwrap();
    run(&at("first"), "git init -q -b main; git add -A; git commit -q -m Begin");
    let (first, second) = (step(2), step(3));
    assert!(first.contains("--publish") && second.contains("git clone"), "{first}{second}");
    run(&at("first"), &first);
    run(&at("second"), &second);
    let done = run(&at("work.git"), "git show work:done.txt; git log --first-parent --format=%s work");
    assert!(done.starts_with("plan\n[SYNC i=2] actor=ralph → next=galph status=ok"), "{done}");
    // The page's way to bring the work over.
    run(&at("first"), "git pull -q --rebase origin work; git switch -q main; git merge -q work");
    // And its timers are complete entries.
    let line = run(&at("second/project"), "orchestrator setup cron --role ralph --every 5m");
    assert!(line.contains("--if-turn --quiet"), "{line}");
}
