//! The agents: one record each, built in or from the configuration (agents.md A1, A2).

use std::collections::BTreeMap;

use super::http;
use crate::config::{AgentRecord, Delivery, HttpAgent, Limits, Model, Pty};

/// The name of the embedded agent.
pub const SHELL: &str = "shell";

/// An agent, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub name: String,
    /// argv with placeholders; empty for the embedded agent.
    pub command: Vec<String>,
    pub prompt: Delivery,
    pub model: Option<Model>,
    /// The output protocol's name; `text` is none.
    pub output: String,
    pub pty: Pty,
    pub success_codes: Vec<i32>,
    pub limits: Limits,
    pub env: BTreeMap<String, String>,
    /// Agents that take its turn when it is not installed or rate limited.
    pub fallback: Vec<String>,
    /// A model behind HTTP; `command` is then this program's own.
    pub http: Option<HttpAgent>,
    /// Its command line skips permission prompts (A10).
    pub unattended: bool,
    /// The CLI's version with which the command line was run; `None`: never run here.
    pub verified: Option<&'static str>,
    pub built_in: bool,
}

struct BuiltIn {
    name: &'static str,
    command: &'static [&'static str],
    prompt: Delivery,
    output: &'static str,
    verified: Option<&'static str>,
}

const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "claude",
        command: &[
            "claude",
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--dangerously-skip-permissions",
        ],
        prompt: Delivery::Stdin,
        output: "claude-stream-json",
        verified: Some("2.1.197"),
    },
    BuiltIn {
        name: "codex",
        command: &["codex", "exec", "--json", "--dangerously-bypass-approvals-and-sandbox", "-"],
        prompt: Delivery::Stdin,
        output: "codex-json",
        verified: Some("0.169.0"),
    },
    BuiltIn {
        name: "gemini",
        command: &["gemini", "--output-format", "stream-json", "--yolo", "--skip-trust"],
        prompt: Delivery::Stdin,
        output: "gemini-stream-json",
        verified: Some("0.61.0"),
    },
    BuiltIn {
        name: "opencode",
        // Not by `-f`: it hands over no more than the first 50 KiB of a file.
        command: &["opencode", "run", "--format", "json", "--auto"],
        prompt: Delivery::Stdin,
        output: "opencode-json",
        verified: Some("1.18.33"),
    },
    BuiltIn {
        name: "cursor",
        command: &["cursor-agent", "-p", "--output-format", "stream-json", "--force", "{prompt}"],
        prompt: Delivery::Arg,
        output: "cursor-stream-json",
        verified: None,
    },
    BuiltIn {
        name: "copilot",
        command: &["copilot", "-p", "{prompt}", "--allow-all-tools"],
        prompt: Delivery::Arg,
        output: "text",
        verified: None,
    },
    BuiltIn {
        name: "amp",
        command: &["amp", "-x", "--dangerously-allow-all"],
        prompt: Delivery::Stdin,
        output: "text",
        verified: None,
    },
    BuiltIn {
        name: "goose",
        command: &["goose", "run", "-i", "{prompt_file}"],
        prompt: Delivery::File,
        output: "text",
        verified: None,
    },
    BuiltIn {
        name: "aider",
        command: &[
            "aider",
            "--message-file",
            "{prompt_file}",
            "--yes-always",
            "--no-stream",
            "--no-auto-commits",
        ],
        prompt: Delivery::File,
        output: "text",
        verified: None,
    },
];

/// Every agent by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Table(BTreeMap<String, Agent>);

impl Table {
    /// The built-in agents, with the user's records over them, field by field.
    pub fn new(records: &BTreeMap<String, AgentRecord>) -> Self {
        let mut agents: BTreeMap<String, Agent> =
            BUILT_IN.iter().map(|b| (b.name.to_owned(), b.agent())).collect();
        agents.insert(SHELL.into(), embedded());
        for (name, record) in records {
            let base = agents.remove(name).unwrap_or_else(|| own(name));
            agents.insert(name.clone(), over(base, record));
        }
        Self(agents)
    }

    pub fn get(&self, name: &str) -> Option<&Agent> {
        self.0.get(name)
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl BuiltIn {
    fn agent(&self) -> Agent {
        Agent {
            command: self.command.iter().map(|w| (*w).to_owned()).collect(),
            prompt: self.prompt,
            output: self.output.into(),
            verified: self.verified,
            unattended: true,
            built_in: true,
            ..own(self.name)
        }
    }
}

fn own(name: &str) -> Agent {
    Agent {
        name: name.into(),
        command: Vec::new(),
        prompt: Delivery::Stdin,
        model: None,
        output: "text".into(),
        pty: Pty::Auto,
        success_codes: vec![0],
        limits: Limits::default(),
        env: BTreeMap::new(),
        fallback: Vec::new(),
        http: None,
        unattended: false,
        verified: None,
        built_in: false,
    }
}

fn embedded() -> Agent {
    Agent { built_in: true, ..own(SHELL) }
}

fn over(base: Agent, record: &AgentRecord) -> Agent {
    let base = match &record.http {
        Some(settings) => over_http(base, settings),
        None => base,
    };
    let mut env = base.env;
    env.extend(record.env.clone());
    Agent {
        // Another command line is another agent's, as far as anybody ran it.
        verified: base.verified.filter(|_| record.command.is_none() && record.output.is_none()),
        command: record.command.clone().unwrap_or(base.command),
        prompt: record.prompt.unwrap_or(base.prompt),
        model: record.model.clone().or(base.model),
        output: record.output.clone().unwrap_or(base.output),
        pty: record.pty.unwrap_or(base.pty),
        success_codes: record.success_codes.clone().unwrap_or(base.success_codes),
        limits: layered(record.limits, base.limits),
        env,
        fallback: record.fallback.clone().unwrap_or(base.fallback),
        unattended: record.unattended.unwrap_or(base.unattended),
        ..base
    }
}

/// Where an agent keeps its own record of a session (oneshot.md O8): the user's entry, else what is known of a built-in
/// one. `~` is the home, `{session}` the id from its stream, `*` any part of a name.
pub fn store_of(name: &str, records: &BTreeMap<String, AgentRecord>) -> Option<String> {
    let own = records.get(name).and_then(|record| record.recover.as_ref()?.store.clone());
    let known = || STORES.iter().find(|(agent, _)| *agent == name).map(|(_, store)| (*store).to_owned());
    own.or_else(known)
}

/// Seen with the versions that are named in the table above.
const STORES: &[(&str, &str)] = &[
    ("claude", "~/.claude/projects/*/{session}.jsonl"),
    ("codex", "~/.codex/sessions/*/*/*/rollout-*-{session}.jsonl"),
];

/// An agent that is a model behind HTTP.
fn over_http(base: Agent, settings: &HttpAgent) -> Agent {
    Agent {
        command: http::command(settings),
        prompt: Delivery::Body,
        model: Some(Model { flag: None, value: settings.model.clone() }),
        output: "sse".into(),
        http: Some(settings.clone()),
        unattended: false,
        ..base
    }
}

/// Limits of `first`, and of `then` where `first` says nothing.
pub(super) fn layered(first: Limits, then: Limits) -> Limits {
    Limits {
        idle_secs: first.idle_secs.or(then.idle_secs),
        inactivity_secs: first.inactivity_secs.or(then.inactivity_secs),
        tool_secs: first.tool_secs.or(then.tool_secs),
        timeout_secs: first.timeout_secs.or(then.timeout_secs),
        result_grace_secs: first.result_grace_secs.or(then.result_grace_secs),
        grace_secs: first.grace_secs.or(then.grace_secs),
        max_parallel: first.max_parallel.or(then.max_parallel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_store_wins() {
        let mut records = BTreeMap::new();
        assert!(store_of("codex", &records).unwrap().contains("{session}"));
        assert_eq!(store_of("my", &records), None);
        let recover = Some(crate::config::Recover { store: Some("~/x/{session}".into()) });
        records.insert("codex".to_owned(), AgentRecord { recover, ..AgentRecord::default() });
        assert_eq!(store_of("codex", &records).as_deref(), Some("~/x/{session}"));
    }

    /// A1: a user's record overrides fields, not the whole.
    #[test]
    fn records_override_field_by_field() {
        let mine = AgentRecord { command: Some(vec!["my".into()]), ..AgentRecord::default() };
        let records = BTreeMap::from([("claude".to_owned(), mine.clone()), ("own".to_owned(), mine)]);
        let table = Table::new(&records);
        let claude = table.get("claude").unwrap();
        assert_eq!(
            (claude.command.as_slice(), claude.output.as_str()),
            (&["my".to_owned()][..], "claude-stream-json")
        );
        assert!(claude.unattended);
        let own = table.get("own").unwrap();
        assert!(!own.unattended && !own.built_in);
        assert!(table.get(SHELL).unwrap().command.is_empty());
    }
}
