//! Why the remote gave no answer, and whether asking again can help (G15).

use std::path::PathBuf;
use std::time::Duration;

use git2::{ErrorClass, ErrorCode};

use crate::sync::protocol::Trouble;

/// A failed operation on a remote. What it would have changed may have been changed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("the remote cannot be reached: {0}")]
    Unreachable(String),
    #[error("the remote gave no sign of life for {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the remote refuses the login: {0}")]
    Authentication(String),
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    #[error("the host key of {host} is not the known one or not known")]
    HostKey { host: String },
    #[error("no such repository: {0}")]
    NoRepository(String),
    #[error("{what} is not supported: {why}")]
    Unsupported { what: String, why: String },
    #[error("the remote does not have {0} any more")]
    Gone(String),
    #[error("the git program cannot be run: {0}")]
    NoProgram(String),
    #[error("{} stays locked", path.display())]
    Locked { path: PathBuf },
    #[error("the remote cannot store what was sent: {0}")]
    Full(String),
    #[error("given up on request")]
    Cancelled,
    #[error("the remote says: {0}")]
    Server(String),
    #[error("{}", .0.message())]
    Here(git2::Error),
}

/// Whether another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    Yes,
    No,
}

impl RemoteError {
    pub(super) fn here(error: git2::Error) -> Self {
        Self::Here(error)
    }

    pub fn passing(&self) -> Passing {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::Gone(_)
            | Self::Locked { .. }
            | Self::Full(_)
            | Self::Cancelled => Passing::Yes,
            Self::Authentication(_)
            | Self::Certificate(_)
            | Self::HostKey { .. }
            | Self::NoRepository(_)
            | Self::Unsupported { .. }
            | Self::NoProgram(_)
            | Self::Server(_)
            | Self::Here(_) => Passing::No,
        }
    }

    /// As the protocol wants it.
    pub fn trouble(&self) -> Trouble {
        let text = match self.hint() {
            Some(hint) => format!("{self} ({hint})"),
            None => self.to_string(),
        };
        match self.passing() {
            Passing::Yes => Trouble::Passing(text),
            Passing::No => Trouble::Lasting(text),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Authentication(_) => Some(
                "nothing asks for a password here: load a key into ssh-agent, configure a git credential \
                 helper, or set ORCHESTRATOR_GIT_TOKEN"
                    .to_owned(),
            ),
            Self::Certificate(_) => {
                Some("put the authority's certificate into a file and name it in SSL_CERT_FILE".to_owned())
            }
            Self::HostKey { host } => {
                Some(format!("compare its fingerprint and add it once with `ssh {host}`"))
            }
            Self::NoRepository(_) => Some("see `git remote -v`".to_owned()),
            Self::Full(_) => Some("make room where the remote is stored".to_owned()),
            Self::NoProgram(_) => Some("install git, or set sync.transport: git2".to_owned()),
            Self::Here(e) if e.code() == ErrorCode::Owner => {
                Some("trust it with `git config --global --add safe.directory <path>`".to_owned())
            }
            _ => None,
        }
    }

    /// What libgit2 says about a network operation.
    pub(super) fn from_git2(error: git2::Error, host: &str) -> Self {
        let text = error.message().to_owned();
        match (error.code(), error.class()) {
            (ErrorCode::Certificate, ErrorClass::Ssh) => Self::HostKey { host: host.to_owned() },
            (ErrorCode::Certificate, _) => Self::Certificate(text),
            (ErrorCode::Auth, _) => Self::Authentication(text),
            (ErrorCode::Timeout | ErrorCode::Eof, _)
            | (
                _,
                ErrorClass::Net
                | ErrorClass::Http
                | ErrorClass::Ssh
                | ErrorClass::Os
                | ErrorClass::Ssl
                | ErrorClass::None
                | ErrorClass::Callback,
            ) => Self::of_words(text),
            _ if text.contains("No space left") || text.contains("quota") => Self::Full(text),
            _ if text.contains("object format") || text.contains("unsupported extension") => {
                Self::Unsupported { what: "the repository's format".to_owned(), why: text }
            }
            _ => Self::Here(error),
        }
    }

    /// By what the message says; both libgit2 and git put it into words only.
    pub(super) fn of_words(text: String) -> Self {
        let low = text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|w| low.contains(w));
        // libgit2 and git both name the status.
        let status = ["status code: ", "returned error: "]
            .iter()
            .find_map(|lead| low.split(lead).nth(1)?.get(..3)?.parse::<u16>().ok());
        match status {
            Some(401 | 403 | 407) => return Self::Authentication(text),
            Some(404 | 410) => return Self::NoRepository(text),
            Some(408 | 429 | 500..=599) => return Self::Unreachable(text),
            _ => {}
        }
        if has(&["no space left", "quota exceeded", "unpacking the sent packfile failed", "unpacker error"]) {
            Self::Full(text)
        } else if has(&[
            "host key verification failed",
            "unknown remote ssh hostkey",
            "remote host identification has changed",
        ]) {
            Self::HostKey { host: "the remote".to_owned() }
        } else if has(&["certificate verification failed", "certificate problem", "ssl certificate"]) {
            Self::Certificate(text)
        } else if has(&[
            "permission denied (",
            "authentication failed",
            "failed to authenticate",
            "could not read username",
            "could not read password",
            "unable to get password",
            "terminal prompts disabled",
            "invalid credentials",
            "no credentials",
            "authentication replays",
            "too many redirects or authentication",
        ]) {
            Self::Authentication(text)
        } else if has(&[
            "does not appear to be a git repository",
            "repository not found",
            "not exported",
            "no such repository",
            "repository '",
            "does not exist",
            "not a git repository",
        ]) {
            Self::NoRepository(text)
        } else if has(&["mismatched algorithms", "hash algorithm", "object format", "unsupported extension"])
        {
            Self::Unsupported { what: "the remote's object format".to_owned(), why: text }
        } else if has(&["couldn't find remote ref", "not our ref", "remote ref does not exist"]) {
            Self::Gone(text)
        } else if low.contains("dubious ownership") {
            Self::Unsupported { what: "a repository of another user".to_owned(), why: text }
        } else if has(&["transport '", "protocol '"]) && has(&["not allowed", "unsupported"]) {
            Self::Unsupported { what: "the remote's protocol".to_owned(), why: text }
        } else {
            Self::Unreachable(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G15: what passes is tried again, what lasts ends the run at once.
    #[test]
    fn words_tell_what_passes() {
        let cases = [
            ("error: unable to write file: No space left on device", Passing::Yes),
            ("fatal: unable to access 'http://x/': Could not resolve host: x", Passing::Yes),
            ("failed to connect to x: Connection refused", Passing::Yes),
            ("unexpected http status code: 503", Passing::Yes),
            ("fatal: unable to access 'http://x/': The requested URL returned error: 500", Passing::Yes),
            ("unexpected http status code: 403", Passing::No),
            ("fatal: could not read Username for 'http://x': terminal prompts disabled", Passing::No),
            ("SSL certificate problem: self-signed certificate", Passing::No),
            ("git@x: Permission denied (publickey).", Passing::No),
            ("Host key verification failed.", Passing::No),
            ("fatal: '/x' does not appear to be a git repository", Passing::No),
            ("remote error: access denied or repository not exported: /x", Passing::No),
            ("fatal: mismatched algorithms: client sha1; server sha256", Passing::No),
        ];
        for (text, passing) in cases {
            assert_eq!(RemoteError::of_words(text.to_owned()).passing(), passing, "{text}");
        }
    }

    /// G15, T1: what each kind of words becomes, and what a person is told to do.
    #[test]
    fn words_have_their_remedies() {
        let cases = [
            ("unexpected http status code: 401", "the remote refuses the login", "ORCHESTRATOR_GIT_TOKEN"),
            ("unexpected http status code: 404", "no such repository", "git remote -v"),
            ("SSL certificate problem: expired", "the server's certificate is not trusted", "SSL_CERT_FILE"),
            (
                "REMOTE HOST IDENTIFICATION HAS CHANGED!",
                "the host key of the remote is not",
                "ssh the remote",
            ),
            ("remote: error: quota exceeded", "the remote cannot store what was sent", "make room"),
        ];
        for (text, words, remedy) in cases {
            let error = RemoteError::of_words(text.to_owned());
            assert!(error.to_string().starts_with(words), "{error}");
            let (Trouble::Passing(told) | Trouble::Lasting(told)) = error.trouble();
            assert!(told.contains(remedy), "{told}");
        }
        let without_remedy = [
            ("fatal: couldn't find remote ref x", "the remote does not have", Passing::Yes),
            (
                "fatal: detected dubious ownership in repository at '/x'",
                "a repository of another user",
                Passing::No,
            ),
            ("fatal: transport 'ext' not allowed", "the remote's protocol", Passing::No),
            ("mismatched algorithms: client sha1", "the remote's object format", Passing::No),
            ("nobody has ever seen this", "the remote cannot be reached", Passing::Yes),
        ];
        for (text, words, passing) in without_remedy {
            let error = RemoteError::of_words(text.to_owned());
            assert!(error.to_string().starts_with(words), "{error}");
            assert_eq!((error.passing(), error.hint()), (passing, None), "{text}");
        }
    }

    /// What libgit2 says by code and class goes the same ways.
    #[test]
    fn errors_of_the_library_have_their_kind() {
        let kind = |code, class, text: &str| {
            let error = RemoteError::from_git2(git2::Error::new(code, class, text), "box");
            (error.to_string(), error.passing(), error.hint().unwrap_or_default())
        };
        let cases = [
            (
                ErrorCode::Certificate,
                ErrorClass::Ssh,
                "x",
                "the host key of box is not",
                Passing::No,
                "ssh box",
            ),
            (
                ErrorCode::Certificate,
                ErrorClass::Ssl,
                "x",
                "the server's certificate",
                Passing::No,
                "SSL_CERT_FILE",
            ),
            (
                ErrorCode::Auth,
                ErrorClass::Http,
                "x",
                "the remote refuses the login: x",
                Passing::No,
                "ssh-agent",
            ),
            (ErrorCode::Timeout, ErrorClass::Os, "slow", "the remote cannot be reached", Passing::Yes, ""),
            (
                ErrorCode::GenericError,
                ErrorClass::Net,
                "reset",
                "the remote cannot be reached",
                Passing::Yes,
                "",
            ),
            (
                ErrorCode::GenericError,
                ErrorClass::Odb,
                "No space left on device",
                "the remote cannot store",
                Passing::Yes,
                "make room",
            ),
            (
                ErrorCode::GenericError,
                ErrorClass::Repository,
                "unsupported extension name",
                "the repository's format",
                Passing::No,
                "",
            ),
            (ErrorCode::Owner, ErrorClass::Config, "not owned", "not owned", Passing::No, "safe.directory"),
            (ErrorCode::GenericError, ErrorClass::Index, "odd", "odd", Passing::No, ""),
        ];
        for (code, class, text, words, passing, remedy) in cases {
            let (told, passes, hint) = kind(code, class, text);
            assert!(told.starts_with(words), "{told}");
            assert_eq!(passes, passing, "{told}");
            assert!(hint.contains(remedy) && hint.is_empty() == remedy.is_empty(), "{told}: {hint}");
        }
    }
}
