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

/// W6: the rest of what can be wrong with a file, in words and with its line.
#[test]
fn further_problems() {
    let text = r#"id: -x
steps:
  - id: a b
    run: ["true"]
  - id: c
    depends_on: [d, d]
  - id: d
    run: ["true"]
    env: {"A=B": c}
    tool: claude
  - id: e
    python: m.f:1x
  - id: f
    run: ["true"]
    gates: [{git_clean: false}, {file_exists: ""}, {file_exists: /etc/x}, {tool: nonsense}, {}]
  - id: g
    oneshot: task.md
    tool: lint
  - id: h
    prompt: Look at {{ steps.a.log }} and say "done".
    when: "steps.g.state == 'failed'"
    depends_on: [g]
    outputs: {o: ""}
"#;
    insta::assert_snapshot!(look(text).unwrap_err().join("\n"), @r"
    1: `id` may hold letters, digits, `.`, `_` and `-`, at most 64, and begins with none of these signs
    3: step id `a b`: letters, digits, `.`, `_` and `-`, at most 64
    5: step `c` does nothing: it needs one of `prompt`, `run`, `shell`, `python` and `oneshot`
    6: step `c` depends on `d` twice
    9: step `d`: `A=B` is no variable
    10: step `d`: `tool` is for a `prompt`; `run` runs by itself
    12: step `e`: `python` is `module:function`, not `m.f:1x`
    15: `steps[4].gates[0].git_clean`: leave it out, or write `true`
    15: `steps[4].gates[1].file_exists`: expected a text, found nothing
    15: `steps[4].gates[2].file_exists`: paths are relative to the project root, without `.` and `..`
    15: there is no tool or agent `nonsense` (known: claude, lint)
    15: `steps[4].gates[4]` needs exactly one of `run`, `shell`, `tool`, `git_clean` and `file_exists`
    17: step `g`: there is no file task.md, and no step's `outputs` names it
    23: `steps[6].outputs.o`: expected a text, found nothing
    ");
}

/// W6: a file that is wrong throughout is not told a hundred thousand times.
#[test]
fn the_list_of_problems_ends() {
    let mut text = String::from("id: x\nsteps:\n");
    for n in 0..400 {
        writeln!(text, "  - {{id: s{n}, run: [x], depends_on: [nobody{n}]}}").unwrap();
    }
    let problems = look(&text).unwrap_err();
    assert_eq!(problems.len(), 100);
    assert_eq!(problems[99], "102: step `s99` depends on `nobody99`, which is no step");
}

/// What a step and a gate are called in tables and reports: one line, however they are written.
#[test]
fn one_line_for_each() {
    let text = r#"id: x
steps:
  - {id: a, run: [make, "two words"]}
  - {id: b, shell: "set -e\nmake"}
  - {id: c, python: "tools.lint:main"}
  - {id: d, prompt: "Write the docs.\nAll of them."}
  - {id: e, oneshot: "Do it."}
acceptance:
  - {run: [make, "two words"]}
  - {shell: "make | cat"}
  - {tool: lint}
  - {file_exists: docs/a.md}
  - {git_clean: true}
"#;
    let spec = look(text).unwrap().spec;
    let steps: Vec<(String, bool)> = spec.steps.iter().map(|s| (s.words(), s.is_routed())).collect();
    let expected = [
        ("make 'two words'", false),
        ("set -e", false),
        ("python tools.lint:main", false),
        ("Write the docs.", true),
        ("Do it.", true),
    ];
    assert_eq!(steps, expected.map(|(words, routed)| (words.to_owned(), routed)));
    let gates: Vec<String> = spec.acceptance.iter().map(Gate::words).collect();
    assert_eq!(gates, ["make 'two words'", "make | cat", "tool lint", "file_exists docs/a.md", "git_clean"]);
    assert_eq!(Step::default().words(), "");
    assert_eq!((spec.limit(), Spec { max_parallel: Some(0), ..spec }.limit()), (4, 1));
}

/// W6: a value of the wrong shape, or too large for what it counts, is refused at its line and not taken for another.
#[test]
fn wrong_shapes() {
    for (text, line) in [
        ("id: x\nsteps: 5", 2),
        ("id: x\nsteps: [5]", 2),
        ("id: x\nsteps: [[a]]", 2),
        ("id: x\nbudget: 5\nsteps: [{id: a, run: [x]}]", 2),
        ("id: x\nsteps:\n  - {id: a, run: [x], env: [y]}", 3),
        ("id: x\nsteps:\n  - {id: a, run: {y: z}}", 3),
        ("id: x\nmax_parallel: -1\nsteps: [{id: a, run: [x]}]", 2),
        ("id: x\nmax_parallel: 1.5\nsteps: [{id: a, run: [x]}]", 2),
        ("id: x\nmax_parallel: 99999999999999999999\nsteps: [{id: a, run: [x]}]", 2),
        ("id: x\nsteps:\n  - {id: a, run: [x], retry: {attempts: 99999999999999999999}}", 3),
        ("id: x\nsteps:\n  - {id: a, run: [x], timeout_secs: 99999999999999999999d}", 3),
    ] {
        let problems = look(text).unwrap_err();
        assert!(problems.iter().any(|p| p.starts_with(&format!("{line}: "))), "{text}: {problems:?}");
    }
}

/// A long name is shortened where it is told.
#[test]
fn long_names_are_shortened() {
    let long = "x".repeat(100);
    let problems = look(&format!("id: x\nsteps: [{{id: a, run: [x], depends_on: [{long}]}}]")).unwrap_err();
    assert_eq!(problems, [format!("2: step `a` depends on `{}…`, which is no step", "x".repeat(60))]);
}
