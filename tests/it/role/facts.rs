//! The events and hooks of machines that wait, take over and are fenced (interface.md I11; git-sync.md G11, G13).

use rustix::process::Signal;

use super::ground::{Ground, wait_until};

const HOOKS: &str = "hooks:\n  \
    waiting: [sh, -c, 'cat >> ../waiting.json']\n  \
    takeover: [sh, -c, 'cat >> ../takeover.json']\n  \
    fenced: [sh, -c, 'cat >> ../fenced.json']\n";

/// Short leases, so that a dead machine is found dead in this test.
const SHORT: &str =
    "sync: {poll_interval: 0.05, lease_secs: 3, margin_secs: 1, retry_secs: 20, heartbeat_secs: 0.2}\n";

fn lines(ground: &Ground, file: &str) -> Vec<serde_json::Value> {
    ground.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One machine is stopped in its turn and taken over by a standby: each fact is one event with its data, in the hook
/// and in the ledger; the fenced machine leaves with 5 and its work on a rescue ref.
#[test]
fn a_takeover_and_a_fence_are_told_once() {
    let turn = "if [ -e ../first ]; then git commit -q --allow-empty -m Second; exit 0; fi\n\
        touch ../first; echo mine > work.txt; git add work.txt; git commit -q -m First; touch ../begun; sleep 60";
    let ground = Ground::new(&format!("{SHORT}{HOOKS}"), turn, "true");
    ground.clone("standby");
    let first = ground.start("galph", "galph", &[]);
    wait_until("the first machine's turn", || ground.path("begun").exists());
    let standby = ground.start("standby", "galph", &["--once"]);
    wait_until("the standby's wait", || standby.printed().contains("another machine runs this role's turn"));
    first.signal(Signal::STOP);
    let took = standby.end().expect(0);
    took.says("taken over from host ");
    first.signal(Signal::CONT);
    let fenced = first.end().expect(5);
    fenced.says("the turn is lost");
    fenced.says("its work is kept: git merge refs/orchestrator/rescue/");
    let takeover = lines(&ground, "takeover.json");
    assert_eq!(takeover.len(), 1, "{takeover:?}");
    let data = &takeover[0]["data"];
    assert_eq!(
        (&takeover[0]["kind"], &data["role"], &data["epoch"]),
        (&"takeover".into(), &"galph".into(), &2.into())
    );
    assert!(data["from"].as_str().unwrap().starts_with("host "), "{data}");
    assert!(data["reason"].as_str().unwrap().contains("no sign of it for"), "{data}");
    assert_eq!(ground.events("standby", "takeover").len(), 1);
    let lost = lines(&ground, "fenced.json");
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!((&lost[0]["kind"], &lost[0]["data"]["epoch"]), (&"fenced".into(), &1.into()));
    assert_eq!(ground.events("galph", "fenced").len(), 1);
    let refs = ground.git("bare", &["for-each-ref", "--format=%(refname)", "refs/heads/orchestrator/rescue"]);
    assert_eq!(refs.lines().count(), 1, "{refs}");
    let rescued = ground.git("bare", &["log", "-1", "--format=%s", refs.trim()]);
    assert_eq!(rescued, "First");
    assert!(!ground.subjects().iter().any(|s| s == "First"), "kept off the branch");
    // Its next start works again.
    ground.turn("ralph", &["--once"]).expect(0);
    ground.turn("galph", &["--once"]).expect(0);
    assert_eq!(ground.brief(), "2 ralph waiting-ralph");
}

/// T19, T31: a wait says whose turn it is, since when and the last sign, again and again; its hook is called once.
#[test]
fn a_wait_is_one_event_and_many_lines() {
    let turn = "touch ../begun; while [ ! -e ../go ]; do sleep 0.02; done";
    let ground = Ground::new(&format!("{SHORT}{HOOKS}"), turn, "true");
    let galph = ground.start("galph", "galph", &["--once"]);
    wait_until("galph's turn", || ground.path("begun").exists());
    let ralph = ground.start("ralph", "ralph", &["--once"]);
    let said = || ralph.printed().matches("it is galph's turn (iteration 1): host ").count();
    wait_until("three lines", || said() >= 3);
    assert!(ralph.printed().contains("last sign "), "{}", ralph.printed());
    ground.write("go", "");
    galph.end().expect(0);
    ralph.end().expect(0);
    let of_ralph: Vec<_> =
        lines(&ground, "waiting.json").into_iter().filter(|e| e["data"]["role"] == "ralph").collect();
    assert_eq!(of_ralph.len(), 1, "{of_ralph:?}");
    assert!(of_ralph[0]["data"]["why"].as_str().unwrap().contains("it is galph's turn"));
}

/// G2: a role that cannot take over says which machine looks dead, since when, and what helps.
#[test]
fn a_waiting_role_says_that_the_other_machine_looks_dead() {
    let ground = Ground::new(SHORT, "touch ../begun; sleep 60", "true");
    let mut galph = ground.start("galph", "galph", &["--once"]);
    wait_until("galph's turn", || ground.path("begun").exists());
    galph.signal(Signal::KILL);
    wait_until("its death", || galph.over());
    let ralph = ground.start("ralph", "ralph", &[]);
    wait_until("the word", || ralph.printed().contains("looks dead: host "));
    let said = ralph.printed();
    let turn = ground.state()["turn"]["id"].as_str().unwrap().to_owned();
    for words in [
        &format!("galph's turn {turn} (iteration 1) looks dead"),
        "without a sign for",
        "orchestrator takeover --role galph",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert_eq!(said.matches("looks dead").count(), 1, "said once");
}
