//! T12: what `route simulate` says is what a run then does.

use std::fmt::Write as _;

use orchestrator::ids::{Ids, SeededIds};
use serde_json::Value;

use crate::cli::project::Project;

fn planned(p: &Project, n: usize) -> Vec<Value> {
    let out = p.run(&["route", "simulate", &n.to_string(), "--format", "json"]).expect(0).out;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["version"], 1);
    json["turns"].as_array().unwrap().clone()
}

/// A configuration by chance: one to four roles, further prompts, a cadence, an allowlist, a prompt that is missing.
fn configuration(p: &Project, dice: &SeededIds) -> usize {
    let roll = |n: u32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
        let rolled = (dice.unit() * f64::from(n)) as u32;
        rolled
    };
    let roles = 1 + roll(4);
    let mut steps = String::new();
    let mut names = vec!["reviewer.md".to_owned()];
    for n in 0..roles {
        // Two roles may have one prompt in common.
        let prompt = if n > 0 && roll(4) == 0 { "p0".to_owned() } else { format!("p{n}") };
        let _ = write!(steps, "{{role: r{n}, prompt: {prompt}}}, ");
        names.push(format!("{prompt}.md"));
        if roll(8) != 0 {
            p.prompt(
                &prompt,
                &format!("echo $ORCHESTRATOR_ITERATION $ORCHESTRATOR_ROLE {prompt}.md >> sequence"),
            );
        }
    }
    p.prompt("reviewer", "echo $ORCHESTRATOR_ITERATION $ORCHESTRATOR_ROLE reviewer.md >> sequence");
    if roll(2) == 0 {
        names.remove(usize::try_from(roll(u32::try_from(names.len()).unwrap())).unwrap());
        names.push("another.md".to_owned());
    }
    let allowlist = if roll(2) == 0 { names.join(", ") } else { String::new() };
    let (enabled, every) = (roll(4) > 0, roll(4));
    p.config(&format!(
        "workflow: {{steps: [{steps}]}}\nrouter: {{enabled: {enabled}, review_every_n: {every}, allowlist: [{allowlist}]}}\n"
    ));
    usize::try_from(roles).unwrap()
}

/// Over configurations by chance, some of which fail on the way. `ORCHESTRATOR_TEST_SCALE` multiplies them.
#[test]
fn a_run_does_what_was_simulated() {
    let scale = std::env::var("ORCHESTRATOR_TEST_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut ended_early = 0;
    for seed in 0..12 * scale {
        let p = Project::new();
        let roles = configuration(&p, &SeededIds::new(seed));
        let loops = 3;
        p.write(
            "sync/state.json",
            "{\n  \"iteration\": 2,\n  \"expected_actor\": \"r0\",\n  \"status\": \"idle\"\n}\n",
        );
        let plan = planned(&p, loops * roles);
        let fails = plan.last().unwrap()["problem"].is_string();
        ended_early += u64::from(fails);
        let expected: Vec<String> = plan
            .iter()
            .filter(|turn| turn["problem"].is_null())
            .map(|t| {
                format!(
                    "{} {} {}",
                    t["iteration"],
                    t["role"].as_str().unwrap(),
                    t["prompt"].as_str().unwrap()
                )
            })
            .collect();
        assert!(p.sequence().is_empty(), "nothing runs");
        let ran = p.run(&["--no-git", "--sync-loops", &loops.to_string()]);
        assert_eq!(p.sequence(), expected, "seed {seed}: {}", p.read("orchestration.yaml"));
        assert_eq!(ran.code, if fails { 3 } else { 0 }, "seed {seed}: {}", ran.err);
        if !fails {
            assert_eq!(expected.len(), loops * roles);
        }
    }
    assert!(ended_early > 0, "no configuration failed: the dice are not what they were");
}

/// With fake agents that are programs, and a router that is asked: who is asked is said, its answer decides.
#[test]
fn a_router_that_is_asked_is_named() {
    let p = Project::new();
    p.write(
        "orchestration.yaml",
        "agent: {default: shell, roles: {ralph: fake}}\nrouter: {enabled: true, prompt: router, review_every_n: 2}\nagents: {fake: {command: [./fake]}}\n",
    );
    p.write("fake", "#!/bin/sh\ncat > /dev/null\necho fake >> sequence\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(p.path("fake"), mode).unwrap();
    p.prompt("router", "echo reviewer.md");
    p.write(
        "sync/state.json",
        "{\n  \"iteration\": 1,\n  \"expected_actor\": \"galph\",\n  \"status\": \"idle\"\n}\n",
    );
    let plan = planned(&p, 4);
    let asked: Vec<bool> = plan.iter().map(|t| t["asked"] == "router.md").collect();
    assert_eq!(asked, [true, false, true, false]);
    assert_eq!((&plan[1]["agent"], &plan[2]["prompt"]), (&"fake".into(), &"reviewer.md".into()));
    let text = p.run(&["route", "simulate", "2"]).expect(0).out;
    assert_eq!(
        text,
        "iter 1 galph supervisor.md shell · unless router.md answers otherwise\niter 1 ralph main.md fake · ralph's own prompt\n"
    );
    p.run(&["--no-git", "--once"]).expect(0);
    assert_eq!(p.sequence(), ["reviewer", "fake"]);
}
