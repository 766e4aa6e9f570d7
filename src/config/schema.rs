//! The JSON Schema of a file, made from the table of keys: pure.

use serde_json::{Map, Value, json};

use super::keys::{ALIASES, IGNORED, Key, Kind, ROOT, Shape, Standing, shape_at};
use super::model::Config;

/// What an editor can hold a file against. The program itself reads the table, which knows more: globs, for example.
pub fn schema() -> Value {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut root = of_shape(ROOT, Some(&defaults));
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        for (old, path) in ALIASES {
            if let Some(shape) = shape_at(path) {
                let mut schema = of_shape(shape, None);
                put(&mut schema, "description", format!("an older name of {path}").into());
                put(&mut schema, "deprecated", true.into());
                properties.insert((*old).to_owned(), schema);
            }
        }
        for old in IGNORED {
            properties.insert(
                (*old).to_owned(),
                json!({"description": "accepted and ignored", "deprecated": true}),
            );
        }
    }
    let mut all = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "orchestration.yaml",
        "description": "The configuration of orchestrator; every key with its default stands in docs/configuration.md.",
    });
    if let (Value::Object(all), Value::Object(root)) = (&mut all, root) {
        all.extend(root);
    }
    all
}

fn put(schema: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = schema {
        fields.insert(name.to_owned(), value);
    }
}

fn of_key(key: &Key, default: Option<&Value>) -> Value {
    let mut schema = of_shape(key.shape, default);
    let unused = if key.standing == Standing::Unused { " (accepted, not used yet)" } else { "" };
    put(&mut schema, "description", format!("{}{unused}", key.doc).into());
    let plain = default.filter(|d| !d.is_null() && !d.is_object());
    if let Some(default) = plain {
        put(&mut schema, "default", default.clone());
    }
    // A key without a value says nothing (but a required one).
    if key.required { schema } else { json_or_null(schema) }
}

/// A section may have all its lines commented out.
fn json_or_null(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(Value::String(kind)) => put(&mut schema, "type", json!([kind, "null"])),
        Some(Value::Array(mut kinds)) => {
            kinds.push("null".into());
            put(&mut schema, "type", Value::Array(kinds));
        }
        _ => {}
    }
    if let Some(Value::Array(names)) = schema.get_mut("enum") {
        names.push(Value::Null);
    }
    schema
}

fn of_shape(shape: Shape, default: Option<&Value>) -> Value {
    match shape {
        Shape::One(kind) => of_kind(kind),
        Shape::List(inner) => json!({"type": "array", "items": of_shape(*inner, None)}),
        Shape::Argv => json!({"type": "array", "minItems": 1, "items": of_kind(Kind::Word)}),
        Shape::Command => {
            json!({"type": ["array", "string"], "minItems": 1, "minLength": 1, "items": of_kind(Kind::Word)})
        }
        Shape::Table(inner) => json!({"type": "object", "additionalProperties": of_shape(*inner, None)}),
        Shape::Map(keys) => {
            let own = keys.iter().filter(|key| key.standing != Standing::FlagOnly);
            let properties: Map<String, Value> = own
                .map(|key| (key.name.to_owned(), of_key(key, default.and_then(|d| d.get(key.name)))))
                .collect();
            let required: Vec<&str> = keys.iter().filter(|k| k.required).map(|k| k.name).collect();
            let mut schema =
                json!({"type": "object", "properties": properties, "additionalProperties": false});
            if !required.is_empty() {
                put(&mut schema, "required", required.into());
            }
            schema
        }
    }
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Code => json!({"type": "integer", "minimum": 0, "maximum": 255}),
        Kind::Number => json!({"type": "number", "minimum": 0}),
        Kind::Text | Kind::Glob | Kind::Extension => json!({"type": "string", "minLength": 1}),
        Kind::Duration => json!({
            "type": ["number", "string"],
            "minimum": 0,
            "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h|d)?\\s*$",
        }),
        Kind::Role => json!({"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,31}$"}),
        Kind::Choice(names) => json!({"type": "string", "enum": choices(names)}),
        Kind::Word => json!({"type": ["string", "number", "boolean"]}),
    }
}

/// The words that are taken: also with `-` for `_`, and those of the router without their beginning.
fn choices(names: &[&str]) -> Vec<Value> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let short = name.strip_prefix("router_");
        for word in [Some(*name), short].into_iter().flatten() {
            for form in [word.to_owned(), word.replace('_', "-")] {
                if !all.contains(&form) {
                    all.push(form);
                }
            }
        }
    }
    all.into_iter().map(Value::from).collect()
}
