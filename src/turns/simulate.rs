//! The turns to come, if each succeeds (turns.md T12): pure.

use super::router::{self, Rules};
use super::workflow::Workflow;
use crate::ids::RoleId;

/// One turn to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    pub iteration: u64,
    pub role: RoleId,
    /// What runs as far as the rules alone say.
    pub prompt: Option<String>,
    /// Why it does.
    pub reason: String,
    /// The prompt whose answer may choose another one, or has to choose one.
    pub asked: Option<String>,
    /// Why nothing runs: the turn fails, and the loop ends with it.
    pub problem: Option<String>,
}

/// The next `n` turns from a state, fewer where one fails. `exists` says what is wrong with a prompt's file.
///
/// Where a router prompt is asked, what it will answer is not known: the turn shows the deterministic choice and who
/// is asked. A `router_only` turn has no choice of its own.
pub fn simulate(
    workflow: &Workflow,
    rules: &Rules,
    (iteration, role): (u64, &RoleId),
    n: usize,
    exists: &dyn Fn(&str) -> Result<(), String>,
) -> Vec<Coming> {
    let (mut iteration, mut role) = (iteration, role.clone());
    let mut coming = Vec::new();
    for _ in 0..n {
        let turn = one(workflow, rules, iteration, &role, exists);
        let ends = turn.problem.is_some();
        coming.push(turn);
        if ends {
            break;
        }
        let (next, wraps) = workflow.after(&role);
        // Beyond the last number there is no iteration to plan.
        let Some(following) = iteration.checked_add(u64::from(wraps)) else { break };
        (iteration, role) = (following, next.clone());
    }
    coming
}

fn one(
    workflow: &Workflow,
    rules: &Rules,
    iteration: u64,
    role: &RoleId,
    exists: &dyn Fn(&str) -> Result<(), String>,
) -> Coming {
    let mut turn = Coming {
        iteration,
        role: role.clone(),
        prompt: None,
        reason: String::new(),
        asked: None,
        problem: None,
    };
    let asked = match router::override_prompt(workflow, rules, role) {
        Ok(asked) => asked.map(str::to_owned),
        Err(e) => {
            turn.problem = Some(e.to_string());
            return turn;
        }
    };
    let choice = match router::deterministic(workflow, rules, role, iteration) {
        Ok(choice) => choice,
        Err(e) => {
            turn.problem = Some(e.to_string());
            return turn;
        }
    };
    turn.reason.clone_from(&choice.reason);
    turn.prompt = Some(choice.prompt.clone());
    // An answer takes the place of the choice: only what then stands is checked (T10).
    let checked = match &asked {
        Some(router_prompt) => exists(router_prompt),
        None => router::check(workflow, rules, role, &choice)
            .map_err(|e| e.to_string())
            .and_then(|()| exists(&choice.prompt)),
    };
    turn.problem = checked.err();
    turn.asked = asked;
    turn
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::router::Mode;
    use super::super::workflow::{OnCheckFail, Step};
    use super::*;
    use crate::state::{Event, Holder, NewTurn, State, transition};

    fn role(n: usize) -> RoleId {
        RoleId::parse(&format!("role{n}")).unwrap()
    }

    fn workflow(roles: usize) -> Workflow {
        let step = |n| Step {
            role: role(n),
            prompt: format!("p{n}.md"),
            prompts: Vec::new(),
            checks: Vec::new(),
            on_check_fail: OnCheckFail::Note,
            scope: Vec::new(),
        };
        Workflow::new((0..roles).map(step).collect(), "reviewer.md".into()).unwrap()
    }

    proptest! {
        /// T12: the same turns as claims and stamps of the real transitions lead to, over any workflow and cadence.
        #[test]
        fn it_follows_the_transitions(roles in 1_usize..5, every in 0_u64..4, enabled: bool, from in 1_u64..20, first in 0_usize..5) {
            let workflow = workflow(roles);
            let rules = Rules { enabled, review_every_n: every, prompts_dir: "prompts".into(), ..Rules::default() };
            let now = "2026-02-03T04:05:06Z".parse().unwrap();
            let ids = workflow.roles();
            let mut state = State::initial(ids[0].clone(), now);
            state.iteration = from;
            state.expected_actor = role(first % roles);
            let planned = simulate(&workflow, &rules, (from, &state.expected_actor), 12, &|_| Ok(()));
            prop_assert_eq!(planned.len(), 12);
            for turn in planned {
                prop_assert_eq!((turn.iteration, &turn.role), (state.iteration, &state.expected_actor));
                let reviews = enabled && every > 0 && state.iteration.is_multiple_of(every) && workflow.is_first(&turn.role);
                let number = turn.role.as_str().trim_start_matches("role");
                let expected = if reviews { "reviewer.md".to_owned() } else { format!("p{number}.md") };
                prop_assert_eq!(turn.prompt, Some(expected));
                let claim = Event::Claim { role: turn.role.clone(), turn: claim(state.epoch() + 1), prompt: None };
                state = transition(&state, claim, &ids, now).unwrap();
                let ok = Event::Succeed { role: turn.role, commit: None, prompt: None };
                state = transition(&state, ok, &ids, now).unwrap();
            }
        }
    }

    fn claim(epoch: u64) -> NewTurn {
        let text = String::new;
        let holder = Holder { host: text(), boot: text(), pid: 1, started: text(), nonce: text() };
        NewTurn { id: "t".into(), epoch, holder, lease_secs: 1, lease_ref: None }
    }

    /// T10: what cannot run ends the plan, as it ends the loop.
    #[test]
    fn a_turn_that_cannot_run_is_the_last() {
        let workflow = workflow(2);
        let missing = |name: &str| if name == "p1.md" { Err("no such file".to_owned()) } else { Ok(()) };
        let plan = simulate(&workflow, &Rules::default(), (1, &role(0)), 9, &missing);
        assert_eq!(plan.len(), 2);
        assert_eq!(plan[1].problem.as_deref(), Some("no such file"));
        let only = Rules { enabled: true, mode: Mode::RouterOnly, ..Rules::default() };
        let plan = simulate(&workflow, &only, (1, &role(0)), 9, &|_| Ok(()));
        assert!(plan.len() == 1 && plan[0].problem.as_ref().unwrap().contains("router_only"), "{plan:?}");
        let asked = Rules {
            enabled: true,
            prompt: Some("router.md".into()),
            allowlist: vec!["z.md".into(), "p1.md".into()],
            ..Rules::default()
        };
        let plan = simulate(&workflow, &asked, (1, &role(0)), 4, &|_| Ok(()));
        assert_eq!(plan.iter().map(|t| t.asked.is_some()).collect::<Vec<_>>(), [true, false, true, false]);
    }
}
