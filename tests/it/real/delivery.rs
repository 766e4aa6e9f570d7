//! A prompt of 300 KiB reaches the agent whole, however it is handed over (agents.md A4, supervision.md P4).

use super::stage::Stage;
use crate::cli::project::Project;

const TAIL: &str = "the very last words of a long prompt";

fn long_prompt() -> String {
    let line = "A line of a long prompt, one of several thousand that are all alike.\n";
    format!("Begin here.\n{}{TAIL}\n", line.repeat(300 * 1024 / line.len()))
}

/// What it is told reaches the model to the last word.
fn reaches_the_model(cli: &str) {
    let Some(stage) = Stage::new(cli, &["text:read"], "") else { return };
    stage.project.write("prompts/supervisor.md", &long_prompt());
    stage.run().expect(0);
    let whole = stage.stub.asked().iter().any(|asked| asked.contains(TAIL) && asked.len() > 300 * 1024);
    assert!(whole, "{cli} did not pass the prompt on");
}

#[test]
fn by_claude() {
    reaches_the_model("claude");
}

#[test]
fn by_codex() {
    reaches_the_model("codex");
}

#[test]
fn by_gemini() {
    reaches_the_model("gemini");
}

#[test]
fn by_opencode() {
    reaches_the_model("opencode");
}

/// Every delivery with programs that show what they were given. `cat` ends only because its stdin does.
#[test]
fn by_every_delivery() {
    for (prompt, command) in [
        ("stdin", "[cat]"),
        ("file", "[cat, '{prompt_file}']"),
        // Too long for an argument: the argument names a file.
        ("arg", "[sh, -c, 'cat \"${0##* }\"', '{prompt}']"),
    ] {
        let project = Project::new();
        project.write(
            "orchestration.yaml",
            &format!(
                "agent: {{default: mine}}\nagents: {{mine: {{prompt: {prompt}, command: {command}}}}}\n"
            ),
        );
        for name in ["supervisor", "main"] {
            project.write(&format!("prompts/{name}.md"), &long_prompt());
        }
        let ran = project.run(&["--once", "--no-git"]).expect(0);
        assert!(
            ran.out.contains("Begin here.\n") && ran.out.contains(TAIL),
            "{prompt}: {} bytes",
            ran.out.len()
        );
        let left = std::fs::read_dir(project.path(".orchestrator")).unwrap();
        let files: Vec<_> = left.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        assert!(!files.iter().any(|f| f.starts_with("prompt-")), "{prompt}: {files:?}");
    }
}

/// A short one goes as the argument itself, with placeholders that have no value gone (A1).
#[test]
fn by_a_short_argument() {
    let project = Project::new();
    project.write(
        "orchestration.yaml",
        "agent: {default: mine}\nprompt_context: false\nagents: {mine: {prompt: arg, command: [echo, --model, '{model}', '{prompt}', --session, '{session}']}}\n",
    );
    project.write("prompts/supervisor.md", "short words");
    let ran = project.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.out.lines().any(|l| l == "short words"), "{}", ran.out);
}
