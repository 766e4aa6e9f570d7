//! Token shapes that give a secret away without anyone having named it.

/// A prefix, the bytes that may follow, and how many of them make it a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub prefix: &'static str,
    pub class: fn(u8) -> bool,
    /// Bytes after the prefix from which on it is a token.
    pub least: usize,
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

/// Providers whose tokens have a fixed beginning. Lengths are the shortest known ones, so that prose that only
/// names a prefix stays readable.
pub(super) const SHAPES: &[Shape] = &[
    Shape { prefix: "sk-", class: word, least: 20 },
    Shape { prefix: "ghp_", class: alnum, least: 30 },
    Shape { prefix: "gho_", class: alnum, least: 30 },
    Shape { prefix: "ghu_", class: alnum, least: 30 },
    Shape { prefix: "ghs_", class: alnum, least: 30 },
    Shape { prefix: "ghr_", class: alnum, least: 30 },
    Shape { prefix: "github_pat_", class: word, least: 22 },
    Shape { prefix: "glpat-", class: word, least: 20 },
    Shape { prefix: "xoxb-", class: word, least: 10 },
    Shape { prefix: "xoxp-", class: word, least: 10 },
    Shape { prefix: "xoxa-", class: word, least: 10 },
    Shape { prefix: "xoxr-", class: word, least: 10 },
    Shape { prefix: "xoxs-", class: word, least: 10 },
    Shape { prefix: "AKIA", class: upper, least: 16 },
    Shape { prefix: "ASIA", class: upper, least: 16 },
    Shape { prefix: "AIza", class: word, least: 35 },
    Shape { prefix: "npm_", class: alnum, least: 36 },
    Shape { prefix: "hf_", class: alnum, least: 30 },
    Shape { prefix: "pypi-", class: word, least: 40 },
    Shape { prefix: "gsk_", class: alnum, least: 30 },
    Shape { prefix: "xai-", class: word, least: 30 },
];

/// Whether `before` may stand directly in front of a token: `task-…` is no `sk-…`.
pub(super) fn boundary(before: Option<u8>) -> bool {
    !before.is_some_and(word)
}
