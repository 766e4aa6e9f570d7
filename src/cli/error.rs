//! Exit codes and the words of failures: the only place of both (interface.md I1, I2).

use std::fmt::Write as _;

/// Success.
pub const OK: u8 = 0;
/// Internal or I/O error; `doctor` found an error.
pub const INTERNAL: u8 = 1;
/// Usage, configuration, damaged state.
pub const USAGE: u8 = 2;
/// A turn, task or run failed; `audit` found something.
pub const FAILED: u8 = 3;
/// Sync failed or refused, or busy.
pub const REFUSED: u8 = 4;
/// Fenced: the lease was lost.
pub const FENCED: u8 = 5;
/// A limit was reached: wait, budget, stall, iterations of oneshot.
pub const LIMIT: u8 = 6;
/// Rejected as impossible.
pub const IMPOSSIBLE: u8 = 7;

/// A failed command, in the words a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: u8,
    /// Which of the code's reasons, for programs: `busy`, `config`, `turn_failed`, …
    pub reason: &'static str,
    /// What failed: lower case, no full stop.
    pub what: String,
    pub causes: Vec<String>,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(code: u8, reason: &'static str, what: impl Into<String>) -> Self {
        Self { code, reason, what: what.into(), causes: Vec::new(), hint: None }
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `error:`, `cause:` and `hint:` lines.
    pub fn text(&self) -> String {
        let mut out = format!("error: {}\n", self.what);
        for cause in &self.causes {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "cause: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "hint: {hint}");
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "version": 1,
            "error": self.what,
            "reason": self.reason,
            "exit_code": self.code,
            "causes": self.causes,
            "hint": self.hint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_three_kinds_of_lines() {
        let f = Failure::new(USAGE, "config", "read x").cause("a").cause("b").hint("do y");
        assert_eq!(f.text(), "error: read x\ncause: a\ncause: b\nhint: do y\n");
        assert_eq!(f.json()["reason"], "config");
    }
}
