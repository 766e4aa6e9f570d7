//! Text to [`State`]: pure, with the line of whatever is wrong.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::FieldProblem;
use super::model::{SourceField, State, Status, Turn};
use crate::ids::RoleId;

/// Counters beyond this are damage, or somebody's trap: adding to them would overflow here or round in JavaScript.
const MAX_COUNT: u64 = 1 << 53;

impl State {
    /// Reads a state file's text for a workflow of these roles, the first of which is the default
    /// actor. `now` fills missing times.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and field. Nothing is guessed.
    pub fn parse(text: &str, roles: &[RoleId], now: Timestamp) -> Result<Self, FieldProblem> {
        if text.trim().is_empty() {
            return Err(FieldProblem::Empty);
        }
        if let Some(line) = conflict_line(text) {
            return Err(FieldProblem::Conflict { line });
        }
        let Object(entries) = serde_json::from_str(text).map_err(|e| syntax(text, &e))?;
        let fields = Fields { text, entries };
        fields.refuse_duplicates()?;
        if let Some(raw) = fields.get("step_index") {
            return Err(FieldProblem::StepDialect { line: fields.line_of(raw) });
        }
        let first = roles.first().ok_or_else(|| FieldProblem::Field {
            line: 1,
            field: "expected_actor".into(),
            message: "the workflow has no role".into(),
        })?;
        let mut state = Self::initial(first.clone(), now);
        fields.fill(&mut state, roles)?;
        state.source = fields.source(roles);
        Ok(state)
    }
}

/// The file's pairs in their order; serde's own maps would sort or merge them.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, &'de RawValue>()? {
                    pairs.push(pair);
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

struct Fields<'a> {
    text: &'a str,
    entries: Vec<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| *v)
    }

    /// A raw value is a slice of the text, so its address says where it stands.
    fn line_of(&self, raw: &RawValue) -> usize {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        line_at(self.text, offset)
    }

    fn problem(&self, field: &str, raw: &RawValue, message: impl Into<String>) -> FieldProblem {
        FieldProblem::Field { line: self.line_of(raw), field: field.into(), message: tame(&message.into()) }
    }

    fn refuse_duplicates(&self) -> Result<(), FieldProblem> {
        let mut seen = HashSet::with_capacity(self.entries.len());
        for (key, raw) in &self.entries {
            if !seen.insert(key) {
                return Err(self.problem(&key.escape_debug().to_string(), raw, "stands twice"));
            }
        }
        Ok(())
    }

    fn typed<T: DeserializeOwned>(&self, key: &str, expected: &str) -> Result<Option<T>, FieldProblem> {
        let Some(raw) = self.get(key) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| self.problem(key, raw, format!("expected {expected}, found {}", shown(raw))))
    }

    fn role(&self, key: &str, name: &str, roles: &[RoleId]) -> Result<RoleId, FieldProblem> {
        roles.iter().find(|r| r.as_str() == name).cloned().ok_or_else(|| {
            let known: Vec<&str> = roles.iter().map(RoleId::as_str).collect();
            let message = format!("unknown role `{}` (the workflow has {})", brief(name), known.join(", "));
            FieldProblem::Field {
                line: self.get(key).map_or(1, |raw| self.line_of(raw)),
                field: key.into(),
                message,
            }
        })
    }

    fn status(&self, name: &str, roles: &[RoleId]) -> Result<Status, FieldProblem> {
        Ok(match name {
            "idle" => Status::Idle,
            "complete" => Status::Complete,
            "failed" => Status::Failed,
            other => {
                if let Some(role) = other.strip_prefix("running-") {
                    Status::Running(self.role("status", role, roles)?)
                } else if let Some(role) = other.strip_prefix("waiting-") {
                    Status::Waiting(self.role("status", role, roles)?)
                } else {
                    let line = self.get("status").map_or(1, |raw| self.line_of(raw));
                    let message = format!("unknown status `{}`", brief(other));
                    return Err(FieldProblem::Field { line, field: "status".into(), message });
                }
            }
        })
    }

    fn time(&self, key: &str) -> Result<Option<Timestamp>, FieldProblem> {
        let expected = "a UTC time such as 2026-01-22T02:41:52Z";
        let Some(text) = self.typed::<String>(key, expected)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| FieldProblem::Field {
            line: self.get(key).map_or(1, |raw| self.line_of(raw)),
            field: key.into(),
            message: format!("expected {expected}, found \"{}\"", brief(&text)),
        })
    }

    fn fill(&self, state: &mut State, roles: &[RoleId]) -> Result<(), FieldProblem> {
        if let Some(n) = self.typed::<u64>("iteration", "a whole number from 1")? {
            if n == 0
                && let Some(raw) = self.get("iteration")
            {
                return Err(self.problem("iteration", raw, "expected a whole number from 1, found 0"));
            }
            self.countable("iteration", "iteration", n)?;
            state.iteration = n;
        }
        if let Some(name) = self.typed::<String>("expected_actor", "a role")? {
            state.expected_actor = self.role("expected_actor", &name, roles)?;
        }
        if let Some(name) = self.typed::<String>("status", "a status")? {
            state.status = self.status(&name, roles)?;
        }
        if let Some(t) = self.time("last_update")? {
            state.last_update = t;
        }
        if let Some(t) = self.time("lease_expires_at")? {
            state.lease_expires_at = t;
        }
        state.commits = self.commits(roles)?;
        state.last_prompt = self.typed::<Option<String>>("last_prompt", "a prompt name or null")?.flatten();
        if let Some(name) = self.typed::<Option<String>>("last_prompt_actor", "a role or null")?.flatten() {
            state.last_prompt_actor = Some(self.role("last_prompt_actor", &name, roles)?);
        }
        state.exit = self.typed::<bool>("exit", "true or false")?;
        state.exit_reason = self.typed::<Option<String>>("exit_reason", "a text")?.flatten();
        state.turn = self.turn(roles)?;
        Ok(())
    }

    /// One more can always be counted.
    fn countable(&self, field: &str, name: &str, n: u64) -> Result<(), FieldProblem> {
        match self.get(field) {
            Some(raw) if n > MAX_COUNT => {
                Err(self.problem(field, raw, format!("{name} is {n}, more than the limit of {MAX_COUNT}")))
            }
            _ => Ok(()),
        }
    }

    fn commits(&self, roles: &[RoleId]) -> Result<BTreeMap<RoleId, String>, FieldProblem> {
        let mut commits = BTreeMap::new();
        for role in roles {
            let key = role.commit_key();
            if let Some(id) = self.typed::<Option<String>>(&key, "a commit id or null")?.flatten() {
                commits.insert(role.clone(), id);
            }
        }
        Ok(commits)
    }

    fn turn(&self, roles: &[RoleId]) -> Result<Option<Turn>, FieldProblem> {
        let Some(raw) = self.get("turn") else { return Ok(None) };
        let turn: Option<Turn> =
            serde_json::from_str(raw.get()).map_err(|e| self.problem("turn", raw, e.to_string()))?;
        if let Some(turn) = &turn {
            self.role("turn", turn.role.as_str(), roles)?;
            for (name, n) in
                [("epoch", turn.epoch), ("failures", turn.failures), ("lease_secs", turn.lease_secs)]
            {
                self.countable("turn", name, n)?;
            }
        }
        Ok(turn)
    }

    fn source(&self, roles: &[RoleId]) -> Vec<SourceField> {
        let ours = super::render::known_keys(roles.iter());
        let foreign = |key: &str, raw: &RawValue| {
            (!ours.iter().any(|known| known == key)).then(|| raw.get().to_owned())
        };
        self.entries.iter().map(|(k, v)| SourceField { key: k.clone(), foreign: foreign(k, v) }).collect()
    }
}

/// What was found, short enough for one line of an error.
fn shown(raw: &RawValue) -> String {
    let text: String = raw.get().split_whitespace().collect::<Vec<_>>().join(" ");
    brief(&text)
}

/// At most 40 characters of a text, none of which moves a cursor.
fn brief(text: &str) -> String {
    let text = tame(text);
    if text.chars().count() <= 40 { text } else { text.chars().take(37).chain("...".chars()).collect() }
}

/// Control characters as their escapes: the text came from another machine and goes to a terminal.
fn tame(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].split(|b| *b == b'\n').count()
}

fn conflict_line(text: &str) -> Option<usize> {
    let marks = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"];
    text.lines().position(|line| marks.iter().any(|m| line.starts_with(m))).map(|i| i + 1)
}

fn syntax(text: &str, error: &serde_json::Error) -> FieldProblem {
    if error.is_data() && !text.trim_start().starts_with('{') {
        let start = text.len() - text.trim_start().len();
        return FieldProblem::NotAnObject { line: line_at(text, start) };
    }
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    FieldProblem::Syntax { line: error.line(), column: error.column(), message }
}
