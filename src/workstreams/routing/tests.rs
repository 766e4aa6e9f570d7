//! Every strategy and every way to be dropped.

use std::collections::BTreeMap;

use super::*;

fn tool(name: &str) -> Capability {
    Capability { name: name.into(), kinds: vec!["edit".into()], listed: true, ..Capability::default() }
}

fn rule(id: &str, from: &[&str], strategy: Strategy) -> RoutingRule {
    RoutingRule {
        id: id.into(),
        matches: Match { kind: vec!["edit".into()], ..Match::default() },
        from: from.iter().map(|n| (*n).to_owned()).collect(),
        strategy,
        ..RoutingRule::default()
    }
}

const EDIT: Need<'_> = Need {
    kind: Some("edit"),
    domain: None,
    risk: None,
    complexity: None,
    fixed: None,
    failed: &[],
    agent: false,
    usual: None,
    again: None,
};

#[derive(Default)]
struct World {
    tools: Vec<Capability>,
    rules: Vec<RoutingRule>,
    health: BTreeMap<String, Health>,
    position: u64,
}

impl World {
    fn new(rules: Vec<RoutingRule>) -> Self {
        Self { tools: ["a", "b", "c"].map(tool).to_vec(), rules, ..Self::default() }
    }

    fn open(&mut self, name: &str) {
        let circuit = Circuit::Open { since: 1_000, failures: 5 };
        self.health.insert(name.into(), Health { circuit, ..Health::default() });
    }

    fn busy(&mut self, name: &str, running: u64) {
        self.health.insert(name.into(), Health { running, ..Health::default() });
    }

    fn route(&self, need: Need<'_>) -> Decision {
        let health = |name: &str| self.health.get(name).copied().unwrap_or_default();
        let position = |_: &str| self.position;
        let desk =
            Desk { tools: &self.tools, rules: &self.rules, health: &health, position: &position, now: 2_000 };
        route(need, &desk)
    }

    fn choice(&self, need: Need<'_>) -> String {
        match self.route(need).choice {
            Choice::Take(name) => name,
            Choice::Wait(until) => format!("wait {until:?}"),
            Choice::Nobody { error, open } => format!("{error}{}", if open { " [open]" } else { "" }),
        }
    }
}

/// W15: the first that matches; what a step does not say is not matched by who asks for it.
#[test]
fn the_first_rule_that_matches() {
    let mut risky = rule("risky", &["c"], Strategy::Fixed);
    risky.matches.risk = vec![Level::Medium];
    let mut simple = rule("simple", &["b"], Strategy::Fixed);
    simple.matches.complexity = vec![Complexity::Simple];
    simple.matches.domain = vec!["docs".into()];
    let world = World::new(vec![risky, simple, rule("rest", &["a"], Strategy::Fixed)]);
    let decided = |need| world.route(need).rule.unwrap_or_else(|| "-".into());
    assert_eq!(decided(EDIT), "rest");
    assert_eq!(decided(Need { risk: Some(Level::Medium), ..EDIT }), "risky");
    assert_eq!(decided(Need { risk: Some(Level::Low), ..EDIT }), "rest");
    let simple = Need { complexity: Some(Complexity::Simple), domain: Some("docs"), ..EDIT };
    assert_eq!(decided(simple), "simple");
    assert_eq!(decided(Need { domain: None, ..simple }), "rest");
    assert_eq!(decided(Need { kind: None, ..EDIT }), "-");
}

/// W15: candidates must exist and be able to; without a rule, or with one that names none, any in file order.
#[test]
fn fallback_and_no_match() {
    let mut world = World::new(vec![rule("r", &["ghost", "c"], Strategy::Fixed)]);
    assert_eq!(world.choice(EDIT), "c");
    let decision = world.route(EDIT);
    assert_eq!(decision.candidates[0], ("ghost".into(), Some("there is no such tool".into())));
    world.tools[2].kinds = vec!["plan".into()];
    assert_eq!(world.choice(EDIT), "a", "the rule has nobody: the first that can");
    let plan = Need { kind: Some("plan"), ..EDIT };
    assert_eq!(world.choice(plan), "c");
    world.tools[2].domains = vec!["rust".into()];
    let error = world.choice(Need { domain: Some("docs"), ..plan });
    assert!(error.starts_with("no tool can do kind=plan domain=docs (a: does not do kind=plan;"), "{error}");
    assert!(error.ends_with("c: does not know domain=docs)"), "{error}");
    world.rules[0].required = true;
    let error = world.choice(EDIT);
    assert!(error.starts_with("rule r is required, and none of its tools is usable"), "{error}");
    assert!(!error.contains("[open]"));
}

/// W15: open circuits and full tools are dropped; if all are, wait; a required rule with open ones alone is set aside.
#[test]
fn open_and_full() {
    let mut world = World::new(vec![rule("r", &["a", "b"], Strategy::Fixed)]);
    world.open("a");
    assert_eq!(world.choice(EDIT), "b");
    world.tools[1].max_parallel = Some(2);
    world.busy("b", 1);
    assert_eq!(world.choice(EDIT), "b");
    world.busy("b", 2);
    assert_eq!(world.choice(EDIT), "wait Some(61000)");
    world.rules[0].required = true;
    assert_eq!(world.choice(EDIT), "wait Some(61000)", "one is only full");
    world.open("b");
    assert!(world.choice(EDIT).ends_with("[open]"));
    world.rules[0].required = false;
    assert_eq!(world.choice(EDIT), "wait Some(61000)", "c is not among the candidates");
}

/// W15: in turn, from where the round stands, passing over who cannot.
#[test]
fn round_robin() {
    let mut world = World::new(vec![rule("r", &["a", "b", "c"], Strategy::RoundRobin)]);
    let mut order = String::new();
    for _ in 0..5 {
        let decision = world.route(EDIT);
        order.push_str(decision.chosen().unwrap());
        world.position = decision.position.unwrap().1;
    }
    assert_eq!(order, "abcab");
    world.open("c");
    assert_eq!(world.choice(EDIT), "a", "the round stands at c");
}

/// W15: the better one; the failed one only when no other is left.
#[test]
fn auto_and_retries() {
    let mut world = World::new(vec![rule("r", &["a", "b"], Strategy::Auto)]);
    for (name, good) in [("a", false), ("b", true)] {
        let record = (0..5).fold(Record::default(), |r, _| r.with(good, 10.0));
        world.health.insert(name.into(), Health { record, ..Health::default() });
    }
    let decision = world.route(EDIT);
    assert_eq!(decision.chosen(), Some("b"));
    assert!(decision.reason.starts_with("best score"), "{}", decision.reason);
    let failed = ["b".to_owned()];
    assert_eq!(world.choice(Need { failed: &failed, ..EDIT }), "a");
    world.open("a");
    assert_eq!(world.choice(Need { failed: &failed, ..EDIT }), "b");
}

/// W15: what is dangerous goes only to who is trusted; a named tool is taken whatever it says of its kinds.
#[test]
fn safety_and_names() {
    let mut world = World::new(vec![]);
    let high = Need { risk: Some(Level::High), ..EDIT };
    assert!(world.choice(high).contains("risk: high needs safety: high"));
    world.tools[1].safety = Some(Level::High);
    let decision = world.route(high);
    assert_eq!((decision.chosen(), decision.safety), (Some("b"), Some(Level::High)));
    let named = Need { kind: Some("plan"), fixed: Some("c"), ..EDIT };
    assert_eq!(world.choice(named), "c");
    assert_eq!(
        world.choice(Need { fixed: Some("c"), ..high }),
        "tool c cannot take the step (c: risk: high needs safety: high)"
    );
    world.open("c");
    assert_eq!(world.choice(named), "wait Some(61000)");
}

/// A oneshot is done by agents alone; without a rule by the usual worker, where one is named.
#[test]
fn workers_are_agents() {
    let mut world = World::new(vec![rule("r", &["a", "b"], Strategy::Fixed)]);
    let audited = Need { agent: true, ..EDIT };
    assert!(world.choice(audited).contains("a: is no agent, and a oneshot needs one"));
    world.tools[1].agent = true;
    assert_eq!(world.choice(audited), "b");
    world.tools[2].agent = true;
    let plain = Need { kind: None, usual: Some("c"), ..audited };
    assert_eq!(world.choice(plain), "c");
    assert_eq!(world.choice(Need { usual: Some("c"), ..audited }), "b", "a rule comes first");
    assert_eq!(world.choice(Need { usual: None, ..plain }), "b");
}

/// A6: a tool that a rate limit refuses is passed over while another is left, and waited for when none is.
#[test]
fn rate_limits() {
    let mut world = World::new(vec![rule("r", &["a", "b"], Strategy::Fixed)]);
    let limited = |until| Health { limited: Some(until), ..Health::default() };
    world.health.insert("a".into(), limited(9_000));
    assert_eq!(world.choice(EDIT), "b");
    assert_eq!(world.route(EDIT).candidates[0].1.as_deref(), Some("it is rate limited"));
    world.health.insert("b".into(), limited(8_000));
    assert_eq!(world.choice(EDIT), "wait Some(8000)");
    world.rules[0].required = true;
    assert_eq!(world.choice(EDIT), "wait Some(8000)", "a limit is no failure");
    world.health.insert("a".into(), limited(2_000));
    assert_eq!(world.choice(EDIT), "a", "its time has come");
    world.health.clear();
    assert_eq!(world.choice(Need { again: Some("b"), ..EDIT }), "b", "the same is asked again");
    assert_eq!(world.choice(Need { again: Some("ghost"), ..EDIT }), "a");
}

/// W15, W20: a tool that is not there, and one whose circuit is being tried, are dropped with their reason.
#[test]
fn missing_and_on_trial() {
    let mut world = World::new(vec![rule("r", &["a", "b"], Strategy::Fixed)]);
    world.tools[0].missing = Some("`a` is not in PATH".into());
    let decision = world.route(EDIT);
    assert_eq!(decision.candidates[0].1.as_deref(), Some("`a` is not in PATH"));
    assert_eq!(decision.chosen(), Some("b"));
    let trial = Circuit::HalfOpen { trial: true, failures: 5 };
    world.health.insert("b".into(), Health { circuit: trial, ..Health::default() });
    let decision = world.route(EDIT);
    assert_eq!(decision.candidates[1].1.as_deref(), Some("its circuit is on trial"));
    assert_eq!((decision.choice, decision.safety), (Choice::Wait(None), None));
}

/// W14: what a step says is what is asked for.
#[test]
fn a_need_is_read_from_its_step() {
    let failed = ["b".to_owned()];
    let step = Step {
        kind: Some("edit".into()),
        domain: Some("docs".into()),
        risk: Some(Level::High),
        complexity: Some(Complexity::Simple),
        tool: Some("c".into()),
        oneshot: Some("Do it.".into()),
        ..Step::default()
    };
    let need = Need::of(&step, &failed);
    assert_eq!((need.kind, need.domain, need.fixed), (Some("edit"), Some("docs"), Some("c")));
    assert_eq!((need.risk, need.complexity), (Some(Level::High), Some(Complexity::Simple)));
    assert!(need.agent && need.failed == failed && need.usual.is_none() && need.again.is_none());
    assert!(!Need::of(&Step { prompt: Some("p".into()), ..Step::default() }, &[]).agent);
}

/// W15: a round goes on where it stands, however often it went round.
#[test]
fn a_round_goes_round() {
    let mut world = World::new(vec![rule("round", &["a", "b", "c"], Strategy::RoundRobin)]);
    for (position, name, stands, next) in [(0, "a", 1, 1), (2, "c", 3, 3), (4, "b", 2, 2)] {
        world.position = position;
        let decision = world.route(EDIT);
        assert_eq!(decision.choice, Choice::Take(name.into()));
        assert_eq!(decision.reason, format!("the round stands at {stands}"));
        assert_eq!(decision.position, Some(("round".into(), next)));
    }
}

/// The usual tool is not asked what it says of its kinds and domains.
#[test]
fn the_usual_one_is_not_asked() {
    let mut world = World::new(vec![]);
    world.tools[1].domains = vec!["code".into()];
    let need = Need { usual: Some("b"), kind: Some("draw"), domain: Some("docs"), ..EDIT };
    assert_eq!(world.choice(need), "b");
}
