//! What ssh would do for a host, as `ssh -G` tells it: pure.

use super::choose::Why;

/// The part of the answer that matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SshConfig {
    pub whys: Vec<Why>,
    /// As written, `~` included.
    pub identity_files: Vec<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
}

const DEFAULT_KNOWN_HOSTS: &str = "~/.ssh/known_hosts";

impl SshConfig {
    /// Reads the answer for `host`.
    pub fn parse(answer: &str, host: &str) -> Self {
        let mut config = Self::default();
        for line in answer.lines() {
            let Some((key, value)) = line.split_once(' ') else { continue };
            let value = value.trim();
            match key {
                "hostname" if !value.eq_ignore_ascii_case(host) => config.whys.push(Why::SshAlias),
                "hostkeyalias" => config.whys.push(Why::SshAlias),
                "proxyjump" | "proxycommand" if value != "none" => config.whys.push(Why::SshProxy),
                "identityfile" => config.identity_files.push(value.to_owned()),
                "certificatefile" => config.whys.push(Why::SshKeyKind),
                "pkcs11provider" if value != "none" => config.whys.push(Why::SshKeyKind),
                "identityagent" if value != "SSH_AUTH_SOCK" => config.whys.push(Why::SshKeyKind),
                "userknownhostsfile"
                    if value.split(' ').next().is_none_or(|f| !f.ends_with(&DEFAULT_KNOWN_HOSTS[1..])) =>
                {
                    config.whys.push(Why::SshKnownHosts);
                }
                "user" => config.user = Some(value.to_owned()),
                "port" => config.port = value.parse().ok(),
                _ => {}
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_host_gives_no_reason() {
        let plain = "user ann\nhostname h.example\nport 22\nidentityfile ~/.ssh/id_ed25519\n\
                     userknownhostsfile /home/ann/.ssh/known_hosts /home/ann/.ssh/known_hosts2\n";
        let config = SshConfig::parse(plain, "H.example");
        assert_eq!(config.whys, []);
        assert_eq!(config.identity_files, ["~/.ssh/id_ed25519"]);
        assert_eq!((config.user.as_deref(), config.port), (Some("ann"), Some(22)));
    }

    /// G18: `ProxyJump` and aliases need git.
    #[test]
    fn what_libssh2_cannot_do_is_named() {
        let text = "hostname real.example\nproxyjump bastion\nuserknownhostsfile /dev/null\n";
        assert_eq!(SshConfig::parse(text, "alias").whys, [Why::SshAlias, Why::SshProxy, Why::SshKnownHosts]);
    }
}
