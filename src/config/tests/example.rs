//! The file that `init` writes.

use super::*;

#[test]
fn the_example_says_the_defaults() {
    let loaded = load_text(EXAMPLE_YAML).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
    let plain = Config::default();
    // T7a: the first role of a new project keeps to its documents.
    let mut steps = loaded.config.steps();
    let scope = std::mem::take(&mut steps[0].scope);
    assert!(scope.contains(&"docs/**".to_owned()), "{scope:?}");
    assert_eq!(steps, plain.steps());
    assert_eq!(loaded.config.review_every_n(), plain.review_every_n());
    // What `steps` and `review_every_n` hide is spelled out in the file; all else is equal.
    let workflow = WorkflowConfig { steps: loaded.config.steps(), ..WorkflowConfig::default() };
    let router = RouterConfig { review_every_n: Some(0), ..RouterConfig::default() };
    // What the first role may write is committed too.
    let mut auto_commit = loaded.config.auto_commit.clone();
    for glob in scope.iter().filter(|glob| *glob != "reports/**") {
        assert!(auto_commit.docs.globs.contains(glob), "{glob}");
    }
    auto_commit.docs.globs.clone_from(&plain.auto_commit.docs.globs);
    assert_eq!(auto_commit, plain.auto_commit);
    let auto_commit = loaded.config.auto_commit.clone();
    assert_eq!(loaded.config, Config { workflow, router, auto_commit, ..plain });
}

/// A line that is one comment away from counting must be right.
#[test]
fn the_commented_lines_are_valid_too() {
    let is_key = |line: &str| {
        let name = line.split_once(':').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && keys_name(name)
    };
    let mut uncommented = 0;
    let text = EXAMPLE_YAML.lines().fold(String::new(), |all, line| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let line = match rest.strip_prefix("# ") {
            Some(key) if is_key(key) => {
                uncommented += 1;
                format!("{indent}{key}")
            }
            _ => line.to_owned(),
        };
        all + &line + "\n"
    });
    assert_eq!(uncommented, 12);
    let config = load_text(&text).unwrap().config;
    assert_eq!(config.budget.turns, Some(100));
    assert_eq!(config.workflow.steps[1].checks, [["make", "test"]]);
}

fn keys_name(name: &str) -> bool {
    keys::all().iter().any(|(_, key)| key.name == name)
}
