//! [`State`] to text: the keys in the order in which they were found, ours from the typed fields.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::model::State;
use crate::clock::iso_seconds;
use crate::ids::RoleId;

/// The keys that are ours for these roles, in the order of T1.
pub(super) fn known_keys<'a>(roles: impl Iterator<Item = &'a RoleId>) -> Vec<String> {
    let head = ["iteration", "expected_actor", "status", "last_update", "lease_expires_at"];
    let tail = ["last_prompt", "last_prompt_actor", "exit", "exit_reason", "turn"];
    let mut keys: Vec<String> = head.map(String::from).to_vec();
    keys.extend(roles.map(RoleId::commit_key));
    keys.extend(tail.map(String::from));
    keys
}

impl State {
    /// The file's bytes: two-space indent, trailing newline. Roles whose commit is unknown are
    /// written as null, so the file shows which roles there are.
    pub fn render(&self, roles: &[RoleId]) -> String {
        let canonical = known_keys(roles.iter());
        let found: HashMap<&str, Option<&str>> =
            self.source.iter().map(|f| (f.key.as_str(), f.foreign.as_deref())).collect();
        let mut out = String::from("{");
        for (i, key) in self.key_order(&canonical).iter().enumerate() {
            let value = match found.get(key.as_str()).copied().flatten() {
                Some(text) => text.to_owned(),
                None => self.value_text(key, roles),
            };
            let comma = if i == 0 { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(out, "{comma}\n  {}: {value}", Value::from(key.as_str()));
        }
        out.push_str("\n}\n");
        out
    }

    /// Found keys stay where they were; a key that is new goes behind its predecessor of T1.
    fn key_order(&self, canonical: &[String]) -> Vec<String> {
        let mut order: Vec<String> = self
            .source
            .iter()
            .filter(|f| f.foreign.is_some() || self.is_written(&f.key, true))
            .map(|f| f.key.clone())
            .collect();
        let found: BTreeSet<&str> = self.source.iter().map(|f| f.key.as_str()).collect();
        let mut at = 0;
        for key in canonical {
            if let Some(i) = order.iter().position(|k| k == key) {
                at = i + 1;
            } else if !found.contains(key.as_str()) && self.is_written(key, false)
                || found.contains(key.as_str()) && self.is_written(key, true)
            {
                order.insert(at, key.clone());
                at += 1;
            }
        }
        order
    }

    fn is_written(&self, key: &str, found: bool) -> bool {
        match key {
            "exit" => self.exit.is_some(),
            "exit_reason" => self.exit_reason.is_some() || (found && self.exit.is_some()),
            "turn" => self.turn.is_some() || found,
            _ => true,
        }
    }

    fn value_text(&self, key: &str, roles: &[RoleId]) -> String {
        let value = match key {
            "iteration" => json!(self.iteration),
            "expected_actor" => json!(self.expected_actor.as_str()),
            "status" => json!(self.status.to_string()),
            "last_update" => json!(iso_seconds(self.last_update)),
            "lease_expires_at" => json!(iso_seconds(self.lease_expires_at)),
            "last_prompt" => json!(self.last_prompt),
            "last_prompt_actor" => json!(self.last_prompt_actor.as_ref().map(RoleId::as_str)),
            "exit" => json!(self.exit),
            "exit_reason" => json!(self.exit_reason),
            "turn" => serde_json::to_value(&self.turn).unwrap_or(Value::Null),
            commit => {
                let role = roles.iter().find(|r| r.commit_key() == commit);
                json!(role.and_then(|r| self.commits.get(r)))
            }
        };
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_else(|_| "null".into());
        pretty.replace('\n', "\n  ")
    }
}
