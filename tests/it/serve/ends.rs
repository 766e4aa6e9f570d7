//! How the server starts and ends.

use std::io::Read;

use rustix::process::Signal;

use super::Served;
use crate::cli::project::Project;

/// Ctrl-C and SIGTERM end it at once, also while pages are open.
#[test]
fn a_signal_ends_it_beside_open_streams() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let p = Project::new();
        p.run(&["--once", "--no-git"]).expect(0);
        let mut s = Served::start(&p);
        let mut streams: Vec<_> = (0..3).map(|_| s.stream("after=0")).collect();
        for stream in &mut streams {
            stream.next().unwrap();
        }
        assert_eq!(s.end(signal), Some(code));
        for mut stream in streams {
            while stream.next().is_some() {}
        }
    }
}

/// The address stays the same until another token is wanted.
#[test]
fn a_new_token_makes_old_addresses_void() {
    let p = Project::new();
    let first = Served::start(&p);
    let again = Served::start(&p);
    assert_eq!(first.token, again.token);
    let other = Served::with(&p, &["--port", "0", "--new-token"]);
    assert_ne!(first.token, other.token);
    let (host, old) = (format!("Host: {}", other.host()), format!("/?token={}", first.token));
    assert_eq!(other.ask("GET", &old, &[&host]).status, 401);
}

/// `--bind` says what it means, and a name that points here is still refused.
#[test]
fn binding_to_the_world_is_warned_of() {
    let p = Project::new();
    let mut s = Served::with(&p, &["--bind", "0.0.0.0", "--port", "0"]);
    assert_eq!(s.get("/api/v1/state").status, 200);
    let bearer = format!("Authorization: Bearer {}", s.token);
    let evil = format!("Host: evil.example:{}", s.port);
    assert_eq!(s.ask("GET", "/api/v1/state", &[&evil, &bearer]).status, 403);
    assert_eq!(s.ask("GET", "/api/v1/state", &[&format!("Host: {}", s.host())]).status, 401);
    s.end(Signal::TERM);
    let mut said = String::new();
    s.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("warning: whoever reaches 0.0.0.0:") && said.contains("ssh -L"), "{said}");
}

#[test]
fn a_port_that_was_asked_for_is_had_or_refused() {
    let p = Project::new();
    let s = Served::start(&p);
    let taken = p.run(&["serve", "--port", &s.port.to_string()]).expect(1);
    taken.says("hint: take any free port: orchestrator serve --port 0");
    p.run(&["serve", "--bind", "nowhere"]).expect(2);
}
