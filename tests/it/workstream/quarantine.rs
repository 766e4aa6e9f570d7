//! Runs that are set aside, and their successors (W8).

use super::{events, report, run, said, states};
use crate::cli::project::{Project, block};

/// A write outside is seen, with and without git; the worktree stays as it is; release makes a linked new run.
#[test]
fn a_write_outside_quarantines() {
    for p in [Project::git(), Project::new()] {
        let text = "id: x\nsteps:
  - {id: a, files_scope: [docs/**], shell: mkdir -p docs; echo a >> docs/a.md}
  - {id: b, depends_on: [a], files_scope: [docs/**], shell: test -e docs/fine || echo b > stray.txt}
  - {id: c, depends_on: [b], shell: echo c >> story}
";
        let end = run(&p, text, 3);
        assert_eq!(
            (end["state"].as_str(), &end["evidence"][0]),
            (Some("quarantined"), &"stray.txt".into()),
            "{end:#}"
        );
        assert_eq!(p.read("stray.txt"), "b\n");
        assert_eq!(states(&p), ["a succeeded", "b succeeded", "c canceled"]);
        let old = end["run_id"].as_str().unwrap();
        let refused = p.run(&["workstream", "resume", old]).expect(2);
        assert!(
            refused.err.contains(&format!("hint: orchestrator workstream release {old}")),
            "{}",
            refused.err
        );
        p.write("docs/fine", "");
        let out = p.run(&["workstream", "release", old, "--reason", "checked by hand"]).expect(0).out;
        let new = out.split_whitespace().last().unwrap();
        let told = report(&p);
        assert_eq!(
            (told["run"]["state"].as_str(), told["run"]["parent_run_id"].as_str()),
            (Some("pending"), Some(old))
        );
        let again = said(&p.run(&["workstream", "resume", new, "--format", "json"]).expect(0));
        assert_eq!((again["run_id"].as_str(), again["attempts"].as_u64()), (Some(new), Some(1)), "{again}");
        assert_eq!(p.read("story"), "c\n");
        let old = said(&p.run(&["report", old, "--format", "json"]).expect(0));
        assert_eq!(old["run"]["state"], "quarantined");
        assert!(old["events"].to_string().contains("checked by hand"), "{old:#}");
    }
}

/// What another scoped step writes at the same time is no violation of the first.
#[test]
fn the_union_of_running_scopes() {
    let p = Project::new();
    let text = "id: x\nsteps:
  - {id: a, files_scope: [one/**], shell: 'mkdir one; touch one/a; until test -e two/b; do sleep 0.01; done'}
  - {id: b, files_scope: [two/**], shell: 'until test -e one/a; do sleep 0.01; done; mkdir two; touch two/b'}
";
    run(&p, text, 0);
}

/// The same error three times; digits do not make it another one.
#[test]
fn the_same_error_again_and_again() {
    let p = Project::new();
    let text = "id: x\non_failure: continue\nmax_parallel: 1\nsteps:
  - {id: a, shell: 'echo cannot open file 17 >&2; exit 2', retry: {attempts: 2, backoff: none}}
  - {id: b, shell: 'echo cannot open file 4 >&2; exit 2'}
  - {id: c, shell: touch never}
";
    let end = run(&p, text, 3);
    assert_eq!(end["state"], "quarantined", "{end:#}");
    assert_eq!(end["evidence"].to_string(), r#"["a/1","a/2","b/1"]"#);
    assert!(!p.path("never").exists());
}

/// An agent that says the same again goes in circles.
#[test]
fn the_same_output_returns() {
    let p = Project::new();
    p.write("p.md", &block("echo the same words; exit $ORCHESTRATOR_STEP_ATTEMPT"));
    let text = "id: x\nsteps: [{id: a, prompt: p.md, retry: {attempts: 9, backoff: none}}]\n";
    let end = run(&p, text, 3);
    assert_eq!(end["state"], "quarantined", "{end:#}");
    assert!(end["error"].as_str().unwrap().contains("the same output 2 times"), "{end}");
    assert_eq!(events(&p).iter().filter(|e| e["kind"] == "run_quarantined").count(), 1);
}
