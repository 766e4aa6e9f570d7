//! Files that must not be swept in (turns.md T25): by name, and by what they hold. Pure.

use crate::supervise::Redactor;

/// Whether a file of this name, beginning with these bytes, looks like a secret.
pub(super) fn looks_secret(path: &str, head: &[u8]) -> bool {
    name_is_secret(path) || content_is_secret(head)
}

fn name_is_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let keys = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass", ".git-credentials"];
    name.starts_with(".env")
        || keys.contains(&name.as_str())
        || [".p12", ".pfx", ".keystore", ".jks"].iter().any(|end| name.ends_with(end))
}

fn content_is_secret(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let private_key = text.lines().any(|l| {
        let l = l.trim();
        l.starts_with("-----BEGIN ") && l.ends_with("PRIVATE KEY-----")
    });
    // The token shapes are those that no log may show either.
    private_key || matches!(Redactor::new([]).bytes(head), std::borrow::Cow::Owned(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_env_files_are_seen() {
        for name in [".env", "a/.env.local", "x/id_rsa", "keys/ID_ED25519", "a.p12"] {
            assert!(looks_secret(name, b""), "{name}");
        }
        for name in ["environment.md", "src/id.rs", "my.env", "token.rs"] {
            assert!(!looks_secret(name, b"fn main() {}"), "{name}");
        }
        let header = ["-----BEGIN OPENSSH ", "PRIVATE KEY-----"].concat();
        assert!(looks_secret("notes.txt", format!("x\n{header}\nabc").as_bytes()));
        let token = ["AK", "IA", "ABCDEFGHIJKLMNOP"].concat();
        assert!(looks_secret("a.py", format!("key = '{token}'").as_bytes()));
        assert!(!looks_secret("a.md", b"the prefix AKIA starts a token"));
    }
}
