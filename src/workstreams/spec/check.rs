//! What no single key of a workstream file can show. All problems at once, each with its place (W6).

use std::collections::{HashMap, HashSet};

use super::model::{Gate, Spec, Step, names_a_file};
use super::when;
use crate::config::{Diagnostic, Form, did_you_mean};
use crate::workstreams::graph::{Cycle, Graph};

/// Whoever has more wrong than this has the wrong file.
const MAX_PROBLEMS: usize = 100;
/// Names of a cycle that are told.
const CYCLE_SHOWN: usize = 20;

/// What a file is checked against.
pub struct Known<'a> {
    /// Tools of the configuration, and agents.
    pub tools: &'a [String],
    /// Whether there is a file of this name, relative to the project root.
    pub file: &'a dyn Fn(&str) -> bool,
}

pub(super) fn check(spec: &Spec, form: &Form, known: &Known<'_>) -> (Vec<Diagnostic>, Option<Graph>) {
    let mut desk = Desk { form, known, problems: Vec::new() };
    if !id_is_good(&spec.id) && !spec.id.is_empty() {
        desk.say("id", "`id` may hold letters, digits, `.`, `_` and `-`, at most 64, and begins with none of these signs");
    }
    if spec.max_parallel == Some(0) {
        desk.say("max_parallel", "`max_parallel`: at least one has to run");
    }
    if spec.steps.is_empty() && form.has("steps") {
        desk.say("steps", "`steps` is empty: there is nothing to run");
    }
    desk.gates("acceptance", &spec.acceptance);
    let places = desk.ids(&spec.steps);
    let dependencies = desk.dependencies(&spec.steps, &places);
    let written: HashSet<&str> =
        spec.steps.iter().flat_map(|s| s.outputs.values().map(String::as_str)).collect();
    for (at, step) in spec.steps.iter().enumerate() {
        desk.step(at, step, &written);
    }
    let graph = match Graph::new(&dependencies) {
        Ok(graph) => Some(graph),
        Err(Cycle(path)) => {
            desk.cycle(&spec.steps, &path);
            None
        }
    };
    desk.conditions(&spec.steps, &places, graph.as_ref());
    (desk.problems, graph)
}

fn id_is_good(id: &str) -> bool {
    let sign = |c: char| matches!(c, '.' | '_' | '-');
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || sign(c))
}

struct Desk<'a> {
    form: &'a Form,
    known: &'a Known<'a>,
    problems: Vec<Diagnostic>,
}

impl Desk<'_> {
    fn say(&mut self, path: &str, message: impl Into<String>) {
        self.hint(path, message, None);
    }

    fn hint(&mut self, path: &str, message: impl Into<String>, hint: Option<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(self.form.problem(path, message, hint));
        }
    }

    /// Each id's first place.
    fn ids<'s>(&mut self, steps: &'s [Step]) -> HashMap<&'s str, usize> {
        let mut places = HashMap::new();
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| !step.id.is_empty()) {
            let path = format!("steps[{at}].id");
            if !id_is_good(&step.id) {
                self.say(
                    &path,
                    format!("step id `{}`: letters, digits, `.`, `_` and `-`, at most 64", short(&step.id)),
                );
            }
            if let Some(first) = places.get(step.id.as_str()) {
                let first = self.form.problem(&format!("steps[{first}].id"), "", None).line.unwrap_or(0);
                self.say(&path, format!("step id `{}` stands twice (first in line {first})", step.id));
            } else {
                places.insert(step.id.as_str(), at);
            }
        }
        places
    }

    fn dependencies(&mut self, steps: &[Step], places: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
        let mut all = Vec::with_capacity(steps.len());
        let mut names: Option<Vec<&str>> = None;
        for (at, step) in steps.iter().enumerate() {
            let mut own = Vec::with_capacity(step.depends_on.len());
            for (n, name) in step.depends_on.iter().enumerate() {
                let path = format!("steps[{at}].depends_on[{n}]");
                match places.get(name.as_str()) {
                    Some(other) if own.contains(other) => {
                        self.say(&path, format!("step `{}` depends on `{name}` twice", step.id));
                    }
                    Some(other) => own.push(*other),
                    None => {
                        let names = names.get_or_insert_with(|| places.keys().copied().collect());
                        let near = if names.len() <= 10_000 { did_you_mean(name, names) } else { None };
                        let message =
                            format!("step `{}` depends on `{}`, which is no step", step.id, short(name));
                        self.hint(&path, message, near);
                    }
                }
            }
            all.push(own);
        }
        all
    }

    fn step(&mut self, at: usize, step: &Step, written: &HashSet<&str>) {
        let path = |key: &str| format!("steps[{at}]{}{key}", if key.is_empty() { "" } else { "." });
        let name = if step.id.is_empty() { format!("number {}", at + 1) } else { format!("`{}`", step.id) };
        let works = [
            ("prompt", step.prompt.is_some()),
            ("run", step.run.is_some()),
            ("shell", step.shell.is_some()),
            ("python", step.python.is_some()),
            ("oneshot", step.oneshot.is_some()),
        ];
        let set: Vec<&str> = works.iter().filter(|(_, set)| *set).map(|(key, _)| *key).collect();
        // A key that is wrong in itself has been told already.
        let told = |key: &str| self.problems_at(&path(key));
        if set.is_empty() && !works.iter().any(|(key, _)| told(key)) {
            self.say(
                &path(""),
                format!("step {name} does nothing: it needs one of `prompt`, `run`, `shell`, `python` and `oneshot`"),
            );
        } else if set.len() > 1 {
            self.say(&path(set[1]), format!("step {name} has {}: exactly one is needed", set.join(" and ")));
        }
        for (key, text) in [("prompt", &step.prompt), ("oneshot", &step.oneshot)] {
            if let Some(file) = text.as_ref().filter(|text| names_a_file(text))
                && !(self.known.file)(file)
                && !written.contains(file.as_str())
            {
                let message =
                    format!("step {name}: there is no file {file}, and no step's `outputs` names it");
                self.say(&path(key), message);
            }
        }
        if let Some(python) = &step.python
            && !python
                .split_once(':')
                .is_some_and(|(module, function)| is_dotted(module) && is_dotted(function))
        {
            self.say(
                &path("python"),
                format!("step {name}: `python` is `module:function`, not `{}`", short(python)),
            );
        }
        if let Some(tool) = &step.tool {
            self.tool(&path("tool"), tool);
            if step.prompt.is_none() && step.oneshot.is_none() && set.len() == 1 {
                let message = format!("step {name}: `tool` is for a `prompt`; `{}` runs by itself", set[0]);
                self.say(&path("tool"), message);
            }
        }
        if step.retry.as_ref().is_some_and(|retry| retry.attempts == 0) {
            self.say(
                &path("retry.attempts"),
                format!("step {name}: `retry.attempts` counts the first one: at least 1"),
            );
        }
        for (output, file) in &step.outputs {
            if let Err(why) = inside(file) {
                self.say(
                    &path(&format!("outputs.{output}")),
                    format!("step {name}: output `{}`: {why}", short(file)),
                );
            }
        }
        for variable in step.env.keys() {
            if variable.is_empty() || variable.contains(['=', '\0']) {
                self.say(
                    &path(&format!("env.{variable}")),
                    format!("step {name}: `{}` is no variable", short(variable)),
                );
            }
        }
        self.gates(&path("gates"), &step.gates);
    }

    fn problems_at(&self, path: &str) -> bool {
        self.form.problems.iter().any(|p| p.path.starts_with(path))
    }

    fn tool(&mut self, path: &str, name: &str) {
        if !self.known.tools.iter().any(|known| known == name) {
            let known: Vec<&str> = self.known.tools.iter().map(String::as_str).collect();
            let near = did_you_mean(name, &known)
                .or_else(|| Some(format!("known: {}", known.join(", "))).filter(|_| !known.is_empty()));
            self.hint(path, format!("there is no tool or agent `{}`", short(name)), near);
        }
    }

    fn gates(&mut self, path: &str, gates: &[Gate]) {
        for (at, gate) in gates.iter().enumerate() {
            let own = format!("{path}[{at}]");
            let set = [
                gate.run.is_some(),
                gate.shell.is_some(),
                gate.tool.is_some(),
                gate.git_clean.is_some(),
                gate.file_exists.is_some(),
            ];
            if set.into_iter().filter(|set| *set).count() != 1 && !self.problems_at(&own) {
                self.say(
                    &own,
                    format!(
                        "`{own}` needs exactly one of `run`, `shell`, `tool`, `git_clean` and `file_exists`"
                    ),
                );
            }
            if gate.git_clean == Some(false) {
                self.say(
                    &format!("{own}.git_clean"),
                    format!("`{own}.git_clean`: leave it out, or write `true`"),
                );
            }
            if let Some(Err(why)) = gate.file_exists.as_deref().map(inside) {
                self.say(&format!("{own}.file_exists"), format!("`{own}.file_exists`: {why}"));
            }
            if let Some(tool) = &gate.tool {
                self.tool(&format!("{own}.tool"), tool);
            }
        }
    }

    fn cycle(&mut self, steps: &[Step], path: &[usize]) {
        let mut names: Vec<&str> = path.iter().take(CYCLE_SHOWN).map(|at| steps[*at].id.as_str()).collect();
        if path.len() > CYCLE_SHOWN {
            names.push("…");
        }
        names.push(&steps[path[0]].id);
        let message = format!("steps wait for each other: {}", names.join(" → "));
        self.say(&format!("steps[{}].depends_on", path[0]), message);
    }

    /// `when` is read, and looks only at steps that are over by then.
    fn conditions(&mut self, steps: &[Step], places: &HashMap<&str, usize>, graph: Option<&Graph>) {
        for (at, step) in steps.iter().enumerate() {
            let Some(text) = &step.when else { continue };
            let path = format!("steps[{at}].when");
            match when::read(text) {
                Err(why) => self.say(&path, format!("step `{}`: `when`: {why}", step.id)),
                Ok(names) => {
                    for name in names {
                        match places.get(name.as_str()) {
                            None => self.say(
                                &path,
                                format!("step `{}`: `when` looks at `{name}`, which is no step", step.id),
                            ),
                            Some(other) if graph.is_some_and(|graph| !graph.waits_for(at, *other)) => self
                                .hint(
                                    &path,
                                    format!(
                                        "step `{}`: `when` looks at `{name}`, which may still run then",
                                        step.id
                                    ),
                                    Some(format!("put `{name}` into depends_on")),
                                ),
                            Some(_) => {}
                        }
                    }
                }
            }
        }
    }
}

fn is_dotted(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

/// A path from a file stays within the project.
fn inside(path: &str) -> Result<(), &'static str> {
    let parts = std::path::Path::new(path).components();
    if path.is_empty() {
        return Err("a path is missing");
    }
    if parts.into_iter().all(|part| matches!(part, std::path::Component::Normal(_))) {
        Ok(())
    } else {
        Err("paths are relative to the project root, without `.` and `..`")
    }
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace(['\n', '\r'], " ")
}
