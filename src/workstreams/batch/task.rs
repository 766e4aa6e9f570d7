//! The tasks of a batch, as a person wrote them. Pure but for the closure that reads prompt files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::parse_duration;

/// Characters of a task's id: it becomes part of file and branch names.
const LONGEST_ID: usize = 64;

/// How the text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A prompt or a prompt file a line.
    Prompts,
    /// A command for the shell a line.
    Commands,
    /// A YAML (or JSON) list of tasks.
    List,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A program and its arguments.
    Run(Vec<String>),
    /// For an agent.
    Prompt(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Unique in the batch; the task's number unless it was given one.
    pub id: String,
    pub work: Work,
    /// The agent for a prompt; none: the batch's.
    pub agent: Option<String>,
    pub env: BTreeMap<String, String>,
    /// Relative to the project root.
    pub cwd: Option<PathBuf>,
    /// The longest it may run.
    pub timeout: Option<Duration>,
}

impl Task {
    fn new(id: String, work: Work) -> Self {
        Self { id, work, agent: None, env: BTreeMap::new(), cwd: None, timeout: None }
    }

    /// The work in one line, for people.
    pub fn words(&self) -> String {
        match &self.work {
            Work::Run(argv) => match argv.as_slice() {
                [sh, c, line] if sh == "sh" && c == "-c" => line.clone(),
                _ => argv.join(" "),
            },
            Work::Prompt(text) => text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().to_owned(),
        }
    }
}

/// What is wrong with the text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskProblem {
    #[error("no task in it")]
    Empty,
    #[error("line {line}: {message}")]
    Line { line: usize, message: String },
    #[error("task {number}: {message}")]
    Item { number: usize, message: String },
    #[error("not a list of tasks: {0}")]
    NoList(String),
}

/// Reads a prompt file by the name that a task gives; none: there is no such file.
type ReadFile<'a> = &'a dyn Fn(&str) -> std::io::Result<Option<String>>;

/// The tasks of a text, in its order. Empty lines and lines that begin with `#` are no tasks.
///
/// # Errors
/// Every problem, at once.
pub fn tasks(text: &str, form: Form, read: ReadFile<'_>) -> Result<Vec<Task>, Vec<TaskProblem>> {
    let (tasks, mut problems) = match form {
        Form::List => list(text, read)?,
        Form::Prompts | Form::Commands => lines(text, form, read),
    };
    let mut seen = BTreeSet::new();
    for (at, task) in tasks.iter().enumerate() {
        if !seen.insert(task.id.clone()) {
            let message = format!("the id `{}` is taken by an earlier task", task.id);
            problems.push(TaskProblem::Item { number: at + 1, message });
        }
    }
    if tasks.is_empty() && problems.is_empty() {
        problems.push(TaskProblem::Empty);
    }
    if problems.is_empty() { Ok(tasks) } else { Err(problems) }
}

fn lines(text: &str, form: Form, read: ReadFile<'_>) -> (Vec<Task>, Vec<TaskProblem>) {
    let (mut tasks, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let work = match form {
            Form::Commands => Ok(Work::Run(shell(line))),
            _ => prompt(line, read).map(Work::Prompt),
        };
        match work {
            Ok(work) => tasks.push(Task::new((tasks.len() + 1).to_string(), work)),
            Err(message) => problems.push(TaskProblem::Line { line: at + 1, message }),
        }
    }
    (tasks, problems)
}

/// What stands behind the last dot.
fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, end)| end)
}

/// A line a person wrote for a shell; never made from a prompt.
fn shell(line: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), line.into()]
}

/// A line that names a file is its content. One that looks like a file name and is none is a mistake: run as a
/// prompt it would only puzzle an agent.
fn prompt(text: &str, read: ReadFile<'_>) -> Result<String, String> {
    let one_word = !text.contains(char::is_whitespace);
    if !one_word && text.lines().count() > 1 {
        return Ok(text.to_owned());
    }
    match read(text) {
        Ok(Some(content)) if content.trim().is_empty() => Err(format!("the prompt file {text} is empty")),
        Ok(Some(content)) => Ok(content),
        Ok(None) if one_word && ["md", "txt"].iter().any(|e| extension(text) == Some(e)) => {
            Err(format!("there is no prompt file {text}"))
        }
        Ok(None) => Ok(text.to_owned()),
        Err(e) => Err(format!("the prompt file {text} cannot be read: {e}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    id: Option<Text>,
    prompt: Option<String>,
    run: Option<Command>,
    agent: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, Text>,
    cwd: Option<PathBuf>,
    timeout: Option<Text>,
}

/// A word that YAML may have taken for a number or a truth value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Word(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Word(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Line(String),
    Argv(Vec<String>),
}

type Listed = (Vec<Task>, Vec<TaskProblem>);

fn list(text: &str, read: ReadFile<'_>) -> Result<Listed, Vec<TaskProblem>> {
    let values: Vec<serde_yaml::Value> =
        serde_yaml::from_str(text).map_err(|e| vec![TaskProblem::NoList(e.to_string())])?;
    let (mut tasks, mut problems) = (Vec::new(), Vec::new());
    for (at, value) in values.into_iter().enumerate() {
        let task = serde_yaml::from_value::<Item>(value)
            .map_err(|e| e.to_string())
            .and_then(|item| item.task(at + 1, read));
        match task {
            Ok(task) => tasks.push(task),
            Err(message) => problems.push(TaskProblem::Item { number: at + 1, message }),
        }
    }
    Ok((tasks, problems))
}

impl Item {
    fn task(self, number: usize, read: ReadFile<'_>) -> Result<Task, String> {
        let work = match (self.prompt, self.run) {
            (Some(text), None) => Work::Prompt(prompt(text.trim(), read)?),
            (None, Some(Command::Line(line))) if !line.trim().is_empty() => Work::Run(shell(line.trim())),
            (None, Some(Command::Argv(argv))) if argv.first().is_some_and(|w| !w.is_empty()) => {
                Work::Run(argv)
            }
            (None, Some(_)) => return Err("`run` is empty".into()),
            _ => return Err("exactly one of `prompt` and `run` is needed".into()),
        };
        if matches!(&work, Work::Prompt(text) if text.is_empty()) {
            return Err("`prompt` is empty".into());
        }
        if self.agent.is_some() && matches!(work, Work::Run(_)) {
            return Err("`agent` belongs to a `prompt`, not to a `run`".into());
        }
        let id = self.id.map_or_else(|| number.to_string(), Text::into_string);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
        // What git refuses in a branch name.
        let branch = !id.contains("..") && !id.ends_with('.') && extension(&id) != Some("lock");
        if !begins || !branch || id.len() > LONGEST_ID || !id.chars().all(plain) {
            return Err(format!(
                "the id `{id}` is not made of at most {LONGEST_ID} letters, digits, `-`, `_` and single dots"
            ));
        }
        let timeout = self.timeout.map(|t| parse_duration(&t.into_string()));
        let timeout = timeout.transpose().map_err(|e| format!("`timeout`: {e}"))?;
        let env = self.env.into_iter().map(|(k, v)| (k, v.into_string())).collect::<BTreeMap<_, _>>();
        if let Some(name) = env.keys().find(|k| k.is_empty() || k.contains(['=', '\0'])) {
            return Err(format!("`{name}` is no name of a variable"));
        }
        Ok(Task { id, work, agent: self.agent, env, cwd: self.cwd, timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "the form that is asked for")]
    fn read(name: &str) -> std::io::Result<Option<String>> {
        Ok(match name {
            "prompts/a.md" => Some("from a file\n".to_owned()),
            "empty.md" => Some(" \n".to_owned()),
            _ => None,
        })
    }

    fn messages(text: &str, form: Form) -> Vec<String> {
        tasks(text, form, &read).unwrap_err().iter().map(ToString::to_string).collect()
    }

    /// W1: a line is a command, a prompt, or the name of a prompt file.
    #[test]
    fn lines_are_tasks() {
        let prompts = tasks("\n# no\nfix the bug\r\nprompts/a.md\n", Form::Prompts, &read).unwrap();
        let works: Vec<_> = prompts.iter().map(|t| (t.id.as_str(), t.work.clone())).collect();
        let prompt = |text: &str| Work::Prompt(text.to_owned());
        assert_eq!(works, [("1", prompt("fix the bug")), ("2", prompt("from a file\n"))]);
        let commands = tasks("echo 'a b' | wc\n", Form::Commands, &read).unwrap();
        assert_eq!(commands[0].work, Work::Run(vec!["sh".into(), "-c".into(), "echo 'a b' | wc".into()]));
        assert_eq!(commands[0].words(), "echo 'a b' | wc");
    }

    #[test]
    fn every_bad_line_is_named() {
        assert_eq!(messages("# only\n\n", Form::Commands), ["no task in it"]);
        assert_eq!(
            messages("ok\nmissing.md\nempty.md\n", Form::Prompts),
            ["line 2: there is no prompt file missing.md", "line 3: the prompt file empty.md is empty"]
        );
    }

    /// W1: per-task agent, prompt, env, cwd, timeout.
    #[test]
    fn a_list_of_tasks() {
        let text = "- {id: lint, run: [npm, run, lint], cwd: web, env: {A: 1, B: yes}, timeout: 90}\n\
                    - {prompt: prompts/a.md, agent: codex, timeout: 2m}\n- run: make all\n";
        let found = tasks(text, Form::List, &read).unwrap();
        assert_eq!(found[0].id, "lint");
        assert_eq!(found[0].work, Work::Run(vec!["npm".into(), "run".into(), "lint".into()]));
        assert_eq!(found[0].env["A"], "1");
        assert_eq!(found[0].timeout, Some(Duration::from_secs(90)));
        assert_eq!((found[1].id.as_str(), found[1].agent.as_deref()), ("2", Some("codex")));
        assert_eq!(found[1].work, Work::Prompt("from a file\n".into()));
        assert_eq!(found[1].timeout, Some(Duration::from_secs(120)));
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Task>>(&json).unwrap(), found, "what is saved is read back");
    }

    #[test]
    fn every_bad_item_is_named() {
        let text = "- {run: x, prompt: y}\n- {runn: x}\n- {run: a, agent: b}\n- {id: '../x', run: a}\n\
                    - {id: a, run: x, timeout: soon}\n- {id: 7, run: x}\n- {run: x, id: 7}\n- {run: []}\n";
        let found = messages(text, Form::List);
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(found[0].starts_with("task 1: exactly one of"), "{found:#?}");
        assert!(found[1].starts_with("task 2: unknown field `runn`"), "{found:#?}");
        assert!(found[6].contains("the id `7` is taken"), "{found:#?}");
        assert!(messages("a: b\n", Form::List)[0].starts_with("not a list of tasks"));
    }
}
