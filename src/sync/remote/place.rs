//! What a remote's URL points at: pure.

use std::path::{Path, PathBuf};

/// Where a remote is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine, also written `file://`.
    Path(PathBuf),
    /// `git://`
    Daemon {
        host: String,
    },
    Http {
        host: String,
        secure: bool,
    },
    Ssh {
        user: Option<String>,
        host: String,
        port: Option<u16>,
    },
}

/// A URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a remote this program can use")]
pub struct BadUrl(pub String);

impl Place {
    /// Reads a URL as git does. Relative paths count from `base`, the top of the working tree.
    pub fn parse(url: &str, base: &Path) -> Result<Self, BadUrl> {
        let bad = || BadUrl(url.to_owned());
        // A leading dash would be an option, `::` names a helper program.
        if url.is_empty() || url.starts_with('-') {
            return Err(bad());
        }
        if let Some((scheme, rest)) = url.split_once("://") {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (user, host, port) = authority_parts(authority).ok_or_else(bad)?;
            return match scheme.to_ascii_lowercase().as_str() {
                "file" => Ok(Self::Path(PathBuf::from(decoded(path)))),
                _ if host.is_empty() || host.starts_with('-') => Err(bad()),
                "git" => Ok(Self::Daemon { host }),
                "http" => Ok(Self::Http { host, secure: false }),
                "https" => Ok(Self::Http { host, secure: true }),
                "ssh" | "git+ssh" | "ssh+git" => Ok(Self::Ssh { user, host, port }),
                _ => Err(bad()),
            };
        }
        if url.split('/').next().is_some_and(|head| head.contains("::")) {
            return Err(bad());
        }
        match url.split_once(':') {
            // `host:path`: the colon comes before any slash.
            Some((authority, _)) if !authority.contains('/') && !authority.is_empty() => {
                let (user, host) = match authority.rsplit_once('@') {
                    Some((user, host)) => (Some(user.to_owned()), host),
                    None => (None, authority),
                };
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                if host.is_empty() || host.starts_with('-') {
                    return Err(bad());
                }
                Ok(Self::Ssh { user, host, port: None })
            }
            _ => Ok(Self::Path(base.join(url))),
        }
    }

    pub(super) fn is_secure_http(&self) -> bool {
        matches!(self, Self::Http { secure: true, .. })
    }

    /// For messages.
    pub fn host(&self) -> &str {
        match self {
            Self::Path(_) => "localhost",
            Self::Daemon { host } | Self::Http { host, .. } | Self::Ssh { host, .. } => host,
        }
    }
}

type Authority = (Option<String>, String, Option<u16>);

fn authority_parts(text: &str) -> Option<Authority> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    // A password in the URL is no part of the name.
    let user = user.and_then(|u| u.split(':').next()).filter(|u| !u.is_empty()).map(str::to_owned);
    let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
        let (host, tail) = inner.split_once(']')?;
        (host, tail.strip_prefix(':'))
    } else {
        match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    let port = port.filter(|p| !p.is_empty()).map(str::parse).transpose().ok()?;
    Some((user, host.to_owned(), port))
}

/// Percent escapes, as in `file:///a%20b`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_git_reads_them() {
        let at = |url: &str| Place::parse(url, Path::new("/top"));
        let ssh = |user: Option<&str>, host: &str, port| {
            Ok(Place::Ssh { user: user.map(str::to_owned), host: host.to_owned(), port })
        };
        assert_eq!(at("/a/b.git"), Ok(Place::Path("/a/b.git".into())));
        assert_eq!(at("../b"), Ok(Place::Path("/top/../b".into())));
        assert_eq!(at("file:///a%20b"), Ok(Place::Path("/a b".into())));
        assert_eq!(at("./x:y"), Ok(Place::Path("/top/./x:y".into())));
        assert_eq!(at("git@github.com:o/r.git"), ssh(Some("git"), "github.com", None));
        assert_eq!(at("ssh://u@h:2222/x"), ssh(Some("u"), "h", Some(2222)));
        assert_eq!(at("ssh://[::1]:22/x"), ssh(None, "::1", Some(22)));
        assert_eq!(at("https://u:p@h/x"), Ok(Place::Http { host: "h".into(), secure: true }));
        assert_eq!(at("git://h/x"), Ok(Place::Daemon { host: "h".into() }));
        for bad in ["", "-x", "ext::sh -c x", "ftp://h/x", "ssh://-oProxyCommand=x/y", "-h:x", "http:///x"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
