//! The workstream file: what it may hold, what is wrong with it. Pure.

mod check;
mod keys;
mod model;
pub mod when;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use check::Known;
pub use model::{Budget, Gate, MAX_PARALLEL, Spec, Step, names_a_file};

use super::graph::Graph;
use crate::config::keys::{Key, Shape, all_of};
use crate::config::{Diagnostic, form};

/// A file that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Workstream {
    pub spec: Spec,
    pub graph: Graph,
}

/// Every key of a file, with its dotted path.
pub fn keys() -> Vec<(String, Key)> {
    all_of(Shape::Map(keys::FILE))
}

/// Reads a workstream file, YAML or JSON.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn read(text: &str, known: &Known<'_>) -> Result<Workstream, Vec<Diagnostic>> {
    let mut form = form(text, keys::FILE);
    let mut problems = std::mem::take(&mut form.problems);
    let spec: Spec = match serde_json::from_value(Value::Object(std::mem::take(&mut form.values))) {
        Ok(spec) => spec,
        Err(e) if problems.is_empty() => {
            return Err(vec![form.problem("", e.to_string(), None)]);
        }
        Err(_) => return Err(problems),
    };
    // What has been told of a key is not told again.
    form.problems.clone_from(&problems);
    let (more, graph) = check::check(&spec, &form, known);
    problems.extend(more);
    problems.sort_by_key(|p| (p.line, p.column));
    match graph {
        Some(graph) if problems.is_empty() => Ok(Workstream { spec, graph }),
        _ => Err(problems),
    }
}
