//! Another file of the user's, held against a table of keys like the configuration.

use serde_json::{Map as JsonMap, Value as Json};

use super::check::check_form;
use super::diagnostic::Diagnostic;
use super::keys::Key;
use super::places::Places;
use super::suggest;
use super::tree;

/// What is right in the file, where each thing stands, and what is wrong.
#[derive(Debug, Default)]
pub struct Form {
    pub values: JsonMap<String, Json>,
    pub problems: Vec<Diagnostic>,
    places: Places,
}

/// Reads YAML (or JSON, which is YAML) against a table. A file that is none is one problem.
pub fn form(text: &str, keys: &'static [Key]) -> Form {
    match tree::read(text) {
        Ok(Some(root)) => {
            let checked = check_form(&root, keys);
            Form { values: checked.values, problems: checked.problems, places: Places::of(&checked.places) }
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
        self.places.has(path)
    }

    /// A problem at a path, or at the nearest one above it that stands in the file.
    pub fn problem(&self, path: &str, message: impl Into<String>, suggestion: Option<String>) -> Diagnostic {
        self.places.problem(path, message, suggestion)
    }
}

/// What was probably meant, in words.
pub fn did_you_mean(name: &str, known: &[&str]) -> Option<String> {
    suggest::nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}
