//! What a transport takes from the user's environment, read once by whoever starts the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables a transport may look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    vars: BTreeMap<String, String>,
}

/// All that is ever looked at.
const KNOWN: &[&str] = &[
    "HOME",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "ORCHESTRATOR_GIT_TOKEN",
    "ORCHESTRATOR_GIT_USER",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

impl Surroundings {
    /// Keeps what is needed of an environment.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let vars =
            vars.into_iter().filter(|(name, value)| KNOWN.contains(&name.as_str()) && !value.is_empty());
        Self { vars: vars.collect() }
    }

    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    pub fn home(&self) -> Option<&Path> {
        self.var("HOME").map(Path::new)
    }

    /// A path as ssh writes it: `~` is the home folder.
    pub(super) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}
