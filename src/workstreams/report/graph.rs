//! A workstream's graph as text, for Graphviz, for Mermaid, and as JSON. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::workstreams::spec::Workstream;

/// One line a step, with what it depends on.
pub fn text(found: &Workstream) -> String {
    let mut out = String::new();
    for (at, level) in found.graph.levels().iter().enumerate() {
        for step in level {
            let own = &found.spec.steps[*step];
            let after = if own.depends_on.is_empty() {
                String::new()
            } else {
                format!(" ← {}", own.depends_on.join(", "))
            };
            // Writing to a String cannot fail; so below.
            let _ = writeln!(out, "{:>3}  {}{after}", at + 1, own.id);
        }
    }
    out
}

pub fn dot(found: &Workstream) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&found.spec.id));
    for step in &found.spec.steps {
        let _ = writeln!(out, "  {};", quoted(&step.id));
    }
    for step in &found.spec.steps {
        for other in &step.depends_on {
            let _ = writeln!(out, "  {} -> {};", quoted(other), quoted(&step.id));
        }
    }
    out.push_str("}\n");
    out
}

pub fn mermaid(found: &Workstream) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, step) in found.spec.steps.iter().enumerate() {
        let _ = writeln!(out, "  s{at}[\"{}\"]", step.id);
    }
    for at in 0..found.spec.steps.len() {
        for other in found.graph.dependencies(at) {
            let _ = writeln!(out, "  s{other} --> s{at}");
        }
    }
    out
}

pub fn json(found: &Workstream) -> Value {
    let mut level = vec![0; found.spec.steps.len()];
    for (number, steps) in found.graph.levels().iter().enumerate() {
        for step in steps {
            level[*step] = number + 1;
        }
    }
    let step = |(at, step): (usize, &crate::workstreams::spec::Step)| json!({"id": step.id, "level": level[at], "kind": step.kind, "depends_on": step.depends_on});
    json!({"version": 1, "id": found.spec.id, "steps": found.spec.steps.iter().enumerate().map(step).collect::<Vec<_>>()})
}
