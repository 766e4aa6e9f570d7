//! The values in force, each with where it came from (`orchestrator config`).

use serde_json::Value as Json;

use super::keys::{ROOT, Shape};
use super::layers::Source;
use super::load::Loaded;

/// One key of the listing.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EffectiveKey {
    pub path: String,
    pub value: Json,
    pub source: Source,
}

impl Loaded {
    /// Every key that has a value, in the order of the table; values of an agent's environment
    /// that look like secrets are masked.
    pub fn effective(&self) -> Vec<EffectiveKey> {
        let values = serde_json::to_value(&self.config).unwrap_or(Json::Null);
        let mut out = Vec::new();
        walk("", ROOT, &values, &mut out);
        out.into_iter()
            .map(|(path, value)| EffectiveKey {
                source: self.source_of(&path),
                value: if secret(&path) { Json::from("***") } else { value },
                path,
            })
            .collect()
    }

    /// The last layer that set this key, or one above it.
    pub fn source_of(&self, path: &str) -> Source {
        let below = |set: &str| path == set || path.strip_prefix(set).is_some_and(|r| r.starts_with('.'));
        // A section that stands there with keys of its own says nothing of the keys that it leaves out.
        let section = |set: &str| {
            let inner = |other: &str| other.strip_prefix(set).is_some_and(|rest| rest.starts_with('.'));
            set != path && self.sources.iter().any(|(other, _)| inner(other))
        };
        let hits = self.sources.iter().filter(|(set, _)| below(set) && !section(set));
        hits.max_by_key(|(set, source)| (rank(source), set.len())).map_or(Source::Default, |(_, s)| s.clone())
    }
}

/// By the names that redaction goes by (supervision.md P14).
fn secret(path: &str) -> bool {
    let name = path.strip_prefix("agents.").and_then(|rest| rest.rsplit_once(".env.")).map(|(_, name)| name);
    name.map(str::to_uppercase)
        .is_some_and(|name| ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.contains(word)))
}

fn rank(source: &Source) -> u8 {
    match source {
        Source::Default => 0,
        Source::File { .. } => 1,
        Source::Env { .. } => 2,
        Source::Flag { .. } => 3,
    }
}

fn walk(prefix: &str, shape: Shape, value: &Json, out: &mut Vec<(String, Json)>) {
    let below = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match shape {
        Shape::Map(keys) => {
            for key in keys {
                if let Some(inner) = value.get(key.name) {
                    walk(&below(key.name), key.shape, inner, out);
                }
            }
        }
        Shape::Table(inner) => {
            for (name, entry) in value.as_object().into_iter().flatten() {
                walk(&below(name), *inner, entry, out);
            }
        }
        Shape::One(_) | Shape::List(_) | Shape::Argv | Shape::Command => {
            if !value.is_null() {
                out.push((prefix.to_owned(), value.clone()));
            }
        }
    }
}
