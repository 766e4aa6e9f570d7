//! What to log in with: one thing after the other, each tried once, and never a question (G16).

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use git2::{Cred, CredentialType};

use super::command::fill_credential;
use super::error::TOKEN;
use super::place::Place;
use super::surroundings::Surroundings;

/// Keys that ssh tries without being told.
const DEFAULT_KEYS: &[&str] = &["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/// What the logins of one remote can be made of.
#[derive(Debug, Clone)]
pub(super) struct Purse {
    pub place: Place,
    pub url: String,
    pub surroundings: Surroundings,
    /// From ssh's own configuration.
    pub identity_files: Vec<String>,
    pub ssh_user: Option<String>,
}

/// One connection's attempts.
pub(super) struct Attempts<'a> {
    purse: &'a Purse,
    keys: VecDeque<Option<PathBuf>>,
    logins: VecDeque<Login>,
    /// Variables whose token was not accepted.
    refused: Vec<&'static str>,
}

enum Login {
    Token { name: &'static str, user: String, token: String },
    Helper,
}

impl Purse {
    pub(super) fn attempts(&self) -> Attempts<'_> {
        let mut keys = VecDeque::new();
        if self.surroundings.var("SSH_AUTH_SOCK").is_some() {
            keys.push_back(None);
        }
        let defaults = || DEFAULT_KEYS.iter().copied().map(str::to_owned).collect();
        let files = if self.identity_files.is_empty() { defaults() } else { self.identity_files.clone() };
        let files = files.iter().map(|f| self.surroundings.expand(f));
        keys.extend(files.filter(is_open_key).map(Some));
        let mut logins: VecDeque<Login> = self.tokens().into_iter().collect();
        logins.push_back(Login::Helper);
        Attempts { purse: self, keys, logins, refused: Vec::new() }
    }

    /// A token goes only to the host it is meant for, and never in clear over a network.
    fn tokens(&self) -> Vec<Login> {
        let Place::Http { host, secure } = &self.place else { return Vec::new() };
        if !secure && !is_loopback(host) {
            return Vec::new();
        }
        let token = |name: &'static str, user: &str| {
            let token = self.surroundings.var(name)?.to_owned();
            Some(Login::Token { name, user: user.to_owned(), token })
        };
        let own_user = self.surroundings.var("ORCHESTRATOR_GIT_USER").unwrap_or("x-access-token");
        let own = token(TOKEN, own_user);
        let host = match host.as_str() {
            "github.com" => {
                token("GH_TOKEN", "x-access-token").or_else(|| token("GITHUB_TOKEN", "x-access-token"))
            }
            "gitlab.com" => token("GITLAB_TOKEN", "oauth2"),
            _ => None,
        };
        own.into_iter().chain(host).collect()
    }
}

impl Attempts<'_> {
    /// The next thing to try among what the server allows.
    pub(super) fn next(&mut self, user: Option<&str>, allowed: CredentialType) -> Result<Cred, git2::Error> {
        let user = user.or(self.purse.ssh_user.as_deref()).unwrap_or("git");
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(user);
        }
        if allowed.contains(CredentialType::SSH_KEY) {
            return match self.keys.pop_front() {
                Some(None) => Cred::ssh_key_from_agent(user),
                Some(Some(file)) => Cred::ssh_key(user, None, &file, None),
                None => Err(refused("no key of the agent and no key file without passphrase was accepted")),
            };
        }
        if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
            while let Some(login) = self.logins.pop_front() {
                match login {
                    Login::Token { name, user, token } => {
                        self.refused.push(name);
                        return Cred::userpass_plaintext(&user, &token);
                    }
                    Login::Helper => {
                        if let Some((user, password)) =
                            fill_credential(&self.purse.url, self.purse.surroundings.home())
                        {
                            return Cred::userpass_plaintext(&user, &password);
                        }
                    }
                }
            }
            return Err(refused(&self.why_no_login()));
        }
        Err(refused("the server asks for a kind of login that is not known here"))
    }
}

impl Attempts<'_> {
    /// Each was tried once by now.
    fn why_no_login(&self) -> String {
        let insecure = matches!(&self.purse.place, Place::Http { host, secure: false } if !is_loopback(host));
        if !self.refused.is_empty() {
            let names = self.refused.join(" and in ");
            format!(
                "the token in {names} was refused (expired, or of another account?), and no credential helper gave another login"
            )
        } else if insecure && self.purse.surroundings.var(TOKEN).is_some() {
            format!("the token in {TOKEN} is not sent over http, where everybody can read it: use https")
        } else {
            "no token is set, and no credential helper gave a login that was accepted".to_owned()
        }
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

fn refused(why: &str) -> git2::Error {
    git2::Error::new(git2::ErrorCode::Auth, git2::ErrorClass::Http, why)
}

/// A private key that needs no passphrase: one that does would be asked for.
fn is_open_key(path: &PathBuf) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return false };
    // "openssh-key-v1", then the cipher: "none".
    let openssh = text.contains("OPENSSH PRIVATE KEY");
    text.contains("PRIVATE KEY")
        && !text.contains("ENCRYPTED")
        && (!openssh || text.contains("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn purse(url: &str, vars: &[(&str, &str)]) -> Purse {
        Purse {
            place: Place::parse(url, Path::new("/")).unwrap(),
            url: url.to_owned(),
            surroundings: Surroundings::from_vars(
                vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
            ),
            identity_files: Vec::new(),
            ssh_user: None,
        }
    }

    /// What to mend is told by which token was tried.
    #[test]
    fn a_refused_token_is_named() {
        let told = |url: &str| {
            let purse = purse(url, &[(TOKEN, "own")]);
            let mut attempts = purse.attempts();
            let mut next = || attempts.next(None, CredentialType::USER_PASS_PLAINTEXT);
            next().err().or_else(|| next().err()).unwrap().message().to_owned()
        };
        assert!(told("https://git.example/o/r").contains("ORCHESTRATOR_GIT_TOKEN was refused"));
        assert!(told("http://git.example/o/r").contains("is not sent over http"));
    }

    /// A token for one host is not told to another, nor to anybody who listens.
    #[test]
    fn tokens_go_where_they_belong() {
        let tokens = |url: &str, vars: &[(&str, &str)]| {
            let logins = purse(url, vars).tokens();
            logins
                .into_iter()
                .map(|l| match l {
                    Login::Token { token, .. } => token,
                    Login::Helper => "?".into(),
                })
                .collect::<Vec<_>>()
        };
        let all = [("GITHUB_TOKEN", "hub"), ("GITLAB_TOKEN", "lab")];
        assert_eq!(tokens("https://github.com/o/r", &all), ["hub"]);
        assert_eq!(tokens("https://gitlab.com/o/r", &all), ["lab"]);
        assert!(tokens("https://evil.example/o/r", &all).is_empty());
        let own = [("ORCHESTRATOR_GIT_TOKEN", "own")];
        assert_eq!(tokens("https://git.example/o/r", &own), ["own"]);
        assert!(tokens("http://git.example/o/r", &own).is_empty());
        assert_eq!(tokens("http://127.0.0.1:8080/r", &own), ["own"]);
    }
}
