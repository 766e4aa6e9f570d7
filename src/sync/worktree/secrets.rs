//! Files that must not be swept into a commit (T25).
//!
//! Rather one warning too many than one key published: a file that only looks like a secret can
//! still be committed by hand.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Bytes of a file looked at in one piece.
const WINDOW: usize = 256 * 1024;

/// What a file's name says it holds.
pub fn in_name(path: &Path) -> Option<&'static str> {
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().to_ascii_lowercase()).collect();
    if parts.iter().any(|part| part.starts_with(".env")) {
        return Some("environment file");
    }
    let name = parts.last()?.as_str();
    let extension = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
    let keys = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"];
    let stores = ["p12", "pfx", "ppk", "jks", "keystore", "kdbx"];
    let logins = [".netrc", "_netrc", ".git-credentials", ".pypirc", ".pgpass", ".htpasswd"];
    if keys.contains(&name) || stores.contains(&extension) {
        return Some("private key");
    }
    let aws = parts.len() > 1 && parts[parts.len() - 2] == ".aws" && name == "credentials";
    (aws || logins.contains(&name)).then_some("stored credentials")
}

/// Looks through the whole file, a window at a time: its size is bounded by the group's cap, the
/// memory by the window.
pub fn in_file(path: &Path) -> io::Result<Option<&'static str>> {
    match fs::symlink_metadata(path) {
        // Of a link only the target's name is committed.
        Ok(meta) if !meta.is_file() => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut file = File::open(path)?;
    let mut window = Vec::with_capacity(WINDOW + OVERLAP);
    let mut start = true;
    loop {
        let read = file.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
        if let Some(what) = in_content(&window, start) {
            return Ok(Some(what));
        }
        if read < WINDOW {
            return Ok(None);
        }
        window.drain(..window.len().saturating_sub(OVERLAP));
        start = false;
    }
}

/// A form of token: a prefix, then at least `min` bytes of a kind.
struct Token {
    what: &'static str,
    prefix: &'static [u8],
    body: fn(u8) -> bool,
    min: usize,
    /// Longer runs are something else.
    max: usize,
}

const fn token(what: &'static str, prefix: &'static [u8], body: fn(u8) -> bool, min: usize) -> Token {
    Token { what, prefix, body, min, max: usize::MAX }
}

fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn dashed(b: u8) -> bool {
    word(b) || b == b'-'
}

fn base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"+/=".contains(&b)
}

fn hook(b: u8) -> bool {
    word(b) || b == b'/'
}

fn dotted(b: u8) -> bool {
    dashed(b) || b == b'.'
}

const TOKENS: &[Token] = &[
    Token { what: "AWS access key", prefix: b"AKIA", body: upper, min: 16, max: 16 },
    Token { what: "AWS access key", prefix: b"ASIA", body: upper, min: 16, max: 16 },
    token("GitHub token", b"ghp_", word, 30),
    token("GitHub token", b"gho_", word, 30),
    token("GitHub token", b"ghu_", word, 30),
    token("GitHub token", b"ghs_", word, 30),
    token("GitHub token", b"ghr_", word, 30),
    token("GitHub token", b"github_pat_", word, 22),
    token("GitLab token", b"glpat-", dashed, 20),
    token("Slack token", b"xoxb-", dashed, 10),
    token("Slack token", b"xoxp-", dashed, 10),
    token("Slack token", b"xoxa-", dashed, 10),
    token("Slack token", b"xoxr-", dashed, 10),
    token("Slack token", b"xoxs-", dashed, 10),
    token("Slack token", b"xapp-", dashed, 20),
    token("Slack webhook", b"hooks.slack.com/services/", hook, 20),
    token("Google API key", b"AIza", dashed, 35),
    token("Google client secret", b"GOCSPX-", dashed, 20),
    token("Google access token", b"ya29.", dashed, 30),
    token("Anthropic API key", b"sk-ant-", dashed, 20),
    token("OpenAI API key", b"sk-proj-", dashed, 20),
    token("OpenAI API key", b"sk-svcacct-", dashed, 20),
    token("OpenAI API key", b"sk-admin-", dashed, 20),
    token("OpenRouter API key", b"sk-or-v1-", word, 32),
    token("API key", b"sk-", word, 32),
    token("Stripe key", b"sk_live_", word, 20),
    token("Stripe key", b"rk_live_", word, 20),
    token("Hugging Face token", b"hf_", word, 30),
    token("npm token", b"npm_", word, 36),
    token("PyPI token", b"pypi-AgEI", dashed, 40),
    token("xAI API key", b"xai-", word, 40),
    token("Groq API key", b"gsk_", word, 40),
    token("DigitalOcean token", b"dop_v1_", word, 60),
    token("SendGrid key", b"SG.", dotted, 60),
    token("Azure storage key", b"AccountKey=", base64, 80),
];

/// Assignments whose name tells: any value of this form counts.
const SECRET_KEY: &[u8] = b"aws_secret_access_key";
const SECRET_KEY_LEN: usize = 40;

const HEADER: &[u8] = b"-----BEGIN ";
const KEY: &[u8] = b"PRIVATE KEY";
/// A header inside a line (a string in a program) counts only with key material after it.
const MATERIAL: usize = 40;
const MATERIAL_WITHIN: usize = 400;

/// The longest thing looked at in one piece; windows over a file overlap by this much.
pub const OVERLAP: usize = 4096;

/// What the bytes hold, if they hold a secret. `start`: they are the beginning of the file.
pub fn in_content(bytes: &[u8], start: bool) -> Option<&'static str> {
    // The first byte of a later window was seen before, with what stands in front of it.
    (usize::from(!start)..bytes.len()).find_map(|at| {
        let before = at.checked_sub(1).map(|i| bytes[i]);
        match bytes[at] {
            b'-' => private_key(bytes, at, before),
            first if before.is_none_or(|b| !word(b)) => {
                let rest = &bytes[at..];
                let hit = TOKENS.iter().find(|t| t.prefix[0] == first && t.found_in(rest));
                hit.map(|t| t.what).or_else(|| assigned(rest))
            }
            _ => None,
        }
    })
}

impl Token {
    fn found_in(&self, bytes: &[u8]) -> bool {
        let Some(rest) = bytes.strip_prefix(self.prefix) else { return false };
        let body = &rest[..run(rest, self.body)];
        let placeholder = body.iter().all(|b| b.eq_ignore_ascii_case(&b'x') || *b == b'-');
        (self.min..=self.max).contains(&body.len()) && !placeholder
    }
}

fn assigned(bytes: &[u8]) -> Option<&'static str> {
    let name = bytes.get(..SECRET_KEY.len())?;
    if !name.eq_ignore_ascii_case(SECRET_KEY) {
        return None;
    }
    let rest = &bytes[SECRET_KEY.len()..];
    let rest = &rest[run(rest, |b| b" \t=:\"'".contains(&b))..];
    (run(rest, base64) >= SECRET_KEY_LEN).then_some("AWS secret key")
}

fn private_key(bytes: &[u8], at: usize, before: Option<u8>) -> Option<&'static str> {
    let rest = bytes[at..].strip_prefix(HEADER)?;
    let label = &rest[..run(rest, |b| upper(b) || b == b' ')];
    if !label.windows(KEY.len()).any(|w| w == KEY) || !rest[label.len()..].starts_with(b"-----") {
        return None;
    }
    let own_line = before.is_none_or(|b| b == b'\n');
    let after = &rest[label.len()..];
    let after = &after[..after.len().min(MATERIAL_WITHIN)];
    let material = || (0..after.len()).any(|i| run(&after[i..], base64) >= MATERIAL);
    (own_line || material()).then_some("private key")
}

fn run(bytes: &[u8], body: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|b| !body(*b)).unwrap_or(bytes.len())
}
