use super::*;

const GRACE: Duration = Duration::from_secs(5);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn quiet() -> Cause {
    Cause::Inactivity("silent".into())
}

/// P9: asked, then killed when the grace is over, and given up only when even that does not help.
#[test]
fn asked_then_killed() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.due(), None);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    assert_eq!(course.ask(Cause::Timeout("later".into()), ms(1)), Response::Nothing);
    assert_eq!(course.tick(ms(4999)), Response::Nothing);
    assert_eq!(course.tick(ms(5000)), Response::Kill);
    assert_eq!(course.tick(ms(9999)), Response::Nothing);
    assert_eq!(course.tick(ms(10_000)), Response::Done);
    assert_eq!((course.cause(), course.exit()), (&quiet(), None));
}

/// P9: the grace counts from the signal, not from the decision to send it.
#[test]
fn late_signals() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    course.sent(ms(30));
    assert_eq!(course.due(), Some(ms(5030)));
    assert_eq!(course.ended(Exit::Code(0), true, ms(100)), Response::Look);
    assert_eq!(course.tick(ms(180)), Response::KillFamily);
    course.sent(ms(190));
    assert_eq!(course.due(), Some(ms(180) + PATIENCE));
}

/// P9: the family has a moment after the leader, however long the grace still is.
#[test]
fn a_family_that_does_not_listen() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    assert_eq!(course.ended(Exit::Signal(15), false, ms(100)), Response::Look);
    assert_eq!(course.family(2, true, ms(100)), Response::Nothing);
    assert_eq!(course.due(), Some(ms(100) + MOMENT));
    assert_eq!(course.tick(ms(100) + MOMENT), Response::KillFamily);
    assert_eq!(course.family(1, true, ms(190)), Response::KillFamily, "one more was born");
    assert_eq!(course.family(0, true, ms(191)), Response::Nothing, "somebody unknown holds a stream");
    assert_eq!(course.tick(ms(191) + MOMENT), Response::Done);
}

/// P9: after an end of its own the family may end by itself, is asked, is killed: all within 250 ms.
#[test]
fn leaks() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.family(1, true, ms(0)), Response::Nothing);
    assert_eq!(course.tick(MOMENT), Response::TerminateFamily);
    assert_eq!(course.tick(MOMENT * 2), Response::KillFamily);
    assert!(MOMENT * 2 < ms(250));
    assert_eq!(course.family(0, false, ms(170)), Response::Done);
    assert_eq!(course.cause(), &Cause::Own);
}

#[test]
fn nothing_left_is_the_end() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.family(0, false, ms(0)), Response::Nothing, "the leader lives");
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.family(0, true, ms(0)), Response::Nothing, "bytes are still to be read");
    assert_eq!(course.family(0, false, ms(1)), Response::Done);
    assert_eq!(course.ended(Exit::Code(1), true, ms(2)), Response::Nothing, "it ends once");
    assert_eq!(course.exit(), Some(Exit::Code(0)));
}

/// P10: the second wish is immediate, wherever the first one got to.
#[test]
fn insisting() {
    let stop = || Cause::Stop("SIGINT".into());
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(stop(), ms(0)), Response::Terminate);
    assert_eq!(course.insist(ms(1)), Response::Kill);
    assert_eq!(course.insist(ms(2)), Response::Nothing);
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(stop(), ms(0)), Response::Terminate);
    assert_eq!(course.ended(Exit::Code(0), true, ms(1)), Response::Look);
    assert_eq!(course.insist(ms(2)), Response::KillFamily);
    let mut course = Course::new(Duration::ZERO, false);
    assert_eq!(course.ask(stop(), ms(0)), Response::Kill, "no grace at all");
}

/// P10: a signal during the grace after a result makes it an interruption; one after a limit changes nothing.
#[test]
fn a_stop_outranks_a_success_in_waiting() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(Cause::ResultGrace, ms(0)), Response::Terminate);
    assert_eq!(course.ask(Cause::Stop("SIGINT".into()), ms(1)), Response::Nothing);
    assert_eq!(course.cause(), &Cause::Stop("SIGINT".into()));
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    assert_eq!(course.ask(Cause::Stop("SIGINT".into()), ms(1)), Response::Nothing);
    assert_eq!(course.cause(), &quiet());
}

/// P7: who ended by itself while the signal was on its way was not timed out, but a stop stays a stop.
#[test]
fn who_was_first() {
    for (cause, exit, own) in [
        (quiet(), Exit::Code(0), true),
        (quiet(), Exit::Code(7), true),
        (quiet(), Exit::Signal(15), false),
        (Cause::Stop("SIGINT".into()), Exit::Code(0), false),
    ] {
        let mut course = Course::new(GRACE, false);
        assert_eq!(course.ask(cause, ms(0)), Response::Terminate);
        course.may_be_first();
        assert_eq!(course.ended(exit, true, ms(1)), Response::Look);
        assert_eq!(course.cause() == &Cause::Own, own);
    }
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    assert_eq!(course.ended(Exit::Code(0), true, ms(1)), Response::Look);
    assert_eq!(course.cause(), &quiet(), "it answered the signal with success");
}

/// P9: a service may stay, but only after success.
#[test]
fn left_running() {
    let mut course = Course::new(GRACE, true);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.family(1, false, ms(0)), Response::Nothing);
    assert_eq!(course.tick(MOMENT), Response::Done);
    assert!(course.leaves_family());
    let mut course = Course::new(GRACE, true);
    assert_eq!(course.ended(Exit::Code(1), false, ms(0)), Response::Look);
    assert_eq!(course.tick(MOMENT), Response::TerminateFamily);
    let mut course = Course::new(GRACE, true);
    assert_eq!(course.ask(quiet(), ms(0)), Response::Terminate);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert!(!course.leaves_family());
}

/// P9, P10: who is at its end already is not pushed any further, and no deadline is invented.
#[test]
fn nothing_is_done_twice() {
    let mut course = Course::new(GRACE, false);
    assert!(course.is_live());
    assert_eq!(course.tick(ms(100_000)), Response::Nothing, "nobody asked");
    course.sent(ms(1));
    assert_eq!(course.due(), None);
    assert_eq!(course.insist(ms(2)), Response::Kill, "at once, unasked");
    assert!(!course.is_live());
    course.sent(ms(3));
    assert_eq!(course.due(), Some(ms(2) + PATIENCE), "a kill gets no more time for being late");
    assert_eq!(course.ended(Exit::Signal(9), false, ms(4)), Response::Look);
    assert_eq!(course.insist(ms(5)), Response::Nothing, "its family is being killed already");
    assert_eq!(course.tick(ms(4) + PATIENCE), Response::Done, "given up");
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.insist(ms(1)), Response::KillFamily);
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.tick(MOMENT), Response::TerminateFamily);
    course.sent(MOMENT + ms(7));
    assert_eq!(course.due(), Some(MOMENT * 2 + ms(7)), "the family's moment counts from its signal");
}
