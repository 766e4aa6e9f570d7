//! The agent's own record of its session.

use super::table::Table;

/// O8 b: what the agent wrote down itself is found by the id from its stream, and taken in once.
#[test]
fn the_agents_own_record_is_replayed() {
    let t = Table::new();
    let choose = "s=$ORCHESTRATOR_ROLE.fake; exec \\\"$FAKE\\\" --script $s";
    t.project.config(&format!(
        "agents:\n  w: {{command: [sh, -c, \"{choose}\"], output: claude-stream-json, \
         recover: {{store: \"~/.w/projects/*/{{session}}.jsonl\"}}}}\n  a: {{command: [sh, -c, \"{choose}\"]}}\n\
         oneshot: {{worker_agent: w, auditor_agent: a}}\n"
    ));
    let end = r#"{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"All of it is there."}],"stop_reason":"end_turn"}}"#;
    t.project.write("record", &format!("{end}\n"));
    t.worker("read; claude-init s-1; claude-text 'I begin.'; sh 'mkdir -p ~/.w/projects/x; cp record ~/.w/projects/x/s-1.jsonl'; signal 9");
    let ran = t.run(&["it"]).expect(0);
    assert_eq!(ran.out, "All of it is there.\n");
    assert_eq!(t.way(), "start crash zombie-success next done");
    let log = t.file("activity.ndjson");
    assert_eq!(log.matches("All of it is there.").count(), 1, "{log}");
    assert!(log.contains("\"replayed\":true"), "{log}");
    t.put_state(serde_json::json!({"name": "recovery-pending"}));
    t.run(&["resume"]).expect(0);
    assert_eq!(t.file("activity.ndjson").matches("All of it is there.").count(), 1, "taken in twice");
}

/// O8 a: a final record of the agent is its result, whatever became of it afterwards.
#[test]
fn a_final_record_outlives_a_crash() {
    let t = Table::new();
    let choose = "s=$ORCHESTRATOR_ROLE.fake; exec \\\"$FAKE\\\" --script $s";
    t.project.config(&format!(
        "agents:\n  w: {{command: [sh, -c, \"{choose}\"], output: claude-stream-json}}\n  \
         a: {{command: [sh, -c, \"{choose}\"]}}\noneshot: {{worker_agent: w, auditor_agent: a}}\n"
    ));
    t.worker("read; claude-init s-1; claude-text 'I begin.'; claude-result 'It is done.'; signal 9");
    let ran = t.run(&["it"]).expect(0);
    assert_eq!(ran.out, "It is done.\n");
    assert_eq!(t.way(), "start crash zombie-success next done");
    // A final record that reports an error is none.
    t.worker("read; claude-init s-1; claude-error 'no credit'; exit 1");
    t.run(&["it", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start crash zombie-partial max-iterations");
}
