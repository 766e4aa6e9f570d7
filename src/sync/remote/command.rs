//! The git program, run so that it asks nothing, runs nothing a repository configures (G22), and is
//! ended with all it started when it is silent for too long (G15).

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::error::RemoteError;
use super::surroundings::Surroundings;
use super::worker::Cancel;

/// What is turned off whatever a repository says.
const OFF: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.gitProxy=",
    "core.alternateRefsCommand=",
    "credential.helper=",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no",
    "http.lowSpeedLimit=1",
];

/// The most that is kept of an answer; a listing of some refs is far smaller.
const MOST: usize = 4 * 1024 * 1024;

/// How a run ended.
pub(super) struct Ran {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// How to call git.
#[derive(Debug, Clone)]
pub(super) struct Git {
    pub surroundings: Surroundings,
    /// `credential.*` of user and system, in order.
    pub helpers: Vec<(String, String)>,
    /// Of user and system, never of the repository.
    pub ssh_command: Option<String>,
    pub silence: Duration,
    pub cancel: Cancel,
}

impl Git {
    /// Runs git on the repository `git_dir`.
    pub(super) fn run(&self, git_dir: &Path, args: &[&str]) -> Result<Ran, RemoteError> {
        let mut command = Command::new("git");
        for off in OFF {
            command.args(["-c", off]);
        }
        command.arg("-c").arg(format!("http.lowSpeedTime={}", self.silence.as_secs().max(1)));
        for (key, value) in &self.helpers {
            command.arg("-c").arg(format!("{key}={value}"));
        }
        // Named, not looked for: the folder of a linked worktree lies inside the main one's.
        command.arg("--git-dir").arg(git_dir).args(args).current_dir(git_dir);
        quiet(&mut command);
        command.env("GIT_SSH_COMMAND", self.ssh());
        if let Some(home) = self.surroundings.home() {
            command.env("HOME", home);
        }
        let child = command.spawn().map_err(|e| RemoteError::NoProgram(e.to_string()))?;
        watch(child, self.silence, &self.cancel)
    }

    fn ssh(&self) -> OsString {
        let own = self.surroundings.var("GIT_SSH_COMMAND").or(self.ssh_command.as_deref());
        let plain = || match self.surroundings.var("GIT_SSH") {
            Some(program) => format!("'{}'", program.replace('\'', "'\\''")),
            None => format!("ssh -o BatchMode=yes -o ConnectTimeout={}", self.silence.as_secs().max(1)),
        };
        own.map_or_else(plain, str::to_owned).into()
    }
}

/// No prompt, no terminal, no leftover of an outer git, and only protocols that run no program.
fn quiet(command: &mut Command) {
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "true").env("SSH_ASKPASS", "true");
    command.env("SSH_ASKPASS_REQUIRE", "never").env("GCM_INTERACTIVE", "never");
    command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own group, so that ssh and helpers end with it, and a Ctrl-C is ours to pass on.
    command.process_group(0);
}

enum Heard {
    Out(Vec<u8>),
    Err(Vec<u8>),
    Closed,
    Cancelled,
}

/// Reads both streams to their end; ends the whole group after `silence` without a byte.
fn watch(mut child: Child, silence: Duration, cancel: &Cancel) -> Result<Ran, RemoteError> {
    let (heard, hears) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        listen(out, heard.clone(), Heard::Out);
    }
    if let Some(err) = child.stderr.take() {
        listen(err, heard.clone(), Heard::Err);
    }
    let bell = heard.clone();
    let _watch = cancel.watch(move || {
        let _ = bell.send(Heard::Cancelled);
    });
    drop(heard);
    let (mut out, mut err, mut open) = (Vec::new(), Vec::new(), 2);
    let failed = loop {
        match hears.recv_timeout(silence) {
            Ok(Heard::Out(bytes)) if out.len() < MOST => out.extend(bytes),
            Ok(Heard::Err(bytes)) if err.len() < MOST => err.extend(bytes),
            Ok(Heard::Out(_) | Heard::Err(_)) => {}
            Ok(Heard::Closed) => {
                open -= 1;
                if open == 0 {
                    break None;
                }
            }
            Ok(Heard::Cancelled) => break Some(RemoteError::Cancelled),
            Err(RecvTimeoutError::Timeout) => break Some(RemoteError::TimedOut(silence)),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    if failed.is_some() {
        end(&child);
    }
    let status = child.wait().map_err(|e| RemoteError::NoProgram(e.to_string()))?;
    match failed {
        Some(failed) => Err(failed),
        None => Ok(Ran {
            status,
            out: String::from_utf8_lossy(&out).into_owned(),
            err: String::from_utf8_lossy(&err).into_owned(),
        }),
    }
}

fn listen(mut from: impl Read + Send + 'static, to: Sender<Heard>, wrap: fn(Vec<u8>) -> Heard) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(wrap(buffer[..n].to_vec())).is_err() {
                return;
            }
        }
        let _ = to.send(Heard::Closed);
    });
}

/// Kills the child's group. The child is not yet waited for, so its number is still its own.
fn end(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Asks the credential helpers of user and system, through git: outside of any repository, so that
/// none a repository configures is run.
pub(super) fn fill_credential(url: &str, home: Option<&Path>) -> Option<(String, String)> {
    let mut command = Command::new("git");
    command.args(["-c", "core.askPass=", "-c", "credential.interactive=false", "credential", "fill"]);
    command.current_dir("/");
    quiet(&mut command);
    if let Some(home) = home {
        command.env("HOME", home);
    }
    let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(format!("url={url}\n\n").as_bytes());
    }
    let ran = watch(child, Duration::from_secs(20), &Cancel::default()).ok()?;
    let value = |key: &str| {
        let found = ran.out.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        found.map(str::to_owned).filter(|v| !v.is_empty())
    };
    let (user, password) = (value("username"), value("password"));
    ran.status.success().then_some(())?;
    Some((user?, password?))
}
