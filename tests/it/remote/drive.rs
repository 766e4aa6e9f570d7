//! Turns over a real remote, and agents that do to git what agents do (G8 to G12).

use std::fs;

use orchestrator::state::Status;
use orchestrator::sync::driver::{Said, Work};
use orchestrator::sync::protocol::{How, Reason};

use super::ground::{Kind, LEASE, MAIN, git};
use super::site::{STATE, Site, commit_file, done, exits, role, wait_until};

/// The main way, on every transport: create, claim, work, hand off, the peer's turn.
#[test]
fn two_roles_take_turns() {
    for kind in Kind::ALL {
        let Some(site) = Site::new(kind) else { continue };
        let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "ralph"));
        let first = ann.work("plan.md");
        assert_eq!(first.reason(), &Reason::Done, "{kind:?} {:?}", first.said);
        assert_eq!(site.state().status, Status::Waiting(role("ralph")));
        ann.assert_at_remote();
        let home = site.ground.home();
        let leased = || site.git(&site.ground.bare(), &["log", "-1", "--format=%B", LEASE]).contains("bob");
        let second = bob.run(|top, _, _| {
            // The lease has its own thread, and ann's may have come too late for a ref.
            wait_until("the lease", || site.ground.value(LEASE).is_some() && leased());
            commit_file(&home, top, "code.rs", "code");
            done()
        });
        assert_eq!((second.reason(), second.runs), (&Reason::Done, 1), "{kind:?}");
        bob.assert_at_remote();
        assert!(bob.top.join("plan.md").exists());
        let state = site.state();
        assert_eq!((state.iteration, state.status), (2, Status::Complete));
        let subjects = site.subjects();
        let commit =
            |n: usize| site.git(&site.ground.bare(), &["rev-parse", "--short", &format!("main~{n}")]);
        assert_eq!(
            subjects,
            [
                "Begin".to_owned(),
                "[SYNC init] actor=galph status=idle".to_owned(),
                "[SYNC i=1] actor=galph status=running".to_owned(),
                "Add plan.md".to_owned(),
                format!("[SYNC i=1] actor=galph → next=ralph status=ok galph_commit={}", commit(4)),
                "[SYNC i=1] actor=ralph status=running".to_owned(),
                "Add code.rs".to_owned(),
                format!("[SYNC i=2] actor=ralph → next=galph status=ok ralph_commit={}", commit(1)),
            ],
            "{kind:?}"
        );
        let lease = site.git(&site.ground.bare(), &["log", "-1", "--format=%B", LEASE]);
        let lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
        assert_eq!((lease["epoch"].as_u64(), lease["beat"].as_u64()), (Some(2), Some(1)));
        assert_eq!(lease["holder"]["host"], "bob");
        site.assert_legal();
    }
}

/// What an agent does to git, and how the turn ends.
struct Case {
    name: &'static str,
    act: &'static [&'static [&'static str]],
    /// The reason's code, and whether the work reaches the branch.
    code: u8,
    published: bool,
    rescued: bool,
}

const CASES: &[Case] = &[
    Case {
        name: "amends its own commit",
        act: &[&["commit", "-q", "--amend", "-m", "Better words"]],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "amends the claim",
        act: &[&["reset", "-q", "--soft", "HEAD~1"], &["commit", "-q", "--amend", "-m", "My claim"]],
        code: 3,
        published: false,
        rescued: true,
    },
    Case {
        name: "rebases its own work",
        act: &[&["rebase", "-q", "--force-rebase", "HEAD~1"]],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "rebases the claim away",
        act: &[&["rebase", "-q", "--onto", "HEAD~2", "HEAD~1"]],
        code: 3,
        published: false,
        rescued: true,
    },
    Case {
        name: "detaches",
        act: &[&["checkout", "-q", "--detach"]],
        code: 3,
        published: false,
        rescued: true,
    },
    Case {
        name: "switches the branch",
        act: &[&["checkout", "-q", "-b", "mine"]],
        code: 3,
        published: false,
        rescued: true,
    },
    Case {
        name: "merges a side branch",
        act: &[
            &["checkout", "-q", "-b", "side", "HEAD~1"],
            &["commit", "-q", "--allow-empty", "-m", "Beside"],
            &["checkout", "-q", "main"],
            &["merge", "-q", "--no-ff", "-m", "Merge it", "side"],
        ],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "commits a changed state with -a",
        act: &[&["config", "x.state", "changed"], &["commit", "-q", "-a", "-m", "All of it"]],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "removes the state",
        act: &[&["rm", "-q", "-f", STATE], &["commit", "-q", "-m", "No state"]],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "pushes by itself",
        act: &[&["push", "-q", "origin", "main"]],
        code: 0,
        published: true,
        rescued: false,
    },
    Case {
        name: "leaves a rebase open",
        act: &[&["-c", "sequence.editor=sed -i 1ibreak", "rebase", "-q", "-i", "HEAD~1"]],
        code: 3,
        published: false,
        rescued: true,
    },
    Case {
        name: "resets everything",
        act: &[&["reset", "-q", "--hard", "HEAD~3"]],
        code: 3,
        published: false,
        rescued: false,
    },
];

/// G11: each ends as the rules say, nothing is lost, and the peer can go on.
#[test]
fn whatever_an_agent_does_the_chain_stays_legal() {
    for case in CASES {
        let site = Site::path();
        let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "galph"));
        let home = site.ground.home();
        let ran = ann.run(|top, _, _| {
            commit_file(&home, top, "work.txt", "work");
            for args in case.act {
                if args[0] == "config" {
                    fs::write(top.join(STATE), "{\"iteration\": 99}").unwrap();
                }
                git(&home, top, args);
            }
            done()
        });
        let name = case.name;
        assert_eq!(ran.code(), case.code, "{name}: {:?} {:?}", ran.reason(), ran.said);
        site.assert_legal();
        let files = site.git(&site.ground.bare(), &["ls-tree", "-r", "--name-only", MAIN]);
        assert_eq!(files.contains("work.txt"), case.published, "{name}: {files}");
        let rescues = site.refs("refs/heads/orchestrator/rescue/");
        assert_eq!(!rescues.is_empty(), case.rescued, "{name}");
        if case.rescued {
            let saved = site.git(&site.ground.bare(), &["ls-tree", "-r", "--name-only", &rescues[0]]);
            assert!(saved.contains("work.txt"), "{name}");
        }
        ann.assert_at_remote();
        let state = site.state();
        let expected = if case.published { Status::Waiting(role("ralph")) } else { Status::Failed };
        assert_eq!(state.status, expected, "{name}");
        assert_ne!(state.iteration, 99, "{name}");
        if !case.published {
            let again = bob.work("work.txt");
            assert_eq!(again.reason(), &Reason::Done, "{name}: the next one goes on");
            site.assert_legal();
        }
    }
}

/// G11d: somebody's commits came in between; the work is replayed, uncommitted files stay.
#[test]
fn work_is_replayed_on_what_others_pushed() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let home = site.ground.home();
    let seed = site.ground.dir.path().join("seed");
    let bare = site.ground.bare();
    let ran = ann.run(|top, _, _| {
        commit_file(&home, top, "work.txt", "work");
        fs::write(top.join("scratch"), "kept").unwrap();
        git(&home, &seed, &["pull", "-q", bare.to_str().unwrap(), "main"]);
        commit_file(&home, &seed, "person.txt", "a person's");
        git(&home, &seed, &["push", "-q", bare.to_str().unwrap(), "main"]);
        done()
    });
    assert_eq!(ran.reason(), &Reason::Done, "{:?}", ran.said);
    let subjects = site.subjects();
    assert_eq!(subjects[3..5], ["Add person.txt", "Add work.txt"]);
    assert_eq!(fs::read_to_string(ann.top.join("scratch")).unwrap(), "kept");
    fs::remove_file(ann.top.join("scratch")).unwrap();
    ann.assert_at_remote();
    site.assert_legal();
}

/// G11d: a conflict is handed off as failed, the work is on a rescue ref, exit 4.
#[test]
fn work_in_conflict_is_put_aside() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let home = site.ground.home();
    let seed = site.ground.dir.path().join("seed");
    let bare = site.ground.bare();
    let ran = ann.run(|top, _, _| {
        commit_file(&home, top, "README.md", "mine\n");
        git(&home, &seed, &["pull", "-q", bare.to_str().unwrap(), "main"]);
        commit_file(&home, &seed, "README.md", "theirs\n");
        git(&home, &seed, &["push", "-q", bare.to_str().unwrap(), "main"]);
        done()
    });
    assert_eq!((ran.reason(), ran.code()), (&Reason::Conflict, 4), "{:?}", ran.said);
    assert_eq!(site.state().status, Status::Failed);
    let rescue = &site.refs("refs/heads/orchestrator/rescue/")[0];
    assert_eq!(site.git(&bare, &["show", &format!("{rescue}:README.md")]), "mine");
    ann.assert_at_remote();
    site.assert_legal();
}

/// G8: commits of a person are published with the claim and named; a conflict stops before it.
#[test]
fn a_persons_commits_go_along() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let home = site.ground.home();
    commit_file(&home, &ann.top, "idea.md", "idea");
    let seed = site.ground.dir.path().join("seed");
    commit_file(&home, &seed, "other.md", "other");
    site.git(&seed, &["push", "-q", site.ground.bare().to_str().unwrap(), "main"]);
    let ran = ann.work("work.txt");
    assert_eq!(ran.reason(), &Reason::Done);
    let told =
        ran.said.iter().any(|s| matches!(s, Said::TakesAlong(names) if names[0].ends_with("Add idea.md")));
    assert!(told, "{:?}", ran.said);
    ann.assert_at_remote();
    site.assert_legal();

    let bob = site.machine("bob", "ralph");
    commit_file(&home, &bob.top, "README.md", "bob's\n");
    let before = bob.head();
    site.git(&seed, &["pull", "-q", site.ground.bare().to_str().unwrap(), "main"]);
    commit_file(&home, &seed, "README.md", "seed's\n");
    site.git(&seed, &["push", "-q", site.ground.bare().to_str().unwrap(), "main"]);
    let ran = bob.work("work.txt");
    assert_eq!(ran.reason(), &Reason::Blocked(vec!["README.md".into()]));
    assert_eq!((ran.code(), ran.runs, bob.head()), (4, 0, before));
    assert_eq!(site.state().status, Status::Waiting(role("ralph")), "nothing was claimed");
}

/// T6, G11: an agent's exit is taken into the stamp, and obeyed by whoever comes next.
#[test]
fn an_exit_reaches_the_others() {
    let site = Site::path();
    let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "ralph"));
    assert_eq!(ann.run(|_, _, _| exits()).reason(), &Reason::Done);
    let state = site.state();
    assert_eq!((state.exit, state.exit_reason.as_deref()), (Some(true), Some("all done")));
    let next = bob.work("x");
    assert_eq!((next.reason(), next.runs), (&Reason::ExitSet, 0));
}

/// T36: an interrupt ends the agent, and is published.
#[test]
fn an_interrupt_hands_the_turn_back() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let (give, take) = std::sync::mpsc::channel::<orchestrator::sync::driver::Handle>();
    let ran = ann.run_with(
        move |_, _, desk| {
            take.recv().unwrap().interrupt(orchestrator::sync::protocol::Signal::Interrupt);
            let mut stop = desk.stop();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(stop.wait_for(|s| *s)).unwrap();
            Work { how: How::Stopped, ..done() }
        },
        |own| give.send(own).unwrap(),
    );
    assert_eq!((ran.code(), ran.runs), (130, 1));
    assert_eq!(site.state().status, Status::Waiting(role("galph")));
    site.assert_legal();
    assert_eq!(ann.work("x").reason(), &Reason::Done);
}

/// A runner that breaks down is a failed turn.
#[test]
fn a_broken_runner_is_a_failed_turn() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let ran = ann.run(|_, _, _| panic!("on purpose"));
    assert_eq!(ran.reason(), &Reason::TurnFailed);
    assert_eq!(site.state().status, Status::Failed);
    let body = site.git(&site.ground.bare(), &["log", "-1", "--format=%B", "main"]);
    assert!(body.contains("Reason: the turn's runner broke down"), "{body}");
}
