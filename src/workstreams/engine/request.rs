//! What a tool is asked to do, as one value that is checked and stored with the attempt (workstreams.md W17).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An execution request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub run: String,
    pub step: String,
    pub attempt: String,
    /// From 1.
    pub number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// None: the step's own command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(flatten)]
    pub work: Work,
    /// What it may write; none: unchecked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The rule that chose the tool, `step` or `default`.
    pub origin: String,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Text.
    Prompt(String),
    Argv(Vec<String>),
    /// A line for `sh -eu`.
    Shell(String),
    /// `module:function`.
    Python(String),
    /// A task for worker and auditor.
    Oneshot(String),
}

impl Request {
    /// What makes it impossible.
    pub fn problem(&self) -> Option<String> {
        let empty = match &self.work {
            Work::Prompt(text) | Work::Shell(text) | Work::Oneshot(text) => text.trim().is_empty(),
            Work::Argv(argv) => argv.first().is_none_or(String::is_empty),
            Work::Python(function) => !function.contains(':'),
        };
        if empty {
            return Some("there is nothing to run".into());
        }
        let text = match &self.work {
            Work::Argv(argv) => argv.iter().any(|word| word.contains('\0')),
            Work::Shell(line) => line.contains('\0'),
            _ => false,
        };
        let env = self.env.iter().any(|(k, v)| k.is_empty() || k.contains(['=', '\0']) || v.contains('\0'));
        (text || env).then(|| "a command or a variable holds a zero byte".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(work: Work) -> Request {
        Request {
            run: "r".into(),
            step: "s".into(),
            attempt: "a".into(),
            number: 1,
            kind: None,
            tool: None,
            work,
            scope: None,
            timeout_secs: None,
            env: BTreeMap::new(),
            origin: "step".into(),
        }
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        assert_eq!(request(Work::Shell("true".into())).problem(), None);
        for work in [Work::Prompt(" \n".into()), Work::Argv(vec![]), Work::Python("x".into())] {
            assert!(request(work).problem().is_some());
        }
        assert!(request(Work::Argv(vec!["a\0b".into()])).problem().is_some());
        let mut named = request(Work::Shell("true".into()));
        named.env.insert("A=B".into(), String::new());
        assert!(named.problem().is_some());
        let text = serde_json::to_string(&request(Work::Argv(vec!["x".into()]))).unwrap();
        assert!(text.contains(r#""argv":["x"]"#), "{text}");
    }
}
