//! Prompt names (turns.md T8). State and router answers come from other machines and from models:
//! a name is confined to `prompts_dir` by its text here, and by its resolved path in [`resolve`].

use std::path::{Path, PathBuf};

/// A name that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    #[error("empty prompt name")]
    Empty,
    #[error("`{0}` is an absolute path; a prompt name is relative to the prompts folder")]
    Absolute(String),
    #[error("`{0}` leaves the prompts folder")]
    Escapes(String),
    #[error("`{name}` has a control character", name = .0.escape_debug())]
    Control(String),
    #[error("no such prompt file: {}", .0.display())]
    Missing(PathBuf),
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    #[error("{} is a link out of the prompts folder (to {})", .path.display(), .target.display())]
    LinkOut { path: PathBuf, target: PathBuf },
}

/// The normal form: `.md` added when missing, a leading `prompts_dir` and `./` dropped. Pure.
pub fn normalise(name: &str, prompts_dir: &str) -> Result<String, PromptError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(PromptError::Empty);
    }
    if name.chars().any(char::is_control) {
        return Err(PromptError::Control(name.to_owned()));
    }
    if name.starts_with('/') || name.starts_with('\\') || name.starts_with('~') {
        return Err(PromptError::Absolute(name.to_owned()));
    }
    let folder = prompts_dir.trim_start_matches("./").trim_end_matches('/');
    let mut rest = name.trim_start_matches("./");
    if !folder.is_empty()
        && let Some(inner) = rest.strip_prefix(folder).and_then(|r| r.strip_prefix('/'))
    {
        rest = inner;
    }
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.is_empty() {
        return Err(PromptError::Empty);
    }
    if parts.contains(&"..") {
        return Err(PromptError::Escapes(name.to_owned()));
    }
    let joined = parts.join("/");
    if joined != name {
        // What stood behind the folder's name is held to the same rules: `prompts/~x` is no better than `~x`.
        return normalise(&joined, "");
    }
    let has_extension = Path::new(&joined).extension().is_some_and(|e| e.eq_ignore_ascii_case("md"));
    Ok(if has_extension { joined } else { format!("{joined}.md") })
}

/// The file of a normalised name, which must lie inside `folder` after resolving links.
pub fn resolve(folder: &Path, name: &str) -> Result<PathBuf, PromptError> {
    let path = folder.join(name);
    let missing = || PromptError::Missing(path.clone());
    let home = folder.canonicalize().map_err(|_| missing())?;
    let real = path.canonicalize().map_err(|_| missing())?;
    if !real.starts_with(&home) {
        return Err(PromptError::LinkOut { path, target: real });
    }
    if !real.is_file() {
        return Err(PromptError::NotAFile(path));
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_normalised() {
        for (given, expected) in [
            ("main", "main.md"),
            ("main.md", "main.md"),
            (" prompts/main ", "main.md"),
            ("./prompts/sub//x.md", "sub/x.md"),
            ("promptsx/main", "promptsx/main.md"),
            ("prompts/ ./main", "main.md"),
            ("prompts/prompts/main", "prompts/main.md"),
        ] {
            assert_eq!(normalise(given, "prompts/").unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for bad in [
            "../x",
            "prompts/~x",
            "prompts/ /\\x",
            "prompts/ ",
            "a/../../x",
            "prompts/../x",
            "/etc/passwd",
            "~/x",
            "",
            "  ",
            "./",
            "a\nb",
            "a\0",
        ] {
            assert!(normalise(bad, "prompts").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn links_out_of_the_folder_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let prompts = dir.path().join("prompts");
        std::fs::create_dir(&prompts).unwrap();
        std::fs::write(dir.path().join("secret.md"), "x").unwrap();
        std::fs::write(prompts.join("in.md"), "x").unwrap();
        std::os::unix::fs::symlink("../secret.md", prompts.join("out.md")).unwrap();
        std::os::unix::fs::symlink("in.md", prompts.join("alias.md")).unwrap();
        assert!(matches!(resolve(&prompts, "out.md"), Err(PromptError::LinkOut { .. })));
        assert!(resolve(&prompts, "alias.md").is_ok());
        assert!(matches!(resolve(&prompts, "none.md"), Err(PromptError::Missing(_))));
        std::fs::create_dir(prompts.join("folder.md")).unwrap();
        assert!(matches!(resolve(&prompts, "folder.md"), Err(PromptError::NotAFile(_))));
    }

    proptest! {
        /// T8: whatever a model answers, a name that is taken stays inside the folder.
        #[test]
        fn a_taken_name_never_leaves(name in "[a-z./\\\\~ -]{0,24}") {
            if let Ok(taken) = normalise(&name, "prompts") {
                prop_assert!(!taken.starts_with('/'));
                prop_assert!(taken.split('/').all(|p| p != ".." && !p.is_empty()));
                prop_assert!(taken.to_lowercase().ends_with(".md"));
            }
        }
    }
}
