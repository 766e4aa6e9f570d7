//! The same checks with the environment that a timer gives.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::super::error::{Failure, INTERNAL};
use super::gather::Looked;
use super::judge::{Finding, Level};

/// What cron(8) sets for a user's entries.
const PATH: &str = "/usr/bin:/bin";

/// What is wrong there and not here. A bare environment has no PATH of its own, no ssh agent and no keys.
pub(super) fn findings(looked: &Looked, offline: bool, here: &[Finding]) -> Result<Vec<Finding>, Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::new(INTERNAL, "io", "look again under cron's environment").cause(e.to_string())
    };
    let own = std::env::current_exe().map_err(|e| failed(&e))?;
    let mut command = Command::new(own);
    command.env_clear().env("PATH", PATH).env("SHELL", "/bin/sh").stdin(Stdio::null());
    for name in ["HOME", "LOGNAME", "USER"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.arg("-C").arg(&looked.root).args(["doctor", "--format", "json"]);
    if let Some(file) = &looked.config_file {
        command.arg("--config").arg(file);
    }
    if offline {
        command.arg("--offline");
    }
    let output = command.output().map_err(|e| failed(&e))?;
    let value: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(&String::from_utf8_lossy(&output.stderr).trim()))?;
    Ok(only_there(&value, here))
}

/// Pure. The remedy of what is missing there is the timer's entry.
fn only_there(value: &Value, here: &[Finding]) -> Vec<Finding> {
    let known: BTreeSet<&str> = here.iter().map(|f| f.what.as_str()).collect();
    let text = |finding: &Value, key: &str| finding[key].as_str().map(str::to_owned);
    let all = value["findings"].as_array().into_iter().flatten();
    let mut found: Vec<Finding> = all
        .filter_map(|finding| {
            let level = match finding["level"].as_str()? {
                "error" => Level::Error,
                "warning" => Level::Warning,
                _ => return None,
            };
            let what = text(finding, "what").filter(|what| !known.contains(what.as_str()))?;
            let remedy = text(finding, "remedy").map(|remedy| {
                format!("{remedy}; or set PATH and keys in the entry: orchestrator setup cron prints a complete one")
            });
            Some(Finding { level, area: format!("cron, {}", text(finding, "area")?), what, remedy, fix: None })
        })
        .collect();
    if found.is_empty() {
        let what = format!("nothing is different with PATH={PATH} and no other variables");
        found.push(Finding { level: Level::Fine, area: "cron".into(), what, remedy: None, fix: None });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_different_there_is_told() {
        let here = [Finding {
            level: Level::Error,
            area: "goal".into(),
            what: "template".into(),
            remedy: None,
            fix: None,
        }];
        let there = serde_json::json!({"findings": [
            {"level": "error", "area": "goal", "what": "template", "remedy": "write"},
            {"level": "error", "area": "agents", "what": "galph: not on PATH", "remedy": "install it"},
            {"level": "fine", "area": "branch", "what": "work"},
        ]});
        let found = only_there(&there, &here);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].area.as_str(), found[0].what.as_str()), ("cron, agents", "galph: not on PATH"));
        assert!(found[0].remedy.as_ref().unwrap().contains("setup cron"));
        assert_eq!(only_there(&serde_json::json!({"findings": []}), &here)[0].level, Level::Fine);
    }
}
