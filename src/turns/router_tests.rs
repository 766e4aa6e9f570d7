use super::super::workflow::{OnCheckFail, Step};
use super::*;

fn workflow(names: &[(&str, &str)]) -> Workflow {
    let steps = names
        .iter()
        .map(|(role, prompt)| Step {
            role: RoleId::parse(role).unwrap(),
            prompt: (*prompt).into(),
            prompts: vec![],
            checks: vec![],
            on_check_fail: OnCheckFail::Note,
            scope: vec![],
        })
        .collect();
    Workflow::new(steps, "reviewer.md".into()).unwrap()
}

fn pair() -> Workflow {
    workflow(&[("galph", "supervisor.md"), ("ralph", "main.md")])
}

fn on(n: u64) -> Rules {
    Rules { enabled: true, review_every_n: n, prompts_dir: "prompts".into(), ..Rules::default() }
}

fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

fn sequence(w: &Workflow, rules: &Rules, iterations: u64) -> Vec<String> {
    (1..=iterations)
        .flat_map(|i| w.roles().into_iter().map(move |r| (i, r)))
        .map(|(i, r)| deterministic(w, rules, &r, i).unwrap().prompt)
        .collect()
}

/// T9: the router is off by default, and then its settings mean nothing.
#[test]
fn router_off_runs_own_prompts() {
    let rules = Rules { enabled: false, ..on(1) };
    assert_eq!(sequence(&pair(), &rules, 1), ["supervisor.md", "main.md"]);
    let rules = Rules { allowlist: vec!["x.md".into()], ..rules };
    let choice = deterministic(&pair(), &rules, &role("galph"), 1).unwrap();
    assert!(check(&pair(), &rules, &role("galph"), &choice).is_ok());
    assert_eq!(override_prompt(&pair(), &rules, &role("galph")), Ok(None));
}

/// T9: cadence 1 reviews every iteration; cadence 2 at 2 and 4, once each.
#[test]
fn the_cadence_is_the_first_roles_alone() {
    assert_eq!(sequence(&pair(), &on(1), 1), ["reviewer.md", "main.md"]);
    assert_eq!(
        sequence(&pair(), &on(2), 4),
        [
            "supervisor.md",
            "main.md",
            "reviewer.md",
            "main.md",
            "supervisor.md",
            "main.md",
            "reviewer.md",
            "main.md"
        ]
    );
    let three = workflow(&[("a", "a.md"), ("b", "b.md"), ("c", "c.md")]);
    assert_eq!(sequence(&three, &on(1), 2), ["reviewer.md", "b.md", "c.md", "reviewer.md", "b.md", "c.md"]);
}

/// T9: the router prompt runs for the first role only, in every mode.
#[test]
fn only_the_first_role_is_overridden() {
    for mode in [Mode::RouterDefault, Mode::RouterFirst, Mode::RouterOnly] {
        let rules = Rules { mode, prompt: Some("router.md".into()), ..on(0) };
        assert_eq!(override_prompt(&pair(), &rules, &role("galph")), Ok(Some("router.md")));
        assert_eq!(override_prompt(&pair(), &rules, &role("ralph")), Ok(None));
    }
    let only = Rules { mode: Mode::RouterOnly, ..on(0) };
    assert_eq!(override_prompt(&pair(), &only, &role("galph")), Err(RouteError::NoRouterPrompt));
    assert_eq!(override_prompt(&pair(), &only, &role("ralph")), Ok(None));
}

/// T10: an answer is one line that names a prompt inside the folder.
#[test]
fn answers_are_read_strictly() {
    let rules = on(0);
    assert_eq!(read_answer(&rules, "\n prompts/reviewer \n\n").unwrap().prompt, "reviewer.md");
    assert_eq!(read_answer(&rules, " \n"), Err(RouteError::EmptyAnswer));
    assert_eq!(read_answer(&rules, "main.md\nreviewer.md"), Err(RouteError::SeveralLines(2)));
    assert!(matches!(read_answer(&rules, "../x"), Err(RouteError::BadName(_))));
    assert!(matches!(read_answer(&rules, "/etc/passwd"), Err(RouteError::BadName(_))));
}

/// T10: the message says what was chosen, by which rule, and what was allowed.
#[test]
fn refusals_name_choice_rule_and_what_was_allowed() {
    let rules = Rules { allowlist: vec!["supervisor.md".into()], ..on(1) };
    let hit = deterministic(&pair(), &rules, &role("galph"), 1).unwrap();
    assert_eq!(
        check(&pair(), &rules, &role("galph"), &hit).unwrap_err().to_string(),
        "`reviewer.md` (chosen by review cadence: iteration 1 is a multiple of 1) is not in the allowlist: supervisor.md"
    );
    let answer = read_answer(&on(0), "main.md").unwrap();
    assert_eq!(
        check(&pair(), &on(0), &role("galph"), &answer).unwrap_err().to_string(),
        "`main.md` (chosen by the router prompt's answer (router_default)) is not allowed for galph: supervisor.md, reviewer.md"
    );
}

/// T9: a name that no workflow has is refused; in its mode's words, who chose is told.
#[test]
fn strangers_are_refused_and_choices_are_explained() {
    let stranger = deterministic(&pair(), &on(1), &role("stranger"), 1).unwrap_err();
    assert_eq!(stranger.to_string(), "`stranger` is not a role of the workflow");
    assert_eq!(override_prompt(&pair(), &on(0), &role("galph")), Ok(None), "no router prompt, none needed");
    for (mode, words) in [
        (Mode::RouterDefault, "router_default"),
        (Mode::RouterFirst, "router_first"),
        (Mode::RouterOnly, "router_only"),
    ] {
        let choice = read_answer(&Rules { mode, ..on(0) }, "reviewer.md").unwrap();
        assert_eq!(choice.reason, format!("the router prompt's answer ({words})"));
        assert_eq!(
            (choice.source.to_string().as_str(), choice.answer.as_deref()),
            ("router", Some("reviewer.md"))
        );
    }
    let off = Rules { enabled: false, ..on(1) };
    let told = |rules: &Rules, name: &str| {
        let choice = deterministic(&pair(), rules, &role(name), 2).unwrap();
        format!("{}: {}", choice.source, choice.reason)
    };
    assert_eq!(told(&off, "galph"), "deterministic: galph's own prompt (router off)");
    assert_eq!(told(&on(1), "galph"), "deterministic: review cadence: iteration 2 is a multiple of 1");
    assert_eq!(
        told(&on(2), "ralph"),
        "deterministic: ralph's own prompt (the review cadence is the first role's)"
    );
    assert_eq!(told(&on(3), "ralph"), "deterministic: ralph's own prompt");
}
