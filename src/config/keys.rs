//! The vocabulary of the table of keys, and how it is looked up. Checks, documentation and the
//! listing of effective values read it.

pub use super::table::{ALIASES, IGNORED, ROOT};

/// What one value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// A whole number, 0 or more.
    Count,
    /// An exit code.
    Code,
    /// A number, 0 or more.
    Number,
    /// Not empty.
    Text,
    /// Seconds, or a text such as `250ms`.
    Duration,
    Glob,
    /// Of a file name; a leading dot is dropped.
    Extension,
    Role,
    Choice(&'static [&'static str]),
    /// A word of a command or a variable's value: taken as written, numbers too.
    Word,
}

/// How values are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    One(Kind),
    List(&'static Shape),
    /// The words of a command, at least one.
    Argv,
    /// The same, or one text that is split like a shell would, without expansion.
    Command,
    Map(&'static [Key]),
    /// Any name, each with this shape.
    Table(&'static Shape),
}

/// Where a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Used,
    /// Read and checked, but nothing uses it yet: setting it gives a notice.
    Unused,
    /// Set by flags and environment; an error in a file.
    FlagOnly,
}

/// One key of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// One line, with unit.
    pub doc: &'static str,
    pub standing: Standing,
    /// Its mapping is wrong without it.
    pub required: bool,
}

impl Key {
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// A key that may be left out.
pub const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc, standing: Standing::Used, required: false }
}

pub(super) const fn unused(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc, standing: Standing::Unused, required: false }
}

pub(super) const fn flag_only(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc, standing: Standing::FlagOnly, required: false }
}

/// The shape at a dotted path; names below a table are any.
pub fn shape_at(path: &str) -> Option<Shape> {
    path.split('.').try_fold(ROOT, |shape, part| match shape {
        Shape::Map(keys) => keys.iter().find(|k| k.name == part).map(|k| k.shape),
        Shape::Table(inner) => Some(*inner),
        Shape::One(_) | Shape::List(_) | Shape::Argv | Shape::Command => None,
    })
}

/// Dotted paths of all keys, depth first; a table's names are shown as `NAME`, a list's entries
/// as `[]`.
pub fn all() -> Vec<(String, Key)> {
    all_of(ROOT)
}

/// The same of another table.
pub fn all_of(root: Shape) -> Vec<(String, Key)> {
    fn walk(prefix: &str, shape: Shape, out: &mut Vec<(String, Key)>) {
        match shape {
            Shape::Map(keys) => {
                for k in keys {
                    let path =
                        if prefix.is_empty() { k.name.to_owned() } else { format!("{prefix}.{}", k.name) };
                    out.push((path.clone(), *k));
                    walk(&path, k.shape, out);
                }
            }
            Shape::Table(inner) => walk(&format!("{prefix}.NAME"), *inner, out),
            Shape::List(inner) => walk(&format!("{prefix}[]"), *inner, out),
            Shape::One(_) | Shape::Argv | Shape::Command => {}
        }
    }
    let mut out = Vec::new();
    walk("", root, &mut out);
    out
}
