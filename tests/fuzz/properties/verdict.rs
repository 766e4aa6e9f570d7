use orchestrator::oneshot::verdict::{Reading, Verdict, read};

/// DONE only where somebody wrote the word, and no plain RETRY or IMPOSSIBLE beside it; whoever has to go on is told
/// something.
pub fn verdict(data: &[u8]) {
    let message = String::from_utf8_lossy(data);
    let Reading::Clear { verdict, feedback } = read(&message) else { return };
    // JSON can spell a word without its letters.
    let spelled = message.contains("\\u");
    let word = verdict.word().to_lowercase();
    assert!(spelled || message.to_lowercase().contains(&word), "{verdict:?} without its word: {message:?}");
    match verdict {
        Verdict::Done => {
            let object = message.contains('{');
            let against = message.lines().map(str::trim).any(|line| line == "RETRY" || line == "IMPOSSIBLE");
            assert!(object || !against, "DONE against a plain word: {message:?}");
        }
        Verdict::Retry | Verdict::Impossible => assert!(!feedback.trim().is_empty(), "nothing to go on with"),
    }
}
