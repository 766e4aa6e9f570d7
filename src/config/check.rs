//! A tree held against the table of keys: everything that is wrong, and the values that are right.

use serde_json::{Map as JsonMap, Number, Value as Json};

use super::diagnostic::Diagnostic;
use super::duration::parse_duration;
use super::keys::{ALIASES, IGNORED, Key, Kind, ROOT, Shape, shape_at};
use super::tree::{Node, Value};
use crate::ids::RoleId;

/// What a checked file says.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) values: Json,
    /// Dotted path and line of every key that was set.
    pub(super) lines: Vec<(String, usize)>,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) notices: Vec<String>,
}

pub(super) fn check(root: &Node) -> Checked {
    let mut out = Checked { values: Json::Object(JsonMap::new()), ..Checked::default() };
    let Value::Map(pairs) = &root.value else {
        out.problems.push(root.problem(format!("expected a mapping of keys, found {}", root.shown()), None));
        return out;
    };
    let Shape::Map(keys) = ROOT else { return out };
    let mut values = JsonMap::new();
    let mut aliased = Vec::new();
    let direct = out.map(pairs, keys, "", &mut aliased);
    merge(&mut values, direct);
    for (key, node) in aliased {
        out.alias(&key, node, &mut values);
    }
    out.values = Json::Object(values);
    out.problems.sort_by_key(|p| (p.line, p.column));
    out
}

fn merge(into: &mut JsonMap<String, Json>, from: JsonMap<String, Json>) {
    for (k, v) in from {
        into.insert(k, v);
    }
}

/// Sets a dotted path, making the mappings on the way.
pub(super) fn set(values: &mut JsonMap<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => {
            values.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let slot = values.entry(head).or_insert_with(|| Json::Object(JsonMap::new()));
            if let Json::Object(inner) = slot {
                set(inner, rest, value);
            }
        }
    }
}

impl Checked {
    fn map<'n>(
        &mut self,
        pairs: &'n [(Node, Node)],
        keys: &[Key],
        prefix: &str,
        aliased: &mut Vec<(String, &'n Node)>,
    ) -> JsonMap<String, Json> {
        let mut values = JsonMap::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name_node, node) in pairs {
            let Value::Scalar { text: name, .. } = &name_node.value else { continue };
            if seen.contains(&name.as_str()) {
                self.problems.push(name_node.problem(format!("key `{name}` stands twice"), None));
                continue;
            }
            seen.push(name);
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Some(key) = keys.iter().find(|k| k.name == name) {
                if key.unused && !node.is_null() {
                    self.notices
                        .push(format!("`{path}` (line {}) is not used by this version", name_node.line));
                }
                self.lines.push((path.clone(), name_node.line));
                if !node.is_null()
                    && let Some(value) = self.value(node, key.shape, &path)
                {
                    values.insert(name.clone(), value);
                }
            } else if prefix.is_empty() && ALIASES.iter().any(|(old, _)| old == name) {
                aliased.push((name.clone(), node));
            } else if prefix.is_empty() && IGNORED.contains(&name.as_str()) {
                self.notices.push(format!("`{name}` (line {}) is accepted and ignored", name_node.line));
            } else {
                self.unknown(name_node, name, keys, prefix);
            }
        }
        values
    }

    fn unknown(&mut self, node: &Node, name: &str, keys: &[Key], prefix: &str) {
        if name == "<<" {
            self.problems
                .push(node.problem("merge keys are not supported", Some("write the keys out".into())));
            return;
        }
        let place = if prefix.is_empty() { String::new() } else { format!(" in `{prefix}`") };
        let mut known: Vec<&str> = keys.iter().map(|k| k.name).collect();
        if prefix.is_empty() {
            known.extend(ALIASES.iter().map(|(old, _)| *old));
        }
        let suggestion = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => elsewhere(name)
                .map_or_else(|| format!("known: {}", known.join(", ")), |path| format!("there is `{path}`")),
        };
        self.problems.push(node.problem(format!("unknown key `{name}`{place}"), Some(suggestion)));
    }

    fn alias(&mut self, old: &str, node: &Node, values: &mut JsonMap<String, Json>) {
        let Some((_, path)) = ALIASES.iter().find(|(o, _)| *o == old) else { return };
        let Some(shape) = shape_at(path) else { return };
        if self.lines.iter().any(|(p, _)| p == path) {
            self.problems.push(
                node.problem(format!("`{old}` and `{path}` are the same key"), Some("keep one".into())),
            );
            return;
        }
        self.lines.push(((*path).to_owned(), node.line));
        if !node.is_null()
            && let Some(value) = self.value(node, shape, path)
        {
            set(values, path, value);
        }
    }

    fn value(&mut self, node: &Node, shape: Shape, path: &str) -> Option<Json> {
        match (shape, &node.value) {
            (Shape::Free, _) => Some(free(node)),
            (Shape::One(kind), Value::Scalar { text, plain }) => match scalar(kind, text, *plain) {
                Ok(value) => Some(value),
                Err((message, suggestion)) => {
                    self.problems.push(node.problem(format!("`{path}`: {message}"), suggestion));
                    None
                }
            },
            (Shape::List(inner), Value::List(items)) => {
                let taken: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(i, n)| self.value(n, *inner, &format!("{path}[{i}]")))
                    .collect();
                taken.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
            }
            (Shape::Map(keys), Value::Map(pairs)) => {
                let mut top_only = Vec::new();
                Some(Json::Object(self.map(pairs, keys, path, &mut top_only)))
            }
            (Shape::Table(inner), Value::Map(pairs)) => {
                let mut values = JsonMap::new();
                for (name, entry) in pairs {
                    let Value::Scalar { text, .. } = &name.value else { continue };
                    let below = format!("{path}.{text}");
                    self.lines.push((below.clone(), name.line));
                    if values.contains_key(text) {
                        self.problems.push(name.problem(format!("key `{text}` stands twice"), None));
                    } else if let Some(value) = self.value(entry, *inner, &below) {
                        values.insert(text.clone(), value);
                    }
                }
                Some(Json::Object(values))
            }
            (shape, _) => {
                let message = format!("`{path}`: expected {}, found {}", expected(shape), node.shown());
                self.problems.push(node.problem(message, None));
                None
            }
        }
    }
}

/// A scalar of a kind, or what is wrong with it and how to write it.
pub(super) fn scalar(kind: Kind, text: &str, plain: bool) -> Result<Json, (String, Option<String>)> {
    let wrong = |hint: Option<String>| {
        let quoted = if plain { format!("`{text}`") } else { format!("the text \"{text}\"") };
        (format!("expected {}, found {quoted}", expected(Shape::One(kind))), hint)
    };
    let number_like = plain && text.parse::<f64>().is_ok() && !leading_zero(text);
    match kind {
        Kind::Bool => match text {
            "true" | "True" | "TRUE" if plain => Ok(Json::Bool(true)),
            "false" | "False" | "FALSE" if plain => Ok(Json::Bool(false)),
            "yes" | "on" | "Yes" | "On" => Err(wrong(Some(format!("`{text}` is a text here: write true")))),
            "no" | "off" | "No" | "Off" => Err(wrong(Some(format!("`{text}` is a text here: write false")))),
            _ => Err(wrong(None)),
        },
        Kind::Count => {
            if plain && leading_zero(text) {
                let plain_number = text.trim_start_matches('0');
                return Err(wrong(Some(format!("`{text}` is a text here: write {plain_number}"))));
            }
            let n = plain.then(|| text.parse::<u64>().ok()).flatten();
            n.map(|n| Json::Number(n.into())).ok_or_else(|| wrong(None))
        }
        Kind::Number => {
            let n = plain.then(|| text.parse::<f64>().ok()).flatten().filter(|n| n.is_finite() && *n >= 0.0);
            n.and_then(Number::from_f64).map(Json::Number).ok_or_else(|| wrong(None))
        }
        Kind::Duration => {
            let parsed = parse_duration(text).map_err(|_| wrong(None))?;
            Number::from_f64(parsed.as_secs_f64()).map(Json::Number).ok_or_else(|| wrong(None))
        }
        Kind::Text => {
            let bool_like = plain && matches!(text, "true" | "false");
            if number_like || bool_like {
                return Err(wrong(Some(format!("quote it: \"{text}\""))));
            }
            Ok(Json::String(text.to_owned()))
        }
        Kind::Argv => Ok(Json::String(text.to_owned())),
        Kind::Glob => match globset::Glob::new(text) {
            Ok(_) => Ok(Json::String(text.to_owned())),
            Err(e) => Err((format!("bad glob `{text}`: {}", e.kind()), None)),
        },
        Kind::Role => match RoleId::parse(text) {
            Ok(_) => Ok(Json::String(text.to_owned())),
            Err(e) => Err((e.to_string(), None)),
        },
        Kind::Choice(names) => {
            let folded = text.replace('-', "_");
            let hit = names
                .iter()
                .find(|n| **n == text || **n == folded || n.strip_prefix("router_") == Some(folded.as_str()));
            hit.map(|n| Json::String((*n).to_owned()))
                .ok_or_else(|| wrong(nearest(text, names).map(|n| format!("did you mean `{n}`?"))))
        }
    }
}

fn leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

fn expected(shape: Shape) -> String {
    match shape {
        Shape::One(kind) => match kind {
            Kind::Bool => "true or false".into(),
            Kind::Count => "a whole number from 0".into(),
            Kind::Number => "a number from 0".into(),
            Kind::Text | Kind::Argv => "a text".into(),
            Kind::Duration => "a duration (5, 0.25, 250ms, 2m, 12h)".into(),
            Kind::Glob => "a glob".into(),
            Kind::Role => "a role id".into(),
            Kind::Choice(names) => format!("one of {}", names.join(", ")),
        },
        Shape::List(_) => "a list".into(),
        Shape::Map(_) | Shape::Table(_) => "a mapping".into(),
        Shape::Free => "anything".into(),
    }
}

/// A subtree that nothing checks, as JSON.
fn free(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, plain } => {
            if node.is_null() {
                return Json::Null;
            }
            if *plain && !leading_zero(text) {
                match text.as_str() {
                    "true" => return Json::Bool(true),
                    "false" => return Json::Bool(false),
                    _ => {}
                }
                if let Ok(n) = text.parse::<i64>() {
                    return Json::Number(n.into());
                }
                if let Some(n) = text.parse::<f64>().ok().and_then(Number::from_f64) {
                    return Json::Number(n);
                }
            }
            Json::String(text.clone())
        }
        Value::List(items) => Json::Array(items.iter().map(free).collect()),
        Value::Map(pairs) => {
            let entry = |(k, v): &(Node, Node)| match &k.value {
                Value::Scalar { text, .. } => Some((text.clone(), free(v))),
                _ => None,
            };
            Json::Object(pairs.iter().filter_map(entry).collect())
        }
    }
}

/// The known name within a third of its length in edits.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|k| (distance(name, k), *k)).min()?;
    (near.0 <= (name.chars().count().max(3) / 3).max(1)).then_some(near.1)
}

/// The one place elsewhere in the table where this name stands.
fn elsewhere(name: &str) -> Option<String> {
    let all = super::keys::all();
    let mut hits = all.iter().filter(|(path, k)| k.name == name && !path.contains("NAME"));
    let first = hits.next()?;
    hits.next().is_none().then(|| first.0.clone())
}

/// Edits (insert, delete, replace, swap of neighbours) between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
