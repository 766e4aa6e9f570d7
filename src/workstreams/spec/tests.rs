//! What a file may hold, and everything that is wrong with one at once.

use std::fmt::Write as _;

use super::*;
use crate::workstreams::schedule::OnFailure;

const FULL: &str = r#"
id: ws-docs-refresh
name: Refresh the docs
max_parallel: 4
on_failure: abort
budget: {cost_usd: 5}
acceptance: [{run: [cargo, test]}]
steps:
  - id: outline
    kind: plan
    prompt: prompts/outline.md
    files_scope: [docs/**]
  - id: write
    kind: code_edit
    risk: low
    complexity: simple
    domain: docs
    depends_on: [outline]
    prompt: prompts/write.md
    tool: claude
    timeout_secs: 1800
    retry: {attempts: 3, backoff: exponential, base_secs: 1, max_secs: 60}
    when: "steps.outline.state == 'succeeded'"
    on_failure: continue
    gates: [{run: [npm, run, lint]}]
    env: {A: b}
    outputs: {summary: docs/summary.md}
"#;

fn look(text: &str) -> Result<Workstream, Vec<String>> {
    let tools = ["claude".to_owned(), "lint".to_owned()];
    let known = Known { tools: &tools, file: &|name| name.starts_with("prompts/") };
    read(text, &known).map_err(|problems| {
        let line = |p: crate::config::Diagnostic| {
            let hint = p.suggestion.map_or_else(String::new, |s| format!(" ({s})"));
            format!("{}: {}{hint}", p.line.unwrap_or(0), p.message)
        };
        problems.into_iter().map(line).collect()
    })
}

/// W5: the file of the specification, as YAML and as JSON.
#[test]
fn the_whole_file() {
    let found = look(FULL).unwrap();
    let write = &found.spec.steps[1];
    assert_eq!((found.spec.limit(), found.spec.on_failure(0)), (4, OnFailure::Abort));
    assert_eq!(found.spec.on_failure(1), OnFailure::Continue);
    assert_eq!(write.retry.as_ref().unwrap().attempts, 3);
    assert_eq!(write.env["A"], "b");
    assert_eq!(found.graph.dependencies(1), [0]);
    let json = serde_json::to_string(&found.spec).unwrap();
    assert_eq!(look(&json).unwrap().spec, found.spec);
}

/// W6: all of it at once, in the order of the file, each with its line and where there is one its remedy.
#[test]
fn all_problems_at_once() {
    let text = r#"id: x
max_parallel: 0
stepz: []
steps:
  - id: a
    run: [true]
    depends_on: [ghost, b]
  - id: b
    run: [true]
    depends_on: [c]
  - id: c
    shell: echo
    prompt: prompts/p.md
    depends_on: [b]
  - id: a
    run: [true]
    files_scope: ["docs/["]
  - id: d
    prompt: prompts/p.md
    tool: cladue
    when: "steps.a.state =="
    risk: huge
  - id: e
    prompt: missing.md
    gates: [{run: [x], git_clean: true}]
    outputs: {o: ../out}
  - id: f
    python: no_function
    retry: {attempts: 0}
    tool: lint
"#;
    insta::assert_snapshot!(look(text).unwrap_err().join("\n"), @r"
    2: `max_parallel`: at least one has to run
    3: unknown key `stepz` (did you mean `steps`?)
    7: step `a` depends on `ghost`, which is no step
    10: steps wait for each other: b → c → b
    12: step `c` has prompt and shell: exactly one is needed
    15: step id `a` stands twice (first in line 5)
    17: `steps[3].files_scope[0]`: bad glob `docs/[`: unclosed character class; missing ']'
    20: there is no tool or agent `cladue` (did you mean `claude`?)
    21: step `d`: `when`: syntax error: unexpected end of input, expected expression
    22: `steps[4].risk`: expected one of low, medium, high, found `huge`
    24: step `e`: there is no file missing.md, and no step's `outputs` names it
    25: `steps[5].gates[0]` needs exactly one of `run`, `shell`, `tool`, `git_clean` and `file_exists`
    26: step `e`: output `../out`: paths are relative to the project root, without `.` and `..`
    28: step `f`: `python` is `module:function`, not `no_function`
    29: step `f`: `retry.attempts` counts the first one: at least 1
    30: step `f`: `tool` is for a `prompt`; `python` runs by itself
    ");
}

#[test]
fn conditions_look_back_only() {
    let text = r#"id: x
steps:
  - {id: a, run: [x]}
  - {id: b, run: [x], when: "steps.a.state == 'failed'"}
  - {id: c, run: [x], depends_on: [b], when: "steps.b.state == 'x' and steps.zz.state"}
"#;
    assert_eq!(
        look(text).unwrap_err(),
        [
            "4: step `b`: `when` looks at `a`, which may still run then (put `a` into depends_on)",
            "5: step `c`: `when` looks at `zz`, which is no step",
        ]
    );
}

#[test]
fn what_is_no_workstream() {
    assert_eq!(look("").unwrap_err(), ["0: the file is empty"]);
    assert_eq!(look("id: x").unwrap_err(), ["1: the file has no `steps`"]);
    assert_eq!(look("id: x\nsteps: []").unwrap_err(), ["2: `steps` is empty: there is nothing to run"]);
    assert!(look("- a").unwrap_err()[0].contains("expected a mapping"));
    assert!(look("id: [").is_err());
}

/// W12: a long cycle is named by its beginning.
#[test]
fn a_long_cycle() {
    let mut text = String::from("id: x\nsteps:\n");
    for n in 0..300 {
        writeln!(text, "  - {{id: s{n}, run: [x], depends_on: [s{}]}}", (n + 1) % 300).unwrap();
    }
    let problems = look(&text).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("3: steps wait for each other: s0 → s1 → s2 → "), "{problems:?}");
    assert!(problems[0].ends_with(" → s19 → … → s0"), "{problems:?}");
}
