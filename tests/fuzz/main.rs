//! The fuzz targets of `fuzz/`, run as plain property tests: over arbitrary bytes, and over files that were good until
//! something was done to them. `ORCHESTRATOR_TEST_SCALE=10` runs ten times as many cases.

mod corpus;
mod limits;
mod mutate;
mod properties;
mod seeds;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::mutate::{Edit, edit, mutated};

/// Cases of either kind.
const CASES: u32 = 192;

/// The same cases in every run, so that a change is judged and not a throw of dice; `ORCHESTRATOR_TEST_SEED` (a number)
/// has others.
fn runner(config: &Config) -> TestRunner {
    let seed: u64 = std::env::var("ORCHESTRATOR_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config.clone(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Holds a property against garbage, and against a seed after some edits.
fn hold(property: fn(&[u8]), seeds: &[Vec<u8>], words: &'static [&'static str]) {
    let scale = std::env::var("ORCHESTRATOR_TEST_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1u32);
    let config = Config { cases: CASES * scale, failure_persistence: None, ..Config::default() };
    for seed in seeds {
        property(seed);
    }
    let run = |what: &str, result: Result<(), String>| {
        if let Err(error) = result {
            panic!("{what}: {error}");
        }
    };
    let garbage = runner(&config).run(&vec(any::<u8>(), 0..200), |bytes| {
        property(&bytes);
        Ok(())
    });
    run("arbitrary bytes", garbage.map_err(|e| e.to_string()));
    let edits = vec(edit(words), 1..6);
    let which = 0..seeds.len().max(1);
    let mutations = runner(&config).run(&(which, edits), |(at, edits): (usize, Vec<Edit>)| {
        property(&mutated(&seeds[at], &edits));
        Ok(())
    });
    run("a mutated file", mutations.map_err(|e| e.to_string()));
}

/// T1 to T4: what is read is written back, and what is refused has a place.
#[test]
fn state() {
    hold(properties::state, &seeds::states(), seeds::STATE_WORDS);
}

/// T32 to T34: problems name a line of the file and show no control character.
#[test]
fn config() {
    hold(properties::config, &seeds::configs(), seeds::YAML_WORDS);
}

/// T8 to T10: no answer of a model leads out of the folder of the prompts.
#[test]
fn router() {
    hold(properties::router, &seeds::answers(), seeds::PATH_WORDS);
}

/// A5, P12: what a parser does not know passes through, byte for byte.
#[test]
fn protocol() {
    hold(properties::protocol, &seeds::transcripts(), seeds::JSON_WORDS);
}

/// P12: no byte is lost, and where reads are cut changes no fact.
#[test]
fn framing() {
    hold(properties::framing, &seeds::transcripts(), seeds::JSON_WORDS);
}

/// P14: no split of a stream shows a secret.
#[test]
fn redaction() {
    hold(properties::redaction, &seeds::secrets(), seeds::SECRET_WORDS);
}

/// W5, W6: a file that passes is a graph that can be run.
#[test]
fn workstream() {
    hold(properties::workstream, &seeds::workstreams(), seeds::YAML_WORDS);
}

/// O6: never DONE without the word.
#[test]
fn verdict() {
    hold(properties::verdict, &seeds::verdicts(), seeds::VERDICT_WORDS);
}
