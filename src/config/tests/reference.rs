//! `docs/configuration.md` says what the table says: its tables are made from it, its prose names nothing else.
//!
//! `ORCHESTRATOR_BLESS=1 cargo test --lib the_reference` writes the tables anew.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::keys::{ALIASES, IGNORED, Key, Kind, Shape, Standing};
use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

/// What one value may be, in words.
fn type_of(shape: Shape) -> String {
    match shape {
        Shape::One(Kind::Bool) => "`true` or `false`".into(),
        Shape::One(Kind::Count) => "whole number".into(),
        Shape::One(Kind::Code) => "exit code".into(),
        Shape::One(Kind::Number) => "number".into(),
        Shape::One(Kind::Text | Kind::Word) => "text".into(),
        Shape::One(Kind::Duration) => "duration".into(),
        Shape::One(Kind::Glob) => "glob".into(),
        Shape::One(Kind::Extension) => "extension".into(),
        Shape::One(Kind::Role) => "role".into(),
        Shape::One(Kind::Choice(names)) => {
            names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
        }
        Shape::Argv => "command".into(),
        Shape::Command => "command, or one text".into(),
        Shape::List(inner) => match inner {
            Shape::Map(_) => "list of mappings".into(),
            inner => format!("list: {}", type_of(*inner)),
        },
        Shape::Table(inner) => match inner {
            Shape::Map(_) => "mappings by name".into(),
            inner => format!("by name: {}", type_of(*inner)),
        },
        Shape::Map(_) => "mapping".into(),
    }
}

/// The default in words; what is below a name or in a list has none of its own.
fn default_of(path: &str) -> String {
    let all = serde_json::to_value(Config::default()).unwrap();
    let value = path.split('.').try_fold(&all, |value, part| value.get(part));
    match value {
        None | Some(Value::Null | Value::Object(_)) => String::new(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

/// Every key of a section, in the order of the table; `top`: those that are in no section.
fn keys_of(section: &str) -> Vec<(String, Key)> {
    let inside = |path: &str, key: &Key| match section {
        "top" => !path.contains('.') && !matches!(key.shape, Shape::Map(_) | Shape::Table(_)),
        name => path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
    };
    let all = keys::all().into_iter().filter(|(path, _)| !path.starts_with("run"));
    all.filter(|(path, key)| inside(path, key) && !matches!(key.shape, Shape::Map(_))).collect()
}

fn table(section: &str) -> String {
    let mut out = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for (path, key) in keys_of(section) {
        let unused = if key.standing == Standing::Unused { " (accepted, not used yet)" } else { "" };
        let cells =
            [format!("`{path}`"), type_of(key.shape), default_of(&path), format!("{}{unused}", key.doc)];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(out, "| {} |", cells.join(" | ")).unwrap();
    }
    out
}

/// The text with the tables as they must be, and the sections that it has.
fn with_tables(text: &str) -> (String, Vec<String>) {
    let (mut out, mut sections) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        if let Some(name) = line.strip_prefix("<!-- keys: ").and_then(|l| l.strip_suffix(" -->")) {
            write!(out, "\n{}\n<!-- end -->\n", table(name)).unwrap();
            sections.push(name.to_owned());
            lines.by_ref().find(|l| *l == "<!-- end -->").expect("a table has its end");
        }
    }
    (out, sections)
}

/// Every key with its type and its default, each once, and none that does not exist.
#[test]
fn the_reference_is_the_table() {
    let text = fs::read_to_string(FILE).unwrap();
    let (wanted, sections) = with_tables(&text);
    if text != wanted && std::env::var_os("ORCHESTRATOR_BLESS").is_some() {
        fs::write(FILE, &wanted).unwrap();
    }
    let differ = text.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        text == wanted,
        "first difference: {differ:#?}; ORCHESTRATOR_BLESS=1 cargo test --lib the_reference"
    );
    let mut shown: Vec<String> = sections.iter().flat_map(|s| keys_of(s)).map(|(path, _)| path).collect();
    shown.sort();
    let all =
        keys::all().into_iter().filter(|(p, k)| !p.starts_with("run") && !matches!(k.shape, Shape::Map(_)));
    let mut all: Vec<String> = all.map(|(path, _)| path).collect();
    all.sort();
    assert_eq!(shown, all, "a section is missing, or stands twice");
}

/// What the prose calls a key is one.
#[test]
fn the_prose_names_only_keys() {
    let text = fs::read_to_string(FILE).unwrap();
    let paths: Vec<String> = keys::all().into_iter().map(|(path, _)| path).collect();
    let parts: Vec<&str> =
        paths.iter().flat_map(|p| p.split('.')).map(|p| p.trim_end_matches("[]")).collect();
    let old: Vec<&str> = ALIASES.iter().map(|(old, _)| *old).chain(IGNORED.iter().copied()).collect();
    let mut fenced = false;
    let mut count = 0;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("| `") {
            continue;
        }
        for word in line.split('`').skip(1).step_by(2) {
            let is_name = word.chars().all(|c| c.is_ascii_lowercase() || "_.[]".contains(c));
            let is_file = [".md", ".yaml", ".json", ".gitignore"].iter().any(|end| word.ends_with(end));
            let has_letter = word.contains(|c: char| c.is_ascii_lowercase());
            if !is_name || !has_letter || is_file || !word.contains(['_', '.']) {
                continue;
            }
            let known = paths.iter().any(|p| p == word) || parts.contains(&word) || old.contains(&word);
            assert!(known || choices().contains(&word), "`{word}` is no key: {line}");
            count += 1;
        }
    }
    assert!(count > 12, "{count}");
}

/// Every word that some key takes.
fn choices() -> Vec<&'static str> {
    fn walk(shape: Shape, out: &mut Vec<&'static str>) {
        match shape {
            Shape::One(Kind::Choice(names)) => out.extend(names),
            Shape::List(inner) | Shape::Table(inner) => walk(*inner, out),
            Shape::Map(keys) => keys.iter().for_each(|key| walk(key.shape, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(keys::ROOT, &mut out);
    out
}
