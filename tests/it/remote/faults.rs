//! What goes wrong: each ends in time with an error that says whether trying again can help, and
//! nothing is lost (G12, G15, G21, G22).

use std::fs;
use std::time::{Duration, Instant};

use orchestrator::config::Transport;
use orchestrator::sync::remote::{Passing, Refusal, RemoteError, Surroundings, Swap, Swapped, Way, Why};

use super::ground::{Ground, Kind, LEASE, MAIN, git};
use super::http::Fault;

const HTTP: [Kind; 2] = [Kind::Http, Kind::GitOnHttp];
const SSH: [Kind; 2] = [Kind::Ssh, Kind::GitOnSsh];

fn grounds(kinds: &[Kind]) -> impl Iterator<Item = Ground> {
    kinds.iter().filter_map(|kind| Ground::new(*kind))
}

fn with_token(ground: &Ground, token: &str) -> Surroundings {
    let vars = [("HOME", ground.home().display().to_string()), ("ORCHESTRATOR_GIT_TOKEN", token.to_owned())];
    Surroundings::from_vars(vars.map(|(k, v)| (k.to_owned(), v)))
}

fn passing(result: Result<impl std::fmt::Debug, RemoteError>) -> Passing {
    result.unwrap_err().passing()
}

/// G15: a server that accepts and never answers is given up in time; the next call works.
#[test]
fn a_hanging_server_does_not_hang_us() {
    for mut ground in grounds(&HTTP) {
        ground.silence = Duration::from_millis(700);
        let ann = ground.clone("ann");
        let mut remote = ground.open(&ann);
        let one = ann.commit(None, "one");
        let knob = &ground.http.as_ref().unwrap().knob;
        knob.set(Fault::Hang);
        let start = Instant::now();
        assert!(matches!(remote.list(&[MAIN]), Err(RemoteError::TimedOut(_))), "{:?}", ground.kind);
        let sent = remote.swap(&Swap { reference: MAIN, expected: None, new: one });
        assert!(matches!(sent, Err(RemoteError::TimedOut(_))));
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        knob.set(Fault::None);
        ground.silence = Duration::from_secs(30);
        assert_eq!(ground.open(&ann).list(&[MAIN]).unwrap(), [None]);
    }
}

/// The same for git:// and ssh, whose greeting never comes.
#[test]
fn a_silent_port_does_not_hang_us() {
    let mut ground = Ground::new(Kind::Path).unwrap();
    ground.silence = Duration::from_millis(500);
    let ann = ground.clone("ann");
    let (port, _keep) = silent_port();
    for url in [format!("git://127.0.0.1:{port}/x.git"), format!("ssh://git@127.0.0.1:{port}/x.git")] {
        for wish in [Transport::Git2, Transport::Git] {
            let mut remote = ground.connector_to(&ann, &url, wish, ground.surroundings()).open();
            let start = Instant::now();
            let error = remote.list(&[MAIN]).unwrap_err();
            assert_eq!(error.passing(), Passing::Yes, "{url} {wish:?}: {error}");
            assert!(start.elapsed() < Duration::from_secs(60), "{url} {wish:?}");
        }
    }
}

/// G15: refused, cut, and 5xx are worth another try; 404 is not.
#[test]
fn passing_trouble_is_told_from_lasting() {
    for ground in grounds(&HTTP) {
        let ann = ground.clone("ann");
        let one = ann.commit(None, "one");
        let mut remote = ground.open(&ann);
        remote.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        let knob = &ground.http.as_ref().unwrap().knob;
        for (fault, expected) in [
            (Fault::Cut, Passing::Yes),
            (Fault::Status(503), Passing::Yes),
            (Fault::Status(429), Passing::Yes),
            (Fault::Status(404), Passing::No),
            (Fault::Status(403), Passing::No),
        ] {
            knob.set(fault.clone());
            assert_eq!(passing(remote.list(&[MAIN])), expected, "{:?} {fault:?}", ground.kind);
        }
        knob.set(Fault::None);
        assert_eq!(remote.list(&[MAIN]).unwrap(), [Some(one)]);
    }
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    for url in
        ["git://127.0.0.1:1/x", "http://127.0.0.1:1/x", "ssh://git@127.0.0.1:1/x", "http://host.invalid/x"]
    {
        for wish in [Transport::Git2, Transport::Git] {
            let mut remote = ground.connector_to(&ann, url, wish, ground.surroundings()).open();
            let error = remote.list(&[MAIN]).unwrap_err();
            assert_eq!(error.passing(), Passing::Yes, "{url} {wish:?}: {error}");
        }
    }
}

/// G12: a push whose reply is lost has landed; only a listing tells.
#[test]
fn a_lost_reply_is_settled_by_a_listing() {
    for ground in grounds(&HTTP) {
        let ann = ground.clone("ann");
        let one = ann.commit(None, "one");
        let mut remote = ground.open(&ann);
        let knob = &ground.http.as_ref().unwrap().knob;
        knob.set(Fault::ReplyLost);
        let sent = remote.swap(&Swap { reference: MAIN, expected: None, new: one });
        assert_eq!(passing(sent), Passing::Yes);
        knob.set(Fault::None);
        assert_eq!(remote.list(&[MAIN]).unwrap(), [Some(one)]);
        ground.assert_sound();
    }
}

/// G18: credentials from a token or the user's helpers; a wrong one is said at once.
#[test]
fn a_login_is_found_or_named_as_missing() {
    let ground = Ground::new(Kind::Http).unwrap();
    let ann = ground.clone("ann");
    let knob = &ground.http.as_ref().unwrap().knob;
    // x-access-token:right
    knob.set(Fault::Login("Basic eC1hY2Nlc3MtdG9rZW46cmlnaHQ=".into()));
    let open = |surroundings| ground.connector_with(&ann, Transport::Git2, surroundings).open();
    assert_eq!(open(with_token(&ground, "right")).list(&[MAIN]).unwrap(), [None]);
    for surroundings in [with_token(&ground, "wrong"), ground.surroundings()] {
        let error = open(surroundings).list(&[MAIN]).unwrap_err();
        assert!(matches!(error, RemoteError::Authentication(_)), "{error}");
        assert!(error.hint().unwrap().contains("ORCHESTRATOR_GIT_TOKEN"));
    }
    let helper =
        "[credential]\n\thelper = \"!f() { echo username=x-access-token; echo password=right; }; f\"\n";
    fs::write(ground.home().join(".gitconfig"), helper).unwrap();
    assert_eq!(open(ground.surroundings()).list(&[MAIN]).unwrap(), [None]);
    let program = ground.connector_with(&ann, Transport::Git, Surroundings::default()).open().list(&[MAIN]);
    assert!(matches!(program, Err(RemoteError::Authentication(_))), "{program:?}");
}

/// G15: a hook's no, a protected branch and a hidden ref come with the server's words.
#[test]
fn a_refusal_is_not_a_lost_race() {
    let kinds = [Kind::Daemon, Kind::Http, Kind::Ssh, Kind::GitOnPath, Kind::GitOnHttp, Kind::GitOnSsh];
    for ground in grounds(&kinds) {
        let ann = ground.clone("ann");
        let one = ann.commit(None, "one");
        let mut remote = ground.open(&ann);
        ground.hook("pre-receive", "echo 'main is protected, ask Zoe' >&2; exit 1");
        let refused = remote.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        let Swapped::Refused(Refusal::Server(why)) = refused else {
            panic!("{:?}: {refused:?}", ground.kind)
        };
        assert!(why.contains("hook declined"), "{why}");
        fs::remove_file(ground.bare().join("hooks/pre-receive")).unwrap();
        git(&ground.home(), &ground.bare(), &["config", "receive.hideRefs", "refs/orchestrator"]);
        let hidden = remote.swap(&Swap { reference: LEASE, expected: None, new: one }).unwrap();
        assert!(matches!(hidden, Swapped::Refused(_)), "{:?}: {hidden:?}", ground.kind);
        assert_eq!((ground.value(MAIN), ground.value(LEASE)), (None, None));
    }
}

/// G18: a local remote whose hooks would not be run goes through git, which runs them.
#[test]
fn auto_says_why_it_takes_git() {
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    let choose = || ground.connector_with(&ann, Transport::Auto, ground.surroundings());
    assert_eq!(choose().choice().way, Way::Local);
    ground.hook("pre-receive", "echo no >&2; exit 1");
    let connector = choose();
    assert_eq!(connector.choice().why, Some(Why::Hooks));
    assert_eq!(connector.notices(), ["reaching the remote with the git program: the remote has hooks"]);
    let one = ann.commit(None, "one");
    let refused = connector.open().swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
    assert!(matches!(refused, Swapped::Refused(Refusal::Server(why)) if why.contains("no")));
}

/// Formats: reftable goes through git, SHA-256 is refused by name, a shallow clone is git's.
#[test]
fn other_formats_work_or_are_named() {
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    let one = ann.commit(None, "one");
    let make = |name: &str, option: &str| {
        git(&ground.home(), ground.dir.path(), &["init", "-q", "--bare", "-b", "main", option, name]);
        ground.dir.path().join(name).display().to_string()
    };
    let to = |url: &str| ground.connector_to(&ann, url, Transport::Auto, ground.surroundings());
    let reftable = to(&make("reftable.git", "--ref-format=reftable"));
    assert_eq!(reftable.choice().why, Some(Why::ThereReftable));
    let mut remote = reftable.open();
    assert_eq!(remote.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap(), Swapped::Swapped);
    assert_eq!(remote.list(&[MAIN]).unwrap(), [Some(one)]);
    let sha256 = to(&make("sha256.git", "--object-format=sha256"));
    assert_eq!(sha256.choice().why, Some(Why::ThereSha256));
    let error = sha256.open().swap(&Swap { reference: MAIN, expected: None, new: one });
    let lasting = match &error {
        Ok(Swapped::Refused(_)) => true,
        Ok(_) => false,
        Err(e) => e.passing() == Passing::No,
    };
    assert!(lasting, "{error:?}");
    ground
        .open(&ann)
        .swap(&Swap { reference: MAIN, expected: None, new: ann.commit(Some(one), "two") })
        .unwrap();
    let url = format!("file://{}", ground.bare().display());
    git(&ground.home(), ground.dir.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow =
        super::ground::Clone { repo: git2::Repository::open(ground.dir.path().join("shallow")).unwrap() };
    let connector = ground.connector_with(&shallow, Transport::Auto, ground.surroundings());
    assert_eq!(connector.choice().why, Some(Why::HereShallow));
    let tip = ground.value(MAIN).unwrap();
    let next = shallow.commit(Some(tip), "three");
    let swap = Swap { reference: MAIN, expected: Some(tip), new: next };
    assert_eq!(connector.open().swap(&swap).unwrap(), Swapped::Swapped);
    ground.assert_sound();
}

/// An unknown host key and a key the server does not know are named, and nothing is asked.
#[test]
fn ssh_without_trust_is_refused() {
    for ground in grounds(&SSH) {
        let ann = ground.clone("ann");
        let known = ground.home().join(".ssh/known_hosts");
        let right = fs::read(&known).unwrap();
        fs::remove_file(&known).unwrap();
        let error = ground.open(&ann).list(&[MAIN]).unwrap_err();
        assert!(matches!(&error, RemoteError::HostKey { host } if host == "127.0.0.1"), "{error:?}");
        let wrong = fs::read_to_string(ground.home().join(".ssh/id_ed25519.pub")).unwrap();
        let port = ground.url().split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
        fs::write(&known, format!("[127.0.0.1]:{port} {wrong}")).unwrap();
        let error = ground.open(&ann).list(&[MAIN]).unwrap_err();
        assert!(matches!(error, RemoteError::HostKey { .. }), "{error:?}");
        fs::write(&known, right).unwrap();
        fs::write(ground.dir.path().join("authorized_keys"), "").unwrap();
        let error = ground.open(&ann).list(&[MAIN]).unwrap_err();
        assert!(matches!(error, RemoteError::Authentication(_)), "{:?}: {error:?}", ground.kind);
    }
}

/// A remote that cannot store what is sent says so, and keeps what it had.
#[test]
fn a_full_remote_is_named() {
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    let one = ann.commit(None, "one");
    ground.open(&ann).swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
    let mut tip = one;
    for n in 0..200 {
        tip = ann.commit(Some(tip), &format!("{n:0200}"));
    }
    let base = format!("--base-path={}", ground.dir.path().display());
    let script = format!("ulimit -f 8; exec git daemon --inetd --export-all --enable=receive-pack '{base}'");
    let server = super::inetd::Listener::of_program("sh".into(), vec!["-c".into(), script]);
    let url = format!("git://127.0.0.1:{}/remote.git", server.port);
    for wish in [Transport::Git2, Transport::Git] {
        let mut remote = ground.connector_to(&ann, &url, wish, ground.surroundings()).open();
        let error = remote.swap(&Swap { reference: MAIN, expected: Some(one), new: tip }).unwrap_err();
        assert_eq!(error.passing(), Passing::Yes, "{wish:?}: {error:?}");
        assert_eq!(ground.value(MAIN), Some(one));
    }
    ground.assert_sound();
}

/// G21: a dead pusher's lock is removed and said; one that somebody holds is named.
#[test]
fn a_stale_lock_is_removed_only_if_nobody_holds_it() {
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    let one = ann.commit(None, "one");
    let mut remote = ground.open(&ann);
    let lock = ground.bare().join("refs/heads/main.lock");
    let held = fs::File::create(&lock).unwrap();
    let swap = Swap { reference: MAIN, expected: None, new: one };
    let refused = remote.swap(&swap).unwrap();
    let Swapped::Refused(Refusal::Locked { path, why, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(path.file_name(), lock.file_name());
    assert!(why.contains("held by process"), "{why}");
    assert!(remote.notices().is_empty());
    drop(held);
    assert_eq!(remote.swap(&swap).unwrap(), Swapped::Swapped);
    assert!(remote.notices()[0].contains("main.lock"));
    assert!(!lock.exists());
}

/// G22: nothing a repository configures is run.
#[test]
fn a_repository_runs_nothing_of_its_own() {
    for ground in grounds(&[Kind::GitOnHttp, Kind::GitOnSsh, Kind::Http, Kind::Ssh, Kind::GitOnPath]) {
        let ann = ground.clone("ann");
        let marker = ground.dir.path().join("marker");
        let script = format!("touch '{}'", marker.display());
        let mut config = ann.repo.config().unwrap();
        for key in [
            "core.sshCommand",
            "core.fsmonitor",
            "core.askPass",
            "core.gitProxy",
            "core.alternateRefsCommand",
        ] {
            config.set_str(key, &format!("sh -c \"{script}\"")).unwrap();
        }
        config.set_str("credential.helper", &format!("!{script}")).unwrap();
        let hook = ann.repo.path().join("hooks/pre-push");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        let made = std::process::Command::new("chmod").arg("755").arg(&hook).status().unwrap();
        assert!(made.success());
        if let Some(http) = &ground.http {
            http.knob.set(Fault::Login("Basic nobody".into()));
            let error = ground.open(&ann).list(&[MAIN]).unwrap_err();
            assert!(matches!(error, RemoteError::Authentication(_)), "{:?}: {error:?}", ground.kind);
            http.knob.set(Fault::None);
        }
        let one = ann.commit(None, "one");
        let mut remote = ground.open(&ann);
        remote.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        remote.fetch(MAIN, one).unwrap();
        assert_eq!(remote.list(&[MAIN]).unwrap(), [Some(one)]);
        assert!(!marker.exists(), "{:?} ran what the repository configures", ground.kind);
    }
}

/// What is not there, and what somebody works in, is said.
#[test]
fn a_wrong_place_is_named() {
    for ground in grounds(&[
        Kind::Path,
        Kind::File,
        Kind::Daemon,
        Kind::Http,
        Kind::Ssh,
        Kind::GitOnPath,
        Kind::GitOnSsh,
    ]) {
        let ann = ground.clone("ann");
        let url = ground.url().replace("remote.git", "nowhere.git");
        let wish = if ground.kind.way() == Way::Program { Transport::Git } else { Transport::Git2 };
        let mut remote = ground.connector_to(&ann, &url, wish, ground.surroundings()).open();
        let error = remote.list(&[MAIN]).unwrap_err();
        assert!(matches!(error, RemoteError::NoRepository(_)), "{:?}: {error:?}", ground.kind);
    }
    let ground = Ground::new(Kind::Path).unwrap();
    let ann = ground.clone("ann");
    git(&ground.home(), ground.dir.path(), &["init", "-q", "-b", "main", "worked-in"]);
    let url = ground.dir.path().join("worked-in").display().to_string();
    let mut remote = ground.connector_to(&ann, &url, Transport::Git2, ground.surroundings()).open();
    let one = ann.commit(None, "one");
    let refused = remote.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
    assert!(matches!(refused, Swapped::Refused(Refusal::Server(why)) if why.contains("checked out")));
}

/// A port that accepts and says nothing.
fn silent_port() -> (u16, std::net::TcpListener) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    (listener.local_addr().unwrap().port(), listener)
}
