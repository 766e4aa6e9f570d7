//! From a request to a running child and its streams.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::activity::Stream;
use super::kin::{self, ANCESTRY_VAR, ATTEMPT_VAR, KEEP_VAR, OWNER_VAR, PROJECT_VAR};
use super::outcome::ErrorKind;
use super::pipeline::redact::names_a_secret;
use super::request::{Request, Stdin};
use super::streams::{EndWatch, Feeder, Source};
use super::tree::{self, Birth, Leader};
use super::{pty, table};

/// Variables that make an agent refuse to start within another one.
const NEVER_INHERITED: &[&str] = &["CLAUDECODE"];

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    #[error("start a process from an empty command")]
    Empty,
    #[error("start `{program}`: the working directory `{}` does not exist", cwd.display())]
    NoCwd { program: String, cwd: PathBuf },
    #[error("find the program `{0}`")]
    NotFound(String),
    #[error("start `{program}`: its interpreter does not exist")]
    NoInterpreter { program: String },
    #[error("start `{program}`: {source}")]
    Os { program: String, source: io::Error },
}

impl SpawnError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty | Self::NoCwd { .. } => ErrorKind::InvalidRequest,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Os { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                ErrorKind::InvalidRequest
            }
            Self::Os { .. } | Self::NoInterpreter { .. } => ErrorKind::Os,
        }
    }
}

/// A child and everything that can be heard of it.
pub(super) struct Running {
    pub leader: Leader,
    pub end: EndWatch,
    pub sources: [Option<Source>; 2],
    pub feeder: Option<Feeder>,
}

/// Starts the child.
pub(super) fn start(request: &mut Request) -> Result<Running, SpawnError> {
    let Some(name) = request.argv.first().cloned() else { return Err(SpawnError::Empty) };
    let shown = name.to_string_lossy().into_owned();
    if !request.cwd.is_dir() {
        return Err(SpawnError::NoCwd { program: shown, cwd: request.cwd.clone() });
    }
    let program = resolve(&name, request).ok_or_else(|| SpawnError::NotFound(shown.clone()))?;
    give_birth(&program, request).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            SpawnError::NoInterpreter { program: shown }
        } else {
            SpawnError::Os { program: shown, source }
        }
    })
}

fn give_birth(program: &Path, request: &mut Request) -> io::Result<Running> {
    let (stdin, prompt) = match std::mem::take(&mut request.stdin) {
        Stdin::Null => (File::open("/dev/null")?.into(), None),
        Stdin::Bytes(bytes) => {
            let (reader, writer) = io::pipe()?;
            (reader.into(), Some((writer.into(), bytes)))
        }
    };
    let (stdout, stderr, ours) = if request.pty {
        let pair = pty::open()?;
        (pair.slave.try_clone()?, pair.slave, [Some(pair.master), None])
    } else {
        let ((out, stdout), (err, stderr)) = (io::pipe()?, io::pipe()?);
        (stdout.into(), stderr.into(), [Some(out.into()), Some(err.into())])
    };
    let birth = Birth {
        program: c_string(program.as_os_str())?,
        argv: request.argv.iter().map(|word| c_string(word)).collect::<io::Result<_>>()?,
        environment: environment(request)?,
        cwd: c_string(request.cwd.as_os_str())?,
        stdio: [stdin, stdout, stderr],
        terminal: request.pty,
    };
    let leader = tree::spawn(&birth)?;
    // Our copies of the child's ends: as long as they are open, its streams have no end.
    drop(birth);
    let end = EndWatch::new(&leader)?;
    let [out, err] = ours;
    let source = |fd: Option<OwnedFd>, stream| fd.map(|fd| Source::new(fd, stream, request.pty)).transpose();
    let sources = [source(out, Stream::Stdout)?, source(err, Stream::Stderr)?];
    let feeder = prompt.map(|(fd, bytes)| Feeder::begin(fd, bytes)).transpose()?.flatten();
    Ok(Running { leader, end, sources, feeder })
}

/// What is inherited, changed by what was asked for, and the marks.
fn environment(request: &Request) -> io::Result<Vec<CString>> {
    let mut vars: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let mut ancestry = vars.remove(OsStr::new(ANCESTRY_VAR)).unwrap_or_default();
    if !ancestry.is_empty() {
        ancestry.push(":");
    }
    ancestry.push(&request.attempt);
    vars.retain(|name, _| !own_secret(name));
    for name in
        NEVER_INHERITED.iter().map(OsStr::new).chain(request.env_remove.iter().map(OsString::as_os_str))
    {
        vars.remove(name);
    }
    if request.pty {
        vars.extend(pty::ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())));
    }
    vars.extend(request.env.iter().cloned());
    vars.insert(ATTEMPT_VAR.into(), request.attempt.clone().into());
    vars.insert(ANCESTRY_VAR.into(), ancestry);
    vars.insert(PROJECT_VAR.into(), kin::project_mark(&request.marker_root).into());
    vars.insert(OWNER_VAR.into(), table::own_identity().into());
    vars.remove(OsStr::new(KEEP_VAR));
    if request.leave_running {
        vars.insert(KEEP_VAR.into(), "1".into());
    }
    vars.into_iter()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(&name)
        })
        .collect()
}

/// The program's own tokens: no agent has a use for them that its user would want.
fn own_secret(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"ORCHESTRATOR_") && names_a_secret(name)
}

fn c_string(word: &OsStr) -> io::Result<CString> {
    Ok(CString::new(word.as_bytes())?)
}

/// The absolute path of a program: as given, relative to the working directory, or from the child's PATH.
fn resolve(name: &OsStr, request: &Request) -> Option<PathBuf> {
    let runs =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if Path::new(name).components().count() > 1 || Path::new(name).is_absolute() {
        // One that exists but cannot be executed is for the system to explain.
        return Some(request.cwd.join(name)).filter(|path| path.exists());
    }
    let given = request.env.iter().rev().find(|(var, _)| var == "PATH").map(|(_, value)| value.clone());
    let path: OsString = given.or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&path).map(|folder| request.cwd.join(folder).join(name)).find(runs)
}
