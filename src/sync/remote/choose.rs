//! Which of the three ways leads to a remote, and why: pure (G18).

use std::fmt;

use crate::config::Transport;

use super::place::Place;

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// git2 over the network.
    Smart,
    /// git2 on a path.
    Local,
    /// The git program.
    Program,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smart => "git2",
            Self::Local => "git2 (local path)",
            Self::Program => "the git program",
        })
    }
}

/// Why `auto` takes the git program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    HereShallow,
    HerePartial,
    ThereShallow,
    ThereReftable,
    ThereSha256,
    /// Another extension that libgit2 does not know.
    ThereUnknownFormat,
    /// Hooks of a local remote run only in git's own server program.
    Hooks,
    /// The remote's working tree is to follow (`receive.denyCurrentBranch=updateInstead`).
    UpdateInstead,
    /// `core.sharedRepository`: libgit2 does not give its files to the group.
    SharedRepository,
    /// `receive.fsckObjects` or `transfer.fsckObjects`.
    ChecksObjects,
    /// The user's own `core.sshCommand` or `GIT_SSH_COMMAND`.
    SshCommand,
    /// `ProxyJump` or `ProxyCommand`.
    SshProxy,
    /// The URL's host is an alias of `~/.ssh/config`.
    SshAlias,
    /// A security key or a certificate.
    SshKeyKind,
    /// Known hosts are kept somewhere else.
    SshKnownHosts,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HereShallow => "this clone is shallow",
            Self::HerePartial => "this clone is partial",
            Self::ThereShallow => "the remote is shallow",
            Self::ThereReftable => "the remote keeps its refs in reftables",
            Self::ThereSha256 => "the remote uses SHA-256",
            Self::ThereUnknownFormat => "the remote has a format that libgit2 does not know",
            Self::Hooks => "the remote has hooks",
            Self::UpdateInstead => "the remote updates its working tree",
            Self::SharedRepository => "the remote is shared by a group",
            Self::ChecksObjects => "the remote checks what it receives",
            Self::SshCommand => "an ssh command is configured",
            Self::SshProxy => "ssh reaches the host through a proxy",
            Self::SshAlias => "the host is an alias of the ssh configuration",
            Self::SshKeyKind => "the ssh key is a security key or a certificate",
            Self::SshKnownHosts => "ssh keeps its known hosts elsewhere",
        })
    }
}

/// What was found out about this clone and the remote, most weighty first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    pub whys: Vec<Why>,
}

/// A transport and what to tell about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub way: Way,
    /// Why it is not git2, where `auto` chose.
    pub why: Option<Why>,
}

impl Choice {
    /// One line for the user, where there is something to say.
    pub fn notice(&self) -> Option<String> {
        self.why.map(|why| format!("reaching the remote with {}: {why}", self.way))
    }
}

/// Chooses the way. `auto` is git2 wherever it can do the same as git.
pub fn choose(wish: Transport, place: &Place, findings: &Findings) -> Choice {
    let git2 = if matches!(place, Place::Path(_)) { Way::Local } else { Way::Smart };
    match (wish, findings.whys.first()) {
        (Transport::Git, _) => Choice { way: Way::Program, why: None },
        (Transport::Auto, Some(why)) => Choice { way: Way::Program, why: Some(*why) },
        (Transport::Auto, None) | (Transport::Git2, _) => Choice { way: git2, why: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G18: git2 by default, git where libgit2 cannot do the same; a wish is obeyed.
    #[test]
    fn auto_takes_git_only_for_a_reason() {
        let path = Place::Path("/x".into());
        let net = Place::Daemon { host: "h".into() };
        let none = Findings::default();
        let hooks = Findings { whys: vec![Why::Hooks, Why::SharedRepository] };
        assert_eq!(choose(Transport::Auto, &path, &none).way, Way::Local);
        assert_eq!(choose(Transport::Auto, &net, &none).way, Way::Smart);
        let fallback = choose(Transport::Auto, &path, &hooks);
        assert_eq!((fallback.way, fallback.why), (Way::Program, Some(Why::Hooks)));
        assert_eq!(
            fallback.notice().unwrap(),
            "reaching the remote with the git program: the remote has hooks"
        );
        assert_eq!(choose(Transport::Git2, &path, &hooks).way, Way::Local);
        assert_eq!(choose(Transport::Git, &net, &none).way, Way::Program);
        assert_eq!(choose(Transport::Git, &net, &none).notice(), None);
    }

    /// G18: whoever gets the git program instead of git2 is told why, by what can be changed.
    #[test]
    fn each_reason_has_its_words() {
        let cases = [
            (Why::HereShallow, "this clone is shallow"),
            (Why::HerePartial, "this clone is partial"),
            (Why::ThereShallow, "the remote is shallow"),
            (Why::ThereReftable, "the remote keeps its refs in reftables"),
            (Why::ThereSha256, "the remote uses SHA-256"),
            (Why::ThereUnknownFormat, "the remote has a format that libgit2 does not know"),
            (Why::Hooks, "the remote has hooks"),
            (Why::UpdateInstead, "the remote updates its working tree"),
            (Why::SharedRepository, "the remote is shared by a group"),
            (Why::ChecksObjects, "the remote checks what it receives"),
            (Why::SshCommand, "an ssh command is configured"),
            (Why::SshProxy, "ssh reaches the host through a proxy"),
            (Why::SshAlias, "the host is an alias of the ssh configuration"),
            (Why::SshKeyKind, "the ssh key is a security key or a certificate"),
            (Why::SshKnownHosts, "ssh keeps its known hosts elsewhere"),
        ];
        let net = Place::Daemon { host: "h".into() };
        for (why, words) in cases {
            let choice = choose(Transport::Auto, &net, &Findings { whys: vec![why] });
            assert_eq!(choice.notice(), Some(format!("reaching the remote with the git program: {words}")));
        }
        assert_eq!([Way::Smart, Way::Local].map(|w| w.to_string()), ["git2", "git2 (local path)"]);
    }
}
