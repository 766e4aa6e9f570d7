use super::*;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limits() -> Limits {
    Limits { timeout: Duration::ZERO, ..Limits::default() }
}

/// Goes from deadline to deadline as the owner does, with CPU time as a function of time, until `until` or an end.
fn go(
    watch: &mut Watch,
    until: Duration,
    cpu: impl Fn(Duration) -> Option<Duration>,
) -> Vec<(Duration, Verdict)> {
    let mut seen = Vec::new();
    while let Some(due) = watch.due().filter(|due| *due <= until) {
        let verdicts = watch.tick(due, &mut || cpu(due));
        let ended = verdicts.iter().any(|verdict| matches!(verdict, Verdict::End(_)));
        seen.extend(verdicts.into_iter().map(|verdict| (due, verdict)));
        if ended {
            break;
        }
        assert!(
            watch.due().is_none_or(|next| next > due),
            "a deadline that was dealt with is past: {watch:?}"
        );
    }
    seen
}

fn end(seen: &[(Duration, Verdict)]) -> Option<(Duration, &Reached)> {
    seen.iter().find_map(
        |(at, verdict)| if let Verdict::End(reached) = verdict { Some((*at, reached)) } else { None },
    )
}

fn warnings(seen: &[(Duration, Verdict)]) -> Vec<(u64, &str)> {
    seen.iter()
        .filter_map(
            |(at, v)| if let Verdict::Warn(text) = v { Some((at.as_secs(), text.as_str())) } else { None },
        )
        .collect()
}

/// P7: warned at half time, ended exactly at the limit, which the message names.
#[test]
fn silence_ends() {
    let mut watch = Watch::new(limits(), s(100));
    let seen = go(&mut watch, s(10_000), |_| Some(s(3)));
    assert_eq!(warnings(&seen), [(550, "silent for 450 s, ended after 900 s")]);
    let text = "no sign of life for 900 s (inactivity limit)".to_owned();
    assert_eq!(end(&seen), Some((s(1000), &Reached::Inactivity(text))));
    assert!(seen.contains(&(s(130), Verdict::Idle { silent: s(30) })));
    assert!(seen.contains(&(s(110), Verdict::Heartbeat { silent: s(10) })));
    assert_eq!(seen.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Idle { .. })).count(), 1);
}

/// P7: a twenty-minute silent tool call survives; an hour of it does not, and the message names the tool.
#[test]
fn a_tool_call_may_be_silent() {
    let mut watch = Watch::new(limits(), s(0));
    watch.tool_opened("t1", "Bash");
    assert_eq!(end(&go(&mut watch, s(1200), |_| None)), None);
    watch.heard(s(1200));
    watch.tool_closed("t1");
    assert_eq!(end(&go(&mut watch, s(2099), |_| None)), None);
    let seen = go(&mut watch, s(9999), |_| None);
    assert_eq!(end(&seen).map(|(at, _)| at), Some(s(2100)));

    let mut watch = Watch::new(limits(), s(0));
    watch.tool_opened("t1", "Bash");
    let seen = go(&mut watch, s(9999), |_| None);
    let text = "no sign of life for 3600 s (tool limit), tool `Bash` open".to_owned();
    assert_eq!(end(&seen), Some((s(3600), &Reached::Inactivity(text))));
    assert_eq!(warnings(&seen), [(1800, "silent for 1800 s, ended after 3600 s, tool `Bash` open")]);
}

/// P7: CPU time is activity: who works silently survives, who stops working is ended within the limit of that.
#[test]
fn work_is_activity() {
    let mut watch = Watch::new(limits(), s(0));
    assert_eq!(end(&go(&mut watch, s(100_000), Some)), None);

    let mut watch = Watch::new(limits(), s(0));
    let seen = go(&mut watch, s(100_000), |now| Some(now.min(s(5000))));
    let at = end(&seen).map(|(at, _)| at).unwrap();
    assert!(at > s(5000) && at <= s(5000 + 900 + 60), "{at:?}");
}

/// A spinner or a keep-alive timer is no work.
#[test]
fn a_spinner_is_no_work() {
    let mut watch = Watch::new(limits(), s(0));
    let seen = go(&mut watch, s(100_000), |now| Some(now / 50));
    assert_eq!(end(&seen).map(|(at, _)| at), Some(s(900)));
}

/// P7, P16: the CPU time is looked at only in the second half of a silence, and then seldom.
#[test]
fn looks_are_few() {
    let looks = std::cell::RefCell::new(Vec::new());
    let mut watch = Watch::new(limits(), s(0));
    go(&mut watch, s(10_000), |now| {
        looks.borrow_mut().push(now.as_secs());
        Some(s(1))
    });
    let looks = looks.into_inner();
    assert!(looks.len() <= 9 && looks[0] == 450 && looks.last() == Some(&900), "{looks:?}");
    let mut watch = Watch::new(limits(), s(0));
    for minute in 1..100 {
        go(&mut watch, s(minute * 60), |_| panic!("it is not silent for long"));
        watch.heard(s(minute * 60));
    }
}

/// P7: output before the limit starts it anew, and ends an idle time.
#[test]
fn output_resets() {
    let mut watch = Watch::new(limits(), s(0));
    assert!(end(&go(&mut watch, s(899), |_| None)).is_none());
    assert!(watch.heard(s(899)), "it was idle");
    assert!(!watch.heard(s(899)), "it is not any more");
    let seen = go(&mut watch, s(9999), |_| None);
    assert_eq!(end(&seen).map(|(at, _)| at), Some(s(1799)));
    assert_eq!(warnings(&seen).len(), 1, "the new silence warns again");
}

#[test]
fn zero_is_off() {
    let zero = Duration::ZERO;
    let off = Limits { idle: zero, inactivity: zero, tool: zero, result_grace: zero, ..limits() };
    let mut watch = Watch::new(off, s(0));
    watch.result(s(1));
    let seen = go(&mut watch, s(100_000), |_| panic!("nobody asks"));
    assert!(seen.iter().all(|(_, verdict)| matches!(verdict, Verdict::Heartbeat { .. })), "{seen:?}");
}

/// P7: the total counts from the spawn, output or not.
#[test]
fn the_timeout_is_total() {
    let mut watch = Watch::new(Limits { timeout: s(60), ..limits() }, s(1000));
    let mut seen = Vec::new();
    for second in 1000..1100 {
        watch.heard(s(second));
        seen.extend(go(&mut watch, s(second), |_| None));
        if end(&seen).is_some() {
            break;
        }
    }
    assert_eq!(end(&seen), Some((s(1060), &Reached::Timeout("ran for 60 s (timeout)".to_owned()))));
    assert_eq!(warnings(&seen), [(1030, "half of the timeout of 60 s is over, 30 s left")]);
}

/// P8: some time after the result, output or not; the first result counts.
#[test]
fn the_grace_after_the_result() {
    let mut watch = Watch::new(limits(), s(0));
    watch.result(s(20));
    watch.heard(s(25));
    watch.result(s(26));
    let seen = go(&mut watch, s(100), |_| None);
    assert_eq!(end(&seen), Some((s(30), &Reached::ResultGrace)));
}
