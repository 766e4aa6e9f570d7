//! Who takes a turn when the chosen agent cannot (agents.md A1): pure.

use super::discover::AgentError;
use super::dispatch::DispatchError;
use super::table::Table;

/// The agent and those that stand in for it, in the order in which they are tried: its own list, each followed by
/// the list of that one, nobody twice.
pub fn chain(table: &Table, name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        if found.contains(&next) {
            continue;
        }
        if let Some(agent) = table.get(&next) {
            open.extend(agent.fallback.iter().rev().cloned());
        }
        found.push(next);
    }
    found
}

/// Every name in a list of stand-ins must be an agent.
pub fn check(table: &Table) -> Result<(), DispatchError> {
    for name in table.names() {
        let list = table.get(name).map(|agent| agent.fallback.clone()).unwrap_or_default();
        if let Some(unknown) = list.into_iter().find(|other| table.get(other).is_none()) {
            let known = table.names().into_iter().map(str::to_owned).collect();
            return Err(DispatchError { name: unknown, rule: format!("agents.{name}.fallback"), known });
        }
    }
    Ok(())
}

/// The agent is not there: another may stand in for it. Missing consent is a person's decision, not an absence.
pub fn is_missing(error: &AgentError) -> bool {
    match error {
        AgentError::NotFound { .. }
        | AgentError::NoFile { .. }
        | AgentError::NotExecutable { .. }
        | AgentError::NoInterpreter { .. }
        | AgentError::NoneFound(_)
        | AgentError::NoCommand(_)
        | AgentError::NoHttp(_) => true,
        AgentError::Unknown { .. } | AgentError::NoConsent(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::AgentRecord;

    fn table(lists: &[(&str, &[&str])]) -> Table {
        let record = |list: &[&str]| AgentRecord {
            command: Some(vec!["x".into()]),
            fallback: Some(list.iter().map(|n| (*n).to_owned()).collect()),
            ..AgentRecord::default()
        };
        Table::new(&lists.iter().map(|(n, l)| ((*n).to_owned(), record(l))).collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn stand_ins_come_in_order_and_once() {
        let table = table(&[("a", &["b", "codex"]), ("b", &["c", "a"]), ("c", &["b"])]);
        assert_eq!(chain(&table, "a"), ["a", "b", "c", "codex"]);
        assert_eq!(chain(&table, "codex"), ["codex"]);
        assert_eq!(check(&table), Ok(()));
    }

    #[test]
    fn an_unknown_stand_in_is_named_with_its_place() {
        let error = check(&table(&[("a", &["nobody"])])).unwrap_err();
        assert!(error.to_string().starts_with("no agent `nobody` (agents.a.fallback)"), "{error}");
    }
}
