//! `oneshot follow`: the activity log as it grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use super::args::FollowArgs;
use crate::cli::args::Global;
use crate::cli::error::{FAILED, Failure, INTERNAL, OK};
use crate::cli::print;
use crate::oneshot::machine::Kind;
use crate::oneshot::session::{Folder, pick};

/// Between looks at the file. A reader beside the run has no event to wait for on every system.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) fn follow(global: &Global, args: &FollowArgs) -> Result<u8, Failure> {
    let settings = super::settings(global, &[])?;
    let id = pick(&settings.root, args.id.as_deref())?;
    let folder = Folder::of(&settings.root, &id);
    let mut at = 0;
    loop {
        // Asked before the last read, so that nothing written before the end is missed.
        let live = folder.holder().is_some();
        let text = more(&folder, &mut at)
            .map_err(|e| Failure::new(INTERNAL, "io", "read the activity log").cause(e.to_string()))?;
        print(&text)?;
        if !live {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let session = folder.load()?;
    if matches!(session.state.kind(), Kind::Hot | Kind::Checkpoint | Kind::Start) {
        return Err(Failure::new(FAILED, "not_live", "nobody works on the session")
            .hint(format!("orchestrator oneshot resume {id}")));
    }
    Ok(OK)
}

/// The whole lines that were not printed yet.
fn more(folder: &Folder, at: &mut u64) -> io::Result<String> {
    let mut file = match File::open(folder.activity_log()) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    file.seek(SeekFrom::Start(*at))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1));
    *at += bytes.len() as u64;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
