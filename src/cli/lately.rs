//! What ran beside the loop lately, by the ledger: what was killed, and the command that goes on with it.

use std::collections::BTreeSet;

use super::record::open;
use crate::ledger::{CRASH, Ledger, LedgerError, RunFilter, RunRow};
use crate::turns::settings::Settings;

/// Runs that are looked at.
const LOOK: u32 = 50;

/// One run that is over, whatever its program could still write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lately {
    pub kind: String,
    pub run_id: String,
    /// Of a workstream.
    pub name: Option<String>,
    pub state: String,
    /// Its program is gone without having said so.
    pub killed: bool,
    /// The command that goes on with it; none: it is done, or another run went on with it.
    pub next: Option<String>,
}

/// The newest first; without those that are live. Empty where no ledger is or it cannot be read: what is wrong with it
/// the commands that need it say.
pub(super) fn lately(settings: &Settings, live: &[String]) -> Vec<Lately> {
    let Ok(ledger) = open(settings) else { return Vec::new() };
    read(&ledger, live).unwrap_or_default()
}

/// The newest of each kind beside the loop, if it was killed.
pub(super) fn killed(all: &[Lately]) -> Vec<&Lately> {
    let mut kinds = BTreeSet::new();
    let newest = all.iter().filter(|run| run.kind != "turns" && kinds.insert(run.kind.as_str()));
    newest.filter(|run| run.killed && run.next.is_some()).collect()
}

fn read(ledger: &Ledger, live: &[String]) -> Result<Vec<Lately>, LedgerError> {
    let rows = ledger.runs(RunFilter::default(), LOOK)?;
    let went_on: BTreeSet<String> = rows.iter().filter_map(|row| row.parent_run_id.clone()).collect();
    let over = rows.iter().filter(|row| !live.contains(&row.run_id));
    Ok(over.map(|row| judge(row, ledger.is_abandoned(row), &went_on)).collect())
}

fn judge(row: &RunRow, abandoned: bool, went_on: &BTreeSet<String>) -> Lately {
    let killed = abandoned || row.error.as_deref() == Some(CRASH);
    let id = &row.run_id;
    // A session that goes on is a run of its own, below its first.
    let session = row.parent_run_id.as_deref().unwrap_or(id);
    let open = killed || row.state == "failed";
    let next = match row.kind.as_str() {
        _ if went_on.contains(id) => None,
        "batch" if open || row.state == "canceled" => Some(format!("orchestrator batch --resume {id}")),
        "oneshot" if open || row.state == "canceled" => {
            Some(format!("orchestrator oneshot resume {session}"))
        }
        "workstream" if open => Some(format!("orchestrator workstream resume {id}")),
        "workstream" if row.state == "quarantined" => {
            Some(format!("orchestrator workstream release {id} --reason TEXT"))
        }
        _ => None,
    };
    Lately {
        kind: row.kind.clone(),
        run_id: id.clone(),
        name: row.workstream_id.clone(),
        state: row.state.clone(),
        killed,
        next,
    }
}

impl Lately {
    /// `workstream build 01a1… was killed`.
    pub(super) fn words(&self) -> String {
        let name = self.name.as_ref().map_or_else(String::new, |name| format!("{name} "));
        let kind = if self.kind == "turns" { "loop" } else { &self.kind };
        let end = if self.killed {
            "was killed".to_owned()
        } else {
            match self.state.as_str() {
                "quarantined" => "was set aside".to_owned(),
                "canceled" => "was ended from outside".to_owned(),
                state => state.to_owned(),
            }
        };
        format!("{kind} {name}{} {end}", self.run_id)
    }

    /// The same with the command that goes on.
    pub(super) fn with_next(&self) -> String {
        let next = self.next.as_ref().map_or_else(String::new, |next| format!(": {next}"));
        format!("{}{next}", self.words())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "run_id": self.run_id,
            "kind": self.kind,
            "state": self.state,
            "killed": self.killed,
            "next": self.next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, id: &str, state: &str) -> RunRow {
        RunRow {
            run_id: id.into(),
            kind: kind.into(),
            state: state.into(),
            project_id: None,
            workstream_id: (kind == "workstream").then(|| "build".into()),
            parent_run_id: None,
            created_at: 0,
            started_at: None,
            ended_at: None,
            exit_code: None,
            error: None,
            metadata: None,
            owner: None,
            attempts: 0,
            input_tokens: None,
            output_tokens: None,
            cost_usd: None,
        }
    }

    /// Each kind goes on by its own command; what is done, or went on already, by none.
    #[test]
    fn what_goes_on_how() {
        let none = BTreeSet::new();
        let told = |row: &RunRow, killed| judge(row, killed, &none).with_next();
        assert_eq!(
            told(&row("batch", "b1", "running"), true),
            "batch b1 was killed: orchestrator batch --resume b1"
        );
        assert_eq!(
            told(&row("workstream", "w1", "failed"), false),
            "workstream build w1 failed: orchestrator workstream resume w1"
        );
        let again = RunRow { parent_run_id: Some("s1".into()), ..row("oneshot", "s2", "canceled") };
        assert_eq!(told(&again, false), "oneshot s2 was ended from outside: orchestrator oneshot resume s1");
        assert_eq!(told(&row("batch", "b1", "succeeded"), false), "batch b1 succeeded");
        assert_eq!(told(&row("turns", "t1", "running"), true), "loop t1 was killed");
        let went_on = BTreeSet::from(["b1".to_owned()]);
        let crashed = RunRow { error: Some(CRASH.into()), ..row("batch", "b1", "failed") };
        assert_eq!(judge(&crashed, false, &went_on).with_next(), "batch b1 was killed");
    }

    #[test]
    fn only_the_newest_of_a_kind_is_named() {
        let none = BTreeSet::new();
        let all = [("batch", "b2", "succeeded"), ("batch", "b1", "running"), ("workstream", "w1", "running")]
            .map(|(kind, id, state)| judge(&row(kind, id, state), state == "running", &none));
        let ids: Vec<&str> = killed(&all).iter().map(|run| run.run_id.as_str()).collect();
        assert_eq!(ids, ["w1"]);
    }
}
