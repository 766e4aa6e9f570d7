//! The page and the commands say the same, before, during and after a run.

use serde_json::{Value, json};

use super::Served;
use crate::cli::project::{Project, wait_until};

fn command(p: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&p.run(args).expect(0).out).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What runs by itself, and what only the server says.
fn still(mut value: Value) -> Value {
    value.as_object_mut().unwrap().remove("serve");
    value
}

/// I9: each document is that of the command.
#[test]
fn the_shapes_of_the_commands() {
    let p = Project::git();
    p.run(&["--once"]).expect(0);
    p.run(&["--once"]).expect(0);
    let s = Served::start(&p);
    assert_eq!(still(s.json("state")), command(&p, &["status", "--format", "json"]));
    let runs = s.json("runs?limit=5");
    assert_eq!(runs["runs"], command(&p, &["history", "--format", "json"])["runs"]);
    assert_eq!(runs["next"], Value::Null);
    let run = runs["runs"][0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(s.json(&format!("runs/{run}")), command(&p, &["show", &run, "--format", "json"]));
    assert_eq!(s.json("runs/last"), s.json(&format!("runs/{run}")));
    let attempt = s.json(&format!("runs/{run}"))["attempts"][0]["attempt_id"].as_str().unwrap().to_owned();
    assert_eq!(s.json(&format!("attempts/{attempt}")), command(&p, &["show", &attempt, "--format", "json"]));
    let events = s.json(&format!("runs/{run}/events"));
    assert_eq!(events["events"], Value::from(lines(&p.run(&["events", &run]).expect(0).out)));
    assert_eq!(events["more"], false);
    let kind = s.json(&format!("runs/{run}/events?kind=attempt_started,run_ended"));
    let expected = p.run(&["events", &run, "--kind", "attempt_started,run_ended"]).expect(0).out;
    assert_eq!(kind["events"], Value::from(lines(&expected)));
    assert_eq!(s.json(&format!("runs/{run}/steps")), command(&p, &["report", &run, "--format", "json"]));
    let costs = s.json("costs");
    assert_eq!(costs["points"].as_array().unwrap().len(), 4);
    assert_eq!(costs["by_role"][0]["name"], "galph");
    assert_eq!(costs["by_role"][0]["attempts"], 2);
    assert_eq!(s.json(&format!("costs?run={run}"))["points"].as_array().unwrap().len(), 2);
}

/// I9: long lists come in pages that leave nothing out.
#[test]
fn pages_are_the_whole() {
    let p = Project::new();
    for _ in 0..3 {
        p.run(&["--once", "--no-git"]).expect(0);
    }
    p.prompt("main", "exit 7");
    p.run(&["--once", "--no-git"]).expect(3);
    let s = Served::start(&p);
    let whole = s.json("runs");
    let mut seen = Vec::new();
    let mut before = String::new();
    loop {
        let page = s.json(&format!("runs?limit=1&before={before}"));
        seen.extend(page["runs"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut before),
            None => break,
        }
    }
    assert_eq!(Value::from(seen), whole["runs"]);
    assert_eq!(whole["runs"].as_array().unwrap().len(), 4);
    let failed = s.json("runs?state=failed&kind=turns");
    assert_eq!(failed["runs"], json!([whole["runs"][0]]));
    let id = whole["runs"][2]["run_id"].as_str().unwrap().to_uppercase();
    assert_eq!(s.json(&format!("runs?text={id}"))["runs"], json!([whole["runs"][2]]));
    let all = s.json("events?limit=5000")["events"].as_array().unwrap().clone();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = s.json(&format!("events?limit=7&after={after}"));
        seen.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_i64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, all);
    let run = whole["runs"][0]["run_id"].as_str().unwrap();
    let attempts = s.json(&format!("runs/{run}"))["attempts"].clone();
    let first = s.json(&format!("runs/{run}/attempts?limit=1"));
    let rest = s.json(&format!("runs/{run}/attempts?after={}", first["next"]));
    assert_eq!(json!([first["attempts"][0], rest["attempts"][0]]), attempts);
}

/// Servers started before, during and after a run show the same of it; without a ledger there is nothing yet.
#[test]
fn it_matters_not_when_it_was_started() {
    let p = Project::new();
    let before = Served::start(&p);
    assert_eq!(before.json("state")["status"], Value::Null);
    assert_eq!(before.json("state")["serve"]["ledger"], false);
    assert_eq!(before.json("runs"), json!({"version": 1, "runs": [], "next": null}));
    assert_eq!(before.json("events")["events"], json!([]));
    assert_eq!(before.json("costs")["points"], json!([]));
    assert_eq!(before.get("/api/v1/runs/last").status, 404);
    let mut early = before.stream("after=0");
    p.prompt("main", "touch begun; while ! test -e go; do sleep 0.02; done; echo done");
    let run = p.start(&["--once", "--no-git"]);
    wait_until("the turn", || p.path("begun").exists());
    let during = Served::start(&p);
    let mut late = during.stream("after=0");
    wait_until("the run in both", || {
        before.json("runs")["runs"][0]["state"] == "running" && before.json("runs") == during.json("runs")
    });
    let live = during.json("state");
    assert_eq!(live["runs"][0]["attempts"][0]["role"], "ralph", "{live}");
    p.write("go", "");
    assert!(run.wait_with_output().unwrap().status.success());
    let after = Served::start(&p);
    for path in ["runs", "runs/last", "runs/last/events", "runs/last/steps", "events", "costs"] {
        let expected = after.json(path);
        assert_eq!(before.json(path), expected, "{path}");
        assert_eq!(during.json(path), expected, "{path}");
    }
    wait_until("the state", || {
        let one = still(after.json("state"));
        still(before.json("state")) == one && still(during.json("state")) == one
    });
    let kinds = |all: Vec<super::Message>| -> Vec<(i64, String)> {
        all.into_iter().map(|m| (m.id.unwrap(), m.event)).collect()
    };
    let told = kinds(after.stream("after=0").until_run_ended());
    assert_eq!(kinds(early.until_run_ended()).last(), told.last());
    assert_eq!(kinds(late.until_run_ended()).last(), told.last());
}
