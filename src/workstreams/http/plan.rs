//! From a tool and a step to what is sent. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::config::{HttpMethod, HttpTool};
use crate::workstreams::spec::when;

/// The output that is the whole answer, unless the tool says otherwise.
const WHOLE: &str = "response";
const MAX_BYTES: u64 = 1 << 20;

/// A request, with its secrets still as names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub url: String,
    pub method: HttpMethod,
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    /// Empty: 200 to 299.
    pub expect: Vec<u16>,
    pub redirect_hosts: Vec<String>,
    pub max_bytes: u64,
    pub save: Vec<Part>,
}

/// A part of the answer and the file it is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// A JSON pointer; empty: the answer as it came.
    pub pointer: String,
    /// Relative to the project root.
    pub file: String,
}

/// What a tool sends for a step. `facts`: what templates see; `outputs`: the step's files by name.
///
/// # Errors
/// Its body cannot be made, in words.
pub fn plan(
    tool: &HttpTool,
    prompt: &str,
    facts: &Json,
    outputs: &BTreeMap<String, String>,
) -> Result<Call, String> {
    let body = match &tool.body {
        Some(template) => Some(body(template, prompt, facts)?),
        None => tool.method.has_body().then(|| prompt.to_owned()),
    };
    let part = |(name, file): (&String, &String)| {
        let own = tool.outputs.get(name).cloned();
        let pointer = own.or_else(|| (name == WHOLE).then(String::new))?;
        Some(Part { pointer, file: file.clone() })
    };
    Ok(Call {
        url: tool.url.clone(),
        method: tool.method,
        headers: tool.headers.clone(),
        body,
        expect: tool.expect.clone(),
        redirect_hosts: tool.redirect_hosts.clone(),
        max_bytes: tool.max_bytes.unwrap_or(MAX_BYTES),
        save: outputs.iter().filter_map(part).collect(),
    })
}

/// Fills in a template.
///
/// # Errors
/// What is wrong with it, in words.
pub fn body(template: &str, prompt: &str, facts: &Json) -> Result<String, String> {
    let mut environment = Environment::new();
    // A word that is misspelled must not be sent as nothing.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("tojson", |value: &Value| json(value));
    let words = |e: minijinja::Error| format!("the body's template: {e}");
    let mut known: BTreeMap<String, Value> = facts
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, fact)| (name.clone(), when::value(fact)))
        .collect();
    known.insert("prompt".into(), Value::from(prompt));
    environment.render_str(template, Value::from_pairs(known)).map_err(words)
}

/// The value as JSON, so that a template can hold any text in quotes of its own.
fn json(value: &Value) -> String {
    let text = |text: &str| Json::String(text.to_owned()).to_string();
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => "null".into(),
        ValueKind::Bool | ValueKind::Number => value.to_string(),
        ValueKind::Map => {
            let mut out = String::from("{");
            for (n, key) in value.try_iter().into_iter().flatten().enumerate() {
                let item = value.get_item(&key).unwrap_or_default();
                // Writing to a String cannot fail.
                let _ =
                    write!(out, "{}{}:{}", if n > 0 { "," } else { "" }, text(&key.to_string()), json(&item));
            }
            out + "}"
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<String> = value.try_iter().into_iter().flatten().map(|item| json(&item)).collect();
            format!("[{}]", items.join(","))
        }
        _ => text(&value.to_string()),
    }
}

/// Puts variables in the place of their names.
///
/// # Errors
/// The name of one that is not set.
pub fn filled(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&variable(name).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies() {
        let facts = json!({"step": "a", "steps": {"b": {"result": {"n": [1, "x\"y"]}}}, "kind": null});
        let made = |template: &str| body(template, "say \"hi\"\n", &facts);
        assert_eq!(made("{\"text\": {{ prompt | tojson }}}").unwrap(), "{\"text\": \"say \\\"hi\\\"\\n\"}");
        assert_eq!(made("{{ steps.b.result | tojson }} {{ step }}").unwrap(), "{\"n\":[1,\"x\\\"y\"]} a");
        assert_eq!(made("{{ kind | tojson }}").unwrap(), "null");
        assert!(made("{{ stepz }}").unwrap_err().starts_with("the body's template: "));
        assert!(made("{{ steps.c.state }}").is_err());
    }

    /// The prompt is the body where the method has one; outputs are parts of the answer.
    #[test]
    fn calls() {
        let mut tool = HttpTool { url: "http://h/".into(), ..HttpTool::default() };
        tool.outputs.insert("title".into(), "/items/0/title".into());
        let outputs = [("response", "a.json"), ("title", "t.txt"), ("other", "o")]
            .map(|(name, file)| (name.to_owned(), file.to_owned()))
            .into();
        let call = plan(&tool, "p", &json!({}), &outputs).unwrap();
        assert_eq!((call.body.as_deref(), call.max_bytes), (Some("p"), 1 << 20));
        let parts: Vec<(&str, &str)> =
            call.save.iter().map(|p| (p.pointer.as_str(), p.file.as_str())).collect();
        assert_eq!(parts, [("", "a.json"), ("/items/0/title", "t.txt")]);
        tool.method = HttpMethod::Get;
        assert_eq!(plan(&tool, "p", &json!({}), &BTreeMap::new()).unwrap().body, None);
    }

    #[test]
    fn variables_are_filled_in() {
        let known = |name: &str| (name == "KEY").then(|| "s${KEY}".to_owned());
        assert_eq!(filled("Bearer ${KEY}.", &known).unwrap(), "Bearer s${KEY}.");
        assert_eq!(filled("$KEY {KEY}", &known).unwrap(), "$KEY {KEY}");
        assert_eq!(filled("${OTHER}", &known).unwrap_err(), "OTHER");
    }
}
