//! From a name to an agent that can be run: `auto`, the search on PATH, and consent.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::http;
use super::table::{Agent, SHELL, Table};

/// An agent and the program that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    pub agent: Agent,
    /// Absolute; `None` for the embedded agent.
    pub program: Option<PathBuf>,
}

/// Why an agent cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    #[error("no agent `{name}`; known: {}", super::dispatch::listed(.known, .name))]
    Unknown { name: String, known: Vec<String> },
    #[error("no agent found on PATH (looked for {})", .0.join(", "))]
    NoneFound(Vec<String>),
    #[error("agent `{name}`: `{program}` is not on PATH")]
    NotFound { name: String, program: String },
    #[error("agent `{name}`: no such file: {}", .path.display())]
    NoFile { name: String, path: PathBuf },
    #[error("agent `{name}`: {} is not executable", .path.display())]
    NotExecutable { name: String, path: PathBuf },
    #[error("agent `{name}`: {} is a script without a first line that names its interpreter", .path.display())]
    NoInterpreter { name: String, path: PathBuf },
    #[error("agent `{0}` has no command")]
    NoCommand(String),
    #[error("`{0}` is behind HTTP, and this build has no `http` feature")]
    NoHttp(String),
    #[error("agent `{0}` works without asking for permission, and agent.unattended is not set")]
    NoConsent(String),
}

impl AgentError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => "name one of these, or describe your own under `agents:` in orchestration.yaml".into(),
            Self::NoneFound(_) => "install one, or choose: `--agent shell` runs the `sh run` blocks of the prompts, \
                 `agents: {mine: {command: [my-cli]}}` in orchestration.yaml names any other command"
                .into(),
            Self::NotFound { program, .. } => format!("install `{program}`, put it on PATH, or choose another with --agent NAME"),
            Self::NoFile { name, .. } => {
                format!("write it, or mend agents.{name}.command (a path counts from the folder of orchestration.yaml)")
            }
            Self::NotExecutable { path, .. } => format!("chmod +x {}", path.display()),
            Self::NoInterpreter { path, .. } => format!("sed -i '1i #!/bin/sh' {}", path.display()),
            Self::NoCommand(name) => format!("set `agents.{name}.command` in orchestration.yaml"),
            Self::NoHttp(_) => "build with the default features, or choose another with --agent NAME".into(),
            Self::NoConsent(_) => "in a container or on a machine you can lose, put `agent: {unattended: true}` into \
                 orchestration.yaml; for example: docker run --rm -it -v \"$PWD\":/work -w /work IMAGE orchestrator"
                .into(),
        }
    }
}

/// The first file of this name on a PATH that can be executed, absolute. A name with a slash is
/// taken relative to `root`.
pub fn find_on_path(name: &str, path: &OsStr, root: &Path) -> Option<PathBuf> {
    let executable =
        |p: &Path| std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        let file = root.join(name);
        return executable(&file).then_some(file);
    }
    std::env::split_paths(path).filter(|d| d.is_absolute()).map(|d| d.join(name)).find(|p| executable(p))
}

/// A text that the system would not know how to run. What cannot be read is left to it.
fn nameless_script(path: &Path) -> bool {
    let mut head = [0; 64];
    let read = std::fs::File::open(path).and_then(|mut f| std::io::Read::read(&mut f, &mut head));
    let head = &head[..read.unwrap_or(0)];
    let text = head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    !head.is_empty() && text && !head.starts_with(b"#!")
}

/// Makes a chosen name runnable. `auto` takes the first of `order` that is installed; the embedded
/// agent is never taken unless it is named (A3).
pub fn ready(
    table: &Table,
    name: &str,
    order: &[String],
    path: &OsStr,
    root: &Path,
) -> Result<Ready, AgentError> {
    let program_of = |agent: &Agent| {
        if agent.http.is_some() {
            return http::own_program().filter(|_| http::BUILT);
        }
        let program = agent.command.first()?;
        find_on_path(program, path, root)
    };
    if name == "auto" {
        let found = order.iter().filter(|n| *n != SHELL).find_map(|n| {
            let agent = table.get(n)?;
            let program = program_of(agent)?;
            Some(Ready { agent: agent.clone(), program: Some(program) })
        });
        return found.ok_or_else(|| AgentError::NoneFound(order.to_vec()));
    }
    let unknown = || AgentError::Unknown {
        name: name.into(),
        known: table.names().into_iter().map(str::to_owned).collect(),
    };
    let agent = table.get(name).ok_or_else(unknown)?.clone();
    if name == SHELL && agent.command.is_empty() {
        return Ok(Ready { agent, program: None });
    }
    let Some(first) = agent.command.first().cloned() else { return Err(AgentError::NoCommand(name.into())) };
    match program_of(&agent) {
        Some(path) if agent.http.is_none() && nameless_script(&path) => {
            Err(AgentError::NoInterpreter { name: name.into(), path })
        }
        Some(program) => Ok(Ready { agent, program: Some(program) }),
        None if agent.http.is_some() => Err(AgentError::NoHttp(name.into())),
        None if first.contains('/') => Err(match root.join(&first) {
            path if path.exists() => AgentError::NotExecutable { name: name.into(), path },
            path => AgentError::NoFile { name: name.into(), path },
        }),
        None => Err(AgentError::NotFound { name: name.into(), program: first }),
    }
}

impl Ready {
    /// A10: whoever skips permission prompts runs only with consent.
    pub fn consented(&self, unattended: bool) -> Result<(), AgentError> {
        if self.agent.unattended && !unattended {
            Err(AgentError::NoConsent(self.agent.name.clone()))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What a script of one's own may lack, each with its remedy.
    #[test]
    fn a_script_that_cannot_run_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.sh");
        let own =
            crate::config::AgentRecord { command: Some(vec!["./mine.sh".into()]), ..Default::default() };
        let table = Table::new(&BTreeMap::from([("mine".to_owned(), own)]));
        let find = || ready(&table, "mine", &[], std::ffi::OsStr::new(""), dir.path());
        let error = find().unwrap_err();
        assert!(error.to_string().contains("no such file: "), "{error}");
        std::fs::write(&file, "echo hello\n").unwrap();
        let error = find().unwrap_err();
        assert!(
            error.to_string().ends_with("is not executable") && error.hint().starts_with("chmod +x /"),
            "{error}"
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(find(), Err(AgentError::NoInterpreter { .. })));
        std::fs::write(&file, "#!/bin/sh\necho hello\n").unwrap();
        assert!(find().is_ok());
    }

    /// A3: the first installed one of the order; the embedded one never silently.
    #[test]
    fn auto_takes_the_first_installed() {
        let dir = tempfile::tempdir().unwrap();
        let table = Table::new(&BTreeMap::new());
        let order: Vec<String> = ["claude", "codex", "shell"].map(String::from).to_vec();
        let find = |name: &str| ready(&table, name, &order, dir.path().as_os_str(), dir.path());
        let error = find("auto").unwrap_err();
        assert_eq!(error.to_string(), "no agent found on PATH (looked for claude, codex, shell)");
        assert!(error.hint().contains("--agent shell"));
        let file = dir.path().join("codex");
        std::fs::write(&file, "").unwrap();
        assert!(find("auto").is_err(), "a file that cannot be executed is no program");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = find("auto").unwrap();
        assert_eq!(found.program, Some(file));
        assert_eq!(found.consented(false), Err(AgentError::NoConsent("codex".into())));
        assert_eq!(found.consented(true), Ok(()));
        assert_eq!(find("shell").unwrap().consented(false), Ok(()));
        assert!(matches!(find("claude"), Err(AgentError::NotFound { .. })));
        assert!(matches!(find("nobody"), Err(AgentError::Unknown { .. })));
    }
}
