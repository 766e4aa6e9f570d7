//! What overrides a file: environment, then flags (turns.md T34). Each value passes the same table.

use std::fmt;

use serde_json::{Map as JsonMap, Value as Json};

use super::check::{set, split};
use super::diagnostic::Diagnostic;
use super::keys::{Kind, Shape, shape_at};
use super::scalar::{expected, scalar, short};

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
    /// A path of the table without entry names, such as `router.mode` or `run.agent_roles`.
    pub path: String,
    /// One text; for lists, several; for tables, `NAME=VALUE` each; for a command, one line or its words.
    pub texts: Vec<String>,
    pub source: Source,
}

impl Override {
    pub fn flag(name: &str, path: &str, text: impl Into<String>) -> Self {
        Self::flags(name, path, [text])
    }

    /// A flag that may be given several times.
    pub fn flags<T: Into<String>>(name: &str, path: &str, texts: impl IntoIterator<Item = T>) -> Self {
        let texts = texts.into_iter().map(Into::into).collect();
        Self { path: path.into(), texts, source: Source::Flag { name: name.into() } }
    }

    /// Puts the value into the tree and says which paths were set, or what is wrong with it.
    pub(super) fn apply(&self, values: &mut JsonMap<String, Json>) -> Result<Vec<String>, Diagnostic> {
        let shape = shape_at(&self.path);
        if let Some(Shape::Table(Shape::One(kind))) = shape {
            return self.entries(*kind, values);
        }
        let value = match shape {
            Some(Shape::One(kind)) => self.one(kind, self.texts.last().map_or("", String::as_str))?,
            Some(Shape::List(Shape::One(kind))) => {
                let items: Result<Vec<Json>, _> = self.texts.iter().map(|t| self.one(*kind, t)).collect();
                Json::Array(items?)
            }
            Some(shape @ (Shape::Argv | Shape::Command)) => self.words(shape, &self.texts)?,
            Some(Shape::List(shape @ (Shape::Argv | Shape::Command))) => {
                let lines = self.texts.iter().map(|line| self.words(*shape, std::slice::from_ref(line)));
                Json::Array(lines.collect::<Result<_, _>>()?)
            }
            _ => return Err(self.wrong(&format!("`{}` cannot be set this way", self.path), None)),
        };
        set(values, &self.path, value);
        Ok(vec![self.path.clone()])
    }

    /// Entry by entry, so that a flag and the environment may each name other ones.
    fn entries(&self, kind: Kind, values: &mut JsonMap<String, Json>) -> Result<Vec<String>, Diagnostic> {
        let mut pairs = Vec::new();
        for text in &self.texts {
            let pair = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = pair.filter(|(name, _)| !name.is_empty()) else {
                return Err(self.wrong(&format!("expected NAME=VALUE, found `{}`", short(text)), None));
            };
            pairs.push((name, self.one(kind, value)?));
        }
        let keep = self.path.split('.').try_fold(&*values, |map, part| map.get(part)?.as_object());
        let mut table = keep.cloned().unwrap_or_default();
        let paths = pairs.iter().map(|(name, _)| format!("{}.{name}", self.path)).collect();
        table.extend(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)));
        set(values, &self.path, Json::Object(table));
        Ok(paths)
    }

    fn one(&self, kind: Kind, text: &str) -> Result<Json, Diagnostic> {
        scalar(kind, text, kind != Kind::Text).map_err(|(message, hint)| self.wrong(&message, hint))
    }

    fn words(&self, shape: Shape, texts: &[String]) -> Result<Json, Diagnostic> {
        let words = match texts {
            [line] => split(line),
            words => (!words.is_empty()).then(|| words.to_vec()),
        };
        let found = short(&texts.join(" "));
        words
            .map(Json::from)
            .ok_or_else(|| self.wrong(&format!("expected {}, found `{found}`", expected(shape)), None))
    }

    fn wrong(&self, message: &str, suggestion: Option<String>) -> Diagnostic {
        let message = format!("{}: {message}", self.source);
        Diagnostic { line: None, column: None, path: self.path.clone(), message, suggestion }
    }
}
