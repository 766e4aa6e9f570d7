//! agents.md A6.

use std::cell::RefCell;

use orchestrator::event::Event;
use orchestrator::supervise::StopReason;
use orchestrator::turns::engine::End;
use orchestrator::turns::stop_request::StopRequest;
use orchestrator::turns::waiting::Waiting;
use rustix::process::{Pid, Signal, kill_process};

use super::bench::{Bench, START, agent, limited, say, waits};
use crate::cli::project::wait_until;

/// Refused by `how` as long as fewer than `times` tries were made.
fn refusing(times: u32, how: &str) -> String {
    format!(
        "cat > prompt; echo x >> tries; if test $(wc -l < tries) -le {times}; then {how}; exit 1; fi; echo done >> took"
    )
}

fn config(script: &str, policy: &str) -> String {
    format!(
        "agent: {{default: a}}\nsupervision: {{rate_limit: {policy}}}\nagents:\n{}",
        agent("a", script, "")
    )
}

/// A6: waits for the stated reset, and takes the same turn again.
#[test]
fn a_stated_reset_is_waited_for_and_the_turn_repeated() {
    let bench = Bench::new(&config(&refusing(1, &limited(Some(START + 5400))), "wait"));
    let tries = RefCell::new(Vec::new());
    let (report, events) = bench.run(|event| {
        if let Event::Waiting { role, .. } = event {
            assert_eq!(role, "galph");
            let waiting = Waiting::find(&bench.project.root()).is_some();
            assert!(!waiting, "the words come before the file");
            bench.advance(5400);
            assert_eq!(bench.project.brief(), "1 galph running-galph", "the turn is kept");
            bench.advance(61);
        }
        if let Event::AttemptStarted { log, .. } = event {
            tries.borrow_mut().push(log.clone());
        }
        if matches!(event, Event::AttemptEnded { role, .. } if role == "galph") {
            assert!(bench.now() >= START + 5400, "never before the reset");
        }
    });
    assert_eq!(report.end, End::Done);
    let waits = waits(&events);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(
        waits[0].starts_with("a is rate limited; the same turn is taken again at 2027-01-15T09:3"),
        "{waits:?}"
    );
    assert_eq!(bench.project.read("took"), "done\ndone\n", "galph and ralph");
    assert_eq!(bench.project.brief(), "2 galph complete");
    let logs: Vec<String> = tries.into_inner().iter().map(|log| bench.project.read(log)).collect();
    let count = |what: &str| logs.iter().map(|log| log.matches(what).count()).collect::<Vec<_>>();
    assert_eq!(count("\n# exit: exit status "), [2, 1], "one log a turn, with both tries: {logs:?}");
    assert_eq!(count("# role: "), [2, 1], "{logs:?}");
    let stamped = |e: &Event| matches!(e, Event::StateStamped { .. });
    assert_eq!(events.iter().filter(|e| stamped(e)).count(), 2, "a refusal is no outcome of the turn");
}

/// A6: a reset is never invented: without one the waits grow.
#[test]
fn without_a_reset_the_waits_grow() {
    let bench = Bench::new(&config(&refusing(3, &limited(None)), "wait"));
    let (report, events) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            bench.advance(500);
        }
    });
    assert_eq!(report.end, End::Done);
    let waits = waits(&events);
    assert_eq!(waits.len(), 3);
    for (words, minute) in waits.iter().zip(["in 1m", "in 2m", "in 4m"]) {
        assert!(words.contains("does not say until when") && words.contains(minute), "{words}");
    }
}

/// A6: words in prose are prose, and a limit that does not block is none.
#[test]
fn prose_and_warnings_do_nothing() {
    let script = format!(
        "cat > prompt; echo 'Error 429: rate limit reached, retry after 60 s'; {}; {}; exit 1",
        say(r#"{"type":"message","text":"You hit your rate limit. Usage limit reached."}"#),
        say(r#"{"type":"rate_limit","status":"allowed_warning","resets_at":1900000000}"#)
    );
    let bench = Bench::new(&config(&script, "wait"));
    let (report, events) = bench.run(|_| ());
    assert!(matches!(report.end, End::Failed(_)), "{:?}", report.end);
    assert!(waits(&events).is_empty());
    assert!(!events.iter().any(|e| matches!(e, Event::RateLimited { blocked: true, .. })));
    // A blocking record of a run that then succeeded is over.
    let script =
        format!("cat > prompt; {}", say(r#"{"type":"rate_limit","status":"rejected","blocked":true}"#));
    let (report, events) = Bench::new(&config(&script, "wait")).run(|_| ());
    assert_eq!((report.end, waits(&events).len()), (End::Done, 0));
}

#[test]
fn the_policy_fail_fails_the_turn() {
    let bench = Bench::new(&config(&refusing(9, &limited(Some(START + 60))), "fail"));
    let (report, events) = bench.run(|_| ());
    let End::Failed(failure) = &report.end else { panic!("{:?}", report.end) };
    assert_eq!((failure.causes[0].as_str(), waits(&events).len()), ("try later", 0));
    assert!(events.iter().any(|e| matches!(e, Event::RateLimited { blocked: true, resets_at: Some(_), .. })));
    assert_eq!(bench.project.brief(), "1 galph failed");
}

/// A6: the wish to end is heard during the wait; the turn is as good as not begun.
#[test]
fn a_wait_can_be_ended() {
    let bench = Bench::new(&config(&refusing(1, &limited(Some(START + 86_400))), "wait"));
    let (report, _) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            bench.stop.trigger(StopReason::signal(2));
        }
    });
    assert!(matches!(report.end, End::Interrupted(ref why) if why.text == "SIGINT"), "{:?}", report.end);
    assert_eq!(bench.project.brief(), "1 galph waiting-galph");

    let bench = Bench::new(&config(&refusing(1, &limited(Some(START + 86_400))), "wait"));
    let request = StopRequest { reason: Some("enough".into()), at: "now".into(), role: None, turn_id: None };
    let (report, _) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            request.leave(&bench.project.root()).unwrap();
        }
    });
    assert!(matches!(&report.end, End::Stopped { reason: Some(r), .. } if r == "enough"), "{:?}", report.end);
    assert_eq!(bench.project.state()["exit"], true);
    assert_eq!(bench.project.state()["status"], "waiting-galph");
}

/// A9: a wait that would pass the time of the whole run is not begun.
#[test]
fn a_wait_does_not_pass_the_budget() {
    let config = config(&refusing(1, &limited(Some(START + 7200))), "wait") + "budget: {wall_secs: 1h}\n";
    let bench = Bench::new(&config);
    let (report, events) = bench.run(|_| ());
    let End::Limited(limit) = report.end else { panic!("{:?}", report.end) };
    assert_eq!(limit.words(), "budget.wall_secs reached: 1h00m");
    assert!(waits(&events).is_empty());
    let told = |e: &Event| matches!(e, Event::Notice { text } if text.contains("behind budget.wall_secs"));
    assert!(events.iter().any(told), "{events:?}");
}

/// The router prompt has the same patience.
#[test]
fn the_router_prompt_waits_too() {
    let script = "cat > prompt; if grep -q ASKED prompt; then echo x >> asked; if test $(wc -l < asked) -eq 1; then LIMIT; exit 1; fi; ANSWER; else echo done >> took; fi";
    let answer = say(r#"{"type":"result","text":"reviewer.md"}"#);
    let script = script.replace("LIMIT", &limited(Some(START + 30))).replace("ANSWER", &answer);
    let config = config(&script, "wait") + "router: {enabled: true, prompt: router.md}\n";
    let bench = Bench::new(&config);
    bench.project.write("prompts/router.md", "ASKED\n");
    let (report, events) = bench.run(|event| {
        if matches!(event, Event::Waiting { .. }) {
            bench.advance(60);
        }
    });
    assert_eq!((report.end, waits(&events).len()), (End::Done, 1));
    assert_eq!(bench.project.state()["iteration"], 2);
}

/// The same by the program itself: `status` knows of the wait, Ctrl-C ends it at once.
#[test]
fn ctrl_c_during_the_wait() {
    let bench = Bench::new(&config(&refusing(1, &limited(Some(4_000_000_000))), "wait"));
    let p = &bench.project;
    let child = p.start(&["--once", "--no-git"]);
    wait_until("the wait", || p.path(".orchestrator/waiting.json").exists());
    let status = p.run(&["status"]).expect(0);
    assert!(
        status.out.contains("\nwaits:  galph: a is rate limited; next try 2096-10-02 "),
        "{}",
        status.out
    );
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{out}");
    assert!(
        out.contains("galph waits: a is rate limited; the same turn is taken again at 2096-10-02T"),
        "{out}"
    );
    assert_eq!(p.brief(), "1 galph waiting-galph");
    assert!(!p.run(&["status"]).expect(0).out.contains("waits:"));
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.read("took"), "done\ndone\n");
}

/// `orchestrator stop` ends the wait too: the turn is not held up until a reset that nobody waits for.
#[test]
fn stop_during_the_wait() {
    let bench = Bench::new(&config(&refusing(1, &limited(Some(4_000_000_000))), "wait"));
    let p = &bench.project;
    let child = p.start(&["--once", "--no-git"]);
    wait_until("the wait", || p.path(".orchestrator/waiting.json").exists());
    p.run(&["stop", "--reason", "good night"]).expect(0);
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("good night\nhint: orchestrator resume\n"), "{out}");
    assert_eq!(p.brief(), "1 galph waiting-galph");
    assert_eq!(p.state()["exit"], true);
}
