//! The words that programs read.

use super::*;

#[test]
fn a_refusal_has_one_word_for_programs() {
    let words = [
        (Refusal::Completed, "completed"),
        (Refusal::Rejected, "rejected"),
        (Refusal::Budget { max: 3 }, "max_iterations"),
        (Refusal::Failed(Why::WorkerDead), "worker_dead"),
        (Refusal::Failed(Why::AuditorCrash), "auditor_crash"),
        (Refusal::Failed(Why::AuditorSilent), "auditor_silent"),
        (Refusal::Failed(Why::MaxIterations), "max_iterations"),
    ];
    for (refusal, word) in words {
        assert_eq!(refusal.reason(), word);
    }
}
