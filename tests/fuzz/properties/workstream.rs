use std::collections::BTreeSet;

use orchestrator::workstreams::spec::{Known, Workstream, read};

/// Refused with lines of the file, or a graph that can be run: every step once, after what it waits for.
pub fn workstream(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let tools = ["claude".to_owned()];
    let known = Known { tools: &tools, file: &|name| name.starts_with("prompts/") };
    let found = match read(text, &known) {
        Ok(found) => found,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a problem");
            for problem in problems {
                super::printable(&problem.message);
                problem.suggestion.iter().for_each(|hint| super::printable(hint));
                if let Some(line) = problem.line {
                    super::in_range(line, text);
                }
            }
            return;
        }
    };
    runnable(&found);
    let json = serde_json::to_string(&found.spec).unwrap_or_default();
    match read(&json, &known) {
        Ok(again) => assert_eq!(again, found, "{json}"),
        Err(problems) => panic!("its own text is refused: {problems:?}\n{json}"),
    }
}

fn runnable(found: &Workstream) {
    let steps = &found.spec.steps;
    assert!(!steps.is_empty() && found.graph.len() == steps.len());
    let ids: BTreeSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids.len(), steps.len(), "an id stands twice");
    let mut over = BTreeSet::new();
    for level in found.graph.levels() {
        for step in &level {
            assert!(found.graph.dependencies(*step).iter().all(|other| over.contains(other)), "too early");
        }
        over.extend(level);
    }
    assert_eq!(over.len(), steps.len(), "a step never runs");
    for step in steps {
        super::printable(&step.id);
        for file in step.outputs.values() {
            assert!(
                !file.starts_with('/') && !file.split('/').any(|part| part == ".."),
                "{file} leaves the project"
            );
        }
    }
}
