//! What a caller asks for: one process, its limits and where its traces go.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::activity::OutputParser;
use super::pipeline::redact::Redactor;

/// One process to run. `Request::new` fills everything but the command with quiet defaults.
pub struct Request {
    /// Program and arguments; never a shell string made from a prompt.
    pub argv: Vec<OsString>,
    /// Working directory; it must exist.
    pub cwd: PathBuf,
    /// Variables set on top of the inherited environment.
    pub env: Vec<(OsString, OsString)>,
    /// Inherited variables the child must not see.
    pub env_remove: Vec<OsString>,
    pub stdin: Stdin,
    pub limits: Limits,
    /// Exit codes that count as success.
    pub success_codes: Vec<i32>,
    /// Unique name of this attempt: the mark by which every descendant is recognised.
    pub attempt: String,
    /// The project's root: survivors of a killed program are found per project.
    pub marker_root: PathBuf,
    pub raw_log: Option<RawLog>,
    /// NDJSON file, created or continued.
    pub activity_log: Option<PathBuf>,
    /// The agent's output protocol; none = plain text.
    pub parser: Option<Box<dyn OutputParser + Send>>,
    pub redactor: Arc<Redactor>,
    /// Run under a pseudo-terminal (stdout and stderr become one stream).
    pub pty: bool,
    /// Leave descendants alive after a successful end (a step that starts a service).
    pub leave_running: bool,
    pub repeat: Repeat,
    pub tag: ActivityTag,
}

impl Request {
    /// A request with default limits, no logs, no parser and nothing on stdin.
    pub fn new(argv: Vec<OsString>, cwd: PathBuf, attempt: String) -> Self {
        Self {
            argv,
            marker_root: cwd.clone(),
            cwd,
            env: Vec::new(),
            env_remove: Vec::new(),
            stdin: Stdin::Null,
            limits: Limits::default(),
            success_codes: vec![0],
            attempt,
            raw_log: None,
            activity_log: None,
            parser: None,
            redactor: Arc::new(Redactor::none()),
            pty: false,
            leave_running: false,
            repeat: Repeat::Warn,
            tag: ActivityTag::default(),
        }
    }
}

/// What the child reads; it always ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// These bytes, then end of file.
    Bytes(Vec<u8>),
}

/// Time limits; zero switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Silence after which the child counts as idle (a warning).
    pub idle: Duration,
    /// Silence after which it is ended.
    pub inactivity: Duration,
    /// The same while a tool call is open.
    pub tool: Duration,
    /// Total running time.
    pub timeout: Duration,
    /// How long the child may live after its final result record.
    pub result_grace: Duration,
    /// Between SIGTERM and SIGKILL; zero kills at once.
    pub grace: Duration,
    /// Bytes per log; head and tail are kept beyond it.
    pub log_max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            inactivity: Duration::from_secs(900),
            tool: Duration::from_secs(3600),
            timeout: Duration::ZERO,
            result_grace: Duration::from_secs(10),
            grace: Duration::from_secs(5),
            log_max_bytes: 1 << 30,
        }
    }
}

/// Where the agent's bytes go.
#[derive(Debug)]
pub struct RawLog {
    pub target: LogTarget,
    /// Bytes of agent output to keep; beyond it head and tail with a marker between.
    pub max_bytes: u64,
}

#[derive(Debug)]
pub enum LogTarget {
    /// Continued from its current end on; write access is enough. The position is moved to the end when the run is
    /// over, so that the caller can append a closing line through a clone of the handle.
    File(File),
    /// Made with the first byte, for this user only: who prints nothing leaves no file.
    New(PathBuf),
}

impl RawLog {
    pub fn file(file: File, max_bytes: u64) -> Self {
        Self { target: LogTarget::File(file), max_bytes }
    }
}

/// What happens when an agent goes in circles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeat {
    #[default]
    Warn,
    Interrupt,
}

/// The names under which an activity log is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityTag {
    pub run: String,
    pub role: String,
    pub iteration: Option<u64>,
    pub agent: String,
}
