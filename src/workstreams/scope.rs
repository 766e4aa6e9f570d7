//! What a step may write, and whether two steps could touch the same file (workstreams.md W5, W8, W10). Pure.

use globset::GlobSet;

use crate::config::glob_set;

/// Globs of a `files_scope`. An empty one allows nothing.
#[derive(Debug, Clone)]
pub struct Scope {
    prefixes: Vec<Prefix>,
    set: GlobSet,
}

/// What stands before the first metacharacter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prefix {
    text: String,
    /// A metacharacter follows: what is matched may go on in the middle of a name.
    open: bool,
}

impl Prefix {
    fn of(glob: &str) -> Self {
        let end = glob.find(['*', '?', '[', '{', '\\']);
        Self { text: glob[..end.unwrap_or(glob.len())].to_owned(), open: end.is_some() }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let (short, long) = if self.text.len() <= other.text.len() { (self, other) } else { (other, self) };
        let Some(rest) = long.text.strip_prefix(&short.text) else { return false };
        short.open || rest.is_empty() || rest.starts_with('/')
    }
}

impl Scope {
    /// # Errors
    /// The first bad glob; a file that was checked has none.
    pub fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let prefixes = globs.iter().map(|glob| Prefix::of(glob)).collect();
        Ok(Self { prefixes, set: glob_set(globs)? })
    }

    /// The literal prefix of one is a path prefix of one of the other's: they may touch the same file.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.prefixes.iter().any(|own| other.prefixes.iter().any(|theirs| own.overlaps(theirs)))
    }

    /// A path relative to the project root.
    pub fn allows(&self, path: &str) -> bool {
        self.set.is_match(path)
    }
}

/// The paths that none of these scopes allows. A `None` among them is a step that may write anything.
pub fn violations<'p>(paths: &'p [String], scopes: &[Option<&Scope>]) -> Vec<&'p str> {
    if scopes.iter().any(Option::is_none) {
        return Vec::new();
    }
    let allowed = |path: &&str| scopes.iter().flatten().any(|scope| scope.allows(path));
    paths.iter().map(String::as_str).filter(|path| !allowed(path)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(globs: &[&str]) -> Scope {
        Scope::new(&globs.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// W5, both ways round.
    #[test]
    fn overlap_is_by_literal_prefix() {
        for (a, b, expected) in [
            ("docs/**", "docs/a.md", true),
            ("docs/**", "src/**", false),
            ("**", "anything/at/all", true),
            ("src/a.rs", "src/a.rs", true),
            ("src/a.rs", "src/a.rs.bak", false),
            ("src", "src/lib.rs", true),
            ("src", "srcs/lib.rs", false),
            ("src/a*", "src/ab/c", true),
            ("src/a*", "src/b", false),
            ("doc*", "docs/x", true),
            ("src/{a,b}", "src/c", true),
            ("a/b/*.rs", "a/b", true),
        ] {
            assert_eq!(scope(&[a]).overlaps(&scope(&[b])), expected, "{a} {b}");
            assert_eq!(scope(&[b]).overlaps(&scope(&[a])), expected, "{b} {a}");
        }
        assert!(!scope(&[]).overlaps(&scope(&["**"])), "who writes nothing is in nobody's way");
        assert!(scope(&["x", "y/*"]).overlaps(&scope(&["z", "y/q"])));
    }

    /// W8: the union of all that run; one without a scope allows everything.
    #[test]
    fn a_violation_is_outside_all_of_them() {
        let (docs, source) = (scope(&["docs/**"]), scope(&["src/*.rs"]));
        let paths = ["docs/a/b.md", "src/x.rs", "src/deep/y.rs", "README.md"].map(str::to_owned);
        assert_eq!(violations(&paths, &[Some(&docs), Some(&source)]), ["src/deep/y.rs", "README.md"]);
        assert_eq!(violations(&paths, &[Some(&docs), None]), Vec::<&str>::new());
        assert_eq!(violations(&paths, &[Some(&scope(&[]))]).len(), 4);
    }

    proptest! {
        /// Two scopes that both allow a path overlap, whatever the globs are.
        #[test]
        fn no_shared_file_without_overlap(
            a in "[ab*]{1,3}(/[ab*]{1,2}){0,2}",
            b in "[ab*]{1,3}(/[ab*]{1,2}){0,2}",
            path in "[ab]{1,3}(/[ab]{1,2}){0,2}",
        ) {
            let (Ok(one), Ok(other)) = (Scope::new(&[a]), Scope::new(&[b])) else { return Ok(()) };
            if one.allows(&path) && other.allows(&path) {
                prop_assert!(one.overlaps(&other));
            }
        }
    }
}
