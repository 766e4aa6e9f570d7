//! Each finding from the facts that show it: the decision alone. `tests/it/day/doctor.rs` shows that the facts are seen.

use super::facts::{Agent, BadPrompt, Disk, Facts, Git, Goal, Reached, Remote, StateFile, Trouble};
use super::judge::{Finding, Fix, Level, judge};

fn good() -> Facts {
    let reached = Reached {
        name: "origin".into(),
        url: "/r".into(),
        way: "git2".into(),
        has_branch: true,
        ..Reached::default()
    };
    Facts {
        git: Some(Git { branch: Some("work".into()), ..Git::default() }),
        remote: Remote::Readable(Box::new(reached)),
        agents: vec![Agent { roles: vec!["galph".into()], name: "shell".into(), ..Agent::default() }],
        state: StateFile::Good { summary: "iteration 1".into() },
        own_protocol: 1,
        peer_protocol: Some(1),
        ..Facts::default()
    }
}

fn bad(facts: &Facts) -> Vec<Finding> {
    judge(facts).into_iter().filter(|f| f.level != Level::Fine).collect()
}

/// The one finding of facts that differ from good ones in one thing.
#[track_caller]
fn only(change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = good();
    change(&mut facts);
    let mut found = bad(&facts);
    assert_eq!(found.len(), 1, "{found:?}");
    let found = found.remove(0);
    assert!(found.remedy.is_some(), "{found:?}");
    found
}

fn reached(facts: &mut Facts) -> &mut Reached {
    match &mut facts.remote {
        Remote::Readable(reached) => reached,
        _ => unreachable!("good facts have a remote"),
    }
}

fn git(facts: &mut Facts) -> &mut Git {
    facts.git.get_or_insert_default()
}

#[test]
fn nothing_is_wrong_with_good_facts() {
    assert_eq!(bad(&good()), []);
}

#[test]
fn remote_and_branch() {
    let none = only(|f| f.remote = Remote::None);
    assert_eq!((none.level, none.remedy.unwrap().starts_with("git remote add")), (Level::Warning, true));
    let needed = only(|f| {
        f.remote = Remote::None;
        f.role_mode = true;
    });
    assert_eq!(needed.level, Level::Error);
    let unreadable = only(|f| {
        let trouble = Trouble { what: "refused".into(), remedy: None };
        f.remote = Remote::Unreadable { url: "/r".into(), way: None, trouble };
    });
    assert!(unreadable.level == Level::Error && unreadable.what.contains("refused"));
    let read_only = only(|f| reached(f).push_refused = Some("denied".into()));
    assert!(read_only.level == Level::Error && read_only.what.contains("no right to push to /r: denied"));
    let default = only(|f| reached(f).default_branch = Some("work".into()));
    assert!(default.level == Level::Warning && default.remedy.unwrap().contains("git switch -c"));
    let wrong = only(|f| git(f).wanted_branch = Some("other".into()));
    assert_eq!((wrong.level, wrong.remedy.as_deref()), (Level::Error, Some("git switch other")));
    assert_eq!(only(|f| git(f).branch = None).what, "HEAD is detached");
    assert!(only(|f| reached(f).has_branch = false).remedy.unwrap().starts_with("git push -u origin work"));
    let locked = only(|f| reached(f).locks = vec![("/r/refs/heads/work.lock".into(), 90)]);
    assert_eq!(locked.fix, Some(Fix::RefLock("/r/refs/heads/work.lock".into())));
    let newer = only(|f| f.peer_protocol = Some(2));
    assert!(newer.level == Level::Error && newer.what == "a peer speaks protocol 2, this program 1");
}

#[test]
fn project() {
    let key = only(|f| f.config_problems = vec!["orchestration.yaml:1:1: unknown key `x`".into()]);
    assert_eq!((key.level, key.area.as_str()), (Level::Error, "configuration"));
    let prompt = BadPrompt {
        role: "ralph".into(),
        what: "no such prompt file".into(),
        shipped: Some("main.md".into()),
    };
    assert_eq!(only(|f| f.prompts = vec![prompt]).fix, Some(Fix::Prompt("main.md".into())));
    let own = BadPrompt { role: "ralph".into(), what: "no such prompt file".into(), shipped: None };
    assert_eq!(only(|f| f.prompts = vec![own]).fix, None);
    assert_eq!(only(|f| f.goal = Goal::Template("docs/goal.md".into())).level, Level::Error);
    assert_eq!(only(|f| f.goal = Goal::Missing("docs/goal.md".into())).level, Level::Warning);
    let damaged = Trouble { what: "sync/state.json:3: bad".into(), remedy: Some("mend".into()) };
    assert_eq!(only(|f| f.state = StateFile::Damaged(damaged)).level, Level::Error);
    assert_eq!(only(|f| f.state = StateFile::Missing).level, Level::Warning);
    assert_eq!(only(|f| git(f).own_lock = true).fix, Some(Fix::OwnLocks));
    assert_eq!(only(|f| git(f).private_visible = true).fix, Some(Fix::Exclude));
    assert_eq!(only(|f| f.dead_sockets = 2).fix, Some(Fix::Sockets));
    let many: Vec<String> = (0..9).map(|n| format!("f{n}")).collect();
    let dirty = only(|f| git(f).dirty.clone_from(&many));
    assert!(dirty.level == Level::Warning && dirty.what.ends_with("f5 and 3 more"), "{dirty:?}");
    let stops = only(|f| {
        git(f).dirty = many;
        f.role_mode = true;
    });
    assert_eq!(stops.level, Level::Error);
    assert!(only(|f| f.unpublished = Some("ralph".into())).remedy.unwrap().contains("--role ralph"));
    assert_eq!(only(|f| f.cut_turn = Some("ralph".into())).level, Level::Warning);
    assert_eq!(
        only(|f| f.rescues = vec![("r".into(), "git merge r".into())]).remedy.as_deref(),
        Some("git merge r")
    );
}

#[test]
fn agents_and_machine() {
    let missing = Trouble { what: "`claude` is not on PATH".into(), remedy: Some("install it".into()) };
    assert_eq!(only(|f| f.agents[0].missing = Some(missing)).level, Level::Error);
    let login = only(|f| f.agents[0].login = Some("log in".into()));
    assert_eq!((login.level, login.remedy.as_deref()), (Level::Warning, Some("log in")));
    assert_eq!(only(|f| f.refusal = Some(("ralph".into(), "log in".into()))).level, Level::Error);
    assert_eq!(only(|f| f.agents[0].root = Some("IS_SANDBOX".into())).level, Level::Error);
    assert_eq!(only(|f| f.agents[0].consent = Some("allow it".into())).level, Level::Error);
    assert!(only(|f| f.agents[0].keys = vec!["KEY".into()]).remedy.unwrap().contains("export KEY"));
    let old = only(|f| {
        f.agents[0].too_old = true;
        f.agents[0].version = Some("1.0".into());
        f.agents[0].checked = Some("2.0".into());
    });
    assert!(old.what.contains("1.0 is older than 2.0"), "{old:?}");
    let disk =
        |free_bytes| only(move |f| f.disks = vec![Disk { place: "the project's disk".into(), free_bytes }]);
    assert_eq!(disk(99 << 20).level, Level::Error);
    assert_eq!(disk(500 << 20).level, Level::Warning);
    let mut facts = good();
    facts.disks = vec![Disk { place: "x".into(), free_bytes: 2 << 30 }];
    facts.ahead_secs = 59;
    assert_eq!(bad(&facts), [], "enough room, and clocks that differ a little");
    assert!(only(|f| f.server_ahead_secs = Some(300)).what.contains("is 5m00s behind the remote's server"));
    assert!(only(|f| f.server_ahead_secs = Some(-300)).what.contains("is 5m00s ahead of"));
    assert!(only(|f| f.ahead_secs = 300).what.contains("5m00s in the future"));
}
