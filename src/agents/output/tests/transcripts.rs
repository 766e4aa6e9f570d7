//! What each recorded run means. The same for every version, so that a new recording needs no new test.

use std::collections::BTreeSet;

use super::facts::{Facts, Transcript, folder, transcripts};
use crate::agents::Table;

/// The runs with this name, of every CLI that has one.
fn each(name: &str, check: impl Fn(&Transcript, &Facts)) {
    let all: Vec<_> = transcripts().into_iter().filter(|t| t.name == name).collect();
    assert!(!all.is_empty(), "no transcript is called {name}");
    for transcript in all {
        let facts = transcript.facts();
        if transcript.name != "hang" {
            assert!(facts.session.as_ref().is_some_and(|s| s.len() > 8), "{}: {facts:?}", transcript.place());
        }
        check(&transcript, &facts);
    }
}

fn requests(cli: &str, own: u64) -> u64 {
    // gemini asks a smaller model first, which counts.
    if cli == "gemini" { own + 1 } else { own }
}

#[track_caller]
fn counted(t: &Transcript, facts: &Facts, own: u64) {
    let n = requests(&t.cli, own);
    // The stub says 100 tokens in, 20 of them cached, 7 out; for claude the cached ones are beside the 100.
    let input = if t.cli == "claude" { 120 } else { 100 };
    let usage = facts.usage.unwrap();
    let tokens = (usage.input_tokens, usage.cached_tokens, usage.output_tokens);
    assert_eq!(tokens, (Some(input * n), Some(20 * n), Some(7 * n)), "{}", t.place());
    // Whoever does not say what it cost leaves it unknown, never 0.
    let priced = matches!(t.cli.as_str(), "claude" | "opencode");
    assert_eq!(usage.cost_usd.is_some_and(|cost| cost > 0.0), priced, "{}: {usage:?}", t.place());
    assert_eq!(usage.cost_usd.is_none(), !priced, "{}", t.place());
}

/// A5: session, final message, tokens and cost.
#[test]
fn an_answer() {
    each("text", |t, facts| {
        assert!(facts.end.is_some() && !facts.failed(), "{}: {facts:?}", t.place());
        assert_eq!(facts.messages, ["hello from the stub"], "{}", t.place());
        assert_eq!(facts.final_message(), "hello from the stub", "{}", t.place());
        assert!(facts.tools.is_empty() && facts.limits.is_empty(), "{}: {facts:?}", t.place());
        counted(t, facts, 1);
    });
}

/// A5: a call and its result belong together, and the tokens of both requests count.
#[test]
fn a_tool_call() {
    each("tool", |t, facts| {
        let [(id, _, input)] = facts.tools.as_slice() else { panic!("{}: {facts:?}", t.place()) };
        assert!(
            input["command"].as_str().unwrap().contains("echo made by the tool"),
            "{}: {input}",
            t.place()
        );
        let [(of, text, is_error)] = facts.results.as_slice() else { panic!("{}: {facts:?}", t.place()) };
        assert_eq!((of, text.trim(), is_error), (id, "made by the tool", &false), "{}", t.place());
        assert_eq!((facts.final_message(), facts.failed()), ("all done", false), "{}", t.place());
        counted(t, facts, 2);
    });
}

/// A failed call fails no turn. (gemini does not say that it failed.)
#[test]
fn a_tool_call_that_fails() {
    each("tool-fails", |t, facts| {
        let [(_, text, is_error)] = facts.results.as_slice() else { panic!("{}: {facts:?}", t.place()) };
        assert!(text.contains("broken"), "{}: {text}", t.place());
        assert_eq!(*is_error, t.cli != "gemini", "{}", t.place());
        assert!(facts.end.is_some() && !facts.failed(), "{}", t.place());
    });
}

/// What a model refused is never done, whatever the exit status and however the client hides it.
#[test]
fn a_refusal() {
    for name in ["refusal", "refusal-after-tool"] {
        each(name, |t, facts| {
            assert!(facts.failed(), "{}: {facts:?}", t.place());
            assert!(!facts.error().is_empty(), "{}", t.place());
        });
    }
}

#[test]
fn an_error_of_the_api() {
    for name in ["error", "json-error"] {
        each(name, |t, facts| {
            assert!(facts.failed() && facts.error().contains("the stub refuses"), "{}: {facts:?}", t.place());
            assert!(!facts.error().contains('{'), "{}: raw: {}", t.place(), facts.error());
            assert!(facts.limits.is_empty(), "{}: {:?}", t.place(), facts.limits);
        });
    }
}

/// A6: known as a limit, with a reset only where one is stated.
#[test]
fn a_rate_limit() {
    each("rate-limit", |t, facts| {
        let limit = facts.limits.last().unwrap_or_else(|| panic!("{}: {facts:?}", t.place()));
        assert!(limit.blocked && facts.failed(), "{}: {facts:?}", t.place());
        assert_eq!(limit.resets_at.is_some(), t.cli == "gemini", "{}", t.place());
        // Whichever stream is read first.
        let other = super::facts::read(t.protocol, &t.lines(true));
        assert_eq!(other.limits, facts.limits, "{}", t.place());
    });
    let gemini = transcripts().into_iter().find(|t| t.cli == "gemini" && t.name == "rate-limit").unwrap();
    let last: serde_json::Value = serde_json::from_slice(gemini.records().last().unwrap()).unwrap();
    let at: jiff::Timestamp = last["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(gemini.facts().limits[0].resets_at, Some(at.as_second() + 30));
}

/// A limit that the client waited for itself is news, not an end.
#[test]
fn a_rate_limit_that_passed() {
    each("rate-limit-waited", |t, facts| {
        assert_eq!((facts.final_message(), facts.failed()), ("after the wait", false), "{}", t.place());
        assert!(facts.limits.iter().all(|l| !l.blocked), "{}: {:?}", t.place(), facts.limits);
        assert_eq!(facts.limits.len(), usize::from(t.cli == "claude"), "{}", t.place());
    });
}

#[test]
fn a_connection_that_breaks() {
    each("cut", |t, facts| {
        assert!(facts.failed() && !facts.error().is_empty(), "{}: {facts:?}", t.place());
        assert!(facts.limits.is_empty(), "{}", t.place());
    });
    each("cut-repeated", |t, facts| assert_eq!(facts.final_message(), "after the cut", "{}", t.place()));
}

/// Who died or hung has said nothing that could be taken for an end.
#[test]
fn no_end() {
    for name in ["crash", "hang"] {
        each(name, |t, facts| assert_eq!(facts.end, None, "{}", t.place()));
    }
}

/// gemini's other format, printed over many lines.
#[test]
fn one_object() {
    each("json", |t, facts| {
        assert_eq!((facts.final_message(), facts.failed()), ("hello from the stub", false));
        counted(t, facts, 1);
    });
}

/// The version in the table is the one that was recorded, and nothing recorded is unknown to the table.
#[test]
fn the_table_says_what_was_recorded() {
    let recorded: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let table = Table::new(&std::collections::BTreeMap::new());
    let checked: BTreeSet<String> = table
        .names()
        .into_iter()
        .filter_map(|n| table.get(n)?.verified.map(|version| format!("{n}-{version}")))
        .collect();
    assert!(checked.is_subset(&recorded), "{checked:?} against {recorded:?}");
    assert_eq!(checked.len(), 4);
    let script = include_str!("../../../../tests/real-clis/record.sh");
    for (_, version) in checked.iter().filter_map(|name| name.split_once('-')) {
        assert!(script.contains(&format!("@{version}")), "record.sh installs another version than {version}");
    }
    for agent in table.names().into_iter().filter_map(|n| table.get(n)) {
        let known = agent.output == "text" || crate::agents::output::Protocol::named(&agent.output).is_some();
        assert!(known, "{}: {}", agent.name, agent.output);
    }
}

/// Fixtures say nothing of the machine they were made on.
#[test]
fn no_paths_of_a_machine() {
    for t in transcripts() {
        for bytes in [&t.stdout, &t.stderr] {
            let text = String::from_utf8_lossy(bytes);
            for path in ["/work/", "/root", "/Users/", "/tmp/tmp.", "node_modules/.bin"] {
                assert!(!text.contains(path), "{}: {path}", t.place());
            }
        }
    }
}
