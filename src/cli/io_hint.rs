//! What helps where the system would not let the program read or write: by what it said.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The remedy for a failed access of a file, if it is one that a person can mend.
pub(super) fn io_hint(path: &Path, error: &Error) -> Option<String> {
    let folder = path.parent().filter(|_| !path.is_dir()).unwrap_or(path).display();
    Some(match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("it is another user's, or closed: sudo chown -R \"$USER\" {folder}")
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!(
                "the disk is mounted read-only: findmnt -T {folder} shows which; work in a copy that can be written"
            )
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("make room: df -h {folder}; orchestrator gc --dry-run shows what is old")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("a file is in the place of a folder: ls -ld {folder}, then move it away")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_remedy() {
        let hint = |kind: ErrorKind| io_hint(Path::new("/p/.orchestrator/loop.lock"), &Error::from(kind));
        assert!(hint(ErrorKind::PermissionDenied).unwrap().ends_with("chown -R \"$USER\" /p/.orchestrator"));
        assert!(hint(ErrorKind::ReadOnlyFilesystem).unwrap().contains("read-only"));
        assert!(hint(ErrorKind::StorageFull).unwrap().starts_with("make room"));
        assert!(hint(ErrorKind::NotADirectory).unwrap().contains("in the place of a folder"));
        assert_eq!(hint(ErrorKind::Interrupted), None);
    }
}
