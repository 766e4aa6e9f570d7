//! Finding and reading the file, and putting the layers together.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map as JsonMap, Value as Json};

use super::check::{Checked, check};
use super::diagnostic::{ConfigError, Diagnostic};
use super::layers::{Override, Source};
use super::live::Watched;
use super::model::Config;
use super::{env, rules, tree};

/// Searched upward from the working directory.
pub const FILE_NAME: &str = "orchestration.yaml";

/// What flags and environment are called in errors.
const SETTINGS: &str = "settings";

/// A larger file is refused.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// The settings in force and where they came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The project root: the file's folder; all paths of the configuration are relative to it.
    pub root: PathBuf,
    pub file: Option<PathBuf>,
    /// That file, or the one that would be taken if it were there.
    pub watched: Watched,
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
    let from = &std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    let (root, file) = match explicit {
        Some(path) => {
            let path = from.join(path);
            let folder = path.parent().unwrap_or(from).to_owned();
            (folder, Some(path))
        }
        None => find_root(from),
    };
    let mut given = JsonMap::new();
    let mut sources = Vec::new();
    let mut notices = Vec::new();
    let mut watched = Watched::new(root.join(FILE_NAME), None);
    if let Some(path) = &file {
        let origin = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        let text = read(path, &origin)?;
        let checked = checked(&text, &origin)?;
        watched = Watched::new(path.clone(), Some(text.into_bytes()));
        given = checked.values;
        sources.extend(checked.places.into_iter().map(|p| (p.path, Source::File { line: p.line })));
        notices = checked.notices;
    }
    let mut problems = Vec::new();
    for layer in env::overrides(vars).iter().chain(flags) {
        match layer.apply(&mut given) {
            Ok(paths) => sources.extend(paths.into_iter().map(|path| (path, layer.source.clone()))),
            Err(problem) => problems.push(problem),
        }
    }
    // A variable that sets two keys is wrong once.
    problems.dedup_by(|a, b| a.message == b.message);
    if !problems.is_empty() {
        return Err(ConfigError::Invalid { origin: SETTINGS.into(), problems });
    }
    let config = typed(&given).map_err(|e| one_problem(SETTINGS.into(), e.to_string()))?;
    let mut loaded = Loaded { root, file, watched, config, notices, sources };
    let set = |path: &str| loaded.source_of(path) != Source::Default;
    let notices = rules::notices(&loaded.config, set);
    if !set("auto_commit.docs.globs") {
        loaded.config.follow_moved_documents();
    }
    loaded.notices.extend(notices);
    Ok(loaded)
}

/// The defaults with `given` laid over them.
pub(super) fn typed(given: &JsonMap<String, Json>) -> Result<Config, serde_json::Error> {
    let mut all = serde_json::to_value(Config::default())?;
    overlay(&mut all, &Json::Object(given.clone()));
    serde_json::from_value(all)
}

fn overlay(below: &mut Json, above: &Json) {
    match (below, above) {
        (Json::Object(below), Json::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key).or_insert(Json::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn one_problem(origin: String, message: String) -> ConfigError {
    let problem = Diagnostic { line: None, column: None, path: String::new(), message, suggestion: None };
    ConfigError::Invalid { origin, problems: vec![problem] }
}

/// The project root and its file: the nearest `orchestration.yaml` upward; without one the
/// enclosing repository's top, else the start itself.
pub fn find_root(from: &Path) -> (PathBuf, Option<PathBuf>) {
    for folder in from.ancestors() {
        let path = folder.join(FILE_NAME);
        // Also a dangling link or a folder: ignoring it would run with other settings than it seems.
        if path.symlink_metadata().is_ok() {
            return (folder.to_owned(), Some(path));
        }
        // A repository is a border: the file of some outer project is not ours.
        if folder.join(".git").exists() {
            return (folder.to_owned(), None);
        }
    }
    (from.to_owned(), None)
}

fn read(path: &Path, origin: &str) -> Result<String, ConfigError> {
    let io = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => ConfigError::NotFound { path: path.into() },
        _ => ConfigError::Io { path: path.into(), message: e.to_string() },
    };
    if !path.metadata().map_err(io)?.is_file() {
        return Err(ConfigError::Io { path: path.into(), message: "not a regular file".into() });
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(one_problem(origin.into(), "larger than the limit of 1 MiB".into()));
    }
    String::from_utf8(bytes).map_err(|_| one_problem(origin.into(), "not UTF-8 text".into()))
}

fn checked(text: &str, origin: &str) -> Result<Checked, ConfigError> {
    let invalid = |problems| ConfigError::Invalid { origin: origin.to_owned(), problems };
    let mut checked = match tree::read(text) {
        Ok(Some(root)) => check(&root),
        Ok(None) => Checked::default(),
        Err(problem) => return Err(invalid(vec![problem])),
    };
    match typed(&checked.values) {
        Ok(config) => checked.problems.extend(rules::problems(&config, &checked.places)),
        // The values that passed may be incomplete without those that did not.
        Err(e) if checked.problems.is_empty() => return Err(one_problem(origin.into(), e.to_string())),
        Err(_) => {}
    }
    checked.problems.sort_by_key(|p| (p.line, p.column));
    if checked.problems.is_empty() { Ok(checked) } else { Err(invalid(checked.problems)) }
}
