//! Crashes, losses and obstacles with drivers on real repositories: nothing is run twice after its
//! end, nothing is lost, and each refusal has its words and exit code (G6, G9, G11 to G15).

use std::fs;
use std::time::Duration;

use orchestrator::state::Status;
use orchestrator::sync::protocol::{Control, Goal, Message, Reason, Start, TurnId};

use super::ground::{Kind, MAIN, git};
use super::http::Fault;
use super::site::{Machine, Site, commit_file, done, role, wait_until};

/// Makes the next write of the journal fail, which ends the driver as a crash would.
fn break_journal(machine: &std::path::Path) {
    let path = machine.join(".orchestrator/turn.json");
    fs::rename(&path, path.with_extension("kept")).unwrap();
    fs::create_dir(&path).unwrap();
}

fn mend_journal(machine: &Machine<'_>) {
    let path = machine.top.join(".orchestrator/turn.json");
    fs::remove_dir(&path).unwrap();
    fs::rename(path.with_extension("kept"), path).unwrap();
}

/// G9: a crash in the middle of a run is resumed with the next epoch and the work so far.
#[test]
fn a_crashed_run_is_resumed() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let home = site.ground.home();
    let crashed = ann.run(|top, _, _| {
        commit_file(&home, top, "half.txt", "half");
        break_journal(top);
        done()
    });
    assert!(crashed.finish.is_err());
    assert_eq!(site.state().status, Status::Running(role("galph")));
    mend_journal(&ann);
    let resumed = ann.work("rest.txt");
    assert_eq!((resumed.reason(), resumed.runs), (&Reason::Done, 1), "{:?}", resumed.said);
    assert_eq!(resumed.ended_old.len(), 1, "what lives of the old agent is ended");
    assert_eq!(site.state().epoch(), 2);
    let subjects = site.subjects();
    assert_eq!(subjects[3..6], ["Add half.txt", "[SYNC i=1] actor=galph status=running", "Add rest.txt"]);
    ann.assert_at_remote();
    site.assert_legal();
}

/// G12: a finished turn that could not be published is not run again, only published.
#[test]
fn a_finished_turn_is_only_published() {
    let site = Site::new(Kind::Http).unwrap();
    let ann = site.machine("ann", "galph");
    let knob = &site.ground.http.as_ref().unwrap().knob;
    let home = site.ground.home();
    let refused = ann.run(|top, _, _| {
        commit_file(&home, top, "work.txt", "work");
        knob.set(Fault::Status(403));
        done()
    });
    assert_eq!((refused.code(), refused.runs), (4, 1), "{:?}", refused.reason());
    knob.set(Fault::None);
    assert_eq!(site.state().status, Status::Running(role("galph")));
    let mut later = site.machine("unused", "galph").setup;
    later.private.clone_from(&ann.setup.private);
    later.config.start = Start::IfTurn;
    let ann = Machine { setup: later, ..ann };
    let published = ann.run(|_, _, _| panic!("it is over already"));
    assert_eq!((published.runs, published.code()), (0, 0), "{:?} {:?}", published.finish, published.said);
    assert_eq!(site.state().status, Status::Waiting(role("ralph")));
    site.assert_legal();
}

/// G12: replies that are lost do not make anything happen twice, or not at all.
#[test]
fn lost_replies_change_nothing() {
    let site = Site::new(Kind::Http).unwrap();
    let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "ralph"));
    site.ground.http.as_ref().unwrap().knob.set(Fault::ReplyLost);
    assert_eq!(ann.work("a.txt").reason(), &Reason::Done);
    assert_eq!(bob.work("b.txt").reason(), &Reason::Done);
    let subjects = site.subjects();
    assert_eq!(subjects.len(), 8, "{subjects:?}");
    site.assert_legal();
}

/// G11e: a turn that was given to others meanwhile is fenced; the work is on a rescue ref.
#[test]
fn a_lost_turn_is_fenced() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    let mut other = site.machine("other", "galph");
    let home = site.ground.home();
    let ran = ann.run(|top, claimed, _| {
        commit_file(&home, top, "work.txt", "work");
        fs::write(top.join("notes.txt"), "uncommitted").unwrap();
        let turn = TurnId::new(claimed.turn.id.as_str());
        other.setup.config.goal = Goal::Once(Control::Release { turn, epoch: claimed.turn.epoch });
        assert_eq!(other.run(|_, _, _| done()).reason(), &Reason::Done);
        done()
    });
    assert_eq!((ran.reason(), ran.code()), (&Reason::Fenced, 5), "{:?}", ran.said);
    let rescue = &site.refs("refs/heads/orchestrator/rescue/")[0];
    assert_eq!(site.git(&site.ground.bare(), &["show", &format!("{rescue}:work.txt")]), "work");
    let local = ann.git(&["for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue/"]);
    assert_eq!(ann.git(&["show", &format!("{local}:notes.txt")]), "uncommitted");
    assert!(!site.subjects().iter().any(|s| s.contains("status=ok") || s == "Add work.txt"));
    ann.assert_at_remote();
    site.assert_legal();
    assert_eq!(ann.work("again.txt").reason(), &Reason::Done);
}

/// G13: a standby takes over a turn whose lease is silent; the late holder is fenced.
#[test]
fn a_standby_takes_over_the_dead() {
    let site = Site::path();
    let (mut ann, mut bob) = (site.machine("ann", "galph"), site.machine("bob", "galph"));
    ann.setup.lease_secs = 1;
    bob.setup.lease_secs = 1;
    let home = site.ground.home();
    let crashed = ann.run(|top, _, _| {
        commit_file(&home, top, "work.txt", "work");
        break_journal(top);
        done()
    });
    assert!(crashed.finish.is_err());
    let taken = bob.work("other.txt");
    assert_eq!((taken.reason(), taken.runs), (&Reason::Done, 1), "{:?}", taken.said);
    mend_journal(&ann);
    ann.setup.config.start = Start::IfTurn;
    let late = ann.work("never.txt");
    assert_eq!((late.reason(), late.runs), (&Reason::Fenced, 0), "{:?}", late.said);
    assert_eq!(site.refs("refs/heads/orchestrator/rescue/").len(), 1);
    ann.assert_at_remote();
    site.assert_legal();
}

/// G10: a lease is renewed while the agent runs.
#[test]
fn a_living_holder_is_not_taken_over() {
    let site = Site::path();
    let (mut ann, mut bob) = (site.machine("ann", "galph"), site.machine("bob", "galph"));
    ann.setup.lease_secs = 1;
    bob.setup.config.start = Start::IfTurn;
    bob.setup.config.timing.max_wait = Some(Duration::from_millis(1500));
    bob.setup.config.start = Start::ByHand;
    let ran = ann.run(|_, _, _| {
        let waited = bob.work("never.txt");
        assert_eq!((waited.reason(), waited.runs), (&Reason::WaitedTooLong, 0), "{:?}", waited.said);
        done()
    });
    assert_eq!(ran.reason(), &Reason::Done, "{:?}", ran.said);
    let beats = site.git(&site.ground.bare(), &["rev-list", "--count", super::ground::LEASE]);
    assert!(beats.parse::<u32>().unwrap() >= 3, "{beats}");
    site.assert_legal();
}

type Obstruct = fn(&Machine<'_>);

/// G6, G8: what is in the way of a claim is named; nothing is claimed and nothing is touched.
#[test]
fn obstacles_are_named_before_a_claim() {
    let cases: [(&str, Obstruct, &str); 6] = [
        ("detached", |m| drop(m.git(&["checkout", "-q", "--detach"])), "git switch main"),
        (
            "another branch",
            |m| drop(m.git(&["checkout", "-q", "-b", "x"])),
            "HEAD is on branch x, not on main",
        ),
        (
            "mid-rebase",
            |m| {
                commit_file(&m.site.ground.home(), &m.top, "a.txt", "a");
                drop(m.git(&["-c", "sequence.editor=sed -i 1ibreak", "rebase", "-q", "-i", "HEAD~1"]));
            },
            "git rebase --abort",
        ),
        ("index.lock", |m| drop(fs::write(m.top.join(".git/index.lock"), "")), "the index is locked by"),
        (
            "no merge base",
            |m| {
                m.git(&["checkout", "-q", "--orphan", "new"]);
                m.git(&["commit", "-qm", "Apart"]);
                m.git(&["branch", "-qM", "new", "main"]);
            },
            "no merge base",
        ),
        (
            "dirty file in the way",
            |m| {
                let seed = m.site.ground.dir.path().join("seed");
                let bare = m.site.ground.bare().display().to_string();
                git(&m.site.ground.home(), &seed, &["pull", "-q", &bare, "main"]);
                commit_file(&m.site.ground.home(), &seed, "README.md", "new\n");
                git(&m.site.ground.home(), &seed, &["push", "-q", &bare, "main"]);
                fs::write(m.top.join("README.md"), "my own\n").unwrap();
            },
            "README.md",
        ),
    ];
    for (name, obstruct, words) in cases {
        let site = Site::path();
        let ann = site.machine("ann", "galph");
        assert_eq!(site.machine("zoe", "galph").work("z.txt").reason(), &Reason::Done);
        let bob = site.machine("bob", "ralph");
        obstruct(&bob);
        let (head, status) = (bob.head(), bob.git(&["status", "--porcelain"]));
        let ran = bob.work("never.txt");
        let Reason::Blocked(why) = ran.reason() else { panic!("{name}: {:?}", ran.finish) };
        assert!(why.join(" ").contains(words), "{name}: {why:?}");
        assert_eq!((ran.code(), ran.runs), (4, 0), "{name}");
        assert_eq!((bob.head(), bob.git(&["status", "--porcelain"])), (head, status), "{name}");
        assert_eq!(site.state().status, Status::Waiting(role("ralph")), "{name}: nothing was claimed");
        drop(ann);
    }
}

/// G14: a branch that was forced backwards stops everything.
#[test]
fn a_forced_branch_stops_everything() {
    let site = Site::path();
    let (ann, bob) = (site.machine("ann", "galph"), site.machine("bob", "ralph"));
    ann.work("a.txt");
    bob.work("b.txt");
    site.git(&site.ground.bare(), &["update-ref", MAIN, "main~2"]);
    let ran = bob.work("c.txt");
    assert!(matches!(ran.reason(), Reason::Rewritten { .. }), "{:?}", ran.reason());
    assert_eq!((ran.code(), ran.runs), (4, 0));
    let told = ran
        .said
        .iter()
        .filter(|s| matches!(s, orchestrator::sync::driver::Said::Message(Message::Suspicious { .. })));
    assert!(told.count() >= 2);
}

/// G15: a remote that is not there ends the run after the time for it, with its words.
#[test]
fn an_unreachable_remote_is_said() {
    let site = Site::path();
    let mut ann = site.machine("ann", "galph");
    ann.setup.config.timing.retry = Duration::ZERO;
    ann.git(&["remote", "set-url", "origin", "git://127.0.0.1:1/x.git"]);
    let ran = ann.work("never.txt");
    assert!(matches!(ran.reason(), Reason::Offline(_)), "{:?}", ran.reason());
    assert_eq!(ran.code(), 4);
    ann.git(&["remote", "set-url", "origin", "/nowhere/x.git"]);
    let ran = ann.work("never.txt");
    assert!(matches!(ran.reason(), Reason::Refused(why) if why.contains("no such repository")));
    assert_eq!(ran.code(), 4);
}

/// G15: a refusing hook stops with the server's words, and the work waits here for the next start.
#[test]
fn a_refused_hand_off_is_kept() {
    let site = Site::path();
    let ann = site.machine("ann", "galph");
    assert_eq!(ann.work("first.txt").reason(), &Reason::Done);
    let bob = site.machine("bob", "ralph");
    let hook = "while read old new ref; do git log -1 --format=%s $new | grep -q status=ok && \
                { echo 'ask Zoe first' >&2; exit 1; }; done; exit 0";
    site.ground.hook("pre-receive", hook);
    let refused = bob.work("work.txt");
    let Reason::Refused(why) = refused.reason() else { panic!("{:?}", refused.finish) };
    assert!(why.contains("ask Zoe first"), "{why}");
    assert_eq!((refused.code(), refused.runs), (4, 1));
    fs::remove_file(site.ground.bare().join("hooks/pre-receive")).unwrap();
    let published =
        bob.run_with(|_, _, _| panic!("it is over already"), |handle| handle.stop_requested(None));
    assert_eq!(published.runs, 0, "{:?}", published.finish);
    assert!(site.subjects().iter().any(|s| s.contains("actor=ralph → next=galph status=ok")));
    site.assert_legal();
}

/// G3: a host that refuses the lease ref gets a branch for it.
#[test]
fn a_refused_lease_ref_is_replaced_by_a_branch() {
    let site = Site::new(Kind::Daemon).unwrap();
    site.git(&site.ground.bare(), &["config", "receive.hideRefs", "refs/orchestrator"]);
    let ann = site.machine("ann", "galph");
    let seen = ann.top.join(".orchestrator/seen.json");
    let ran = ann.run(|_, _, _| {
        let told =
            || fs::read_to_string(&seen).is_ok_and(|text| text.contains("refs/orchestrator/lease/main"));
        wait_until("the refusal", told);
        done()
    });
    assert_eq!(ran.reason(), &Reason::Done);
    let notice = ran.said.iter().any(|s| {
        matches!(s, orchestrator::sync::driver::Said::Notice(text) if text.contains("orchestrator-lease/main"))
    });
    assert!(notice, "{:?}", ran.said);
    let again = ann.setup.clone();
    site.machine("bob", "ralph").work("b.txt");
    let ann = Machine { setup: again, ..ann };
    let branch = "refs/heads/orchestrator-lease/main";
    let next = ann.run(|_, claimed, _| {
        let turn = claimed.state.turn.as_ref().unwrap();
        assert_eq!(turn.lease_ref.as_deref(), Some(branch));
        wait_until("the lease", || !site.refs(branch).is_empty());
        done()
    });
    assert_eq!(next.reason(), &Reason::Done);
    site.assert_legal();
}

/// The first machine of an empty remote, from an empty clone.
#[test]
fn an_empty_remote_gets_its_first_state() {
    let site = Site::path();
    site.git(&site.ground.bare(), &["update-ref", "-d", MAIN]);
    let ann = site.machine("ann", "galph");
    let ran = ann.work("first.txt");
    assert_eq!(ran.reason(), &Reason::Done, "{:?} {:?}", ran.finish, ran.said);
    ann.assert_at_remote();
    assert_eq!(site.subjects().len(), 4, "{:?}", site.subjects());
    let bob = site.machine("bob", "ralph");
    assert_eq!(bob.work("second.txt").reason(), &Reason::Done);
    site.assert_legal();
}
