//! Which agent runs a prompt (turns.md T27): pure, first match wins.

use std::collections::BTreeMap;

use crate::config::did_you_mean;

/// The rules, in the order in which they are asked. Prompt keys are normalised by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dispatch {
    pub flag_prompts: BTreeMap<String, String>,
    pub flag_roles: BTreeMap<String, String>,
    pub prompts: BTreeMap<String, String>,
    pub roles: BTreeMap<String, String>,
    /// `--agent` or `agent.default`.
    pub default: String,
}

/// An agent's name and the rule that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub agent: String,
    pub rule: String,
}

/// A name in the rules that is no agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no agent `{name}` ({rule}); known: {}", listed(.known, .name))]
pub struct DispatchError {
    pub name: String,
    /// A flag, or the path of a key in the configuration.
    pub rule: String,
    pub known: Vec<String>,
}

/// The known names, and the one that was probably meant.
pub(super) fn listed(known: &[String], name: &str) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = did_you_mean(name, &names).map_or_else(String::new, |near| format!(" ({near})"));
    known.join(", ") + &near
}

/// `supervisor` is galph, `loop` is ralph.
fn role_matches(key: &str, role: &str) -> bool {
    let plain = match key {
        "supervisor" => "galph",
        "loop" => "ralph",
        other => other,
    };
    plain == role
}

impl Dispatch {
    pub fn choose(&self, role: &str, prompt: &str) -> Choice {
        let by_prompt = |map: &BTreeMap<String, String>| map.get(prompt).cloned();
        let by_role = |map: &BTreeMap<String, String>| {
            map.iter().find(|(k, _)| role_matches(k, role)).map(|(_, v)| v.clone())
        };
        let named = |agent: String, rule: String| Choice { agent, rule };
        if let Some(agent) = by_prompt(&self.flag_prompts) {
            return named(agent, format!("--agent-prompt {prompt}"));
        }
        if let Some(agent) = by_role(&self.flag_roles) {
            return named(agent, format!("--agent-role {role}"));
        }
        if let Some(agent) = by_prompt(&self.prompts) {
            return named(agent, format!("agent.prompts.{prompt}"));
        }
        if let Some(agent) = by_role(&self.roles) {
            return named(agent, format!("agent.roles.{role}"));
        }
        named(self.default.clone(), "the default agent".into())
    }

    /// Every name that some rule gives must be an agent, or `auto`.
    pub fn check(&self, known: &[&str]) -> Result<(), DispatchError> {
        let rules = [
            ("--agent-prompt ", &self.flag_prompts),
            ("--agent-role ", &self.flag_roles),
            ("agent.prompts.", &self.prompts),
            ("agent.roles.", &self.roles),
        ];
        let named =
            rules.iter().flat_map(|(rule, map)| map.iter().map(move |(k, v)| (v, format!("{rule}{k}"))));
        let all = named.chain([(&self.default, "agent.default".to_owned())]);
        for (name, rule) in all {
            if name != "auto" && !known.contains(&name.as_str()) {
                let known = known.iter().map(|k| (*k).to_owned()).collect();
                return Err(DispatchError { name: name.clone(), rule, known });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// T27: each rule wins over all behind it; aliases of roles count.
    #[test]
    fn the_first_match_wins() {
        let mut d = Dispatch {
            flag_prompts: map(&[("reviewer.md", "a")]),
            flag_roles: map(&[("supervisor", "b")]),
            prompts: map(&[("reviewer.md", "c"), ("main.md", "c")]),
            roles: map(&[("galph", "d"), ("loop", "d")]),
            default: "e".into(),
        };
        let chosen = |d: &Dispatch, role: &str, prompt: &str| d.choose(role, prompt).agent;
        assert_eq!(chosen(&d, "galph", "reviewer.md"), "a");
        d.flag_prompts.clear();
        assert_eq!(chosen(&d, "galph", "reviewer.md"), "b");
        d.flag_roles.clear();
        assert_eq!(chosen(&d, "galph", "reviewer.md"), "c");
        d.prompts.clear();
        assert_eq!(chosen(&d, "ralph", "main.md"), "d");
        assert_eq!(chosen(&d, "tester", "x.md"), "e");
        assert_eq!(d.choose("ralph", "x.md").rule, "agent.roles.ralph");
        let error = d.check(&["e", "f"]).unwrap_err().to_string();
        assert_eq!(error, "no agent `d` (agent.roles.galph); known: e, f (did you mean `e`?)");
    }
}
