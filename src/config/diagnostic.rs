//! What is wrong with a configuration, with the place and the remedy.

use std::fmt;
use std::path::PathBuf;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// A file's line from 1; `None` for flags and environment.
    pub line: Option<usize>,
    /// Column from 1.
    pub column: Option<usize>,
    /// Dotted path of the key; empty when it is about the whole file.
    pub path: String,
    pub message: String,
    /// The nearest known key or value, or how to write it.
    pub suggestion: Option<String>,
}

/// Everything that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    NotFound { path: PathBuf },
    Io { path: PathBuf, message: String },
    Invalid { origin: String, problems: Vec<Diagnostic> },
}

/// The same in one line that moves no cursor: a file may come from anyone, and its problems are shown on a terminal.
pub fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            let (shown, escaped) =
                if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
            shown.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

impl ConfigError {
    pub fn problems(&self) -> &[Diagnostic] {
        if let Self::Invalid { problems, .. } = self { problems } else { &[] }
    }

    /// One line a problem, each with its place.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::NotFound { path } => vec![format!("{}: no such file", path.display())],
            Self::Io { path, message } => vec![format!("{}: {message}", path.display())],
            Self::Invalid { origin, problems } => problems.iter().map(|p| p.shown(origin)).collect(),
        }
    }
}

impl Diagnostic {
    fn shown(&self, origin: &str) -> String {
        let place = match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{origin}:{line}:{column}"),
            _ => origin.to_owned(),
        };
        let hint = self.suggestion.as_ref().map_or_else(String::new, |s| format!(" ({s})"));
        format!("{place}: {}{hint}", self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigError {}
