//! Globs as every part of the program reads them (turns.md T26).

use globset::{Error, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// `*` stays within a folder, `**` crosses them and also stands for none.
pub(super) fn glob(text: &str) -> Result<Glob, Error> {
    GlobBuilder::new(text).literal_separator(true).build()
}

/// One matcher for `/`-separated paths relative to the root.
///
/// # Errors
/// The first bad glob; none in a configuration that was loaded.
pub fn glob_set<T: AsRef<str>>(globs: &[T]) -> Result<GlobSet, Error> {
    let mut set = GlobSetBuilder::new();
    for text in globs {
        set.add(glob(text.as_ref())?);
    }
    set.build()
}

/// Why a glob that compiles can never match a path relative to the root.
pub(super) fn hopeless(text: &str) -> Option<&'static str> {
    if text.starts_with('/') || text.starts_with("./") || text.split('/').any(|part| part == "..") {
        Some("paths are relative to the project root, without `./` and `..`")
    } else if text.ends_with('/') {
        Some("a folder's files are `folder/**`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T26.
    #[test]
    fn stars_keep_to_their_folders() {
        let set = glob_set(&["plans/**/reports/**", "docs/*.md"]).unwrap();
        for hit in ["plans/reports/a", "plans/a/b/reports/c/d.png", "docs/a.md"] {
            assert!(set.is_match(hit), "{hit}");
        }
        for miss in ["docs/a/b.md", "xplans/reports/a", "plans/reports"] {
            assert!(!set.is_match(miss), "{miss}");
        }
    }
}
