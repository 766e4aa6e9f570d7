//! Looks at the remote's history with the `git` program and rules of its own, not with the program's code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::stage::Stage;

const ROLES: [&str; 2] = ["galph", "ralph"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Init,
    Running,
    Ok { next: String, commit: String },
    Fail { commit: String },
    Released,
    Interrupted,
    Exit,
    Resume,
}

/// What the history came to.
#[derive(Debug, Default)]
pub struct History {
    /// Hand-offs of success: iteration and role, in order.
    pub done: Vec<(u64, String)>,
    pub claims: usize,
    pub fails: usize,
    pub subjects: Vec<String>,
    /// Work on the branch, by nonce.
    pub work: BTreeSet<String>,
    /// Work on rescue refs only.
    pub rescued: BTreeSet<String>,
}

/// G5, to the letter.
fn parse(subject: &str) -> Option<(Option<u64>, String, Step)> {
    let rest = subject.strip_prefix("[SYNC ")?;
    if rest == "init] actor=galph status=idle" {
        return Some((None, "galph".into(), Step::Init));
    }
    let (iteration, rest) = rest.strip_prefix("i=")?.split_once("] actor=")?;
    let (actor, rest) = rest.split_once(' ')?;
    let commit = |text: &str| {
        let id = text.strip_prefix(&format!("{actor}_commit="))?;
        let hex = id.len() >= 7 && id.chars().all(|c| c.is_ascii_hexdigit());
        hex.then(|| id.to_owned())
    };
    let step = match rest {
        "status=running" => Step::Running,
        "status=released" => Step::Released,
        "status=interrupted" => Step::Interrupted,
        "exit=true" => Step::Exit,
        "resume" => Step::Resume,
        _ => match rest.strip_prefix("→ next=").and_then(|r| r.split_once(" status=ok ")) {
            Some((next, id)) => Step::Ok { next: next.to_owned(), commit: commit(id)? },
            None => Step::Fail { commit: commit(rest.strip_prefix("status=fail ")?)? },
        },
    };
    Some((Some(iteration.parse().ok()?), actor.to_owned(), step))
}

struct Commit {
    id: String,
    parents: Vec<String>,
    subject: String,
    trailers: BTreeMap<String, String>,
    state: Option<Value>,
}

fn line_of(stage: &Stage) -> Vec<Commit> {
    let format = "--format=%H%x1f%P%x1f%s%x1f%(trailers:unfold)%x1e";
    let log = stage.bare(&["log", "--first-parent", "--reverse", format, "main"]);
    let mut commits: Vec<Commit> = log
        .split('\u{1e}')
        .filter_map(|record| {
            let parts: Vec<&str> = record.trim_start().split('\u{1f}').collect();
            let [id, parents, subject, trailers] = parts[..] else { return None };
            let pair = |l: &str| l.split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
            Some(Commit {
                id: id.to_owned(),
                parents: parents.split_whitespace().map(str::to_owned).collect(),
                subject: subject.to_owned(),
                trailers: trailers.lines().filter_map(pair).collect(),
                state: None,
            })
        })
        .collect();
    let states = states(stage, &commits.iter().map(|c| c.id.as_str()).collect::<Vec<_>>());
    for (commit, state) in commits.iter_mut().zip(states) {
        commit.state = state;
    }
    commits
}

/// The state file of each commit, by one process.
fn states(stage: &Stage, ids: &[&str]) -> Vec<Option<Value>> {
    let mut child = Command::new("git")
        .args(["cat-file", "--batch"])
        .current_dir(stage.ground.bare())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let asked = ids.iter().flat_map(|id| [*id, ":sync/state.json\n"]).collect::<String>();
    let feed = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let out = child.wait_with_output().unwrap().stdout;
    feed.join().unwrap().unwrap();
    let mut rest = &out[..];
    ids.iter()
        .map(|_| {
            let end = rest.iter().position(|b| *b == b'\n').unwrap();
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            if head.ends_with(" missing") {
                return None;
            }
            let size: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
            let value = serde_json::from_slice(&rest[..size]).unwrap();
            rest = &rest[size + 1..];
            Some(value)
        })
        .collect()
}

fn text<'v>(state: &'v Value, key: &str) -> &'v str {
    state[key].as_str().unwrap_or_default()
}

/// Fails unless the whole history is legal: every state follows from the one before it by the table of T5, every
/// subject is G5's, roles alternate strictly and each iteration is there once, epochs grow, one hand-off per id,
/// all work is on the branch or on a rescue ref, and none is there twice.
#[track_caller]
pub fn observe(stage: &Stage) -> History {
    stage.ground.assert_sound();
    let mut seen = History::default();
    let mut before: Option<Value> = None;
    let mut epoch = 0;
    let mut ids = BTreeSet::new();
    for commit in line_of(stage) {
        let at = format!("{} {:?}", &commit.id[..7], commit.subject);
        seen.subjects.push(commit.subject.clone());
        let Some((iteration, actor, step)) = parse(&commit.subject) else {
            assert!(!commit.subject.starts_with("[SYNC"), "no subject of G5: {at}");
            if before.is_none() && commit.state.is_some() {
                // What an earlier program left, to begin with.
                before = commit.state;
                continue;
            }
            assert_eq!(commit.state, before, "the state changed in {at}");
            continue;
        };
        let state = commit.state.clone().unwrap();
        let ours = commit.trailers.contains_key("Orchestrator");
        let last = before.unwrap_or_default();
        assert_eq!(commit.parents.len(), 1, "{at}");
        check_step(&seen, (&last, &state), (iteration, &actor, &step), &at);
        match &step {
            Step::Running => {
                seen.claims += 1;
                if ours {
                    let own: u64 = commit.trailers["Epoch"].parse().unwrap();
                    assert!(own > epoch, "epoch {own} after {epoch}: {at}");
                    epoch = own;
                    assert_eq!(state["turn"]["epoch"].as_u64(), Some(own), "{at}");
                    let id = commit.trailers["Turn-Id"].clone();
                    assert_eq!(text(&state["turn"], "id"), id, "{at}");
                    assert!(ids.insert(id), "an id claimed twice: {at}");
                }
            }
            Step::Ok { .. } | Step::Fail { .. } | Step::Interrupted if ours => {
                assert_eq!(commit.trailers["Turn-Id"], text(&last["turn"], "id"), "{at}");
                assert_eq!(commit.trailers["Epoch"], last["turn"]["epoch"].to_string(), "{at}");
                assert!(state["turn"]["holder"].is_null(), "{at}");
            }
            _ => {}
        }
        if let (true, Step::Ok { commit: short, .. } | Step::Fail { commit: short }) = (ours, &step) {
            assert!(commit.parents[0].starts_with(short.as_str()), "{at}: {}", commit.parents[0]);
            assert_eq!(text(&state, &format!("{actor}_commit")), short, "{at}");
        }
        match step {
            Step::Ok { .. } => {
                let number = last["iteration"].as_u64().unwrap();
                seen.done.push((number, actor));
            }
            Step::Fail { .. } => seen.fails += 1,
            _ => {}
        }
        before = Some(state);
    }
    check_order(&seen.done);
    check_work(stage, &mut seen);
    check_audit(stage);
    seen
}

/// G17: the program's own audit finds nothing either.
#[track_caller]
fn check_audit(stage: &Stage) {
    let top = stage.top("witness");
    if top.exists() {
        stage.git(&top, &["pull", "-q", "--ff-only"]);
    } else {
        stage.clone_at("witness", stage.ground.bare().to_str().unwrap());
    }
    let out = stage.command("witness", &["audit"]).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{}\n{}", said(&out.stdout), said(&out.stderr));
}

fn check_step(
    seen: &History,
    (last, state): (&Value, &Value),
    (iteration, actor, step): (Option<u64>, &str, &Step),
    at: &str,
) {
    let all = || format!("{at}\nfrom {last}\nto {state}\nafter {:?}", seen.subjects);
    if *step == Step::Init {
        assert!(last.is_null(), "{}", all());
        return;
    }
    assert!(!last.is_null(), "{}", all());
    let number = |v: &Value| v["iteration"].as_u64().unwrap();
    assert_eq!(iteration, Some(number(state)), "{}", all());
    let (was, is) = (text(last, "status"), text(state, "status"));
    let running = format!("running-{actor}");
    let place = ROLES.iter().position(|r| *r == actor).unwrap();
    let (expected, next) = (text(state, "expected_actor"), ROLES[(place + 1) % 2]);
    let same = number(state) == number(last);
    let holds = match step {
        Step::Init => true,
        Step::Running => {
            let free = !was.starts_with("running-") || was == running;
            text(last, "expected_actor") == actor && last["exit"] != true && free && is == running && same
        }
        Step::Ok { next: named, .. } if place + 1 == ROLES.len() => {
            let grown = number(state) == number(last) + 1;
            was == running && is == "complete" && grown && named == next && expected == next
        }
        Step::Ok { next: named, .. } => {
            was == running && is == format!("waiting-{next}") && same && named == next && expected == next
        }
        Step::Fail { .. } => was == running && is == "failed" && same && expected == actor,
        Step::Released | Step::Interrupted => {
            was == running && is == format!("waiting-{actor}") && same && expected == actor
        }
        Step::Exit => state["exit"] == true && same,
        Step::Resume => state["exit"] != true && same,
    };
    assert!(holds, "an illegal step: {}", all());
}

/// galph, ralph, galph, … without a gap, each iteration once.
fn check_order(done: &[(u64, String)]) {
    for (n, pair) in done.windows(2).enumerate() {
        let ((i, role), (j, next)) = (&pair[0], &pair[1]);
        let follows = match role.as_str() {
            "galph" => next == "ralph" && j == i,
            _ => next == "galph" && *j == i + 1,
        };
        assert!(follows, "hand-off {n} of {done:?}");
    }
}

fn nonces(log: &str) -> Vec<String> {
    log.lines()
        .filter(|l| l.starts_with("Work "))
        .filter_map(|l| Some(l.rsplit_once(' ')?.1.to_owned()))
        .collect()
}

fn check_work(stage: &Stage, seen: &mut History) {
    for nonce in nonces(&stage.bare(&["log", "--format=%s", "main"])) {
        assert!(seen.work.insert(nonce.clone()), "published twice: {nonce}");
    }
    let rescue = "--glob=refs/heads/orchestrator/rescue/*";
    let saved = nonces(&stage.bare(&["log", "--format=%s", rescue, "--"]));
    seen.rescued.extend(saved.into_iter().filter(|n| !seen.work.contains(n)));
    let mut elsewhere = BTreeSet::new();
    let entries = stage.entries();
    let clones: BTreeSet<&str> = entries.iter().map(|e| e.clone.as_str()).collect();
    for clone in clones {
        let local = ["log", "--format=%s", "--glob=refs/orchestrator/rescue/*", "HEAD", "--"];
        elsewhere.extend(nonces(&stage.git(&stage.top(clone), &local)));
    }
    for entry in entries.iter().filter(|e| e.what == "commit") {
        let n = &entry.nonce;
        let kept = seen.work.contains(n) || seen.rescued.contains(n) || elsewhere.contains(n);
        assert!(kept, "lost: {entry:?}");
    }
}
