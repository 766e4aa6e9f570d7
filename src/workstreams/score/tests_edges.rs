//! The numbers of a score, and who wins at equal ones.

use super::*;

fn record(runs: u64, success_rate: f64, latency_ms: f64) -> Candidate {
    Candidate { record: Record { runs, success_rate, latency_ms }, running: 0 }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn a_record_is_a_fading_mean() {
    let one = Record::default().with(true, 30.0);
    assert_eq!(one, Record { runs: 1, success_rate: 1.0, latency_ms: 30.0 });
    // The newest run weighs 1, the one before it a fiftieth of a half-life less.
    let older = 0.5f64.powf(1.0 / 50.0);
    let two = one.with(false, 60.0);
    assert_eq!(two.runs, 2);
    near(two.success_rate, older / (1.0 + older));
    near(two.latency_ms, (30.0 * older + 60.0) / (1.0 + older));
}

#[test]
fn a_lucky_run_proves_little() {
    near(Record::default().smoothed(), 0.5);
    near(Record::default().with(true, 1.0).smoothed(), 2.0 / 3.0);
    near(Record::default().with(false, 1.0).smoothed(), 1.0 / 3.0);
}

/// W15: success counts, and the slowest loses a fifth.
#[test]
fn scores_are_told() {
    let told = |candidates: &[Candidate]| pick(candidates).unwrap();
    assert_eq!(told(&[record(1, 1.0, 100.0), record(1, 1.0, 50.0)]), (1, "best score 0.57".into()));
    assert_eq!(told(&[record(1, 1.0, 100.0), record(1, 0.0, 0.0)]), (0, "best score 0.47".into()));
    assert_eq!(told(&[record(1, 1.0, 0.0), record(1, 1.0, 0.0)]), (0, "best score 0.67".into()), "the first");
    let busy = Candidate { running: 1, ..record(0, 0.0, 0.0) };
    assert_eq!(told(&[busy, busy]), (0, "best score 0.50".into()), "nobody has a record");
    assert_eq!(told(&[record(0, 0.0, 0.0), record(0, 0.0, 0.0)]), (0, "never tried before".into()));
}

/// W15: every tenth decision goes to the least tried, if there is a choice.
#[test]
fn every_tenth_decision_explores() {
    let place = |first: u64, second: u64| {
        let second = Candidate { running: 1, ..record(second - 1, 0.0, 9.0) };
        pick(&[record(first, 1.0, 9.0), second]).unwrap()
    };
    let explored = (1, "tried least: every 10th decision explores".to_owned());
    assert_eq!(place(5, 4), explored);
    assert_eq!(place(15, 4), explored);
    for (first, second) in [(4, 4), (6, 4), (16, 4), (12, 6)] {
        assert_eq!(place(first, second).0, 0, "{first} and {second}");
    }
    assert_eq!(pick(&[record(9, 1.0, 9.0)]).unwrap().0, 0);
    assert!(pick(&[record(9, 1.0, 9.0)]).unwrap().1.starts_with("best score"));
}
