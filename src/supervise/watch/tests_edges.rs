//! The very moments at which a watch looks, warns and judges.

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Silence counts, and nothing else.
fn silence(limit: Duration) -> Watch {
    let zero = Duration::ZERO;
    let off = Limits { idle: zero, tool: zero, timeout: zero, result_grace: zero, ..Limits::default() };
    Watch::new(Limits { inactivity: limit, ..off }, zero)
}

/// From deadline to deadline until the end: when it came, and when the CPU time was looked at.
fn to_the_end(watch: &mut Watch, cpu: impl Fn(Duration) -> Duration) -> (Duration, Vec<u128>) {
    let looks = std::cell::RefCell::new(Vec::new());
    loop {
        let due = watch.due().unwrap();
        let verdicts = watch.tick(due, &mut || {
            looks.borrow_mut().push(due.as_millis());
            Some(cpu(due))
        });
        if verdicts.iter().any(|v| matches!(v, Verdict::End(_))) {
            return (due, looks.into_inner());
        }
    }
}

/// P7: eight parts of the second half, the last of them at the limit itself.
#[test]
fn looks_are_spread_over_the_second_half() {
    let (end, looks) = to_the_end(&mut silence(s(900)), |_| s(3));
    let parts = [450_000, 506_250, 562_500, 618_750, 675_000, 731_250, 787_500, 843_750, 900_000];
    assert_eq!((end, looks), (s(900), parts.to_vec()));
    // Where eight parts would be too short, fewer.
    let (end, looks) = to_the_end(&mut silence(ms(400)), |_| s(3));
    assert_eq!((end, looks), (ms(400), vec![200, 250, 300, 350, 400]));
}

/// P7: the twentieth part of the time between two looks is work, less is none.
#[test]
fn a_twentieth_is_work() {
    let twentieth = ms(56_250) / 20;
    let worked = |much: Duration| {
        let mut watch = silence(s(900));
        to_the_end(&mut watch, |now| if now <= s(450) { s(3) } else { s(3) + much })
    };
    let (end, looks) = worked(twentieth);
    assert_eq!(end, ms(506_250) + s(900));
    assert_eq!(looks[..3], [450_000, 506_250, 956_250], "a new silence is looked at from its half on");
    assert_eq!(worked(twentieth.saturating_sub(ms(1))).0, s(900));
}

/// Output makes what was measured before it worthless.
#[test]
fn output_forgets_the_last_look() {
    let mut watch = silence(s(900));
    watch.tick(s(450), &mut || Some(s(3)));
    watch.heard(s(460));
    assert_eq!(watch.due(), Some(s(470)));
    // Much work between, but nobody saw when: the first look of this silence only measures.
    assert!(watch.tick(s(910), &mut || Some(s(300))).iter().all(|v| !matches!(v, Verdict::End(_))));
    let (end, _) = to_the_end(&mut watch, |_| s(300));
    assert_eq!(end, s(1360));
}

/// What is due next, limit by limit.
#[test]
fn the_next_deadline_is_the_nearest() {
    let zero = Duration::ZERO;
    let off = Limits {
        idle: zero,
        inactivity: zero,
        tool: zero,
        timeout: zero,
        result_grace: zero,
        ..Limits::default()
    };
    let due = |limits: Limits| Watch::new(limits, s(100)).due();
    assert_eq!(due(off), Some(s(110)), "a heartbeat");
    assert_eq!(due(Limits { idle: s(7), ..off }), Some(s(107)));
    assert_eq!(due(Limits { inactivity: s(8), ..off }), Some(s(104)), "the warning at half time");
    assert_eq!(due(Limits { timeout: s(6), ..off }), Some(s(103)));
    let mut watch = Watch::new(Limits { result_grace: s(2), ..off }, s(100));
    watch.result(s(101));
    assert_eq!(watch.due(), Some(s(103)));

    let mut watch = Watch::new(Limits { idle: s(7), timeout: s(18), ..off }, s(100));
    assert_eq!(watch.tick(s(107), &mut || None), [Verdict::Idle { silent: s(7) }]);
    assert_eq!(watch.due(), Some(s(109)), "idle is told once");
    let half = Verdict::Warn("half of the timeout of 18 s is over, 9 s left".into());
    assert_eq!(watch.tick(s(109), &mut || None), [half]);
    assert_eq!(watch.due(), Some(s(110)));
    assert_eq!(watch.tick(s(110), &mut || None), [Verdict::Heartbeat { silent: s(10) }]);
    assert_eq!(watch.due(), Some(s(118)));
}

/// A tool call has its own limit, and only while it is open; of several the last is named.
#[test]
fn the_open_tool_decides() {
    let mut watch = silence(s(900));
    watch.limits.tool = s(40);
    watch.tool_opened("1", "Bash");
    watch.tool_opened("2", "Read");
    watch.tool_closed("2");
    watch.tool_closed("unknown");
    let text = "no sign of life for 40 s (tool limit), tool `Bash` open".to_owned();
    assert_eq!(watch.tick(s(40), &mut || None), [Verdict::End(Reached::Inactivity(text))]);
    watch.tool_closed("1");
    assert!(watch.tick(s(41), &mut || None).iter().all(|v| !matches!(v, Verdict::End(_))));
}

#[test]
fn seconds_have_one_place() {
    let shown = [0, 49, 50, 149, 1_500, 1_960, 61_000, 900_040].map(|n| seconds(ms(n)));
    assert_eq!(shown, ["0 s", "0 s", "0.1 s", "0.1 s", "1.5 s", "2 s", "61 s", "900 s"]);
}
