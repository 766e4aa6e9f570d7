//! What is said of a file and of a run.

use super::{report, run, said};
use crate::cli::project::Project;

const FILE: &str = "id: x\nsteps:
  - {id: a, run: ['true']}
  - {id: b, depends_on: [a], run: ['true']}
  - {id: c, depends_on: [a], prompt: do it}
  - {id: d, depends_on: [b, c], run: ['true']}
";

/// W6: everything that is wrong, with lines and exit 2; nothing runs.
#[test]
fn a_bad_file() {
    let p = Project::new();
    p.write("ws.yaml", "id: x\nsteps:\n  - {id: a, shell: touch never, depends_on: [b]}\n  - {id: b, shel: x, depends_on: [a]}\n");
    for command in ["run", "validate", "graph", "plan"] {
        let refused = p.run(&["workstream", command, "ws.yaml"]).expect(2);
        for part in
            ["ws.yaml:4:13: unknown key `shel`", "did you mean `shell`?", "wait for each other: a → b → a"]
        {
            assert!(refused.err.contains(part), "{part}: {}", refused.err);
        }
    }
    assert!(!p.path("never").exists());
}

#[test]
fn graphs_and_plans() {
    let p = Project::new();
    p.write("ws.yaml", FILE);
    let show = |format: &str| p.run(&["workstream", "graph", "ws.yaml", "--format", format]).expect(0);
    insta::assert_snapshot!(show("text").out, @r"
      1  a
      2  b ← a
      2  c ← a
      3  d ← b, c
    ");
    assert!(show("dot").out.contains("  \"b\" -> \"d\";\n"));
    assert!(show("mermaid").out.contains("  s0[\"a\"]\n") && show("mermaid").out.contains("  s2 --> s3\n"));
    assert_eq!(said(&show("json"))["steps"][3]["level"], 3);
    let plan = p.run(&["workstream", "plan", "ws.yaml"]).expect(0).out;
    insta::assert_snapshot!(plan, @r"
    x: at most 4 at once
    level 1
      a  true
    level 2
      b  true
      c  [shell]  do it
    level 3
      d  true
    critical path (3 steps): a → b → d
    ");
    let plan = said(&p.run(&["workstream", "plan", "ws.yaml", "--format", "json"]).expect(0));
    assert_eq!(plan["critical_path"].to_string(), r#"["a","b","d"]"#);
    assert!(!p.path(".orchestrator/ledger.db").exists(), "nothing ran");
}

/// W23: Markdown, JSON, and HTML that holds nothing from outside as markup and asks for nothing.
#[test]
fn reports() {
    let p = Project::new();
    let text = "id: x\nsteps:\n  - {id: a, run: ['true']}\n  - {id: b, depends_on: [a], shell: 'echo \"<script>alert(1)</script>\" >&2; exit 1'}\n";
    run(&p, text, 3);
    let markdown = p.run(&["report", "last"]).expect(0).out;
    for part in
        ["# x: failed", "## Timeline", "| a | - | succeeded | 1 |", "### b attempt 1", "critical path: a → b"]
    {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
    p.run(&["report", "last", "--format", "html", "--output", "r.html"]).expect(0);
    let html = p.read("r.html");
    assert!(
        html.contains("<svg") && html.contains("data-tone=\"bad\"") && html.contains("class=\"edge\""),
        "{html}"
    );
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;alert(1)"), "{html}");
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("src="), "{html}");
    assert_eq!(report(&p)["run"]["state"], "failed");
}

/// W22: a line a change, counted by step, the last at 100 %.
#[test]
fn progress_is_told() {
    let p = Project::new();
    p.write("ws.yaml", "id: x\non_failure: continue\nsteps:\n  - {id: a, shell: exit 1, retry: {attempts: 2, backoff: none}}\n  - {id: b, depends_on: [a], run: ['true']}\n");
    let out = p.run(&["workstream", "run", "ws.yaml"]).expect(0).out;
    assert!(out.contains("[0/2] a failed in ") && out.contains("a: attempt 2 in 0.0s"), "{out}");
    assert!(out.contains("[1/2") && out.contains("[2/2] b succeeded in "), "{out}");
    assert!(out.contains("done in "), "{out}");
}
