use std::fs;
use std::sync::OnceLock;

use orchestrator::config::{FILE_NAME, load};
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceLock<Option<TempDir>> = const { OnceLock::new() };
}

/// Read, or refused with problems that each name a line of the file and can be shown.
pub fn config(data: &[u8]) {
    FOLDER.with(|folder| {
        let Some(folder) = folder.get_or_init(|| tempfile::tempdir().ok()) else { return };
        if fs::write(folder.path().join(FILE_NAME), data).is_err() {
            return;
        }
        let error = match load(folder.path(), None, &[], &[]) {
            Ok(loaded) => {
                assert_eq!(loaded.root, folder.path());
                for notice in &loaded.notices {
                    super::printable(notice);
                }
                return;
            }
            Err(error) => error,
        };
        for line in error.lines() {
            super::printable(&line);
        }
        let Ok(text) = std::str::from_utf8(data) else { return };
        assert!(!error.problems().is_empty(), "refused without a problem: {error}");
        for problem in error.problems() {
            match problem.line {
                Some(line) => super::in_range(line, text),
                None => panic!("without a line: {error}"),
            }
        }
    });
}
