//! Values at which the router's rules begin and end.

use super::super::workflow::{OnCheckFail, Step};
use super::*;

/// T9: a cadence of 0 is none, also for a state that counts from 0.
#[test]
fn no_cadence_never_reviews() {
    let role = RoleId::parse("galph").unwrap();
    let step = Step {
        role: role.clone(),
        prompt: "supervisor.md".into(),
        prompts: vec![],
        checks: vec![],
        on_check_fail: OnCheckFail::Note,
        scope: vec![],
    };
    let workflow = Workflow::new(vec![step.clone()], "reviewer.md".into()).unwrap();
    assert_eq!(workflow.steps(), std::slice::from_ref(&step));
    assert!(workflow.is_last(&role));
    let then = RoleId::parse("ralph").unwrap();
    let two =
        Workflow::new(vec![step.clone(), Step { role: then.clone(), ..step }], "reviewer.md".into()).unwrap();
    assert!(two.is_last(&then) && !two.is_last(&role));
    let rules = Rules { enabled: true, ..Rules::default() };
    for iteration in [0, 1, 2] {
        let choice = deterministic(&workflow, &rules, &role, iteration).unwrap();
        assert_eq!(
            (choice.prompt.as_str(), choice.source.to_string().as_str()),
            ("supervisor.md", "deterministic")
        );
    }
    assert_eq!(Source::Router.to_string(), "router");
}
