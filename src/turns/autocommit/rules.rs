//! What belongs into which group, and how much of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The rules of one group.
#[derive(Debug, Clone)]
pub struct GroupRule {
    pub enabled: bool,
    globs: GlobSet,
    /// Literal folders above the globs: where to look for files that git does not list.
    bases: Vec<PathBuf>,
    /// Without dot, lower-case; empty: any.
    extensions: Vec<String>,
    /// Bytes of one file, and of all files of the group in one commit.
    pub max_file: u64,
    pub max_total: u64,
}

/// A glob of the configuration that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{glob}` is not a glob: {source}")]
pub struct BadGlob {
    pub glob: String,
    pub source: globset::Error,
}

/// The rules of all groups.
#[derive(Debug, Clone)]
pub struct Rules {
    pub reports: GroupRule,
    pub tracked: GroupRule,
    pub docs: GroupRule,
    /// Has no globs: it takes what is left.
    pub work: GroupRule,
    /// Reports that an ignore rule covers are committed too.
    pub force_add_reports: bool,
    /// Never dirty: the state file, `logs_dir`, `tmp_dir`, `.orchestrator`; relative to the top of
    /// the repository.
    pub protected: Vec<PathBuf>,
}

impl GroupRule {
    /// Globs on `/`-separated paths relative to the top of the repository; `*` stays within a
    /// folder and `**` also matches none (T26).
    pub fn new(
        enabled: bool,
        globs: &[String],
        extensions: &[String],
        max_file: u64,
        max_total: u64,
    ) -> Result<Self, BadGlob> {
        let mut set = GlobSetBuilder::new();
        let mut bases = Vec::new();
        for glob in globs {
            let bad = |source| BadGlob { glob: glob.clone(), source };
            let text = glob.strip_prefix("./").unwrap_or(glob);
            set.add(GlobBuilder::new(text).literal_separator(true).build().map_err(bad)?);
            bases.push(base(text));
        }
        let globs = set.build().map_err(|source| BadGlob { glob: globs.join(" "), source })?;
        let plain = |e: &String| e.trim_start_matches('.').to_ascii_lowercase();
        let extensions = extensions.iter().map(plain).collect();
        Ok(Self { enabled, globs, bases, extensions, max_file, max_total })
    }

    /// A glob matches, and the extension is one of those wanted.
    pub fn matches(&self, path: &Path) -> bool {
        let wanted = || {
            let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
            self.extensions.is_empty() || extension.is_some_and(|e| self.extensions.contains(&e))
        };
        self.globs.is_match(path) && wanted()
    }

    /// The folders that hold everything the globs can match; the empty path is the top.
    pub fn bases(&self) -> &[PathBuf] {
        &self.bases
    }
}

impl Rules {
    /// The path is the program's own and never counts as dirty.
    pub fn protects(&self, path: &Path) -> bool {
        path.starts_with(".git") || self.protected.iter().any(|own| path.starts_with(own))
    }
}

/// The folders of a glob before the first that is a pattern.
fn base(glob: &str) -> PathBuf {
    let plain = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
    let parts: Vec<&str> = glob.split('/').collect();
    parts[..parts.len() - 1].iter().copied().take_while(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(globs: &[&str], extensions: &[&str]) -> GroupRule {
        let owned = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        GroupRule::new(true, &owned(globs), &owned(extensions), 1, 1).unwrap()
    }

    /// T26.
    #[test]
    fn stars_stay_in_their_folder_and_double_stars_match_none() {
        let table = [
            ("plans/**/*.md", "plans/a.md", true),
            ("plans/**/*.md", "plans/a/b/c.md", true),
            ("plans/**/*.md", "other/a.md", false),
            ("plans/**/reports/**", "plans/reports/x", true),
            ("plans/**/reports/**", "plans/active/f/reports/2026/x.log", true),
            ("plans/**/reports/**", "plans/reports", false),
            ("reports/**", "src/reports/x", false),
            ("*.md", "a.md", true),
            ("*.md", "docs/a.md", false),
            ("docs/{goal,fix_plan}.md", "docs/goal.md", true),
            ("./input.md", "input.md", true),
            ("docs/?.md", "docs/a.md", true),
        ];
        for (glob, path, matches) in table {
            assert_eq!(rule(&[glob], &[]).matches(Path::new(path)), matches, "{glob} {path}");
        }
        assert!(!rule(&[], &[]).matches(Path::new("a")));
    }

    #[test]
    fn extensions_narrow_the_globs() {
        let rule = rule(&["out/**"], &[".PNG", "csv"]);
        for (path, matches) in
            [("out/a.png", true), ("out/a.CSV", true), ("out/a.txt", false), ("a.png", false)]
        {
            assert_eq!(rule.matches(Path::new(path)), matches, "{path}");
        }
    }

    #[test]
    fn a_bad_glob_is_named() {
        let bad = GroupRule::new(true, &["a[".to_owned()], &[], 1, 1).unwrap_err();
        assert!(bad.to_string().starts_with("`a[` is not a glob"), "{bad}");
    }

    #[test]
    fn bases_are_the_literal_folders() {
        let rule = rule(&["plans/**/reports/**", "reports/**", "*.md", "a/b/c.md", "x/{a,b}/c"], &[]);
        let expected = ["plans", "reports", "", "a/b", "x"].map(PathBuf::from);
        assert_eq!(rule.bases(), expected);
    }
}
