//! The same cases on every transport (G18).

use orchestrator::sync::remote::{Refusal, RemoteError, Swap, Swapped, swap_branch};

use super::ground::{Ground, Kind, LEASE, MAIN};

fn on_all(case: impl Fn(&Ground)) {
    for kind in Kind::ALL {
        if let Some(ground) = Ground::new(kind) {
            case(&ground);
            ground.assert_sound();
        }
    }
}

#[test]
fn a_ref_is_created_swapped_listed_and_fetched() {
    on_all(|ground| {
        let (ann, bob) = (ground.clone("ann"), ground.clone("bob"));
        let (mut anns, mut bobs) = (ground.open(&ann), ground.open(&bob));
        assert_eq!(anns.list(&[MAIN, LEASE]).unwrap(), [None, None], "an empty remote");
        let one = ann.commit(None, "one");
        let first = Swap { reference: MAIN, expected: None, new: one };
        assert_eq!(anns.swap(&first).unwrap(), Swapped::Swapped);
        assert_eq!(ground.value(MAIN), Some(one));
        let two = ann.commit(Some(one), "two");
        let swapped =
            swap_branch(&mut *anns, &ann.repo, &Swap { reference: MAIN, expected: Some(one), new: two });
        assert_eq!(swapped.unwrap(), Swapped::Swapped);
        assert_eq!(bobs.list(&[LEASE, MAIN]).unwrap(), [None, Some(two)]);
        assert!(!bob.has(two));
        bobs.fetch(MAIN, two).unwrap();
        assert!(bob.has(two) && bob.has(one));
        assert_eq!(bob.repo.references().unwrap().count(), 0, "a fetch writes no ref");
        let gone = ann.commit(None, "never pushed");
        assert!(matches!(bobs.fetch(MAIN, gone), Err(RemoteError::Gone(_))));
    });
}

/// G18: compare and swap; a wrong expectation changes nothing, whoever would be a fast-forward.
#[test]
fn a_wrong_expectation_changes_nothing() {
    on_all(|ground| {
        let ann = ground.clone("ann");
        let mut anns = ground.open(&ann);
        let one = ann.commit(None, "one");
        let two = ann.commit(Some(one), "two");
        let three = ann.commit(Some(two), "three");
        anns.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        anns.swap(&Swap { reference: MAIN, expected: Some(one), new: two }).unwrap();
        // A descendant of what is there, sent with an old expectation: a plain push would do it.
        let stale = anns.swap(&Swap { reference: MAIN, expected: Some(one), new: three }).unwrap();
        assert!(matches!(stale, Swapped::Lost { .. }), "{stale:?}");
        let create = anns.swap(&Swap { reference: MAIN, expected: None, new: three }).unwrap();
        assert!(matches!(create, Swapped::Lost { .. }), "{create:?}");
        let vanished = anns.swap(&Swap { reference: LEASE, expected: Some(one), new: two }).unwrap();
        assert!(matches!(vanished, Swapped::Lost { .. }), "{vanished:?}");
        assert_eq!((ground.value(MAIN), ground.value(LEASE)), (Some(two), None));
    });
}

/// G18: what does not descend is not sent, though every transport would swap it in.
#[test]
fn a_branch_is_only_ever_extended() {
    on_all(|ground| {
        let ann = ground.clone("ann");
        let mut anns = ground.open(&ann);
        let one = ann.commit(None, "one");
        let other = ann.commit(None, "other");
        anns.swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        let swap = Swap { reference: MAIN, expected: Some(one), new: other };
        let refused = swap_branch(&mut *anns, &ann.repo, &swap).unwrap();
        assert_eq!(refused, Swapped::Refused(Refusal::NotAnExtension));
        // A merge that has the tip as its second parent would take it off the first-parent line.
        let merge = {
            let repo = &ann.repo;
            let (a, b) = (repo.find_commit(other).unwrap(), repo.find_commit(one).unwrap());
            let who = a.author();
            repo.commit(None, &who, &who, "merge", &a.tree().unwrap(), &[&a, &b]).unwrap()
        };
        let swap = Swap { reference: MAIN, expected: Some(one), new: merge };
        let refused = swap_branch(&mut *anns, &ann.repo, &swap).unwrap();
        assert_eq!(refused, Swapped::Refused(Refusal::NotAnExtension));
        assert_eq!(ground.value(MAIN), Some(one));
    });
}

/// G10: a lease value another clone left is replaced though its commit is not here.
#[test]
fn a_foreign_lease_is_replaced_by_its_exact_value() {
    on_all(|ground| {
        let (ann, bob) = (ground.clone("ann"), ground.clone("bob"));
        let (mut anns, mut bobs) = (ground.open(&ann), ground.open(&bob));
        let left = ann.commit(None, "ann's lease");
        anns.swap(&Swap { reference: LEASE, expected: None, new: left }).unwrap();
        let mine = bob.commit(None, "bob's lease");
        let wrong = bob.commit(None, "not there");
        let lost = bobs.swap(&Swap { reference: LEASE, expected: Some(wrong), new: mine }).unwrap();
        assert!(matches!(lost, Swapped::Lost { .. }), "{lost:?}");
        let swap = Swap { reference: LEASE, expected: Some(left), new: mine };
        assert_eq!(bobs.swap(&swap).unwrap(), Swapped::Swapped);
        assert_eq!(ground.value(LEASE), Some(mine));
    });
}

/// A history of some hundred objects goes as one pack.
#[test]
fn a_long_history_arrives_whole() {
    on_all(|ground| {
        let (ann, bob) = (ground.clone("ann"), ground.clone("bob"));
        let mut tip = ann.commit(None, "0");
        for n in 1..150 {
            tip = ann.commit(Some(tip), &n.to_string());
        }
        ground.open(&ann).swap(&Swap { reference: MAIN, expected: None, new: tip }).unwrap();
        ground.open(&bob).fetch(MAIN, tip).unwrap();
        let mut walk = bob.repo.revwalk().unwrap();
        walk.push(tip).unwrap();
        assert_eq!(walk.flatten().count(), 150);
        let last = bob.repo.find_commit(tip).unwrap().tree().unwrap();
        assert!(last.iter().all(|e| bob.repo.find_blob(e.id()).is_ok()) && last.len() == 150);
    });
}

/// G20: a poll is one request, a swap two (the server tells its value, then takes the new one).
#[test]
fn a_poll_is_one_request() {
    let ground = Ground::new(Kind::Http).unwrap();
    let ann = ground.clone("ann");
    let mut remote = ground.open(&ann);
    let asked = || ground.http.as_ref().unwrap().asked.load(std::sync::atomic::Ordering::SeqCst);
    remote.list(&[MAIN, LEASE]).unwrap();
    assert_eq!(asked(), 1);
    remote.swap(&Swap { reference: MAIN, expected: None, new: ann.commit(None, "one") }).unwrap();
    assert_eq!(asked(), 3);
}

/// A look that shows a new tip brings it along on the same connection; a second look brings nothing.
#[test]
fn a_look_saves_the_fetch_a_connection() {
    on_all(|ground| {
        let (ann, bob) = (ground.clone("ann"), ground.clone("bob"));
        let one = ann.commit(None, "one");
        ground.open(&ann).swap(&Swap { reference: MAIN, expected: None, new: one }).unwrap();
        let mut bobs = ground.open(&bob);
        assert_eq!(bobs.look(&[MAIN, LEASE]).unwrap(), [Some(one), None]);
        assert_eq!(bob.has(one), matches!(ground.kind, Kind::Daemon | Kind::Http | Kind::Ssh));
        if let Some(http) = ground.http.as_ref().filter(|_| ground.kind == Kind::Http) {
            let asked = || http.asked.load(std::sync::atomic::Ordering::SeqCst);
            // Two for the push, the listing, and the objects.
            assert_eq!(asked(), 4);
            bobs.look(&[MAIN]).unwrap();
            assert_eq!(asked(), 5);
        }
    });
}
