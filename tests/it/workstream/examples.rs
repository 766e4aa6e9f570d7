//! The examples of the documentation, as they stand there.

use std::path::Path;

use super::{report, states};
use crate::cli::project::Project;

fn example(name: &str) -> Project {
    let p = Project::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name);
    p.write("ws.yaml", &std::fs::read_to_string(path).unwrap());
    p.run(&["workstream", "validate", "ws.yaml"]).expect(0);
    p
}

#[test]
fn a_small_build() {
    let p = example("build.yaml");
    let ran = p.run(&["workstream", "run", "ws.yaml"]).expect(0);
    assert!(ran.out.contains("workstream A small build: 5 steps, at most 3 at once"), "{}", ran.out);
    assert!(ran.out.contains("[5/5] pack succeeded in "), "{}", ran.out);
    assert!(ran.out.contains("more than one word\n"), "{}", ran.out);
    assert_eq!(p.read("out/pack.txt"), "2\nSOME TEXT\n");
    assert_eq!(report(&p)["run"]["state"], "succeeded");
}

#[test]
fn notes_by_an_agent() {
    let p = example("notes.yaml");
    p.run(&["workstream", "run", "ws.yaml"]).expect(0);
    assert_eq!(p.read("notes/parts.md"), "The parts of the project.\n");
    let report = report(&p);
    assert_eq!(report["decisions"].as_array().unwrap().len(), 3);
    assert_eq!(report["steps"][0]["attempts"][0]["tool"], "shell");
    assert_eq!(report["critical_path"].as_array().unwrap().len(), 2);
}

#[test]
fn checks_that_go_on() {
    let p = example("checks.yaml");
    p.run(&["workstream", "run", "ws.yaml"]).expect(0);
    let expected =
        ["good succeeded", "flaky succeeded", "bad failed", "summary succeeded", "mourn succeeded"];
    assert_eq!(states(&p), expected);
    let report = report(&p);
    let attempts = |n: usize| report["steps"][n]["attempts"].as_array().unwrap().len();
    assert_eq!((attempts(1), attempts(2)), (2, 1), "{report:#}");
    assert_eq!(p.read("mourned"), "bad\n");
    let shown = report["steps"][2]["attempts"][0]["excerpt"].to_string();
    assert!(shown.contains("this one fails"), "{shown}");
}
