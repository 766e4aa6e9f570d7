//! Finding and reading the file, and putting the layers together.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map as JsonMap, Value as Json};

use super::check::{Checked, check};
use super::diagnostic::{ConfigError, Diagnostic};
use super::layers::{Override, Source};
use super::model::Config;
use super::{env, tree};

/// Searched upward from the working directory.
pub const FILE_NAME: &str = "orchestration.yaml";

/// A larger file is refused.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings in force and where they came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The project root: the file's folder; all paths of the configuration are relative to it.
    pub root: PathBuf,
    pub file: Option<PathBuf>,
    pub config: Config,
    /// Things to tell once, such as keys that are ignored.
    pub notices: Vec<String>,
    pub(super) sources: Vec<(String, Source)>,
}

/// Reads the configuration for a start in `from`: the file (`explicit`, or searched upward), then
/// the environment, then flags.
///
/// # Errors
/// All problems of the layer that has any, at once.
pub fn load(
    from: &Path,
    explicit: Option<&Path>,
    vars: &[(String, String)],
    flags: &[Override],
) -> Result<Loaded, ConfigError> {
    let (root, file) = match explicit {
        Some(path) => {
            let path = from.join(path);
            let folder = path.parent().unwrap_or(from).to_owned();
            (folder, Some(path))
        }
        None => find_root(from),
    };
    let mut values = JsonMap::new();
    let mut sources = Vec::new();
    let mut notices = Vec::new();
    if let Some(path) = &file {
        let origin = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        let checked = read(path, &origin)?;
        if !checked.problems.is_empty() {
            return Err(ConfigError::Invalid { origin, problems: checked.problems });
        }
        if let Json::Object(map) = checked.values {
            values = map;
        }
        sources.extend(checked.lines.into_iter().map(|(path, line)| (path, Source::File { line })));
        notices = checked.notices;
    }
    let mut problems = Vec::new();
    for layer in env::overrides(vars).iter().chain(flags) {
        match layer.apply(&mut values) {
            Ok(()) => sources.push((layer.path.clone(), layer.source.clone())),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError::Invalid { origin: "settings".into(), problems });
    }
    let config: Config = serde_json::from_value(Json::Object(values)).map_err(|e| {
        let origin = file.as_ref().map_or("settings".into(), |f| f.display().to_string());
        one_problem(origin, e.to_string())
    })?;
    steps_have_roles(&config, file.as_deref().unwrap_or(Path::new(FILE_NAME)), &sources)?;
    Ok(Loaded { root, file, config, notices, sources })
}

fn one_problem(origin: String, message: String) -> ConfigError {
    let problem = Diagnostic { line: None, column: None, message, suggestion: None };
    ConfigError::Invalid { origin, problems: vec![problem] }
}

/// What no single key can show: every step has a role and a prompt, and no role stands twice.
fn steps_have_roles(config: &Config, file: &Path, sources: &[(String, Source)]) -> Result<(), ConfigError> {
    let line = sources.iter().find_map(|(path, source)| match source {
        Source::File { line } if path == "workflow.steps" => Some(*line),
        _ => None,
    });
    let problem = |message: String| Diagnostic { line, column: line.map(|_| 1), message, suggestion: None };
    let mut problems = Vec::new();
    let mut seen = Vec::new();
    for (i, step) in config.workflow.steps.iter().enumerate() {
        match &step.role {
            None => problems.push(problem(format!("`workflow.steps[{i}]` has no `role`"))),
            Some(role) if seen.contains(role) => {
                problems.push(problem(format!("`workflow.steps[{i}]`: role `{role}` stands twice")));
            }
            Some(role) => seen.push(role.clone()),
        }
        if step.prompt.is_empty() {
            problems.push(problem(format!("`workflow.steps[{i}]` has no `prompt`")));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let origin = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(ConfigError::Invalid { origin, problems })
}

/// The project root and its file: the nearest `orchestration.yaml` upward; without one the
/// enclosing repository's top, else the start itself.
pub fn find_root(from: &Path) -> (PathBuf, Option<PathBuf>) {
    for folder in from.ancestors() {
        let path = folder.join(FILE_NAME);
        if path.is_file() {
            return (folder.to_owned(), Some(path));
        }
        // A repository is a border: the file of some outer project is not ours.
        if folder.join(".git").exists() {
            return (folder.to_owned(), None);
        }
    }
    (from.to_owned(), None)
}

fn read(path: &Path, origin: &str) -> Result<Checked, ConfigError> {
    let io = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => ConfigError::NotFound { path: path.into() },
        _ => ConfigError::Io { path: path.into(), message: e.to_string() },
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(one_problem(origin.into(), "larger than the limit of 1 MiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| one_problem(origin.into(), "not UTF-8 text".into()))?;
    match tree::read(&text) {
        Ok(Some(root)) => Ok(check(&root)),
        Ok(None) => Ok(Checked { values: Json::Object(JsonMap::new()), ..Checked::default() }),
        Err(problem) => Err(ConfigError::Invalid { origin: origin.into(), problems: vec![problem] }),
    }
}
