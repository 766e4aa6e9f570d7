//! A tree held against the table of keys: everything that is wrong, and the values that are right.

use std::collections::HashSet;

use serde_json::{Map as JsonMap, Value as Json};

use super::diagnostic::Diagnostic;
use super::keys::{ALIASES, IGNORED, Key, Kind, ROOT, Shape, Standing, shape_at};
use super::scalar::{expected, scalar, short};
use super::suggest::{elsewhere, nearest};
use super::tree::{Node, Value};

/// Whoever has more wrong than this has the wrong file.
const MAX_PROBLEMS: usize = 100;

/// What a checked file says.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) values: JsonMap<String, Json>,
    /// Every key that was set, and every entry of a list of mappings, in the order of the file.
    pub(super) places: Vec<Place>,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) notices: Vec<String>,
    /// It is not the configuration: its old names and its other keys say nothing here.
    foreign: bool,
}

/// Where a key or entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    fn of(path: &str, node: &Node) -> Self {
        Self { path: path.to_owned(), line: node.line, column: node.column }
    }
}

pub(super) fn check(root: &Node) -> Checked {
    let mut out = Checked::default();
    let Value::Map(pairs) = &root.value else {
        out.problem(root, "", format!("expected a mapping of keys, found {}", root.shown()), None);
        return out;
    };
    let Shape::Map(keys) = ROOT else { return out };
    let mut aliased = Vec::new();
    let mut values = out.map(root, pairs, keys, "", &mut aliased);
    for (name, node) in aliased {
        out.alias(name, node, &mut values);
    }
    out.values = values;
    out
}

/// Another file, against a table of its own.
pub(super) fn check_form(root: &Node, keys: &[Key]) -> Checked {
    let mut out = Checked { foreign: true, ..Checked::default() };
    let Value::Map(pairs) = &root.value else {
        out.problem(root, "", format!("expected a mapping of keys, found {}", root.shown()), None);
        return out;
    };
    out.values = out.map(root, pairs, keys, "", &mut Vec::new());
    out
}

/// Sets a dotted path, making the mappings on the way.
pub(super) fn set(values: &mut JsonMap<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => {
            values.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let slot = values.entry(head).or_insert_with(|| Json::Object(JsonMap::new()));
            if let Json::Object(inner) = slot {
                set(inner, rest, value);
            }
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

impl Checked {
    fn problem(&mut self, node: &Node, path: &str, message: impl Into<String>, suggestion: Option<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(node.problem(path, message, suggestion));
        }
    }

    fn map<'n>(
        &mut self,
        node: &Node,
        pairs: &'n [(Node, Node)],
        keys: &[Key],
        prefix: &str,
        aliased: &mut Vec<(&'n Node, &'n Node)>,
    ) -> JsonMap<String, Json> {
        let mut values = JsonMap::new();
        let mut seen = HashSet::new();
        for (name_node, node) in pairs {
            let Value::Scalar { text: name, .. } = &name_node.value else { continue };
            let path = join(prefix, name);
            if !seen.insert(name.as_str()) {
                self.problem(name_node, &path, format!("key `{}` stands twice", short(name)), None);
            } else if let Some(key) = keys.iter().find(|k| k.name == name) {
                self.known(name_node, node, key, &path, &mut values);
            } else if !self.foreign && prefix.is_empty() && ALIASES.iter().any(|(old, _)| old == name) {
                aliased.push((name_node, node));
            } else if !self.foreign && prefix.is_empty() && IGNORED.contains(&name.as_str()) {
                self.notices.push(format!("`{name}` (line {}) is accepted and ignored", name_node.line));
            } else {
                self.unknown(name_node, name, keys, prefix);
            }
        }
        for key in keys.iter().filter(|k| k.required && !seen.contains(k.name)) {
            self.problem(
                node,
                &join(prefix, key.name),
                {
                    let place = if prefix.is_empty() { "the file".to_owned() } else { format!("`{prefix}`") };
                    format!("{place} has no `{}`", key.name)
                },
                None,
            );
        }
        values
    }

    fn known(&mut self, name: &Node, node: &Node, key: &Key, path: &str, values: &mut JsonMap<String, Json>) {
        // A key without a value says nothing, so that a section may have all its lines commented out.
        if node.is_null() && !key.required {
            return;
        }
        match key.standing {
            Standing::Used => {}
            Standing::Unused => {
                self.notices.push(format!("`{path}` (line {}) is not used by this version", name.line));
            }
            Standing::FlagOnly => {
                let message = format!("`{path}` is set by flags and environment, not in the file");
                return self.problem(name, path, message, None);
            }
        }
        self.places.push(Place::of(path, name));
        if let Some(value) = self.value(node, key.shape, path) {
            values.insert(key.name.to_owned(), value);
        }
    }

    fn unknown(&mut self, node: &Node, name: &str, keys: &[Key], prefix: &str) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let place = if prefix.is_empty() { String::new() } else { format!(" in `{prefix}`") };
        let mut known: Vec<&str> =
            keys.iter().filter(|k| k.standing != Standing::FlagOnly).map(|k| k.name).collect();
        if prefix.is_empty() && !self.foreign {
            known.extend(ALIASES.iter().map(|(old, _)| *old));
        }
        let suggestion = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => elsewhere(name)
                .filter(|_| !self.foreign)
                .map_or_else(|| format!("known: {}", known.join(", ")), |path| format!("there is `{path}`")),
        };
        let message = format!("unknown key `{}`{place}", short(name));
        self.problem(node, &join(prefix, name), message, Some(suggestion));
    }

    fn alias(&mut self, name: &Node, node: &Node, values: &mut JsonMap<String, Json>) {
        let Value::Scalar { text: old, .. } = &name.value else { return };
        let Some((_, path)) = ALIASES.iter().find(|(o, _)| o == old) else { return };
        let Some(shape) = shape_at(path) else { return };
        if node.is_null() {
            return;
        }
        if self.places.iter().any(|p| p.path == *path) {
            let message = format!("`{old}` and `{path}` are the same key");
            return self.problem(name, path, message, Some("keep one".into()));
        }
        self.places.push(Place::of(path, name));
        if let Some(value) = self.value(node, shape, path) {
            set(values, path, value);
        }
    }

    fn value(&mut self, node: &Node, shape: Shape, path: &str) -> Option<Json> {
        match (shape, &node.value) {
            _ if node.is_null() => self.wrong_shape(node, shape, path),
            (Shape::One(kind), Value::Scalar { text, plain }) => self.one(node, kind, text, *plain, path),
            (Shape::List(inner), Value::List(items)) => {
                let taken: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(i, n)| {
                        let entry = format!("{path}[{i}]");
                        if matches!(inner, Shape::Map(_)) {
                            self.places.push(Place::of(&entry, n));
                        }
                        self.value(n, *inner, &entry)
                    })
                    .collect();
                taken.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
            }
            (Shape::Argv | Shape::Command, Value::List(words)) if !words.is_empty() => {
                self.value(node, Shape::List(&Shape::One(Kind::Word)), path)
            }
            (Shape::Command, Value::Scalar { text, .. }) => match split(text) {
                Some(words) => Some(words.into()),
                None => self.wrong_shape(node, shape, path),
            },
            (Shape::Map(keys), Value::Map(pairs)) => {
                Some(Json::Object(self.map(node, pairs, keys, path, &mut Vec::new())))
            }
            (Shape::Table(inner), Value::Map(pairs)) => Some(Json::Object(self.table(pairs, *inner, path))),
            (shape, _) => self.wrong_shape(node, shape, path),
        }
    }

    fn one(&mut self, node: &Node, kind: Kind, text: &str, plain: bool, path: &str) -> Option<Json> {
        match scalar(kind, text, plain) {
            Ok(value) => Some(value),
            Err((message, suggestion)) => {
                self.problem(node, path, format!("`{path}`: {message}"), suggestion);
                None
            }
        }
    }

    fn table(&mut self, pairs: &[(Node, Node)], inner: Shape, path: &str) -> JsonMap<String, Json> {
        let mut values = JsonMap::new();
        let mut seen = HashSet::new();
        for (name_node, entry) in pairs {
            let Value::Scalar { text: name, .. } = &name_node.value else { continue };
            let below = join(path, name);
            if !seen.insert(name.as_str()) {
                self.problem(name_node, &below, format!("key `{}` stands twice", short(name)), None);
            } else if !entry.is_null() {
                self.places.push(Place::of(&below, name_node));
                if let Some(value) = self.value(entry, inner, &below) {
                    values.insert(name.clone(), value);
                }
            }
        }
        values
    }

    fn wrong_shape(&mut self, node: &Node, shape: Shape, path: &str) -> Option<Json> {
        let message = format!("`{path}`: expected {}, found {}", expected(shape), node.shown());
        self.problem(node, path, message, None);
        None
    }
}

/// The words of a command line; `None` if there is none or a quote is left open.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    shlex::split(text).filter(|words| !words.is_empty())
}
