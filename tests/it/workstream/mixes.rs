//! Every mix of policies and fates with real processes, beside a simple model (W11).

use std::fmt::Write as _;

use super::{report, states};
use crate::cli::project::Project;
use crate::supervise::times;

const POLICIES: [&str; 3] = ["abort", "skip_dependents", "continue"];

/// What a step does, and whether it fails.
const FATES: [(&str, bool); 7] = [
    ("run: ['true']", false),
    ("shell: 'exit 3'", true),
    ("run: ['true'], gates: [{run: ['false']}]", true),
    ("run: [sleep, '100'], timeout_secs: 0.05", true),
    ("run: ['true'], outputs: {o: nowhere}", true),
    ("run: [no-such-program]", true),
    ("run: ['true'], when: 'false'", false),
];
/// The place of the one that is skipped by its condition.
const SKIPPED: usize = 6;

struct Step {
    policy: usize,
    fate: usize,
    depends_on: Vec<usize>,
}

/// Numbers from a seed, so that a failing mix can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

fn mix(seed: u64) -> Vec<Step> {
    let mut dice = Dice(seed);
    // Half of the mixes have no step that aborts: then the model is exact.
    let first = usize::from(dice.below(2) == 0);
    let count = 3 + dice.below(8);
    let step = |at: usize| {
        let mut depends_on: Vec<usize> =
            if at == 0 { Vec::new() } else { (0..dice.below(3)).map(|_| dice.below(at)).collect() };
        depends_on.sort_unstable();
        depends_on.dedup();
        Step { policy: first + dice.below(3 - first), fate: dice.below(FATES.len()), depends_on }
    };
    (0..count).map(step).collect()
}

fn file(steps: &[Step]) -> String {
    let mut text = String::from("id: mix\nmax_parallel: 3\nsteps:\n");
    for (at, step) in steps.iter().enumerate() {
        let names: Vec<String> = step.depends_on.iter().map(|d| format!("s{d}")).collect();
        let (policy, work) = (POLICIES[step.policy], FATES[step.fate].0);
        writeln!(text, "  - {{id: s{at}, on_failure: {policy}, depends_on: [{}], {work}}}", names.join(", "))
            .unwrap();
    }
    text
}

/// What each step comes to if nothing aborts.
fn model(steps: &[Step]) -> Vec<&'static str> {
    let mut states: Vec<&str> = Vec::new();
    let mut below_a_failure: Vec<bool> = Vec::new();
    for step in steps {
        let bad = step.depends_on.iter().any(|d| {
            below_a_failure[*d] || (states[*d] == "failed" && POLICIES[steps[*d].policy] == "skip_dependents")
        });
        states.push(match (bad, step.fate) {
            (true, _) | (_, SKIPPED) => "skipped",
            (_, fate) if FATES[fate].1 => "failed",
            _ => "succeeded",
        });
        below_a_failure.push(bad);
    }
    states
}

/// Every step ends in a terminal state, the one that the model says; where a step aborts, canceled is the other one.
#[test]
fn every_step_comes_to_its_end() {
    for seed in 0..u64::try_from(times(150)).unwrap() {
        let steps = mix(seed);
        let text = file(&steps);
        let p = Project::new();
        p.config("supervision: {grace_secs: 1}\nworkstream: {quarantine: {same_error: 0}}\n");
        p.write("ws.yaml", &text);
        let ran = p.run(&["workstream", "run", "ws.yaml", "-q"]);
        let expected = model(&steps);
        let failed = |policy: &str| {
            (0..steps.len()).any(|at| expected[at] == "failed" && POLICIES[steps[at].policy] == policy)
        };
        let aborts = failed("abort");
        let code = if aborts || failed("skip_dependents") { 3 } else { 0 };
        assert_eq!(ran.code, code, "seed {seed}: {text}{}", ran.err);
        for (at, state) in states(&p).iter().enumerate() {
            let state = state.split(' ').next_back().unwrap();
            let fine = state == expected[at] || (aborts && state == "canceled");
            assert!(fine, "seed {seed}: s{at} is {state}, not {}: {text}", expected[at]);
        }
        let told = report(&p);
        assert_eq!(told["run"]["state"], if code == 0 { "succeeded" } else { "failed" }, "seed {seed}");
        let attempts =
            told["steps"].as_array().unwrap().iter().flat_map(|s| s["attempts"].as_array().unwrap());
        assert!(attempts.into_iter().all(|a| a["state"] != "running"), "seed {seed}: {told}");
    }
}
