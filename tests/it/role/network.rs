//! A network that comes and goes between the program and its remote (git-sync.md G12, G15).

use std::time::Duration;

use super::observer::observe;
use super::proxy::{Proxy, Weather};
use super::stage::{Dice, Stage, await_that, times};
use crate::remote::ground::Kind;

const ROUGH: [Weather; 5] = [
    Weather::Truncate(150),
    Weather::Hang,
    Weather::Delay(Duration::from_millis(200)),
    Weather::Cut,
    Weather::Truncate(0),
];

fn over_http(sync: &str) -> Stage {
    Stage::new(Kind::Http, &format!("poll_interval: 0.1, network_timeout_secs: {}, {sync}", times(1, 2)))
        .unwrap()
}

fn proxy(stage: &Stage) -> Proxy {
    Proxy::to(stage.ground.http.as_ref().unwrap().listener.port)
}

/// The network fails before the agent ends, and comes back within `retry_secs`: the turn is published then.
#[test]
fn a_turn_is_published_once_the_network_is_back() {
    let stage = over_http("retry_secs: 100");
    let proxy = proxy(&stage);
    stage.clone_at("galph", &proxy.url());
    stage.clone("ralph");
    let rough = &ROUGH[..times(3, 5)];
    for (n, &weather) in rough.iter().enumerate() {
        stage.agent("galph", &stage.until(&format!("go{n}")));
        let mut galph = stage.role("galph", "galph", &["--once"]);
        await_that("the work", || stage.count("commit", "galph") == n + 1, || galph.said());
        proxy.set(weather);
        stage.mark(&format!("go{n}"));
        await_that("the agent's end", || stage.count("end", "galph") == n + 1, || galph.said());
        std::thread::sleep(Duration::from_millis(300 * times(1, 100) as u64));
        if !matches!(weather, Weather::Delay(_)) {
            assert_eq!(galph.ended(), None, "{weather:?}: {}", galph.said());
            assert_eq!(stage.state()["status"], "running-galph", "{weather:?}");
            proxy.set(Weather::Clear);
        }
        galph.expect(0);
        proxy.set(Weather::Clear);
        stage.role("ralph", "ralph", &["--once"]).expect(0);
    }
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.claims, seen.fails), (2 * rough.len(), 2 * rough.len(), 0));
}

/// It stays away for longer than that: code 4 and clear words, and the next start only publishes.
#[test]
fn a_finished_turn_is_kept_while_the_network_is_away() {
    let stage = over_http("retry_secs: 1");
    let proxy = proxy(&stage);
    stage.clone_at("galph", &proxy.url());
    stage.clone("ralph");
    let away = ROUGH.into_iter().filter(|w| !matches!(w, Weather::Delay(_)));
    for (n, weather) in away.take(times(2, 5)).enumerate() {
        stage.agent("galph", &stage.until(&format!("go{n}")));
        let mut galph = stage.role("galph", "galph", &["--once"]);
        await_that("the work", || stage.count("commit", "galph") == n + 1, || galph.said());
        proxy.set(weather);
        stage.mark(&format!("go{n}"));
        galph.expect(4);
        let said = galph.said();
        assert!(said.contains("error: ") && said.contains("the next start"), "{weather:?}: {said}");
        assert_eq!(stage.state()["status"], "running-galph");
        // Still away: the same again, and nothing is run.
        stage.start("galph", &["--mode", "role", "--role", "galph", "--if-turn"]).expect(4);
        proxy.set(Weather::Clear);
        stage.start("galph", &["--mode", "role", "--role", "galph", "--if-turn"]).expect(0);
        assert_eq!(stage.state()["status"], "waiting-ralph");
        assert_eq!(stage.count("start", "galph"), n + 1, "it was not run again");
        stage.role("ralph", "ralph", &["--once"]).expect(0);
    }
    let seen = observe(&stage);
    assert_eq!((seen.claims, seen.fails), (seen.done.len(), 0));
}

/// G10: out of reach until the lease has ended, the agent is stopped (5); the next start looks, and the turn is
/// still ours.
#[test]
fn a_lease_that_ends_out_of_reach_stops_the_agent() {
    let stage = over_http("retry_secs: 60, lease_secs: 3, margin_secs: 1");
    let proxy = proxy(&stage);
    stage.clone_at("galph", &proxy.url());
    stage.agent("galph", &stage.until("go"));
    let mut galph = stage.role("galph", "galph", &["--once"]);
    await_that("the work", || stage.count("commit", "galph") == 1, || galph.said());
    proxy.set(Weather::Cut);
    galph.expect(5);
    assert_eq!(stage.count("end", "galph"), 0);
    proxy.set(Weather::Clear);
    stage.mark("go");
    stage.role("galph", "galph", &["--once"]).expect(0);
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.claims), (1, 2), "claimed again and done");
}

/// Changing weather on both sides, through whole iterations.
#[test]
fn turns_go_on_in_any_weather() {
    let stage = over_http("retry_secs: 100");
    let proxies = [proxy(&stage), proxy(&stage)];
    let rounds = times(2, 20);
    let loops = rounds.to_string();
    let roles = ["galph", "ralph"];
    let mut sides = [0, 1].map(|n| {
        stage.clone_at(roles[n], &proxies[n].url());
        stage.role(roles[n], roles[n], &["--sync-loops", &loops])
    });
    let mut dice = Dice::new(6);
    let mut blows = 0;
    while sides.iter_mut().any(|side| side.ended().is_none()) {
        for proxy in &proxies {
            let clear = dice.below(3) > 0;
            let rough = ROUGH[usize::try_from(dice.below(ROUGH.len() as u64)).unwrap()];
            proxy.set(if clear { Weather::Clear } else { rough });
        }
        blows += 1;
        // Not for ever: faults stop, and then turns are taken.
        if blows > 60 * rounds {
            for proxy in &proxies {
                proxy.set(Weather::Clear);
            }
        }
        std::thread::sleep(Duration::from_millis(20 + dice.below(600)));
    }
    for side in &mut sides {
        side.expect(0);
    }
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.claims, seen.fails), (2 * rounds, 2 * rounds, 0));
}
