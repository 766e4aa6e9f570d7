//! Reports of every kind of run: Markdown, JSON, and a page that opens from a file.

use super::json;
use crate::cli::project::Project;

/// The report of the last run in its three forms, after what holds for all of them.
fn report(p: &Project) -> (String, serde_json::Value, String) {
    let markdown = p.run(&["report", "last"]).expect(0).out;
    let value = json(&p.run(&["report", "last", "--format", "json"]).expect(0).out);
    p.run(&["report", "last", "--format", "html", "-o", "r.html"]).expect(0);
    let html = p.read("r.html");
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    for outside in ["<script", "http:", "https:", "src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}: {html}");
    }
    assert!(html.contains("@media print") && html.contains("prefers-") || html.contains("light-dark("));
    assert_eq!(html.matches("<section").count(), html.matches("</section>").count());
    (markdown, value, html)
}

/// W23 for a loop: turns, the prompts that were chosen, failures with the end of their logs.
#[test]
fn of_a_loop() {
    let p = Project::new();
    p.prompt("main", "echo '<script>alert(1)</script> & \"x\"'; exit 7");
    p.run(&["--once", "--no-git"]).expect(3);
    let (markdown, value, html) = report(&p);
    for part in [
        "# loop: failed",
        "- turns: 1 succeeded, 1 failed",
        "## Turns",
        "| 1/galph |",
        "### 1/ralph attempt 1",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
    assert_eq!(value["steps"][0]["id"], "1/galph");
    assert_eq!(value["steps"][1]["attempts"][0]["exit_code"], 7);
    assert_eq!(value["decisions"][1]["choice"], "main.md");
    assert_eq!(value["decisions"][1]["step"], "1/ralph");
    for part in ["<h1>loop</h1>", "data-tone=\"bad\"", "&lt;script&gt;alert(1)", "class=\"piece\"", "main.md"]
    {
        assert!(html.contains(part), "{part}: {html}");
    }
}

/// W23 for a one-shot and a batch.
#[test]
fn of_a_oneshot_and_a_batch() {
    let p = Project::new();
    p.write("tasks", "echo one\nexit 3\n");
    p.run(&["batch", "--exec", "tasks"]).expect(3);
    let (markdown, value, html) = report(&p);
    assert!(markdown.contains("# batch: failed") && markdown.contains("## Tasks"), "{markdown}");
    assert_eq!(value["steps"].as_array().unwrap().len(), 2);
    assert_eq!(value["steps"][1]["state"], "failed");
    assert!(html.contains("<h1>batch</h1>") && html.contains("<h2>Failures</h2>"), "{html}");
    p.write(
        "orchestration.yaml",
        "agent: {default: shell}\nagents:\n  judge: {command: ['sh', '-c', 'echo VERDICT: DONE']}\n",
    );
    let ran = p.run(&["oneshot", "--auditor-agent", "judge", "Do it.\n\n```sh run\necho done\n```\n"]);
    let (markdown, value, html) = report(&p);
    assert!(markdown.contains("# oneshot: "), "{markdown}\n{ran:?}");
    assert!(!value["steps"].as_array().unwrap().is_empty(), "{value}");
    assert!(html.contains("<h1>oneshot</h1>") && html.contains("the auditor says"), "{html}");
}
