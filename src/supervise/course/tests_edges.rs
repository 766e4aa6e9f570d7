//! Phases and deadlines, one by one.

use super::*;

const GRACE: Duration = Duration::from_secs(5);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limit() -> Cause {
    Cause::Timeout("late".into())
}

#[test]
fn only_an_untouched_child_is_live() {
    let mut course = Course::new(GRACE, false);
    assert!(course.is_live());
    assert_eq!(course.ask(limit(), ms(0)), Response::Terminate);
    assert!(!course.is_live());
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.insist(ms(0)), Response::Kill);
    assert!(!course.is_live());
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert!(!course.is_live());
}

/// P9: what a killed leader leaves behind gets patience and nothing else.
#[test]
fn after_a_kill_the_family_is_only_waited_for() {
    let mut course = Course::new(Duration::ZERO, false);
    assert_eq!(course.ask(limit(), ms(0)), Response::Kill);
    assert_eq!(course.due(), Some(PATIENCE));
    assert_eq!(course.family(3, true, ms(1)), Response::Nothing, "the leader is not gone yet");
    assert_eq!(course.ended(Exit::Signal(9), false, ms(10)), Response::Look);
    assert_eq!(course.due(), Some(ms(10) + PATIENCE));
    assert_eq!(course.insist(ms(11)), Response::Nothing);
    assert_eq!(course.family(2, false, ms(12)), Response::KillFamily);
    assert_eq!(course.due(), Some(ms(10) + PATIENCE), "who is killed again is not waited for any longer");
    assert_eq!(course.tick(ms(9) + PATIENCE), Response::Nothing);
    assert_eq!(course.tick(ms(10) + PATIENCE), Response::Done);
}

/// P9: family that lives keeps the run open, though no stream is.
#[test]
fn a_family_alone_keeps_the_run_open() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert_eq!(course.family(1, false, ms(0)), Response::Nothing);
    assert_eq!(course.insist(ms(1)), Response::KillFamily, "also in the moment of its own");
    assert_eq!(course.family(0, false, ms(2)), Response::Done);
}

/// What was asked counts from the signal, in each phase its own way.
#[test]
fn sending_moves_only_what_was_asked() {
    let mut course = Course::new(GRACE, false);
    course.sent(ms(7));
    assert_eq!(course.due(), None);
    assert_eq!(course.ended(Exit::Code(0), true, ms(10)), Response::Look);
    course.sent(ms(20));
    assert_eq!(course.due(), Some(ms(10) + MOMENT), "nobody was asked yet");
    assert_eq!(course.tick(ms(10) + MOMENT), Response::TerminateFamily);
    course.sent(ms(200));
    assert_eq!(course.due(), Some(ms(200) + MOMENT));
    assert_eq!(course.tick(ms(199) + MOMENT), Response::Nothing);
    assert_eq!(course.tick(ms(200) + MOMENT), Response::KillFamily);
    assert_eq!(course.due(), Some(ms(200) + MOMENT + PATIENCE));
}

/// P9: a short grace is not made longer by the family's moment.
#[test]
fn the_rest_of_the_grace_bounds_the_moment() {
    let mut course = Course::new(ms(50), false);
    assert_eq!(course.ask(limit(), ms(0)), Response::Terminate);
    assert_eq!(course.ended(Exit::Signal(15), false, ms(10)), Response::Look);
    assert_eq!(course.due(), Some(ms(50)));
}

/// A service is left alone from its leader's good end on, not before.
#[test]
fn nothing_is_left_running_before_the_end() {
    let mut course = Course::new(GRACE, true);
    assert!(!course.leaves_family());
    assert_eq!(course.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert!(course.leaves_family());
    let mut plain = Course::new(GRACE, false);
    assert_eq!(plain.ended(Exit::Code(0), true, ms(0)), Response::Look);
    assert!(!plain.leaves_family());
}

/// P7: only a limit can have come too late; an end of one's own stays what it was.
#[test]
fn a_result_in_waiting_stays_one() {
    let mut course = Course::new(GRACE, false);
    assert_eq!(course.ask(Cause::ResultGrace, ms(0)), Response::Terminate);
    assert_eq!(course.ask(limit(), ms(1)), Response::Nothing);
    course.may_be_first();
    assert_eq!(course.ended(Exit::Code(0), true, ms(2)), Response::Look);
    assert_eq!(course.cause(), &Cause::ResultGrace);
}
