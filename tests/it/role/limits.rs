//! Budgets and rate limits over machines (agents.md A6, A9).

use super::ground::{Ground, wait_until};
use crate::limits::bench::{agent, limited, used};

fn config(galph: &str, ralph: &str, budget: &str) -> String {
    let roles = "agent: {default: shell, roles: {galph: a, ralph: b}}\n";
    format!("{roles}{budget}agents:\n{}{}", agent("a", galph, ""), agent("b", ralph, ""))
}

/// The sum of the turns of all machines ends both loops; a resume grants it anew.
#[test]
fn turns_are_summed_over_machines() {
    let plain = "cat > /dev/null";
    let ground = Ground::new(&config(plain, plain, "budget: {turns: 3}\n"), "true", "true");
    let galph = ground.start("galph", "galph", &[]);
    let ralph = ground.start("ralph", "ralph", &[]);
    for ended in [galph.end(), ralph.end()] {
        let ended = ended.expect(6);
        ended.says("budget.turns reached: 3 turns");
        ended.says("orchestrator resume");
    }
    assert_eq!(ground.brief(), "2 ralph waiting-ralph");
    assert_eq!(ground.events("galph", "budget_reached").len(), 1);
    // A start alone changes nothing.
    let again = ground.turn("ralph", &["--if-turn"]).expect(6);
    again.says("budget.turns reached");
    assert_eq!(ground.brief(), "2 ralph waiting-ralph");
    ground.run("galph", &["resume"]).expect(0);
    ground.turn("ralph", &["--once"]).expect(0);
    assert_eq!(ground.brief(), "3 galph idle".replace("idle", "complete"));
}

/// What another machine has paid counts during a turn too: its agent is ended, the turn is given back.
#[test]
fn cost_of_other_machines_counts_during_a_turn() {
    let cheap = format!("cat > /dev/null; {}", used(10, 5, Some(0.7)));
    let dear = format!("cat > /dev/null; {}; touch ../begun; sleep 60", used(10, 5, Some(0.4)));
    let ground = Ground::new(&config(&cheap, &dear, "budget: {cost_usd: 1}\n"), "true", "true");
    ground.turn("galph", &["--once"]).expect(0);
    let ended = ground.turn("ralph", &[]).expect(6);
    ended.says("budget.cost_usd reached: $1.10 of $1.00");
    assert!(ground.path("begun").exists());
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
    let stamp = ground.git("bare", &["log", "-1", "--format=%B", "work"]);
    assert!(stamp.starts_with("[SYNC i=1] actor=ralph status=interrupted"), "{stamp}");
    assert!(stamp.contains("Reason: budget.cost_usd reached"), "{stamp}");
    ground.turn("galph", &["--once"]).expect(6).says("budget.cost_usd");
}

/// A6: the holder waits and keeps its lease, which tells until when; the other machine says so. A stop ends the wait.
#[test]
fn a_rate_limited_holder_keeps_its_turn_and_tells_until_when() {
    let refused = format!("cat > /dev/null; {}; exit 1", limited(Some(1_900_000_000)));
    let sync = "sync: {poll_interval: 0.05, lease_secs: 3, retry_secs: 20, heartbeat_secs: 0.1}\n";
    let ground = Ground::new(&format!("{sync}{}", config(&refused, "true", "")), "true", "true");
    let galph = ground.start("galph", "galph", &[]);
    wait_until("the wait", || galph.printed().contains("the same turn is taken again at 2030"));
    let ralph = ground.start("ralph", "ralph", &[]);
    wait_until("the other's word", || ralph.printed().contains("rate limited until 2030-03-17T"));
    let lease = ground.git("bare", &["log", "-1", "--format=%B", "refs/orchestrator/lease/work"]);
    let lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
    assert!(lease["not_before"].as_str().unwrap().starts_with("2030-03-17T"), "{lease}");
    assert_eq!(ground.brief(), "1 galph running-galph");
    ground.run("galph", &["stop", "--reason", "too long"]).expect(0);
    galph.end().expect(0);
    ralph.end().expect(0).says("too long");
    assert_eq!(ground.brief(), "1 galph waiting-galph");
}
