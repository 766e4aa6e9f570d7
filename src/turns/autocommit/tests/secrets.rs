//! T25: what looks like a secret.

use std::path::Path;

use proptest::prelude::*;

use crate::sync::worktree::secrets::{OVERLAP, in_content, in_name};

/// Put together here, so that this file holds none.
fn examples() -> Vec<(&'static str, String)> {
    let a = |n: usize| "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY".chars().cycle().take(n).collect::<String>();
    let header = |label: &str| format!("-----BEGIN {label}-----\n");
    vec![
        ("private key", header("RSA PRIVATE KEY") + "abc\n"),
        ("private key", header("PRIVATE KEY")),
        ("private key", header("OPENSSH PRIVATE KEY")),
        ("private key", header("PGP PRIVATE KEY BLOCK")),
        ("private key", header("ENCRYPTED PRIVATE KEY")),
        ("private key", format!("{{\"private_key\": \"{}\\n{}\"}}", header("PRIVATE KEY").trim(), a(64))),
        ("AWS access key", format!("AKIA{}", "ABCD2345EFGH6789")),
        ("AWS secret key", format!("aws_secret_access_key = {}", a(40))),
        ("AWS secret key", format!("AWS_SECRET_ACCESS_KEY=\"{}\"", a(40))),
        ("GitHub token", format!("ghp_{}", a(36))),
        ("GitHub token", format!("github_pat_{}", a(60))),
        ("GitLab token", format!("glpat-{}", a(20))),
        ("Slack token", format!("xoxb-123456789012-{}", a(24))),
        ("Slack webhook", format!("https://hooks.slack.com/services/T00000000/B00000000/{}", a(24))),
        ("Google API key", format!("AIza{}", a(35))),
        ("Anthropic API key", format!("sk-ant-api03-{}", a(80))),
        ("OpenAI API key", format!("sk-proj-{}", a(48))),
        ("API key", format!("sk-{}", a(48))),
        ("npm token", format!("npm_{}", a(36))),
        ("Azure storage key", format!("AccountKey={}==", a(86))),
    ]
}

#[test]
fn tokens_are_seen_wherever_they_stand() {
    for (what, secret) in examples() {
        for text in [secret.clone(), format!("first line\n{secret}\nlast line")] {
            assert_eq!(in_content(text.as_bytes(), true), Some(what), "{secret}");
        }
        if what != "private key" {
            let inline = format!("key: \"{secret}\", more");
            assert_eq!(in_content(inline.as_bytes(), true), Some(what), "{inline}");
        }
    }
}

#[test]
fn ordinary_text_is_none() {
    for text in [
        "",
        "plain text",
        "the risk-averse task-runner and disk-usage-of-the-whole-machine-in-bytes",
        "task-abcdefghijklmnopqrstuvwxyz0123456789abcdef",
        "let header = \"-----BEGIN RSA PRIVATE KEY-----\";",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ0dKZ0xM",
        "-----BEGIN PUBLIC KEY-----\n",
        "ghp_short",
        "sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIAshort",
        "AKIAABCD2345EFGH6789LONGER",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "3f5a9f86d081884c7d659a2feaa0c55ad015a3bf",
    ] {
        assert_eq!(in_content(text.as_bytes(), true), None, "{text}");
    }
}

#[test]
fn names_that_tell() {
    for path in [
        ".env",
        "app/.env.local",
        ".envrc",
        "id_rsa",
        "keys/id_ed25519",
        "cert.p12",
        "home/.aws/credentials",
        ".netrc",
        ".git-credentials",
        "store.KDBX",
    ] {
        assert!(in_name(Path::new(path)).is_some(), "{path}");
    }
    for path in ["env", "src/env.rs", "id_rsa.pub", "docs/credentials", "environment.yaml", "a.pem", "key.rs"]
    {
        assert_eq!(in_name(Path::new(path)), None, "{path}");
    }
}

proptest! {
    /// Looking in overlapping windows sees what looking at the whole sees.
    #[test]
    fn windows_see_what_the_whole_shows(lead in 0usize..3 * OVERLAP, pick in 0usize..20, size in OVERLAP + 1..2 * OVERLAP) {
        let all = examples();
        let (what, secret) = &all[pick % all.len()];
        let text = format!("{}\n{secret}\n{}", "filler ".repeat(lead / 7), "more ".repeat(500));
        prop_assert_eq!(in_content(text.as_bytes(), true), Some(*what));
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut seen = None;
        while at < bytes.len() && seen.is_none() {
            let from = at.saturating_sub(OVERLAP);
            seen = in_content(&bytes[from..(at + size).min(bytes.len())], from == 0);
            at += size;
        }
        prop_assert_eq!(seen, Some(*what));
    }

    #[test]
    fn any_bytes_are_looked_at_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        in_content(&bytes, true);
        in_content(&bytes, false);
    }
}
