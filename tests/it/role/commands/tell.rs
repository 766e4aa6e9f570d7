//! `status --remote` and `recap` (T39).

use super::clones::Clones;

#[test]
fn the_turns_of_all_machines_are_told() {
    let plan = "echo plan > plan.txt; git add plan.txt; git commit -q -m Plan";
    let clones = Clones::new(plan, "echo half > half.txt; git add -A; git commit -q -m Half; exit 7");
    let early = clones.run("ralph", &["status", "--remote"]).expect(2);
    assert!(early.err.contains("branch work has no sync/state.json\nhint: "), "{}", early.err);
    let none = clones.run("galph", &["recap", "--since", "1h"]).expect(0).out;
    assert!(none.starts_with("work, the last 1h: no turn\n"), "{none}");
    clones.turn("galph", 0);
    let status = clones.run("ralph", &["status", "--remote"]).expect(0).out;
    assert!(status.starts_with("iteration 1 · ralph's turn · waiting-ralph · "), "{status}");
    assert!(status.contains("here: 4 commits behind\nholder: nobody holds it\n"), "{status}");
    assert!(status.contains("last:   iter 1 galph supervisor.md shell ok "), "{status}");
    assert!(status.contains(" 1 commit 1 file +1 -0 "), "{status}");
    clones.turn("ralph", 3);
    let value = clones.json("galph", &["status", "--remote", "--format", "json"], 0);
    assert_eq!((value["behind"].clone(), value["status"].clone()), (3.into(), "failed".into()));
    assert_eq!(value["last_turns"][1]["outcome"], "failed");
    let line = clones.run("galph", &["status", "--remote", "--oneline"]).expect(0).out;
    assert!(line.ends_with("· nobody holds it\n") && line.lines().count() == 1, "{line}");

    let here = clones.run("galph", &["recap"]).expect(0).out;
    assert!(here.starts_with("work, the last 12h: 1 turn, "), "{here}");
    let all = clones.run("galph", &["recap", "--remote", "--since", "1h"]).expect(0).out;
    assert!(all.contains(": 2 turns, 1 failed, "), "{all}");
    assert!(all.contains("iter 1 ralph main.md shell failed ") && all.contains("cause: "), "{all}");
    assert!(
        all.ends_with("next:   orchestrator resume   (once the cause of ralph's failure is mended)\n"),
        "{all}"
    );
    clones.run("galph", &["recap", "--since", "soon"]).expect(2);
    let value = clones.json("galph", &["recap", "--remote", "--format", "json"], 0);
    assert_eq!(value["turns"][1]["commits"], 1);
}

/// I5.
#[test]
fn each_command_has_an_example_in_its_help() {
    let clones = Clones::new("true", "true");
    for command in ["audit", "recap", "takeover", "handoff", "setup"] {
        let text = clones.run("galph", &[command, "--help"]).expect(0).out;
        assert!(text.contains(&format!("Examples:\n  orchestrator {command}")), "{command}: {text}");
    }
}

/// What cannot be reached is said, with the remedy, and nothing hangs.
#[test]
fn a_remote_that_is_gone_is_said() {
    let clones = Clones::new("true", "true");
    clones.git("ralph", &["remote", "set-url", "origin", "../nowhere"]);
    for args in [&["status", "--remote"][..], &["audit", "--remote"], &["takeover"]] {
        let ran = clones.run("ralph", args).expect(4);
        assert!(ran.err.starts_with("error: reach the remote\ncause: "), "{args:?}: {}", ran.err);
    }
}
