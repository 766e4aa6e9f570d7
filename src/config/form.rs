//! Another file of the user's, held against a table of keys like the configuration.

use std::collections::HashMap;

use serde_json::{Map as JsonMap, Value as Json};

use super::check::check_form;
use super::diagnostic::Diagnostic;
use super::keys::Key;
use super::suggest;
use super::tree;

/// What is right in the file, where each thing stands, and what is wrong.
#[derive(Debug, Default)]
pub struct Form {
    pub values: JsonMap<String, Json>,
    pub problems: Vec<Diagnostic>,
    places: HashMap<String, (usize, usize)>,
}

/// Reads YAML (or JSON, which is YAML) against a table. A file that is none is one problem.
pub fn form(text: &str, keys: &'static [Key]) -> Form {
    match tree::read(text) {
        Ok(Some(root)) => {
            let checked = check_form(&root, keys);
            let place = |p: super::check::Place| (p.path, (p.line, p.column));
            Form {
                values: checked.values,
                problems: checked.problems,
                places: checked.places.into_iter().map(place).collect(),
            }
        }
        Ok(None) => {
            let message = "the file is empty".to_owned();
            let problem =
                Diagnostic { line: None, column: None, path: String::new(), message, suggestion: None };
            Form { problems: vec![problem], ..Form::default() }
        }
        Err(problem) => Form { problems: vec![problem], ..Form::default() },
    }
}

impl Form {
    /// Whether the file sets this key.
    pub fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// A problem at a path, or at the nearest one above it that stands in the file.
    pub fn problem(&self, path: &str, message: impl Into<String>, suggestion: Option<String>) -> Diagnostic {
        let mut at = path;
        let found = loop {
            if let Some(found) = self.places.get(at) {
                break Some(*found);
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => break None,
            }
        };
        Diagnostic {
            line: found.map(|(line, _)| line),
            column: found.map(|(_, column)| column),
            path: path.to_owned(),
            message: message.into(),
            suggestion,
        }
    }
}

/// What was probably meant, in words.
pub fn did_you_mean(name: &str, known: &[&str]) -> Option<String> {
    suggest::nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}
