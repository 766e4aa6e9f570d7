//! Tools: adapters, routing, circuits (W14 to W21).

use std::fmt::Write as _;

use super::{events, report, run, said};
use crate::cli::project::{Project, block};

const TOOLS: &str = "workstream:
  tools:
    good: {shell: 'cat > got.$ORCHESTRATOR_STEP', kinds: [edit]}
    bad: {shell: 'exit 1', kinds: [edit], max_parallel: 1}
    lint: {run: [test, -e, linted], kinds: [lint]}
  routing:
    - {id: checked, match: {kind: [edit], risk: [low]}, from: [good], strategy: fixed, validate_with: [lint]}
    - {id: turns, match: {kind: [edit], complexity: [simple]}, from: [good, other], strategy: round_robin}
    - {id: best, match: {kind: [edit]}, from: [bad, good], strategy: auto}
";

/// Prompt, environment and answers reach the tool and come back; a retry goes to another tool.
#[test]
fn tools_are_routed() {
    let p = Project::new();
    p.config(TOOLS);
    p.write("w.md", "write it\n");
    let text = "id: x\nmax_parallel: 1\nsteps:
  - {id: a, kind: edit, prompt: w.md, retry: {attempts: 2, backoff: none}}
  - {id: b, kind: edit, risk: low, prompt: w.md, on_failure: continue}
";
    run(&p, text, 0);
    assert_eq!(p.read("got.a"), "write it\n");
    let told = report(&p);
    let tools: Vec<&str> =
        (0..2).map(|n| told["steps"][0]["attempts"][n]["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["bad", "good"], "the one that failed is not asked again");
    assert!(
        told["steps"][1]["attempts"][0]["error"].as_str().unwrap().starts_with("gate tool lint"),
        "{told:#}"
    );
    let tools = p.run(&["tools"]).expect(0).out;
    assert!(
        tools.contains("good  closed     2 runs, 51 % good")
            || tools.contains("good  closed     2 runs, 50 % good"),
        "{tools}"
    );
    let explained = p.run(&["workstream", "route", "ws.yaml", "a"]).expect(0).out;
    assert!(explained.starts_with("step a: best, auto\n"), "{explained}");
    let explained = p.run(&["workstream", "route", "ws.yaml", "b", "--format", "json"]).expect(0);
    assert_eq!(said(&explained)["decision"]["rule"], "checked");
    let kinds = events(&p);
    assert_eq!(kinds.iter().filter(|e| e["kind"] == "tool_routed").count(), 3);
}

/// No tool, a tool that is not trusted, and one that is not there are told before or by the step.
#[test]
fn nobody_can() {
    let p = Project::new();
    p.config(TOOLS);
    let end = run(&p, "id: x\nsteps: [{id: a, kind: paint, prompt: draw it}]\n", 3);
    assert!(end["error"].as_str().unwrap().contains("no tool can do kind=paint domain=-"), "{end}");
    p.write("ws.yaml", "id: x\nsteps: [{id: a, prompt: draw it, tool: claude}]\n");
    let refused = p.run(&["workstream", "run", "ws.yaml"]).expect(2);
    assert!(refused.err.contains("step a: agent `claude`: `claude` is not on PATH"), "{}", refused.err);
}

/// W20: five failures open the circuit; a restart remembers; nothing is asked of it; a reset closes it.
#[test]
fn a_circuit_outlives_the_program() {
    let p = Project::new();
    p.config(
        "workstream:
  tools:
    bad: {shell: 'echo x >> tried; exit $ORCHESTRATOR_STEP_ATTEMPT', kinds: [edit]}
    good: {shell: 'true', kinds: [edit]}
  routing: [{id: r, match: {kind: [edit]}, from: [bad, good], strategy: fixed}]
  quarantine: {same_error: 0}
",
    );
    let mut text = String::from("id: x\non_failure: continue\nmax_parallel: 1\nsteps:\n");
    for n in 0..5 {
        writeln!(text, "  - {{id: s{n}, kind: edit, prompt: do}}").unwrap();
    }
    run(&p, &text, 0);
    assert_eq!(p.read("tried").lines().count(), 5);
    assert!(events(&p).iter().any(|e| e["kind"] == "breaker_opened"));
    let listed = p.run(&["tools"]).expect(0).out;
    assert!(listed.contains("bad   open"), "{listed}");
    let one = "id: y\nsteps: [{id: a, kind: edit, prompt: do}]\n";
    run(&p, one, 0);
    assert_eq!(report(&p)["steps"][0]["attempts"][0]["tool"], "good");
    assert_eq!(p.read("tried").lines().count(), 5, "an open circuit is not asked");
    p.run(&["tools", "reset", "bad"]).expect(0);
    assert!(p.run(&["tools", "reset", "nobody"]).expect(2).err.contains("used were: bad, good"));
    run(&p, one, 3);
    assert_eq!(p.read("tried").lines().count(), 6);
}

/// W8: a rule that is required, with open circuits alone, sets the run aside.
#[test]
fn a_required_tool_that_rests() {
    let p = Project::new();
    p.config(
        "workstream:
  tools: {only: {shell: 'exit 1', kinds: [edit]}}
  routing: [{id: r, match: {kind: [edit]}, from: [only], required: true}]
  quarantine: {same_error: 0}
",
    );
    let text = "id: x\nsteps: [{id: a, kind: edit, prompt: do, retry: {attempts: 6, backoff: none}}]\n";
    let end = run(&p, text, 3);
    assert_eq!(end["state"], "quarantined", "{end:#}");
    assert!(end["error"].as_str().unwrap().contains("rule r is required"), "{end}");
}

/// A function is given JSON and answers JSON, which conditions see; an agent's blocks run; `router_config.json` counts.
#[test]
fn adapters() {
    let p = Project::new();
    p.write(
        "helper.py",
        "def answer(ask):\n    print('thinking')\n    return {'n': len(ask['steps']), 'step': ask['step']}\n",
    );
    p.write("work.md", &block("echo by-agent > agent.txt; echo $ORCHESTRATOR_STEP"));
    p.write(
        "router.json",
        r#"{"apps": {"sh": {"kind": "agent", "command": ["shell"], "capabilities": {"task_kinds": ["edit"]}}},
            "routing": {"rules": [{"id": "j", "match": {"task_kind": ["edit"]}, "select_from": ["sh"]}]}}"#,
    );
    p.write(
        "ws.yaml",
        "id: x\nsteps:
  - {id: one, run: ['true']}
  - {id: py, depends_on: [one], python: 'helper:answer'}
  - {id: yes, depends_on: [py], when: \"steps.py.result.n == 1 and steps.py.result.step == 'py'\", kind: edit, prompt: work.md}
  - {id: no, depends_on: [py], when: 'steps.py.result.n == 2', run: ['false']}
",
    );
    let ran = p.run(&["workstream", "run", "ws.yaml", "--router-config", "router.json"]).expect(0);
    assert!(ran.out.contains("thinking\n"), "{}", ran.out);
    assert_eq!(p.read("agent.txt"), "by-agent\n");
    let told = report(&p);
    assert_eq!(
        (told["steps"][2]["attempts"][0]["tool"].as_str(), told["steps"][3]["state"].as_str()),
        (Some("sh"), Some("skipped"))
    );
    assert_eq!(told["decisions"][0]["rule"], "j");
}

/// W15: `auto` comes to prefer the better of two tools, and goes on trying the other.
#[test]
fn auto_converges() {
    let p = Project::new();
    p.config(
        "workstream:
  tools:
    bad: {shell: 'case $ORCHESTRATOR_STEP in *0) true;; *) exit 1;; esac', kinds: [edit]}
    good: {shell: 'true', kinds: [edit]}
  routing: [{id: r, match: {kind: [edit]}, from: [bad, good], strategy: auto}]
  quarantine: {same_error: 0}
",
    );
    let mut text = String::from("id: x\non_failure: continue\nmax_parallel: 1\nsteps:\n");
    for n in 0..40 {
        writeln!(text, "  - {{id: s{n}, kind: edit, prompt: do}}").unwrap();
    }
    run(&p, &text, 0);
    let told = report(&p);
    let of = |at: usize| told["steps"][at]["attempts"][0]["tool"].as_str().unwrap() == "bad";
    let bad: Vec<usize> = (0..40).filter(|at| of(*at)).collect();
    assert!((3..=8).contains(&bad.len()) && bad[bad.len() - 1] >= 20, "{bad:?}");
}
