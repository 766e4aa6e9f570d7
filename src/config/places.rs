//! Where things stand in a file, for the problems with them.

use std::collections::HashMap;

use super::check::Place;
use super::diagnostic::{Diagnostic, plain};

/// Line and column of each path.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<String, (usize, usize)>);

impl Places {
    pub(super) fn of(places: &[Place]) -> Self {
        Self(places.iter().map(|p| (p.path.clone(), (p.line, p.column))).collect())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// A problem at a path, or at the nearest one above it that stands in the file.
    pub(super) fn problem(
        &self,
        path: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) -> Diagnostic {
        let mut at = path;
        let found = loop {
            if let Some(found) = self.0.get(at) {
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
            message: plain(&message.into()),
            suggestion: suggestion.map(|s| plain(&s)),
        }
    }
}
