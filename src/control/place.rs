//! Where a socket lies. Pure.

use std::path::{Path, PathBuf};

/// Bytes of a path that the system takes for a socket, without the closing zero.
#[cfg(target_os = "linux")]
const LONGEST: usize = 107;
#[cfg(not(target_os = "linux"))]
const LONGEST: usize = 103;

pub(super) const ENDING: &str = "sock";
/// A socket is made under this ending and renamed once it listens: what is called `.sock` and refuses is dead.
pub(super) const UNFINISHED: &str = "sock.new";

/// The folder of the sockets of a project, in its private folder.
pub fn folder(private: &Path) -> PathBuf {
    private.join("run")
}

/// The place of one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub socket: PathBuf,
    /// The link that leads to it from the project, when it had to lie elsewhere.
    pub link: Option<PathBuf>,
}

/// In the project if the path is short enough, else in the user's runtime folder with a link to it; none if neither
/// will do.
pub(super) fn place(folder: &Path, runtime: Option<&Path>, id: &str) -> Option<Place> {
    let name = format!("{id}.{ENDING}");
    let here = folder.join(&name);
    if fits(&here) {
        return Some(Place { socket: here, link: None });
    }
    let socket = runtime?.join("orchestrator").join(name);
    fits(&socket).then_some(Place { socket, link: Some(here) })
}

/// Also while it is being made.
fn fits(path: &Path) -> bool {
    path.with_extension(UNFINISHED).as_os_str().len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P18: in the project; under the runtime folder when that is too long; nowhere when both are.
    #[test]
    fn as_near_as_the_path_allows() {
        let (short, long) =
            (PathBuf::from("/p/.orchestrator/run"), PathBuf::from(format!("/{}", "d".repeat(90))));
        let runtime = Path::new("/run/user/1000");
        let near = place(&short, None, "0199").unwrap();
        assert_eq!(near, Place { socket: short.join("0199.sock"), link: None });
        let far = place(&long, Some(runtime), "0199aaaa-0000-7000-8000-000000000000").unwrap();
        assert_eq!(far.socket, runtime.join("orchestrator/0199aaaa-0000-7000-8000-000000000000.sock"));
        assert_eq!(far.link, Some(long.join("0199aaaa-0000-7000-8000-000000000000.sock")));
        assert_eq!(place(&long, None, "0199aaaa-0000-7000-8000-000000000000"), None);
        assert_eq!(place(&long, Some(&long), "0199aaaa-0000-7000-8000-000000000000"), None);
        let edge = PathBuf::from(format!("/{}", "d".repeat(LONGEST - "/x.sock.new".len() - 1)));
        assert!(place(&edge, None, "x").is_some());
        assert!(place(&edge, None, "xx").is_none());
    }
}
