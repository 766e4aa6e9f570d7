//! agents.md A9: each limit ends the loop cleanly, with exit code 6, and says which.

use orchestrator::event::Event;
use orchestrator::turns::engine::End;

use super::bench::{Bench, agent, say, used};
use crate::cli::project::Project;

fn config(script: &str, budget: &str) -> String {
    format!("agent: {{default: a}}\nbudget: {{{budget}}}\nagents:\n{}", agent("a", script, ""))
}

fn reached(events: &[Event]) -> Vec<(String, f64, f64)> {
    let numbers = |e: &Event| match e {
        Event::BudgetReached { budget, limit, used } => Some((budget.clone(), *limit, *used)),
        _ => None,
    };
    events.iter().filter_map(numbers).collect()
}

/// The loop ends by this limit after so many turns.
#[track_caller]
fn ends(bench: &Bench, turns: u64, words: &str, mut heed: impl FnMut(&Event)) -> Vec<Event> {
    let (report, events) = bench.run(&mut heed);
    let End::Limited(limit) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!((limit.words().as_str(), report.turns), (words, turns));
    assert_eq!(reached(&events).len(), 1);
    events
}

#[test]
fn turns() {
    let mut bench = Bench::new(&config("cat > prompt; echo x >> took", "turns: 3"));
    bench.loops = 0;
    let events = ends(&bench, 3, "budget.turns reached: 3 turns", |_| ());
    assert_eq!(bench.project.read("took"), "x\nx\nx\n");
    assert_eq!(bench.project.brief(), "2 ralph waiting-ralph", "a clean end between two turns");
    assert_eq!(reached(&events), [("turns".to_owned(), 3.0, 3.0)]);
    assert!(bench.project.read("prompt").contains("- budget left: 1 turn\n"), "the agent is told");
}

#[test]
fn tokens_between_turns() {
    let script = format!("cat > prompt; {}; {}", used(10, 1, None), used(40, 5, None));
    let mut bench = Bench::new(&config(&script, "tokens: 100"));
    bench.loops = 0;
    let events = ends(&bench, 3, "budget.tokens reached: 135 of 100 tokens", |_| ());
    assert_eq!(reached(&events), [("tokens".to_owned(), 100.0, 135.0)]);
}

#[test]
fn cost_between_turns() {
    let script = format!("cat > prompt; {}", used(1, 1, Some(0.4)));
    let mut bench = Bench::new(&config(&script, "cost_usd: 1"));
    bench.loops = 0;
    let events = ends(&bench, 3, "budget.cost_usd reached: $1.20 of $1.00", |_| ());
    let last = events.last();
    assert!(
        matches!(last, Some(Event::RunEnded { cost_usd: Some(c), .. }) if (c - 1.2).abs() < 1e-9),
        "{last:?}"
    );
}

#[test]
fn time_between_turns() {
    let mut bench = Bench::new(&config("cat > prompt", "wall_secs: 1h"));
    bench.loops = 0;
    ends(&bench, 2, "budget.wall_secs reached: 1h00m", |event| {
        if matches!(event, Event::AttemptEnded { .. }) {
            bench.advance(1800);
        }
    });
}

/// A9: during the turn too: an agent that is over the limit and works on is ended; its work stays, the turn is
/// taken again by the next start.
#[test]
fn an_agent_is_ended_when_the_budget_is_used_up_under_it() {
    let script = format!("cat > prompt; echo half > half.txt; {}; sleep 600", used(60, 50, None));
    let bench = Bench::new(&config(&script, "tokens: 100"));
    ends(&bench, 0, "budget.tokens reached: 110 of 100 tokens", |_| ());
    assert_eq!(bench.project.brief(), "1 galph waiting-galph");
    assert_eq!(bench.project.read("half.txt"), "half\n");
}

/// The run's time is up under an agent that says nothing.
#[test]
fn an_agent_is_ended_when_the_time_is_up() {
    // A busy machine can use the time up before the turn has begun: then it gets more.
    for (wall, words) in [("100ms", "0.1s"), ("3s", "3.0s"), ("60s", "1m00s")] {
        let bench = Bench::new(&config("cat > prompt; sleep 600", &format!("wall_secs: {wall}")));
        let ran = bench.project.run(&["--once", "--no-git"]).expect(6);
        let cause = format!("cause: budget.wall_secs reached: {words}\n");
        assert!(ran.err.contains(&cause), "{}", ran.err);
        let brief = bench.project.brief();
        if brief != "1 galph idle" {
            assert_eq!(brief, "1 galph waiting-galph");
            return;
        }
    }
    panic!("no turn was begun within a minute");
}

/// The totals of the last record end the loop, not the turn that is done.
#[test]
fn a_finished_turn_is_not_cut_off() {
    let script = format!(
        "cat > prompt; {}; {}; echo done >> took",
        used(600, 5, None),
        say(r#"{"type":"result","text":"done"}"#)
    );
    let bench = Bench::new(&config(&script, "tokens: 100"));
    ends(&bench, 1, "budget.tokens reached: 605 of 100 tokens", |_| ());
    assert_eq!(bench.project.brief(), "1 ralph waiting-ralph");
    assert_eq!(bench.project.read("took"), "done\n");
}

/// A5, A9: what is unknown is unknown, and a budget that cannot see it says so, once.
#[test]
fn unknown_cost_is_unknown() {
    let mut bench = Bench::new(&config("cat > prompt", "cost_usd: 1"));
    bench.loops = 2;
    let (report, events) = bench.run(|_| ());
    assert_eq!((report.end, report.cost_usd), (End::Done, None));
    let told = |e: &&Event| matches!(e, Event::Warning { text } if text.contains("did not report its cost"));
    assert_eq!(events.iter().filter(told).count(), 1);
    let p = Bench::new(&config("cat > prompt", "tokens: 10")).project;
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.out.contains(" cost unknown; all iterations taken"), "{}", ran.out);
    let summaries = p.path("logs/local/ralph-summaries");
    let file = std::fs::read_dir(summaries).unwrap().next().unwrap().unwrap();
    let summary = std::fs::read_to_string(file.path()).unwrap();
    assert!(summary.contains("input tokens unknown, output tokens unknown, cost unknown\n"), "{summary}");
}

/// A9 by the program: exit code 6, the account says which, and the next start goes on.
#[test]
fn the_program_says_which_limit() {
    let p = Project::new();
    p.config("budget: {turns: 1}\n");
    let ran = p.run(&["--no-git"]).expect(6);
    assert!(
        ran.out.starts_with("orchestrator combined · branch none · 20 iterations, budget 1 turn\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("budget.turns reached: 1 turn; next: orchestrator --no-git\n"), "{}", ran.out);
    assert_eq!(
        ran.err,
        "error: go on within the budget\ncause: budget.turns reached: 1 turn\nhint: the next start counts anew: orchestrator --no-git\n"
    );
    assert_eq!(p.sequence(), ["supervisor"]);
    let status = p.run(&["status"]).expect(0);
    assert!(status.out.contains("\nbudget: 1 turn a run\n"), "{}", status.out);
    p.run(&["--no-git"]).expect(6);
    assert_eq!(p.sequence(), ["supervisor", "main"]);
}

/// A9: the stall guard counts turns without a commit, a changed file or a change of the state besides the stamp.
#[test]
fn the_stall_guard() {
    let p = Project::git();
    p.config("budget: {no_progress_turns: 3}\n");
    p.prompt(
        "supervisor",
        "echo supervisor >> sequence; test $(wc -l < sequence) -gt 4 || echo $(wc -l < sequence) > input.md",
    );
    p.run_git(&["commit", "-qam", "prompts"]);
    let ran = p.run(&[]).expect(6);
    // galph 1 and 2 change a document; then there are three idle turns in a row.
    assert_eq!(p.sequence(), ["supervisor", "main", "supervisor", "main", "supervisor", "main"]);
    assert!(
        ran.err.contains("cause: budget.no_progress_turns reached: 3 turns without any change\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("error: go on without progress\n"), "{}", ran.err);
    // A file that stays uncommitted and changes is progress too.
    let p = Project::git();
    p.config("budget: {no_progress_turns: 2}\n");
    p.write("notes.bin", "0");
    p.prompt("main", "echo main >> sequence; cat sequence > notes.bin");
    p.run_git(&["commit", "-qam", "prompts"]);
    let ran = p.run(&["--sync-loops", "3"]).expect(0);
    assert_eq!(p.sequence().len(), 6, "{}", ran.out);
    let p = Project::new();
    p.config("budget: {no_progress_turns: 1}\n");
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(ran.err.contains("budget.no_progress_turns has no effect without git"), "{}", ran.err);
}
