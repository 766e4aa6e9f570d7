//! The agents that can take one turn, and which of them a limit keeps away (agents.md A1, A6).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::discover::{AgentError, Ready, ready};
use super::fallback::{chain, is_missing};
use super::table::Table;

/// At least one agent, best first.
#[derive(Debug)]
pub struct Roster {
    ready: Vec<Ready>,
    /// Who is refused, by place, and until when (seconds since the epoch) if that was stated.
    limited: BTreeMap<usize, Option<i64>>,
    /// The agent that was asked for, and why it is not the first here.
    missing: Option<(String, String)>,
}

/// The agent of this name and its stand-ins, as far as they can run. Missing consent of the first is a person's
/// decision and an error; a stand-in without it is left out.
pub fn roster(
    table: &Table,
    name: &str,
    order: &[String],
    path: &OsStr,
    root: &Path,
    unattended: bool,
) -> Result<Roster, AgentError> {
    let look = |name: &str| {
        let found = ready(table, name, order, path, root)?;
        found.consented(unattended).map(|()| found)
    };
    let first = look(name);
    let chosen = first.as_ref().map_or(name, |found| found.agent.name.as_str()).to_owned();
    let (mut list, error) = match first {
        Ok(found) => (vec![found], None),
        Err(e) if is_missing(&e) => (Vec::new(), Some(e)),
        Err(e) => return Err(e),
    };
    list.extend(chain(table, &chosen).iter().skip(1).filter_map(|other| look(other).ok()));
    match error {
        Some(e) if list.is_empty() => Err(e),
        error => {
            let missing = error.map(|e| (chosen, e.to_string()));
            Ok(Roster { ready: list, limited: BTreeMap::new(), missing })
        }
    }
}

impl Roster {
    pub fn get(&self, at: usize) -> &Ready {
        // Places come from this list, which is never empty.
        &self.ready[at.min(self.ready.len() - 1)]
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ready.iter().map(|r| r.agent.name.as_str())
    }

    /// Whether a model may be among them.
    pub fn models(&self) -> bool {
        self.ready.iter().any(|r| r.agent.unattended || r.agent.http.is_some())
    }

    /// The agent that was asked for, if it cannot run at all, and why.
    pub fn missing(&self) -> Option<&(String, String)> {
        self.missing.as_ref()
    }

    pub fn refuse(&mut self, at: usize, resets_at: Option<i64>) {
        self.limited.insert(at, resets_at);
    }

    /// Its limit is over, or is tried.
    pub fn release(&mut self, at: usize) {
        self.limited.remove(&at);
    }

    /// The first that no limit keeps away.
    pub fn free(&self, now: i64) -> Option<usize> {
        let away = |at: &usize| self.limited.get(at).is_some_and(|reset| reset.is_none_or(|r| r > now));
        (0..self.ready.len()).find(|at| !away(at))
    }

    /// Of those that are kept away, the one that states the earliest end; else the first.
    pub fn soonest(&self) -> (usize, Option<i64>) {
        let stated = self.limited.iter().filter_map(|(at, reset)| Some((*at, (*reset)?)));
        match stated.min_by_key(|(_, reset)| *reset) {
            Some((at, reset)) => (at, Some(reset)),
            None => (self.limited.keys().next().copied().unwrap_or(0), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentRecord;

    /// Agents whose command is `sh`, or a program that nobody has.
    fn table(list: &[(&str, &str, &[&str], bool)]) -> Table {
        let record = |program: &str, others: &[&str], unattended: bool| AgentRecord {
            command: Some(vec![program.into()]),
            fallback: Some(others.iter().map(|n| (*n).to_owned()).collect()),
            unattended: Some(unattended),
            ..AgentRecord::default()
        };
        let records = list.iter().map(|(n, p, o, u)| ((*n).to_owned(), record(p, o, *u)));
        Table::new(&records.collect::<BTreeMap<_, _>>())
    }

    fn find(table: &Table, name: &str) -> Result<Roster, AgentError> {
        roster(table, name, &[], OsStr::new("/bin:/usr/bin"), Path::new("/"), false)
    }

    /// A1: a stand-in is taken when the agent is not installed; A10: never past a missing consent.
    #[test]
    fn who_cannot_run_is_left_out() {
        let t = table(&[
            ("a", "no-such-program", &["b", "model", "c"], false),
            ("b", "neither-this", &[], false),
            ("model", "sh", &["c"], true),
            ("c", "sh", &["a"], false),
            ("alone", "no-such-program", &["b"], false),
        ]);
        let found = find(&t, "a").unwrap();
        assert_eq!(found.names().collect::<Vec<_>>(), ["c"]);
        let (name, why) = found.missing().unwrap();
        assert_eq!((name.as_str(), why.as_str()), ("a", "agent `a`: `no-such-program` is not on PATH"));
        assert_eq!(find(&t, "c").unwrap().names().collect::<Vec<_>>(), ["c"]);
        assert!(find(&t, "c").unwrap().missing().is_none());
        assert!(matches!(find(&t, "alone"), Err(AgentError::NotFound { name, .. }) if name == "alone"));
        assert!(matches!(find(&t, "model"), Err(AgentError::NoConsent(_))));
    }

    #[test]
    fn who_is_refused_comes_back() {
        let t = table(&[("a", "sh", &["b", "c"], false), ("b", "sh", &[], false), ("c", "sh", &[], false)]);
        let mut r = find(&t, "a").unwrap();
        assert_eq!(r.free(100), Some(0));
        r.refuse(0, Some(200));
        assert_eq!(r.free(100), Some(1));
        assert_eq!(r.free(200), Some(0), "its time has come");
        r.refuse(1, None);
        r.refuse(2, Some(150));
        assert_eq!((r.free(100), r.soonest()), (None, (2, Some(150))));
        r.release(2);
        assert_eq!((r.free(100), r.soonest()), (Some(2), (0, Some(200))));
        let mut silent = find(&t, "a").unwrap();
        silent.refuse(0, None);
        silent.refuse(1, None);
        assert_eq!(silent.soonest(), (0, None));
    }
}
