//! A tool call in one line (turns.md T38): pure.

use serde_json::Value;

/// Characters of a call that are shown.
const WIDTH: usize = 120;

/// Fields that say best what a call does, the best first.
const TELLING: &[&str] =
    &["command", "cmd", "file_path", "filePath", "path", "pattern", "query", "url", "description", "prompt"];

/// `Bash cargo test --lib`: the tool, and what of its input tells most, without line ends and control characters.
pub fn tool_line(name: &str, input: &Value) -> String {
    let telling = TELLING.iter().find_map(|key| said(input.get(key)?));
    let what = telling.or_else(|| changes(input)).unwrap_or_else(|| match input {
        Value::Null => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    });
    let words = format!("{name} {what}");
    let plain: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Array(words) if !words.is_empty() => {
            let texts: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            texts.map(|t| t.join(" "))
        }
        _ => None,
    }
}

/// The files of a patch.
fn changes(input: &Value) -> Option<String> {
    let paths: Option<Vec<&str>> =
        input.get("changes")?.as_array()?.iter().map(|c| c["path"].as_str()).collect();
    paths.map(|p| p.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// T38: one line each, never raw records where a field says it, nothing that moves the cursor.
    #[test]
    fn a_call_is_one_line() {
        let line = |input| tool_line("Bash", &input);
        assert_eq!(line(json!({"description": "x", "command": "a\n\tb \u{1b}[2Jc"})), "Bash a b [2Jc");
        assert_eq!(line(json!({"command": ["sh", "-c", "true"]})), "Bash sh -c true");
        assert_eq!(line(json!({"changes": [{"path": "a.rs"}, {"path": "b.rs"}]})), "Bash a.rs b.rs");
        assert_eq!(line(json!({"n": 1})), r#"Bash {"n":1}"#);
        assert_eq!((line(json!({})), line(json!(null))), ("Bash".into(), "Bash".into()));
        let long = line(json!({"command": "ä".repeat(500)}));
        assert_eq!((long.chars().count(), long.ends_with('…')), (121, true));
    }
}
