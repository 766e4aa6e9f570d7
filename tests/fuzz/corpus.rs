//! The seeds and words as files, for a fuzzer that is guided by coverage.

use std::fs;
use std::path::Path;

use crate::{properties, seeds};

type Target = (&'static str, Vec<Vec<u8>>, &'static [&'static str]);

fn targets() -> Vec<Target> {
    vec![
        ("state", seeds::states(), seeds::STATE_WORDS),
        ("config", seeds::configs(), seeds::YAML_WORDS),
        ("router", seeds::answers(), seeds::PATH_WORDS),
        ("protocol", seeds::transcripts(), seeds::JSON_WORDS),
        ("framing", seeds::transcripts(), seeds::JSON_WORDS),
        ("redaction", seeds::secrets(), seeds::SECRET_WORDS),
        ("workstream", seeds::workstreams(), seeds::YAML_WORDS),
        ("verdict", seeds::verdicts(), seeds::VERDICT_WORDS),
    ]
}

type Property = fn(&[u8]);

/// A line of a libFuzzer dictionary.
fn entry(word: &str) -> String {
    let bytes: Vec<String> = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{}\"\n", bytes.concat())
}

/// `ORCHESTRATOR_FUZZ_CORPUS=fuzz/corpus` keeps them: a folder of seeds and a dictionary for each target.
#[test]
fn the_seeds_are_written() {
    let scratch = tempfile::tempdir().unwrap();
    let wished = std::env::var_os("ORCHESTRATOR_FUZZ_CORPUS");
    let place = wished.as_deref().map_or(scratch.path(), Path::new);
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml")).unwrap();
    let all = targets();
    assert_eq!(manifest.matches("[[bin]]").count(), all.len(), "a target has no seeds");
    for (name, seeds, words) in all {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no target");
        let folder = place.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{n:03}")), seed).unwrap();
        }
        fs::write(place.join(format!("{name}.dict")), words.iter().map(|w| entry(w)).collect::<String>())
            .unwrap();
        assert!(fs::read_dir(&folder).unwrap().count() >= 2, "{name}");
    }
    assert_eq!(entry("a\"\n"), "\"\\x61\\x22\\x0a\"\n");
}

/// What a fuzzer found and left in `fuzz/artifacts/` on this machine, if anything: mended, or red.
#[test]
fn what_was_found_is_mended() {
    let run: [(&str, Property); 8] = [
        ("state", properties::state),
        ("config", properties::config),
        ("router", properties::router),
        ("protocol", properties::protocol),
        ("framing", properties::framing),
        ("redaction", properties::redaction),
        ("workstream", properties::workstream),
        ("verdict", properties::verdict),
    ];
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/artifacts");
    for (name, property) in run {
        for entry in fs::read_dir(place.join(name)).into_iter().flatten() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            property(&fs::read(path).unwrap());
        }
    }
}
