//! From the earlier orchestrator's later dialect, which counts steps, to a state (turns.md T2): pure.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::FieldProblem;
use super::model::State;
use crate::ids::RoleId;

/// Why a file is not taken over.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImportError {
    #[error("it is no JSON object: {0}")]
    Syntax(String),
    #[error("it has no `step_index`: there is nothing to convert")]
    NoSteps,
    #[error("`step_index` is {0}, not a whole number from 0")]
    BadIndex(String),
    #[error(transparent)]
    Field(#[from] FieldProblem),
}

/// The state that a file of that dialect stands for: iteration = index / number of roles + 1, role = index mod that
/// number. A turn that was running is that role's to take again; a failure stays one; other fields are kept.
pub fn import(text: &str, roles: &[RoleId], now: Timestamp) -> Result<State, ImportError> {
    let mut fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|e| ImportError::Syntax(e.to_string()))?;
    let index = fields.remove("step_index").ok_or(ImportError::NoSteps)?;
    let index = index.as_u64().ok_or_else(|| ImportError::BadIndex(index.to_string()))?;
    let count = roles.len().max(1) as u64;
    let at = usize::try_from(index % count).unwrap_or(0);
    let Some(role) = roles.get(at) else { return Err(ImportError::NoSteps) };
    let failed = fields.get("status").and_then(Value::as_str) == Some("failed");
    let status = match (failed, index) {
        (true, _) => "failed".to_owned(),
        (false, 0) => "idle".to_owned(),
        (false, _) if at == 0 => "complete".to_owned(),
        (false, _) => format!("waiting-{role}"),
    };
    fields.insert("iteration".into(), Value::from((index / count).saturating_add(1)));
    fields.insert("expected_actor".into(), Value::from(role.as_str()));
    fields.insert("status".into(), Value::from(status));
    let text = Value::Object(fields).to_string();
    Ok(State::parse(&text, roles, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(text: &str) -> Result<String, ImportError> {
        let roles = ["galph", "ralph"].map(|r| RoleId::parse(r).unwrap());
        let state = import(text, &roles, Timestamp::UNIX_EPOCH)?;
        Ok(format!("{} {} {}", state.iteration, state.expected_actor, state.status))
    }

    /// T2.
    #[test]
    fn steps_become_iterations_and_roles() {
        let cases = [
            (r#"{"step_index": 0, "status": "idle"}"#, "1 galph idle"),
            (r#"{"step_index": 1, "status": "running-galph"}"#, "1 ralph waiting-ralph"),
            (r#"{"step_index": 6, "status": "waiting-next"}"#, "4 galph complete"),
            (r#"{"step_index": 7, "status": "failed", "workflow_name": "x"}"#, "4 ralph failed"),
        ];
        for (text, expected) in cases {
            assert_eq!(imported(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        assert_eq!(imported(r#"{"iteration": 3}"#), Err(ImportError::NoSteps));
        assert_eq!(imported(r#"{"step_index": -1}"#), Err(ImportError::BadIndex("-1".into())));
        assert!(matches!(imported("[1]"), Err(ImportError::Syntax(_))));
        let wrong = imported(r#"{"step_index": 1, "exit": 7}"#).unwrap_err();
        assert!(wrong.to_string().contains("exit"), "{wrong}");
    }

    #[test]
    fn what_is_not_ours_is_kept() {
        let roles = ["galph", "ralph"].map(|r| RoleId::parse(r).unwrap());
        let text = r#"{"step_index": 2, "workflow_name": "standard", "galph_commit": "abc1234"}"#;
        let written = import(text, &roles, Timestamp::UNIX_EPOCH).unwrap().render(&roles);
        assert!(written.contains("\"workflow_name\": \"standard\""), "{written}");
        assert!(
            written.contains("\"galph_commit\": \"abc1234\"") && !written.contains("step_index"),
            "{written}"
        );
    }
}
