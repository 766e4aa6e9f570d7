//! What a remote says about a push that is not made, on every transport: `doctor` asks it.

use super::ground::{Ground, Kind, MAIN, git};

/// Nothing is changed by asking; a server that takes no pushes is told from one that does.
#[test]
fn the_right_to_push_is_asked_without_pushing() {
    for kind in Kind::ALL {
        let Some(ground) = Ground::new(kind) else { continue };
        let ann = ground.clone("ann");
        let one = ann.commit(None, "one");
        let mut remote = ground.open(&ann);
        let first = orchestrator::sync::remote::Swap { reference: MAIN, expected: None, new: one };
        remote.swap(&first).unwrap();
        git(&ground.home(), ann.repo.path().parent().unwrap(), &["update-ref", "HEAD", &one.to_string()]);
        let probe = remote.probe("refs/heads/other").unwrap();
        assert_eq!((probe.default_branch.as_deref(), &probe.push), (Some("main"), &Ok(())), "{kind:?}");
        assert_eq!(ground.value("refs/heads/other"), None, "{kind:?}");
        // A server that only gives.
        if matches!(kind, Kind::Daemon | Kind::Http | Kind::GitOnHttp) {
            git(&ground.home(), &ground.bare(), &["config", "http.receivepack", "false"]);
            git(&ground.home(), &ground.bare(), &["config", "daemon.receivepack", "false"]);
            let probe = ground.open(&ann).probe(MAIN).unwrap();
            assert!(probe.push.is_err(), "{kind:?}: {probe:?}");
            assert_eq!(probe.default_branch.as_deref(), Some("main"), "{kind:?}");
        }
        ground.assert_sound();
    }
}
