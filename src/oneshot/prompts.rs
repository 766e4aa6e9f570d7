//! The texts for worker and auditor: embedded templates or the user's files (oneshot.md O4).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::{Environment, Value};

use super::fact::Role;
use super::result::Found;
use crate::config::{OneshotPrompts, document};

const WORKER: &str = include_str!("templates/worker.md");
const REWORKER: &str = include_str!("templates/reworker.md");
const AUDITOR: &str = include_str!("templates/auditor.md");
/// Asked when an auditor's verdict is unclear. Short, so that no other word of it is a verdict.
const AGAIN: &str = "You audited a task and gave this answer, everything between the two marks:\n\n<answer>\n{{ answer }}\n</answer>\n\n\
     Its verdict is unclear. Change nothing and run nothing. Answer with the verdict alone: one word of DONE (every \
     point of the task is there, and you saw it), RETRY (something is missing, wrong or not shown), or IMPOSSIBLE.\n";

/// The three templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    pub worker: String,
    pub reworker: String,
    pub auditor: String,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("{path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the {name} template: {message}")]
    Syntax { name: &'static str, message: String },
}

impl Default for Templates {
    fn default() -> Self {
        Self { worker: WORKER.into(), reworker: REWORKER.into(), auditor: AUDITOR.into() }
    }
}

/// What is put into the templates.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    pub session: &'a str,
    pub task: &'a str,
    pub checks: &'a [String],
}

impl Templates {
    /// The user's files where they are named, the embedded texts elsewhere. Each is tried once, so
    /// that a broken one is found before an agent has worked.
    pub fn load(root: &Path, files: &OneshotPrompts) -> Result<Self, TemplateError> {
        let read = |file: &Option<String>, embedded: &str| match file {
            None => Ok(embedded.to_owned()),
            Some(name) => {
                let path = root.join(name);
                document(&path).map_err(|source| TemplateError::Read { path, source })
            }
        };
        let own = Self {
            worker: read(&files.worker, WORKER)?,
            reworker: read(&files.reworker, REWORKER)?,
            auditor: read(&files.auditor, AUDITOR)?,
        };
        let texts = Texts { session: "s", task: "t", checks: &["c".to_owned()] };
        own.worker(texts)?;
        own.reworker(texts, "f")?;
        own.auditor(texts, &Found::default(), usize::MAX)?;
        Ok(own)
    }

    pub fn worker(&self, texts: Texts<'_>) -> Result<String, TemplateError> {
        render("worker", &self.worker, texts.values())
    }

    /// The feedback goes in word for word.
    pub fn reworker(&self, texts: Texts<'_>, feedback: &str) -> Result<String, TemplateError> {
        let mut values = texts.values();
        values.insert("feedback", feedback.into());
        render("reworker", &self.reworker, values)
    }

    /// The result in full, with what the worker did around it; the surroundings go first when the
    /// whole is longer than `max_chars`, then the result's middle.
    pub fn auditor(
        &self,
        texts: Texts<'_>,
        found: &Found,
        max_chars: usize,
    ) -> Result<String, TemplateError> {
        let build = |result: &str, before: &[String], after: &[String]| {
            let mut values = texts.values();
            values.insert("result", result.into());
            values.insert("before", before.to_vec().into());
            values.insert("after", after.to_vec().into());
            render("auditor", &self.auditor, values)
        };
        let result = if found.text.trim().is_empty() { "(the worker left no message)" } else { &found.text };
        let whole = build(result, &found.before, &found.after)?;
        if whole.chars().count() <= max_chars {
            return Ok(whole);
        }
        let alone = build(result, &[], &[])?;
        let over = alone.chars().count().saturating_sub(max_chars);
        if over == 0 {
            return Ok(alone);
        }
        build(&shortened(result, over), &[], &[])
    }

    /// What the embedded agent may run in this seat. The worker's blocks come from the task and the template, the
    /// auditor's from its template alone: what another agent said is data and never run.
    pub fn own_blocks(&self, role: Role, texts: Texts<'_>) -> Result<String, TemplateError> {
        match role {
            Role::Worker => self.worker(texts),
            Role::Auditor => self.auditor(Texts { task: "", ..texts }, &Found::default(), usize::MAX),
        }
    }

    /// Asks for the bare verdict.
    pub fn again(&self, answer: &str, max_chars: usize) -> Result<String, TemplateError> {
        let over = answer.chars().count().saturating_sub(max_chars.saturating_sub(AGAIN.len()));
        let answer = if over > 0 { shortened(answer, over) } else { answer.to_owned() };
        render("verdict", AGAIN, BTreeMap::from([("answer", Value::from(answer))]))
    }
}

impl Texts<'_> {
    fn values(&self) -> BTreeMap<&'static str, Value> {
        BTreeMap::from([
            ("session", self.session.into()),
            ("task", self.task.trim_end().into()),
            ("checks", self.checks.to_vec().into()),
        ])
    }
}

fn render(
    name: &'static str,
    template: &str,
    values: BTreeMap<&'static str, Value>,
) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    // A name that is misspelt in a user's template is an error, not a gap in the prompt.
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let values: BTreeMap<String, Value> = values.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let mut text = environment
        .render_str(template, Value::from(values))
        .map_err(|e| TemplateError::Syntax { name, message: e.to_string() })?;
    // The engine drops the last line end of a template.
    if template.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Without `over` characters and more of its middle, and marked.
fn shortened(text: &str, over: usize) -> String {
    /// Room for the mark itself.
    const MARK: usize = 48;
    let chars: Vec<char> = text.chars().collect();
    let keep = chars.len().saturating_sub(over + MARK);
    let (head, tail) = (keep.div_ceil(2), keep / 2);
    let left = chars.len() - keep;
    let first: String = chars[..head].iter().collect();
    let last: String = chars[chars.len() - tail..].iter().collect();
    format!("{first}\n[… {left} characters left out …]\n{last}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CHECKS: &[String] = &[];

    fn texts(task: &str) -> Texts<'_> {
        Texts { session: "0199", task, checks: CHECKS }
    }

    /// O4: session line, task, form; what stands in them is not read as a template.
    #[test]
    fn texts_go_in_as_they_are() {
        let t = Templates::default();
        let text = t.worker(texts("write {{ session }} <b> & {% if %}\n")).unwrap();
        assert!(text.contains("Session: 0199\n"), "{text}");
        assert!(text.contains("<task>\nwrite {{ session }} <b> & {% if %}\n</task>"), "{text}");
        assert!(!text.contains("These checks"), "{text}");
        let feedback = " 1. \"a\" < b\n\n  2. {{ task }}\n";
        let text = t.reworker(texts("x"), feedback).unwrap();
        assert!(text.contains(&format!("<feedback>\n{feedback}\n</feedback>")), "{text}");
        assert!(text.contains("Change only what the feedback asks"), "{text}");
    }

    #[test]
    fn checks_are_named() {
        let checks = vec!["cargo test".to_owned(), "make lint".to_owned()];
        let texts = Texts { checks: &checks, ..texts("x") };
        let t = Templates::default();
        for text in [
            t.worker(texts).unwrap(),
            t.reworker(texts, "f").unwrap(),
            t.auditor(texts, &Found::default(), 100_000).unwrap(),
        ] {
            assert!(text.contains("- `cargo test`\n- `make lint`\n"), "{text}");
        }
    }

    /// O4: surroundings give way first, then the middle of the result, and it is said.
    #[test]
    fn an_auditor_prompt_keeps_its_size() {
        let t = Templates::default();
        let found = Found {
            text: format!("head {} tail", "ä".repeat(5000)),
            before: vec!["tool a: {}".into()],
            after: vec!["said: b".into()],
        };
        let whole = t.auditor(texts("x"), &found, 100_000).unwrap();
        assert!(whole.contains("tool a: {}") && whole.contains("said: b"), "{whole}");
        let size = whole.chars().count();
        let alone = t.auditor(texts("x"), &found, size - 1).unwrap();
        assert!(!alone.contains("tool a: {}") && alone.contains(&found.text));
        let cut = t.auditor(texts("x"), &found, size - 2000).unwrap();
        assert!(cut.chars().count() <= size - 2000);
        assert!(cut.contains("characters left out") && cut.contains("head ä") && cut.contains("ä tail"));
        assert!(cut.contains("\"verdict\": \"DONE|RETRY|IMPOSSIBLE\""));
        let empty = t.auditor(texts("x"), &Found::default(), 100_000).unwrap();
        assert!(empty.contains("left no message"));
    }

    #[test]
    fn a_users_template_is_checked_before_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let files = |text: &str| {
            fs::write(dir.path().join("w.md"), text).unwrap();
            OneshotPrompts { worker: Some("w.md".into()), ..OneshotPrompts::default() }
        };
        let own = Templates::load(dir.path(), &files("Do {{ task }}!\n")).unwrap();
        assert_eq!(own.worker(texts("it")).unwrap(), "Do it!\n");
        for bad in ["{{ tsk }}", "{% if %}", "{{ task"] {
            let error = Templates::load(dir.path(), &files(bad)).unwrap_err().to_string();
            assert!(error.starts_with("the worker template: "), "{error}");
        }
        let missing = OneshotPrompts { auditor: Some("no.md".into()), ..OneshotPrompts::default() };
        assert!(matches!(Templates::load(dir.path(), &missing), Err(TemplateError::Read { .. })));
    }

    /// The short question holds each word once, in prose: an echo of it decides nothing.
    #[test]
    fn the_question_for_the_bare_verdict() {
        let t = Templates::default();
        let text = t.again("looks done", 100_000).unwrap();
        assert!(text.contains("<answer>\nlooks done\n</answer>"), "{text}");
        assert_eq!(super::super::verdict::read(&text), super::super::verdict::Reading::Unclear);
    }
}
