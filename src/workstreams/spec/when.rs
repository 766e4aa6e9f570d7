//! The condition of a step: a minijinja expression over `steps` (workstreams.md W5). Pure.
//!
//! `steps.ID.state`, `.outputs.NAME`, `.result`, `.exit_code`. An id with other signs than letters, digits and `_` is
//! written `steps["my-step"]`.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, UndefinedBehavior, Value};
use serde_json::Value as Json;

/// What is known of a step.
const PARTS: [&str; 4] = ["state", "outputs", "result", "exit_code"];
/// A longer one is no condition.
const MAX_CHARS: usize = 4_000;

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // A word that is misspelled must not count as false.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment
}

/// Checks the expression; the steps it looks at.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(text: &str) -> Result<Vec<String>, String> {
    if text.len() > MAX_CHARS {
        return Err(format!("longer than {MAX_CHARS} characters"));
    }
    let environment = environment();
    let expression = environment.compile_expression(text).map_err(|e| words(&e))?;
    let mut names = BTreeSet::new();
    for path in expression.undeclared_variables(true) {
        let mut parts = path.split('.');
        match (parts.next(), parts.next()) {
            (Some("steps"), Some(name)) => {
                names.insert(name.to_owned());
                if let Some(part) = parts.next().filter(|part| !PARTS.contains(part)) {
                    return Err(format!("`steps.{name}.{part}` is not known, only {}", PARTS.join(", ")));
                }
            }
            (Some("steps") | None, _) => {}
            (Some(other), _) => return Err(format!("`{other}` is not known here, only `steps`")),
        }
    }
    names.extend(quoted(text));
    Ok(names.into_iter().collect())
}

/// Ids written as `steps["id"]`, which the expression's own list of names does not hold.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("steps[").skip(1) {
        let part = part.trim_start();
        let Some(quote) = part.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        if let Some(name) = part[1..].split(quote).next() {
            found.push(name.to_owned());
        }
    }
    found
}

/// Whether it holds; `steps` is what is known of them.
///
/// # Errors
/// It cannot be told, in words.
pub fn holds<'a>(
    text: &str,
    steps: impl IntoIterator<Item = (&'a String, &'a Json)>,
) -> Result<bool, String> {
    let environment = environment();
    let expression = environment.compile_expression(text).map_err(|e| words(&e))?;
    let steps: BTreeMap<&String, &Json> = steps.into_iter().collect();
    let values = Value::from_pairs(steps.iter().map(|(name, fact)| ((*name).clone(), value(fact))));
    let value = expression.eval(Value::from_pairs([("steps", values)])).map_err(|e| {
        let paths = expression.undeclared_variables(true);
        let mut gone: Vec<String> = paths.iter().filter_map(|path| missing(path, &steps)).collect();
        gone.sort_unstable();
        // The engine knows only that a word has no value, not which.
        if gone.is_empty() { words(&e) } else { format!("there is no `{}`", gone.join("`, no `")) }
    })?;
    Ok(value.is_true())
}

/// The path up to its first part that is not there.
fn missing(path: &str, steps: &BTreeMap<&String, &Json>) -> Option<String> {
    let mut parts = path.split('.').skip(1);
    let mut shown = format!("steps.{}", parts.next()?);
    let Some(mut at) = steps.get(&shown["steps.".len()..].to_owned()).copied() else { return Some(shown) };
    for part in parts {
        shown = format!("{shown}.{part}");
        // What is no object has parts of its own, such as those of a list.
        at = match at {
            Json::Object(map) => match map.get(part) {
                Some(inner) => inner,
                None => return Some(shown),
            },
            _ => return None,
        };
    }
    None
}

/// JSON is nested no deeper than its parser allows.
pub(in crate::workstreams) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::from(n.as_f64().unwrap_or(0.0)), Value::from),
        Json::String(text) => Value::from(text.clone()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(name, item)| (name.clone(), value(item)))),
    }
}

fn words(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_told() {
        let steps = json!({
            "a": {"state": "succeeded", "outputs": {"n": "3"}, "result": {"ok": true}},
            "b-1": {"state": "failed", "outputs": {}, "exit_code": 7},
        });
        for (text, expected) in [
            ("steps.a.state == 'succeeded'", true),
            ("steps['b-1'].state == 'succeeded'", false),
            ("steps.a.outputs.n == '3' and steps[\"b-1\"].exit_code == 7", true),
            ("steps.a.result.ok", true),
            ("not steps.a.result.ok", false),
            ("'x' in steps.a.outputs", false),
        ] {
            assert_eq!(holds(text, steps.as_object().unwrap()), Ok(expected), "{text}");
        }
        assert!(
            holds("steps.ghost.state == 'x'", steps.as_object().unwrap()).is_err(),
            "a misspelled step is no `false`"
        );
        let told = holds("steps.a.outputs.m.x == 'x'", steps.as_object().unwrap());
        assert_eq!(told.unwrap_err(), "there is no `steps.a.outputs.m`");
    }

    #[test]
    fn what_is_looked_at() {
        assert_eq!(read("steps.a.state == 'x' or steps['b-1'].state == 'y'").unwrap(), ["a", "b-1"]);
        assert_eq!(read("true").unwrap(), Vec::<String>::new());
        assert!(read("steps.a.state ==").is_err());
        let told = "`steps.a.stat` is not known, only state, outputs, result, exit_code";
        assert_eq!(read("steps.a.stat == 'x'").unwrap_err(), told);
        assert_eq!(read("env.HOME").unwrap_err(), "`env` is not known here, only `steps`");
        assert!(read(&"(".repeat(5_000)).is_err());
    }
}
