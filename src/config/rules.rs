//! What no single key can show.

use super::check::Place;
use super::diagnostic::{Diagnostic, plain};
use super::model::Config;
use super::places::Places;
use super::suggest::nearest;

/// Role names of the earlier orchestrator that stand for ours (turns.md T27).
const ROLE_ALIASES: [&str; 2] = ["supervisor", "loop"];

/// Everything that is wrong between the keys of a file.
pub(super) fn problems(config: &Config, places: &[Place]) -> Vec<Diagnostic> {
    let places = Places::of(places);
    let mut out = Vec::new();
    if config.sync.lease_secs.0.as_secs() == 0 {
        // The state names it in whole seconds: it would say that the lease is over already.
        let message = "`sync.lease_secs` must be at least 1 s".to_owned();
        out.push(places.problem("sync.lease_secs", message, None));
    }
    for (path, text) in named_paths(config).into_iter().filter(|(_, text)| leads_out(text)) {
        let message = format!("`{path}` leads out of the project: `{}`", plain(text));
        out.push(places.problem(path, message, Some("name a path below the project's folder".into())));
    }
    let mut roles: Vec<&str> = Vec::new();
    for (i, step) in config.workflow.steps.iter().enumerate() {
        let Some(role) = &step.role else { continue };
        if roles.contains(&role.as_str()) {
            let path = format!("workflow.steps[{i}].role");
            out.push(places.problem(&path, format!("`{path}`: role `{role}` stands twice"), None));
        }
        roles.push(role.as_str());
    }
    let steps = config.steps();
    let known = role_names(&steps);
    for role in config.exit.roles.iter().filter(|r| !known.contains(&r.as_str())) {
        let near = nearest(role.as_str(), &known).map(|n| format!("did you mean `{n}`?"));
        let message = format!("`exit.roles`: `{role}` is no role of the workflow");
        out.push(places.problem("exit.roles", message, near));
    }
    for (name, agent) in &config.agents {
        if agent.command.is_some() && agent.http.is_some() {
            let path = format!("agents.{name}");
            out.push(places.problem(&path, format!("`{path}` has both `command` and `http`"), None));
        }
        if let Some(settings) = &agent.http {
            let path = format!("agents.{name}.http");
            let wrong = super::http::problems(settings).into_iter();
            out.extend(wrong.map(|(key, text)| {
                let path = format!("{path}.{key}");
                places.problem(&path, format!("`{path}` {text}"), None)
            }));
        }
    }
    for (name, tool) in &config.workstream.tools.0 {
        let forms = [
            tool.agent.is_some(),
            tool.run.is_some(),
            tool.shell.is_some(),
            tool.python.is_some(),
            tool.http.is_some(),
        ];
        let path = format!("workstream.tools.{name}");
        if forms.into_iter().filter(|set| *set).count() != 1 {
            let message =
                format!("`{path}` needs exactly one of `agent`, `run`, `shell`, `python` and `http`");
            out.push(places.problem(&path, message, None));
        }
        if let Some(settings) = &tool.http {
            out.extend(super::http::tool_problems(settings).into_iter().map(|(key, text)| {
                let path = format!("{path}.http.{key}");
                places.problem(&path, format!("`{path}` {text}"), None)
            }));
        }
    }
    out
}

/// The files and folders that a file of the repository may move.
fn named_paths(config: &Config) -> [(&'static str, &str); 9] {
    [
        ("prompts_dir", &config.prompts_dir),
        ("state_file", &config.state_file),
        ("logs_dir", &config.logs_dir),
        ("tmp_dir", &config.tmp_dir),
        ("goal_file", &config.goal_file),
        ("plan_file", &config.plan_file),
        ("findings_file", &config.findings_file),
        ("input_file", &config.input_file),
        ("memory_file", &config.memory_file),
    ]
}

fn leads_out(text: &str) -> bool {
    text.starts_with('/') || text.split('/').any(|part| part == "..")
}

/// What is allowed but will surprise.
pub(super) fn notices(config: &Config, set: impl Fn(&str) -> bool) -> Vec<String> {
    let steps = config.steps();
    let known = role_names(&steps);
    let strange = |role: &&String| !known.contains(&role.as_str()) && !ROLE_ALIASES.contains(&role.as_str());
    let mut out: Vec<String> = config
        .agent
        .roles
        .keys()
        .filter(strange)
        .map(|role| format!("`agent.roles.{role}` has no effect: the workflow has no such role"))
        .collect();
    for (name, agent) in &config.agents {
        if let Some(settings) = agent.http.as_ref().filter(|h| super::http::bares_its_key(h)) {
            let url = settings.url.as_deref().unwrap_or_default();
            out.push(format!("`agents.{name}.http` sends its key unencrypted to {url}: use https"));
        }
    }
    for (name, tool) in &config.workstream.tools.0 {
        if let Some(url) = tool.http.as_ref().filter(|h| super::http::bares_a_secret(h)).map(|h| &h.url) {
            out.push(format!(
                "`workstream.tools.{name}.http` sends a secret unencrypted to {url}: use https"
            ));
        }
    }
    if !config.workflow.steps.is_empty() {
        let shadowed = ["supervisor_prompt", "main_prompt"].into_iter().filter(|key| set(key));
        out.extend(shadowed.map(|key| format!("`{key}` has no effect: `workflow.steps` names the prompts")));
    }
    out
}

fn role_names(steps: &[super::model::StepConfig]) -> Vec<&str> {
    steps.iter().filter_map(|s| s.role.as_ref()).map(crate::ids::RoleId::as_str).collect()
}
