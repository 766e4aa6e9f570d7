use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use orchestrator::ids::RoleId;
use orchestrator::state::{Event, Holder, NewTurn, State, StateError, file, import, transition};
use serde_json::value::RawValue;

/// Read or refused with a line of the file; what was read is written and read again as the same; no field that is not
/// ours changes; no event makes a state that cannot be read.
pub fn state(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let roles: Vec<RoleId> = ["galph", "ralph"].iter().filter_map(|r| RoleId::parse(r).ok()).collect();
    let text = String::from_utf8_lossy(data);
    let _ = import(&text, &roles, now);
    let state = match file::parse(Path::new("state.json"), data, &roles, now) {
        Ok(state) => state,
        Err(error) => {
            super::printable(&error.to_string());
            if let StateError::Bad { problem, .. } = error
                && let Some(line) = problem.line()
            {
                super::in_range(line, &text);
            }
            return;
        }
    };
    let written = same(&state, &roles, now);
    let foreign = |text: &str| {
        let all: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
        let ours =
            ["iteration", "expected_actor", "status", "last_update", "lease_expires_at", "galph_commit"];
        let more = ["ralph_commit", "last_prompt", "last_prompt_actor", "exit", "exit_reason", "turn"];
        let is_ours = |key: &String| ours.contains(&key.as_str()) || more.contains(&key.as_str());
        all.into_iter()
            .filter(|(key, _)| !is_ours(key))
            .map(|(key, value)| (key, value.get().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(foreign(&text), foreign(&written), "a field that is not ours changed");
    for event in events(&roles) {
        if let Ok(next) = transition(&state, event, &roles, now) {
            same(&next, &roles, now);
        }
    }
}

/// Written and read, the state is the same.
fn same(state: &State, roles: &[RoleId], now: Timestamp) -> String {
    let written = state.render(roles);
    let again = match State::parse(&written, roles, now) {
        Ok(again) => again,
        Err(problem) => panic!("our own text is refused: {problem}\n{written}"),
    };
    assert_eq!(again.render(roles), written, "not stable");
    let brief = |s: &State| {
        let times = (s.last_update.as_second(), s.lease_expires_at.as_second());
        let last = (s.last_prompt.clone(), s.last_prompt_actor.clone());
        (s.iteration, s.expected_actor.clone(), s.status.clone(), times, last, s.commits.clone())
    };
    assert_eq!(brief(&again), brief(state));
    assert_eq!(
        (&again.exit, &again.exit_reason, &again.turn),
        (&state.exit, &state.exit_reason, &state.turn)
    );
    written
}

fn events(roles: &[RoleId]) -> Vec<Event> {
    let mut all = vec![Event::Stop { reason: Some("r".into()) }, Event::Stop { reason: None }, Event::Resume];
    for role in roles {
        let (role, prompt, commit) = (role.clone(), Some("p.md".to_owned()), Some("c".to_owned()));
        let turn = NewTurn { id: "t".into(), epoch: 7, holder: holder(), lease_secs: 600, lease_ref: None };
        all.extend([
            Event::Claim { role: role.clone(), turn: turn.clone(), prompt: prompt.clone() },
            Event::Reclaim { role: role.clone(), turn, prompt: prompt.clone() },
            Event::StartActor { role: role.clone() },
            Event::Succeed { role: role.clone(), commit: commit.clone(), prompt: prompt.clone() },
            Event::Fail { role: role.clone(), commit, prompt },
            Event::Interrupt { role: role.clone() },
            Event::Release { role },
        ]);
    }
    all
}

fn holder() -> Holder {
    let word = || "h".to_owned();
    Holder { host: word(), boot: word(), pid: 1, started: word(), nonce: word() }
}
