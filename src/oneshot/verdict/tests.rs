use proptest::prelude::*;

use super::*;

/// `D`, `R`, `I`, or `?` for unclear.
fn letter(message: &str) -> char {
    match read(message) {
        Reading::Clear { verdict: Verdict::Done, .. } => 'D',
        Reading::Clear { verdict: Verdict::Retry, .. } => 'R',
        Reading::Clear { verdict: Verdict::Impossible, .. } => 'I',
        Reading::Unclear => '?',
    }
}

/// O6: what auditors write, and what it counts as.
const TABLE: &[(char, &str)] = &[
    // The form that was asked for.
    ('D', r#"{"verdict": "DONE", "feedback": ""}"#),
    ('R', r#"{"verdict": "RETRY", "feedback": "src/a.rs:3 panics"}"#),
    ('I', r#"{"verdict": "IMPOSSIBLE", "feedback": "there is no such API"}"#),
    ('D', r#"{"feedback": "RETRY was my first thought", "verdict": "DONE"}"#),
    ('D', "{\n  \"verdict\": \"DONE\",\n  \"feedback\": \"\"\n}\n"),
    ('D', r#"{"verdict":"done"}"#),
    ('R', r#"{"Verdict": " Retry ", "Feedback": ["a", "b"]}"#),
    ('R', r#"{"verdict": "RETRY", "feedback": null}"#),
    // In a fence, in prose, nested.
    ('D', "I ran the tests.\n```json\n{\"verdict\": \"DONE\", \"feedback\": \"\"}\n```\n"),
    ('R', "```\n{\"verdict\": \"RETRY\", \"feedback\": \"use {braces}\"}\n```"),
    ('R', r#"My verdict is {"verdict": "RETRY", "feedback": "x"} as said."#),
    ('R', r#"{"audit": {"verdict": "RETRY", "feedback": "x"}}"#),
    ('D', r#"[{"verdict": "DONE"}]"#),
    ('R', r#"{"note": "fn main() { }"} {"verdict": "RETRY", "feedback": "x"}"#),
    ('R', r#"fn main() { let x = {"a"}; } {"verdict": "RETRY", "feedback": "x"}"#),
    // Several: the last one.
    ('R', r#"{"verdict": "DONE", "feedback": ""} no, wait: {"verdict": "RETRY", "feedback": "x"}"#),
    ('D', r#"{"verdict": "RETRY", "feedback": "x"} on second thought {"verdict": "DONE", "feedback": ""}"#),
    ('D', r#"{"verdict": "DONE|RETRY|IMPOSSIBLE", "feedback": "…"} so: {"verdict": "DONE", "feedback": ""}"#),
    ('D', r#"{"verdict": "DONE"} is my answer to the form {"verdict": "DONE|RETRY|IMPOSSIBLE"}"#),
    // A feedback that talks of verdicts decides nothing.
    ('R', r#"{"verdict": "RETRY", "feedback": "the part is completed and DONE, the rest is not"}"#),
    ('R', r#"{"verdict": "RETRY", "feedback": "answer {\"verdict\": \"DONE\"} was faked"}"#),
    ('R', "{\"verdict\": \"RETRY\", \"feedback\": \"x\"}\n\nDONE"),
    // Broken or strange objects.
    ('?', r#"{"verdict": "DONE|RETRY|IMPOSSIBLE", "feedback": "…"}"#),
    ('?', r#"{"verdict": "DONE", "feedback": "all is w"#),
    ('?', r#"{"verdict": "RETRY", "feedback": "line 3 of"#),
    ('?', r#"{"verdict": "DONE", "feedback": ""} then {"verdict": "RETRY", "feedb"#),
    ('?', r#"{"verdict": "MAYBE", "feedback": ""}"#),
    ('?', r#"{"verdict": "DONE", "feedback": ""} or {"verdict": "UNSURE"}"#),
    ('?', r#"{"verdict": true}"#),
    ('?', r#"{"verdict": "NOT DONE", "feedback": ""}"#),
    ('?', r#"{"verdict": ["DONE"]}"#),
    ('?', r#"{"result": "DONE"}"#),
    ('?', r"{verdict: DONE}"),
    ('?', "{'verdict': 'DONE'}"),
    // The bare word.
    ('D', "DONE"),
    ('R', "RETRY"),
    ('I', "IMPOSSIBLE"),
    ('D', "  DONE.\n"),
    ('D', "done"),
    ('D', "**DONE**"),
    ('D', "Verdict: DONE"),
    ('D', "**Verdict:** DONE"),
    ('D', "## Verdict: done"),
    ('R', "VERDICT: RETRY"),
    ('R', "Verdict: RETRY, src/a.rs:3 is wrong"),
    ('I', "verdict = impossible"),
    ('D', "All points hold, and the suite passes twice.\n\nDONE\n"),
    ('R', "Two tests are missing.\n\nRETRY\n"),
    ('D', "The function that was missing is there.\r\nDONE\r\n"),
    // A verdict with its reason.
    ('R', "not done yet, RETRY"),
    ('I', "IMPOSSIBLE: the task cannot be completed"),
    ('R', "RETRY: the feature is completed but for its test"),
    ('R', "RETRY \u{2014} no. The tests. RETRY: add them"),
    ('R', "**RETRY**: the second case is not handled"),
    ('R', "The parser is completed.\nRETRY\nWrite the printer too."),
    ('R', "I am done\nRETRY: nothing was changed"),
    ('R', "I am done.\n{\"verdict\": \"RETRY\", \"feedback\": \"nothing was changed\"}"),
    // Prose never decides.
    ('?', ""),
    ('?', "   \n\n"),
    ('?', "looks done to me"),
    ('?', "Looks DONE to me"),
    ('?', "I would say it is done."),
    ('?', "Everything was completed successfully!"),
    ('?', "The work is not DONE"),
    ('?', "DONE: the first half. Missing: the second half"),
    ('?', "DONE, or rather RETRY"),
    ('?', "DONE\nRETRY\nIMPOSSIBLE"),
    ('?', "I looked at it.\nDone."),
    ('?', "I do not think this is IMPOSSIBLE"),
    ('?', "Do not RETRY"),
    ('?', "IMPOSSIBLE, no: RETRY or DONE"),
    ('?', "Nothing is impossible"),
    ('?', "UNDONE"),
    ('?', "DONE?"),
    ('?', "✗"),
    // Other languages.
    ('?', "Fertig, alles erledigt."),
    ('?', "完了しました"),
    ('?', "Готово"),
    ('?', "C'est terminé, rien à redire"),
    ('R', "Noch nicht fertig: RETRY"),
    ('D', "テストは全部通りました。\n\nDONE"),
    ('R', "Не готово.\n{\"verdict\": \"RETRY\", \"feedback\": \"нет тестов\"}"),
    ('I', "Das geht nicht.\nIMPOSSIBLE"),
];

#[test]
fn the_table_of_verdicts() {
    assert!(TABLE.len() >= 60);
    let wrong: Vec<String> = TABLE
        .iter()
        .filter(|(expected, text)| letter(text) != *expected)
        .map(|(expected, text)| format!("expected {expected}, read {}: {text:?}", letter(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn feedback_is_kept_word_for_word() {
    let feedback = |text: &str| match read(text) {
        Reading::Clear { feedback, .. } => feedback,
        Reading::Unclear => panic!("unclear: {text}"),
    };
    assert_eq!(feedback(r#"{"verdict": "RETRY", "feedback": " a\n\"b\" {c} "}"#), " a\n\"b\" {c} ");
    assert_eq!(feedback(r#"{"verdict": "RETRY", "feedback": ["a", "b"]}"#), "- a\n- b");
    assert_eq!(feedback("Add tests.\n\nRETRY\n"), "Add tests.\n\nRETRY");
    assert_eq!(feedback("No test.\n{\"verdict\": \"RETRY\"}"), "No test.\n{\"verdict\": \"RETRY\"}");
    assert_eq!(feedback(r#"fine {"verdict": "DONE"}"#), "");
}

/// A hostile message costs little: braces that open for ever. A reader that takes the square of it needs hours.
#[test]
fn many_braces_are_read_in_time() {
    let start = std::time::Instant::now();
    for text in ["{".repeat(300_000), "{\"a\":".repeat(60_000), "{\"verdict\":".repeat(30_000)] {
        assert_eq!(letter(&text), '?');
    }
    assert!(start.elapsed().as_secs() < 240, "{:?}", start.elapsed());
}

proptest! {
    /// Never DONE without the word, and never a panic.
    #[test]
    fn no_done_without_the_word(text in "(?s)[A-Za-z{}\":,.\n éß|-]{0,80}") {
        if !text.to_lowercase().contains("done") {
            prop_assert_ne!(letter(&text), 'D');
        }
    }

    /// Whatever stands around it in prose, a lower-case "done" is no verdict.
    #[test]
    fn prose_around_done_is_not_done(head in "[a-z ]{1,20}", tail in "[a-z ]{1,20}") {
        prop_assume!(!head.trim().is_empty() && head.trim() != "verdict");
        let text = format!("{head} done {tail}");
        prop_assert_ne!(letter(&text), 'D');
    }
}
