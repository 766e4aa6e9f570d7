//! `router_config.json`: tools and routing as another program of this kind writes them (workstreams.md W14). Pure.

use serde::Deserialize;
use serde_json::Value;

use super::retry::Retry;
use crate::config::duration::Secs;
use crate::config::{Complexity, HttpTool, Level, Match, RoutingRule, Strategy, Tool, Tools};

/// What such a file says, in the configuration's own terms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouterConfig {
    pub tools: Tools,
    pub rules: Vec<RoutingRule>,
    /// For steps that say nothing themselves.
    pub max_attempts: Option<u64>,
    pub timeout_secs: Option<Secs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    apps: serde_json::Map<String, Value>,
    #[serde(default)]
    routing: Routing,
    #[serde(default)]
    defaults: Defaults,
    #[serde(default, rename = "version")]
    _version: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    kind: Option<String>,
    #[serde(default)]
    command: Command,
    #[serde(default)]
    capabilities: Capabilities,
    #[serde(default)]
    limits: Limits,
    safety_tier: Option<Level>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Command {
    #[default]
    None,
    Line(String),
    Argv(Vec<String>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Capabilities {
    task_kinds: Vec<String>,
    domains: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    max_parallel: Option<u64>,
    timeout_seconds: Option<Secs>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Routing {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    #[serde(default, rename = "match")]
    matches: Matches,
    select_from: Vec<String>,
    strategy: Option<Strategy>,
    #[serde(default)]
    validate_with: Vec<String>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Matches {
    task_kind: OneOrMore<String>,
    domain: OneOrMore<String>,
    risk_tier: OneOrMore<Level>,
    complexity: OneOrMore<Complexity>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl<T> OneOrMore<T> {
    fn list(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::More(list) => list,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    max_attempts: Option<u64>,
    timeout_seconds: Option<Secs>,
    strategy: Option<Strategy>,
}

/// Reads the JSON text.
///
/// # Errors
/// What is wrong with it, all that can be told at once, in words.
pub fn read(text: &str) -> Result<RouterConfig, Vec<String>> {
    let file: File = serde_json::from_str(text).map_err(|e| vec![e.to_string()])?;
    let mut problems = Vec::new();
    let mut tools = Vec::new();
    for (name, value) in file.apps {
        match serde_json::from_value::<App>(value).map_err(|e| e.to_string()).and_then(|app| tool(&name, app))
        {
            Ok(tool) => tools.push((name, tool)),
            Err(why) => problems.push(format!("apps.{name}: {why}")),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    let strategy = file.defaults.strategy;
    let rules: Vec<RoutingRule> =
        file.routing.rules.into_iter().map(|rule| self::rule(rule, strategy)).collect();
    for rule in &rules {
        if !seen.insert(&rule.id) {
            problems.push(format!("routing.rules: `{}` stands twice", rule.id));
        }
        if rule.from.is_empty() {
            problems.push(format!("routing.rules: `{}` selects from nothing", rule.id));
        }
    }
    if file.defaults.max_attempts == Some(0) {
        problems.push("defaults.max_attempts counts the first attempt: at least 1".into());
    }
    if problems.is_empty() {
        let defaults = file.defaults;
        let (max_attempts, timeout_secs) = (defaults.max_attempts, defaults.timeout_seconds);
        Ok(RouterConfig { tools: Tools(tools), rules, max_attempts, timeout_secs })
    } else {
        Err(problems)
    }
}

fn tool(name: &str, app: App) -> Result<Tool, String> {
    let mut tool = Tool {
        kinds: app.capabilities.task_kinds,
        domains: app.capabilities.domains,
        max_parallel: app.limits.max_parallel,
        timeout_secs: app.limits.timeout_seconds,
        safety: app.safety_tier,
        ..Tool::default()
    };
    let words = |command: Command| match command {
        Command::Argv(argv) => Some(argv),
        Command::Line(line) => shlex::split(&line),
        Command::None => None,
    };
    match app.kind.as_deref() {
        Some("agent" | "llm") => {
            let own = words(app.command).and_then(|argv| argv.first().cloned());
            tool.agent = Some(own.unwrap_or_else(|| name.to_owned()));
        }
        Some("python") => match app.command {
            Command::Line(function) => tool.python = Some(function),
            Command::Argv(mut argv) if argv.len() == 1 => tool.python = argv.pop(),
            _ => return Err("a python app has `module:function` as its command".into()),
        },
        Some("shell") => match app.command {
            Command::Line(line) => tool.shell = Some(line),
            Command::Argv(argv) => tool.run = Some(argv),
            Command::None => return Err("it has no command".into()),
        },
        Some("http") => match app.command {
            Command::Line(url) if url.contains("://") => {
                tool.http = Some(HttpTool { url, ..HttpTool::default() });
            }
            _ => return Err("an http app has its address as its command".into()),
        },
        None | Some("command" | "cli" | "check") => {
            match words(app.command).filter(|argv| !argv.is_empty()) {
                Some(argv) => tool.run = Some(argv),
                None => return Err("it has no command".into()),
            }
        }
        Some(other) => {
            return Err(format!("kind `{other}` is none of agent, command, shell, python, http"));
        }
    }
    Ok(tool)
}

fn rule(rule: Rule, strategy: Option<Strategy>) -> RoutingRule {
    RoutingRule {
        id: rule.id,
        matches: Match {
            kind: rule.matches.task_kind.list(),
            domain: rule.matches.domain.list(),
            risk: rule.matches.risk_tier.list(),
            complexity: rule.matches.complexity.list(),
        },
        from: rule.select_from,
        strategy: rule.strategy.or(strategy).unwrap_or_default(),
        validate_with: rule.validate_with,
        required: rule.required,
    }
}

impl RouterConfig {
    /// Gives its defaults to the steps that say nothing themselves.
    pub fn complete(&self, spec: &mut super::spec::Spec) {
        for step in &mut spec.steps {
            step.timeout_secs = step.timeout_secs.or(self.timeout_secs);
            if let (None, Some(attempts)) = (&step.retry, self.max_attempts) {
                step.retry = Some(Retry { attempts, ..Retry::default() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W14: the JSON form becomes what the YAML form is.
    #[test]
    fn the_json_form() {
        let text = r#"{
          "apps": {
            "writer": {"kind": "agent", "command": ["claude"],
              "capabilities": {"task_kinds": ["code_edit"], "domains": ["docs"]},
              "limits": {"max_parallel": 2, "timeout_seconds": 30}, "safety_tier": "high"},
            "lint": {"command": "npm run lint"}
          },
          "routing": {"rules": [{"id": "r", "match": {"task_kind": "code_edit", "risk_tier": ["high"]},
            "select_from": ["writer"], "strategy": "round_robin", "validate_with": ["lint"], "required": true},
            {"id": "s", "select_from": ["lint"]}]},
          "defaults": {"max_attempts": 3, "timeout_seconds": 9, "strategy": "fixed"}
        }"#;
        let found = read(text).unwrap();
        let writer = found.tools.get("writer").unwrap();
        assert_eq!((writer.agent.as_deref(), writer.max_parallel), (Some("claude"), Some(2)));
        assert_eq!(writer.safety, Some(Level::High));
        assert_eq!(found.tools.get("lint").unwrap().run.as_ref().unwrap().len(), 3);
        let rule = &found.rules[0];
        assert_eq!((rule.strategy, rule.required), (Strategy::RoundRobin, true));
        assert_eq!(
            (&rule.matches.kind[..], &rule.matches.risk[..]),
            (&["code_edit".to_owned()][..], &[Level::High][..])
        );
        assert_eq!(found.rules[1].strategy, Strategy::Fixed);
        let mut spec = super::super::spec::Spec::default();
        spec.steps.push(super::super::spec::Step::default());
        found.complete(&mut spec);
        assert_eq!(spec.steps[0].retry.as_ref().unwrap().attempts, 3);
    }

    #[test]
    fn what_is_wrong_with_it() {
        let text = r#"{"apps": {"a": {"kind": "magic"}, "b": {}, "c": {"command": "x", "colour": 1}},
          "routing": {"rules": [{"id": "r", "select_from": []}, {"id": "r", "select_from": ["a"]}]}}"#;
        let problems = read(text).unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:#?}");
        assert!(read("{").is_err() && read(r#"{"app": {}}"#).unwrap_err()[0].contains("unknown field `app`"));
    }

    /// W14: every kind of app, and a command as a line or as a list.
    #[test]
    fn every_kind_of_app() {
        let text = r#"{"version": 1, "apps": {
            "claude": {"kind": "llm"},
            "py": {"kind": "python", "command": "tools.lint:main"},
            "py_list": {"kind": "python", "command": ["tools.lint:main"]},
            "sh": {"kind": "shell", "command": "make | cat"},
            "sh_list": {"kind": "shell", "command": ["make", "all"]},
            "web": {"kind": "http", "command": "http://localhost:1/x"},
            "cli": {"kind": "cli", "command": ["make", "two words"]}}}"#;
        let tools = read(text).unwrap().tools;
        let tool = |name: &str| tools.get(name).unwrap();
        assert_eq!(tool("claude").agent.as_deref(), Some("claude"), "named by itself");
        assert_eq!(tool("py").python.as_deref(), Some("tools.lint:main"));
        assert_eq!(tool("py_list").python, tool("py").python);
        assert_eq!(tool("sh").shell.as_deref(), Some("make | cat"));
        assert_eq!(tool("sh_list").run, Some(vec!["make".to_owned(), "all".to_owned()]));
        assert_eq!(tool("web").http.as_ref().map(|h| h.url.as_str()), Some("http://localhost:1/x"));
        assert_eq!(tool("cli").run, Some(vec!["make".to_owned(), "two words".to_owned()]));
    }

    /// W14: an app that cannot be run is named, with what it lacks.
    #[test]
    fn apps_that_cannot_be_run() {
        let problems = |app: &str| {
            let text = format!(r#"{{"apps": {{"a": {app}}}, "defaults": {{"max_attempts": 0}}}}"#);
            read(&text).unwrap_err()
        };
        let cases = [
            (r#"{"kind": "python"}"#, "apps.a: a python app has `module:function` as its command"),
            (
                r#"{"kind": "python", "command": ["a", "b"]}"#,
                "apps.a: a python app has `module:function` as its command",
            ),
            (r#"{"kind": "shell"}"#, "apps.a: it has no command"),
            (
                r#"{"kind": "http", "command": "localhost"}"#,
                "apps.a: an http app has its address as its command",
            ),
            (r#"{"command": "it's"}"#, "apps.a: it has no command"),
            (r#"{"command": []}"#, "apps.a: it has no command"),
            (
                r#"{"kind": "x", "command": "y"}"#,
                "apps.a: kind `x` is none of agent, command, shell, python, http",
            ),
        ];
        for (app, words) in cases {
            let told = problems(app);
            assert_eq!(told, [words, "defaults.max_attempts counts the first attempt: at least 1"], "{app}");
        }
    }

    /// A file without defaults leaves the steps as they are.
    #[test]
    fn no_defaults_change_nothing() {
        let found = read("{}").unwrap();
        let mut spec = super::super::spec::Spec::default();
        let own = Retry { attempts: 2, ..Retry::default() };
        spec.steps.push(super::super::spec::Step { retry: Some(own), ..Default::default() });
        spec.steps.push(super::super::spec::Step::default());
        let before = spec.clone();
        found.complete(&mut spec);
        assert_eq!(spec, before);
        let three = read(r#"{"defaults": {"max_attempts": 3}}"#).unwrap();
        three.complete(&mut spec);
        let attempts: Vec<u64> = spec.steps.iter().map(|s| s.retry.as_ref().unwrap().attempts).collect();
        assert_eq!(attempts, [2, 3], "a step's own word counts");
    }
}
