//! What overrides a file: environment, then flags (turns.md T34). Each value passes the same table.

use std::fmt;

use serde_json::{Map as JsonMap, Value as Json};

use super::check::{scalar, set};
use super::diagnostic::Diagnostic;
use super::keys::{Shape, shape_at};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "at")]
pub enum Source {
    Default,
    File { line: usize },
    Env { name: String },
    Flag { name: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "file, line {line}"),
            Self::Env { name } => write!(f, "environment {name}"),
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One value from outside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub path: String,
    /// One text; for lists, several.
    pub texts: Vec<String>,
    pub source: Source,
}

impl Override {
    pub fn flag(name: &str, path: &str, text: impl Into<String>) -> Self {
        Self { path: path.into(), texts: vec![text.into()], source: Source::Flag { name: name.into() } }
    }

    /// Puts the value into the tree, or says what is wrong with it.
    pub(super) fn apply(&self, values: &mut JsonMap<String, Json>) -> Result<(), Diagnostic> {
        let wrong = |message: String, suggestion: Option<String>| Diagnostic {
            line: None,
            column: None,
            message: format!("{}: {message}", self.source),
            suggestion,
        };
        let value = match shape_at(&self.path) {
            Some(Shape::One(kind)) => {
                let text = self.texts.last().map_or("", String::as_str);
                scalar(kind, text, !matches!(kind, super::keys::Kind::Text))
                    .map_err(|(message, hint)| wrong(message, hint))?
            }
            Some(Shape::List(Shape::One(kind))) => {
                let items: Result<Vec<Json>, _> = self
                    .texts
                    .iter()
                    .map(|t| scalar(*kind, t, !matches!(kind, super::keys::Kind::Text)))
                    .collect();
                Json::Array(items.map_err(|(message, hint)| wrong(message, hint))?)
            }
            _ => return Err(wrong(format!("`{}` cannot be set this way", self.path), None)),
        };
        set(values, &self.path, value);
        Ok(())
    }
}
