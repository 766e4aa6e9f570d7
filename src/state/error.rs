//! What can be wrong with a state file, with the place.

use std::path::PathBuf;

/// A state file that cannot be used. It is never replaced by defaults: a damaged state must not
/// restart a project at iteration 1 (T3).
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: no such file", path = .path.display())]
    Missing { path: PathBuf },
    #[error("{path}: {size} bytes, more than the limit of 1 MiB", path = .path.display())]
    TooLarge { path: PathBuf, size: u64 },
    #[error("{path}{}: {problem}", problem.place(), path = .path.display())]
    Bad { path: PathBuf, problem: FieldProblem },
}

/// What is wrong in the text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    #[error("the file is empty")]
    Empty,
    #[error("merge conflict marker")]
    Conflict { line: usize },
    #[error("not valid JSON: {message}")]
    Syntax { line: usize, column: usize, message: String },
    #[error("not a JSON object")]
    NotAnObject { line: usize },
    #[error("field `{field}`: {message}")]
    Field { line: usize, field: String, message: String },
    #[error("field `step_index`: this file is of the orchestrator's step dialect")]
    StepDialect { line: usize },
}

impl FieldProblem {
    /// Line, counted from 1, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Empty => None,
            Self::Conflict { line }
            | Self::Syntax { line, .. }
            | Self::NotAnObject { line }
            | Self::Field { line, .. }
            | Self::StepDialect { line } => Some(*line),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Syntax { line, column, .. } => format!(":{line}:{column}"),
            other => other.line().map_or_else(String::new, |line| format!(":{line}")),
        }
    }
}
