//! Workstreams with real processes.

mod api;
mod audited;
mod circuits;
mod commands;
mod endings;
mod examples;
mod http;
mod kills;
mod limits;
mod mixes;
mod quarantine;
mod tools;

use serde_json::Value;

use crate::cli::project::{Project, Ran};

/// Writes a workstream whose head is given and runs it; what it said in JSON.
#[track_caller]
pub fn run(p: &Project, text: &str, code: i32) -> Value {
    p.write("ws.yaml", text);
    said(&p.run(&["workstream", "run", "ws.yaml", "--format", "json"]).expect(code))
}

#[track_caller]
pub fn said(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err))
}

/// The report of the newest run.
#[track_caller]
pub fn report(p: &Project) -> Value {
    said(&p.run(&["report", "last", "--format", "json"]).expect(0))
}

/// `step state` in the order of the file.
#[track_caller]
pub fn states(p: &Project) -> Vec<String> {
    let report = report(p);
    let steps = report["steps"].as_array().unwrap();
    let words = |s: &Value| format!("{} {}", s["id"].as_str().unwrap(), s["state"].as_str().unwrap());
    steps.iter().map(words).collect()
}

/// Kinds of the newest run's events.
#[track_caller]
pub fn events(p: &Project) -> Vec<Value> {
    let out = p.run(&["events", "last"]).expect(0).out;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
