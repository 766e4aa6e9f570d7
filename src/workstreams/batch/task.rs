//! The tasks of a batch, as a person wrote them. Pure but for the closure that reads prompt files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{did_you_mean, parse_duration};

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

/// What is looked up in the project.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Reads a prompt file.
    pub file: ReadFile<'a>,
    /// Whether a working folder is there.
    pub folder: &'a dyn Fn(&Path) -> bool,
}

/// The tasks of a text, in its order. Empty lines and lines that begin with `#` are no tasks.
///
/// # Errors
/// Every problem, at once.
pub fn tasks(text: &str, form: Form, look: Look<'_>) -> Result<Vec<Task>, Vec<TaskProblem>> {
    let (tasks, ids, mut problems) = match form {
        Form::List => list(text, look)?,
        Form::Prompts | Form::Commands => {
            let (tasks, problems) = lines(text, form, look.file);
            (tasks, Vec::new(), problems)
        }
    };
    let mut seen = BTreeSet::new();
    for (number, id) in ids {
        if !seen.insert(id.clone()) {
            let message = format!("the id `{id}` is taken by an earlier task");
            problems.push(TaskProblem::Item { number, message });
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

/// What a task of a list may say.
const KEYS: [&str; 7] = ["id", "prompt", "run", "agent", "env", "cwd", "timeout"];

/// The tasks that are whole, every id that was given or counted, and what is wrong.
type Listed = (Vec<Task>, Vec<(usize, String)>, Vec<TaskProblem>);

fn list(text: &str, look: Look<'_>) -> Result<Listed, Vec<TaskProblem>> {
    let values: Vec<serde_yaml::Value> =
        serde_yaml::from_str(text).map_err(|e| vec![TaskProblem::NoList(e.to_string())])?;
    let (mut tasks, mut ids, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (at, value) in values.iter().enumerate() {
        let number = at + 1;
        let mut item = Item { value, problems: Vec::new() };
        let task = item.task(number, look);
        ids.push((number, task.as_ref().map_or_else(|| number.to_string(), |task| task.id.clone())));
        if item.problems.is_empty() {
            tasks.extend(task);
        }
        problems.extend(item.problems.into_iter().map(|message| TaskProblem::Item { number, message }));
    }
    Ok((tasks, ids, problems))
}

/// One of a list, and what is wrong with it: a mistake in one place hides none in another.
struct Item<'a> {
    value: &'a serde_yaml::Value,
    problems: Vec<String>,
}

impl Item<'_> {
    fn say(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The value of a key; none: it is not there, or it is not of this form, which is told.
    fn get<T: serde::de::DeserializeOwned>(&mut self, key: &str, form: &str) -> Option<T> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        let read = serde_yaml::from_value(value.clone());
        if read.is_err() {
            self.say(format!("`{key}` is not {form}"));
        }
        read.ok()
    }

    /// What it says, as far as that can be read; none: it is no task at all.
    fn task(&mut self, number: usize, look: Look<'_>) -> Option<Task> {
        let Some(map) = self.value.as_mapping() else {
            self.say(format!(
                "not a task: one has keys, such as `prompt` or `run`; known are {}",
                KEYS.join(", ")
            ));
            return None;
        };
        let keys: Vec<String> =
            map.keys().map(|k| k.as_str().map_or_else(|| format!("{k:?}"), str::to_owned)).collect();
        for key in keys.iter().filter(|key| !KEYS.contains(&key.as_str())) {
            let hint = did_you_mean(key, &KEYS).unwrap_or_else(|| format!("known are {}", KEYS.join(", ")));
            self.say(format!("unknown key `{key}`; {hint}"));
        }
        let work = self.work(look);
        let agent: Option<String> = self.get("agent", "a name");
        if agent.is_some() && matches!(work, Some(Work::Run(_))) {
            self.say("`agent` belongs to a `prompt`, not to a `run`");
        }
        let id = self.get::<Text>("id", "a word").map_or_else(|| number.to_string(), Text::into_string);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
        // What git refuses in a branch name.
        let branch = !id.contains("..") && !id.ends_with('.') && extension(&id) != Some("lock");
        if !begins || !branch || id.len() > LONGEST_ID || !id.chars().all(plain) {
            self.say(format!(
                "the id `{id}` is not made of at most {LONGEST_ID} letters, digits, `-`, `_` and single dots"
            ));
        }
        let timeout = self.get::<Text>("timeout", "a duration").map(|t| parse_duration(&t.into_string()));
        let timeout = timeout.transpose().unwrap_or_else(|e| {
            self.say(format!("`timeout`: {e}"));
            None
        });
        let env: BTreeMap<String, Text> = self.get("env", "a map of names and values").unwrap_or_default();
        let env = env.into_iter().map(|(k, v)| (k, v.into_string())).collect::<BTreeMap<_, _>>();
        for name in env.keys().filter(|k| k.is_empty() || k.contains(['=', '\0'])) {
            self.say(format!("`{name}` is no name of a variable"));
        }
        let cwd: Option<PathBuf> = self.get("cwd", "a folder");
        if let Some(cwd) = cwd.as_deref().filter(|cwd| !(look.folder)(cwd)) {
            self.say(format!("`cwd`: there is no folder {} in the project", cwd.display()));
        }
        Some(Task { id, work: work.unwrap_or(Work::Run(Vec::new())), agent, env, cwd, timeout })
    }

    fn work(&mut self, look: Look<'_>) -> Option<Work> {
        let said = |key: &str| self.value.get(key).is_some_and(|value| !value.is_null());
        if said("prompt") == said("run") {
            self.say("exactly one of `prompt` and `run` is needed");
            return None;
        }
        if let Some(text) = self.get::<String>("prompt", "a text") {
            match prompt(text.trim(), look.file) {
                Ok(text) if text.is_empty() => self.say("`prompt` is empty"),
                Ok(text) => return Some(Work::Prompt(text)),
                Err(message) => self.say(message),
            }
            return None;
        }
        match self.get("run", "a line or a list of words")? {
            Command::Line(line) if !line.trim().is_empty() => Some(Work::Run(shell(line.trim()))),
            Command::Argv(argv) if argv.first().is_some_and(|w| !w.is_empty()) => Some(Work::Run(argv)),
            _ => {
                self.say("`run` is empty");
                None
            }
        }
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

    fn tasks(text: &str, form: Form, file: ReadFile<'_>) -> Result<Vec<Task>, Vec<TaskProblem>> {
        super::tasks(text, form, Look { file, folder: &|path| path == Path::new("web") })
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
        assert_eq!(found.len(), 8, "{found:#?}");
        assert!(found[0].starts_with("task 1: exactly one of"), "{found:#?}");
        assert!(found[1].starts_with("task 2: unknown key `runn`"), "{found:#?}");
        assert!(found.last().unwrap().contains("the id `7` is taken"), "{found:#?}");
        let all = "- {run: [x], runn: y, id: a, timeout: soon, cwd: nowhere}\n- {prompt: no.md, id: a, agent: {}}\n- text\n";
        assert_eq!(
            messages(all, Form::List),
            [
                "task 1: unknown key `runn`; did you mean `run`?",
                "task 1: `timeout`: `soon` is not a duration (such as 5, 0.25, 250ms, 5s, 2m, 12h or 7d)",
                "task 1: `cwd`: there is no folder nowhere in the project",
                "task 2: there is no prompt file no.md",
                "task 2: `agent` is not a name",
                "task 3: not a task: one has keys, such as `prompt` or `run`; known are id, prompt, run, agent, env, cwd, timeout",
                "task 2: the id `a` is taken by an earlier task",
            ]
        );
        assert!(messages("a: b\n", Form::List)[0].starts_with("not a list of tasks"));
    }
}
