//! Real agent CLIs as worker and auditor, against the model stub on loopback.

use serde_json::json;

use super::table::way_of;
use crate::real::stage::Stage;

/// O5, O6: the result and the verdict are read from each protocol's own records.
fn a_whole_session(cli: &str) {
    let retry = format!("text:{}", json!({"verdict": "RETRY", "feedback": "half is not whole"}));
    let done = format!("text:I looked.\n```json\n{}\n```", json!({"verdict": "DONE", "feedback": ""}));
    let replies = [
        "tool:echo half > made",
        "text:Changed: made, which says half",
        &retry,
        "tool:echo whole > made",
        "text:Changed: made, which says whole",
        &done,
    ];
    let Some(stage) = Stage::new(cli, &replies, "") else { return };
    let ran = stage.project.run(&["oneshot", "make a file", "--check", "grep whole made"]).expect(0);
    assert_eq!(ran.out, "Changed: made, which says whole\n", "{}", ran.err);
    assert_eq!(stage.project.read("made"), "whole\n");
    let place = stage.project.path(".orchestrator/oneshot");
    let folder = std::fs::read_dir(place).unwrap().next().unwrap().unwrap().path();
    assert_eq!(way_of(&folder), "start success next retry next success next done");
    let prompt = std::fs::read_to_string(folder.join("worker-2.prompt.md")).unwrap();
    assert!(prompt.contains("<feedback>\nhalf is not whole\n</feedback>"), "{prompt}");
    let asked = stage.stub.asked();
    let auditors = asked.iter().filter(|a| a.contains("What the worker says about its result")).count();
    assert!(auditors >= 2, "{auditors} of {} requests were an auditor's", asked.len());
    assert_eq!(stage.survivors(), Vec::<String>::new());
}

#[test]
fn claude() {
    a_whole_session("claude");
}

#[test]
fn codex() {
    a_whole_session("codex");
}

#[test]
fn gemini() {
    a_whole_session("gemini");
}

#[test]
fn opencode() {
    a_whole_session("opencode");
}
