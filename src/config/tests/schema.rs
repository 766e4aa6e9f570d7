//! The schema says what the checks say, and the copy in `docs/` is the program's.

use std::fs;

use serde_json::Value;

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/orchestration.schema.json");

/// The part of JSON Schema that ours uses (patterns are for editors and are not run here).
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |t: &Value| t == kind || (t == "number" && kind == "integer");
    match schema.get("type") {
        Some(Value::Array(kinds)) if !kinds.iter().any(is) => return Err(format!("{kind}: {value}")),
        Some(one @ Value::String(_)) if !is(one) => return Err(format!("{kind}: {value}")),
        _ => {}
    }
    if let Some(names) = schema.get("enum").and_then(Value::as_array)
        && !names.contains(value)
    {
        return Err(format!("{value} is none of {names:?}"));
    }
    if let (Some(least), Some(n)) = (schema.get("minimum").and_then(Value::as_f64), value.as_f64())
        && n < least
    {
        return Err(format!("{n} is less than {least}"));
    }
    if let (Some(items), Value::Array(list)) = (schema.get("items"), value) {
        list.iter().try_for_each(|entry| fits(items, entry))?;
    }
    let Value::Object(fields) = value else { return Ok(()) };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("no {name}"));
        }
    }
    for (name, value) in fields {
        let own = schema.get("properties").and_then(|p| p.get(name));
        match (own, schema.get("additionalProperties")) {
            (Some(own), _) => fits(own, value).map_err(|e| format!("{name}: {e}"))?,
            (None, Some(Value::Bool(false))) => return Err(format!("unknown key {name}")),
            (None, Some(other)) => fits(other, value).map_err(|e| format!("{name}: {e}"))?,
            (None, None) => {}
        }
    }
    Ok(())
}

fn yaml(text: &str) -> Value {
    let value: Value = serde_yaml::from_str(text).unwrap();
    if value.is_null() { serde_json::json!({}) } else { value }
}

/// T33: generated, and checked for drift.
#[test]
fn the_reference_schema_in_the_docs_is_the_programs() {
    let wanted = format!("{:#}\n", schema());
    if std::env::var_os("ORCHESTRATOR_BLESS").is_some() {
        fs::write(FILE, &wanted).unwrap();
    }
    assert!(
        fs::read_to_string(FILE).unwrap_or_default() == wanted,
        "docs/orchestration.schema.json differs; ORCHESTRATOR_BLESS=1 cargo test --lib the_reference"
    );
}

/// What the program takes fits the schema: every real file, and every key with its default.
#[test]
fn what_is_taken_fits() {
    let schema = schema();
    let own = include_str!("../../../orchestration.yaml");
    let demo = include_str!("../../cli/demo/orchestration.yaml");
    for text in [EXAMPLE_YAML, own, demo] {
        fits(&schema, &yaml(text)).unwrap();
    }
    let mut all = serde_json::to_value(Config::default()).unwrap();
    all.as_object_mut().unwrap().remove("run");
    fits(&schema, &all).unwrap();
    for text in [
        "router_mode: first\nrouter: {allowlist: [a.md]}\n",
        "supervision: {idle_secs: 5m, timeout_secs: 0.5}\nworkflow:\n",
        "hooks: {turn_end: [notify, 7]}\noneshot: {checks: [make test, [make, lint]]}\n",
        "agents: {a: {command: [x], env: {N: 1}, limits: {idle_secs: 5}}}\nspec_bootstrap: {any: thing}\n",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        load(dir.path(), None, &[], &[]).unwrap();
        fits(&schema, &yaml(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

/// And what it refuses does not.
#[test]
fn what_is_refused_does_not_fit() {
    let schema = schema();
    for text in [
        "promts_dir: x\n",
        "router: {mode: sometimes}\n",
        "workflow: {steps: [{role: a}]}\n",
        "workflow: {review_every_n: -1}\n",
        "hooks: {turn_end: notify}\n",
        "run: {mode: role}\n",
        "agents: {a: {comand: [x]}}\n",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        assert!(load(dir.path(), None, &[], &[]).is_err(), "{text}");
        assert!(fits(&schema, &yaml(text)).is_err(), "{text}");
    }
}
