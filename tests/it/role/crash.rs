//! A loop that dies with its agent alive (git-sync.md G5a, G9; supervision.md P10).

use rustix::process::Signal;

use super::ground::{Ground, wait_until};

/// A dead one that nobody has reaped yet is dead.
fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The agent of the dead run has wiped its environment and ignores signals, so only the journalled group finds it.
#[test]
fn the_next_start_ends_an_agent_that_bears_no_mark() {
    let stubborn = "if [ -e ../once ]; then echo again > ../second; exit 0; fi\n\
        touch ../once\n\
        exec env -i PATH=\"$PATH\" sh -c 'trap \"\" TERM HUP INT; echo $$ > ../agent.pid.new; \
        mv ../agent.pid.new ../agent.pid; while :; do sleep 0.05; done'";
    let ground = Ground::new("", stubborn, "true");
    let mut loop_ = ground.start("galph", "galph", &[]);
    wait_until("the agent", || ground.path("agent.pid").exists());
    let agent: i32 = ground.read("agent.pid").trim().parse().unwrap();
    let journal = ground.read("galph/.orchestrator/turn.json");
    assert!(journal.contains(&format!("\"group\":{agent}")), "journalled before it works: {journal}");
    loop_.signal(Signal::KILL);
    wait_until("the loop's death", || loop_.over());
    assert!(lives(agent), "it survives its loop, or this test says nothing");
    let ran = ground.turn("galph", &["--once"]).expect(0);
    ran.says(&format!("ended a process of an earlier run: pid {agent}"));
    wait_until("the agent's end", || !lives(agent));
    assert_eq!(ground.read("second"), "again\n");
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
    let claims = ground.subjects().iter().filter(|s| s.ends_with("actor=galph status=running")).count();
    assert_eq!(claims, 2, "the turn was resumed with a new claim");
}

/// One with its marks is ended by the sweep, whatever the journal says; what it did stays.
#[test]
fn the_next_start_goes_on_with_what_the_dead_turn_left() {
    let slow = "if [ -e ../once ]; then git commit -q -am more; exit 0; fi\n\
        touch ../once; echo one > a.txt; git add a.txt; git commit -q -m first; echo two or three > a.txt\n\
        echo $$ > ../agent.pid.new; mv ../agent.pid.new ../agent.pid; while :; do sleep 0.05; done";
    let ground = Ground::new("", slow, "true");
    let mut loop_ = ground.start("galph", "galph", &[]);
    wait_until("the agent", || ground.path("agent.pid").exists());
    let agent: i32 = ground.read("agent.pid").trim().parse().unwrap();
    loop_.signal(Signal::KILL);
    wait_until("the loop's death", || loop_.over());
    ground.turn("galph", &["--once"]).expect(0);
    assert!(!lives(agent));
    assert_eq!(ground.git("bare", &["show", "work:a.txt"]), "two or three");
}
