//! Rate limits of steps (agents.md A6).

use super::{events, report, run, said, states};
use crate::cli::project::Project;

/// An agent that is refused as long as fewer than `times` tries were made, with this reset.
fn agent(name: &str, times: u32, reset: &str) -> String {
    let script = format!(
        "cat > /dev/null; echo {name} >> tries; if test $(grep -c {name} tries) -le {times}; then \
         echo '{{\"type\":\"rate_limit\",\"status\":\"rejected\",\"blocked\":true{reset}}}'; \
         echo '{{\"type\":\"result\",\"is_error\":true,\"text\":\"try later\"}}'; exit 1; fi; \
         echo '{{\"type\":\"result\",\"is_error\":false,\"text\":\"done by {name}\"}}'"
    );
    format!("  {name}: {{command: {}, output: ndjson", serde_json::json!(["sh", "-c", script]))
}

/// A reset so many seconds from now.
fn reset(secs: i64) -> String {
    format!(",\"resets_at\":{}", jiff_now() + secs)
}

fn jiff_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn project(policy: &str, agents: &str, more: &str) -> Project {
    let p = Project::new();
    p.write(
        "orchestration.yaml",
        &format!("agent: {{default: a}}\nsupervision: {{rate_limit: {policy}}}\nagents:\n{agents}{more}"),
    );
    p
}

fn count(p: &Project, kind: &str) -> usize {
    events(p).iter().filter(|e| e["kind"] == kind).count()
}

/// `wait`: the step waits for the stated reset without a place, is tried again, and neither it nor its tool has failed.
#[test]
fn waiting() {
    let p = project("wait", &(agent("a", 1, &reset(3)) + "}\n"), "");
    let text = "id: x\nmax_parallel: 1\nsteps:
  - {id: limited, prompt: do it}
  - {id: beside, run: [touch, beside]}
  - {id: after, depends_on: [limited], when: \"steps.limited.result == 'done by a'\", run: ['true']}
";
    let end = run(&p, text, 0);
    assert_eq!((end["attempts"].as_u64(), end["failed"].as_u64()), (Some(4), Some(0)), "{end}");
    assert_eq!(states(&p), ["limited succeeded", "beside succeeded", "after succeeded"]);
    let told = report(&p);
    let attempt = |step: usize, n: usize| told["steps"][step]["attempts"][n].clone();
    let (first, second, beside) = (attempt(0, 0), attempt(0, 1), attempt(1, 0));
    assert!(first["error"].as_str().unwrap().starts_with("a is rate limited until 20"), "{first}");
    let at = |a: &serde_json::Value| a["started_at"].as_i64().unwrap();
    assert!(at(&beside) < at(&second), "its place was free while it waited");
    assert_eq!((count(&p, "waiting"), count(&p, "retry_scheduled")), (1, 0));
    p.run(&["tools"]).expect(0).says("a  closed     1 run, 100 % good");
}

/// A second step is not begun with an agent that is known to be refused.
#[test]
fn nobody_asks_in_vain() {
    let p = project("wait", &(agent("a", 1, &reset(2)) + "}\n"), "");
    let text = "id: x\nmax_parallel: 1\nsteps:\n  - {id: one, prompt: do it}\n  - {id: two, prompt: do it}\n";
    run(&p, text, 0);
    assert_eq!(p.read("tries").lines().count(), 3, "one refusal, two that work");
}

/// `fallback`: the agent's stand-in takes the step at once, and the next one too.
#[test]
fn a_stand_in_takes_it() {
    let agents = agent("a", 9, &reset(3600)) + ", fallback: [b]}\n" + &agent("b", 0, "") + "}\n";
    let p = project("fallback", &agents, "");
    let text = "id: x\nmax_parallel: 1\nsteps:\n  - {id: one, prompt: do it}\n  - {id: two, prompt: do it}\n";
    run(&p, text, 0);
    assert_eq!(p.read("tries"), "a\nb\nb\n", "who stated a reset is not asked again");
    assert_eq!((count(&p, "agent_fallback"), count(&p, "waiting")), (1, 0));
}

/// `fallback` of a routed step: another tool of its rule.
#[test]
fn another_tool_takes_it() {
    let agents = agent("a", 9, &reset(3600)) + "}\n" + &agent("b", 0, "") + "}\n";
    let more = "workstream:
  tools: {one: {agent: a, kinds: [edit]}, two: {agent: b, kinds: [edit]}}
  routing: [{id: r, match: {kind: [edit]}, from: [one, two], strategy: fixed}]
";
    let p = project("fallback", &agents, more);
    run(&p, "id: x\nsteps: [{id: a, kind: edit, prompt: do it}]\n", 0);
    let told = report(&p);
    let tools: Vec<&str> =
        (0..2).map(|n| told["steps"][0]["attempts"][n]["tool"].as_str().unwrap()).collect();
    assert_eq!((tools, p.read("tries").as_str()), (vec!["one", "two"], "a\nb\n"));
}

/// `fail`: a refusal is a failure like any other, for retry and for the tool.
#[test]
fn failing() {
    let p = project(
        "fail",
        &(agent("a", 1, &reset(3600)) + "}\n"),
        "workstream: {quarantine: {same_error: 0}}\n",
    );
    run(&p, "id: x\nsteps: [{id: a, prompt: do it}]\n", 3);
    p.write("tries", "");
    run(&p, "id: x\nsteps: [{id: a, prompt: do it, retry: {attempts: 2, backoff: none}}]\n", 0);
    assert_eq!((count(&p, "waiting"), count(&p, "retry_scheduled")), (0, 1));
    p.run(&["tools"]).expect(0).says("a  closed     3 runs");
}

/// A wait that the run's time does not allow ends it; one that is interrupted can be resumed, and so can this.
#[test]
fn a_wait_behind_the_budget() {
    let p = project("wait", &(agent("a", 1, &reset(3600)) + "}\n"), "");
    let end = run(&p, "id: x\nbudget: {wall_secs: 60}\nsteps: [{id: a, prompt: do it}]\n", 6);
    assert_eq!(
        (end["reason"].as_str(), states(&p)),
        (Some("budget"), vec!["a canceled".to_owned()]),
        "{end}"
    );
    let again = said(&p.run(&["workstream", "resume", "last", "--format", "json"]).expect(0));
    assert_eq!(again["succeeded"], 1, "{again}");
}

/// A oneshot whose auditor is refused goes on with the audit: the work is not done again.
#[test]
fn a_refused_auditor_is_asked_again() {
    let worker = "  w: {command: [sh, -c, 'cat > /dev/null; echo worked; echo x >> works']}\n";
    let judge = agent("a", 1, &reset(2)).replace("done by a", "DONE") + "}\n";
    let p = project("wait", &(worker.to_owned() + &judge), "oneshot: {worker_agent: w, auditor_agent: a}\n");
    run(&p, "id: x\nsteps: [{id: a, oneshot: do it}]\n", 0);
    assert_eq!(
        (p.read("tries").as_str(), p.read("works").as_str(), count(&p, "waiting")),
        ("a\na\n", "x\n", 1)
    );
}

/// A oneshot whose worker is refused waits in the same way.
#[test]
fn a_oneshot_waits_too() {
    let auditor = "  judge: {command: [sh, -c, 'cat > /dev/null; echo DONE']}\n";
    let agents = agent("a", 1, &reset(2)) + "}\n" + auditor;
    let p = project("wait", &agents, "oneshot: {auditor_agent: judge}\n");
    run(&p, "id: x\nsteps: [{id: a, oneshot: do it}]\n", 0);
    assert_eq!((p.read("tries").as_str(), count(&p, "waiting")), ("a\na\n", 1));
}
