//! Host keys beyond the user's own file: pure (G18).
//!
//! libgit2 checks `~/.ssh/known_hosts` itself, hashed names included. The machine's file is not
//! looked at by it; here its plain lines are.

/// Whether one of the lines of a known-hosts file vouches for this key of this host. A line marked
/// as revoked speaks against it, whatever the others say. Hashed names are passed over.
pub(super) fn vouched(lines: &str, host: &str, port: Option<u16>, key: &[u8]) -> bool {
    let name = match port {
        Some(port) if port != 22 => format!("[{host}]:{port}"),
        _ => host.to_owned(),
    };
    let key = base64(key);
    let mut found = false;
    for line in lines.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|w| w.starts_with('@'));
        let (Some(names), Some(_), Some(theirs)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if theirs != key || !covers(names, &name) {
            continue;
        }
        match marker {
            Some("@revoked") => return false,
            Some(_) => {}
            None => found = true,
        }
    }
    found
}

/// A comma list of patterns; one with `!` excludes.
fn covers(patterns: &str, name: &str) -> bool {
    let mut hit = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(no) if matches(no.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => hit |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    hit
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|n| matches(rest, &name[n..])),
        (Some((b'?', rest)), Some((_, tail))) => matches(rest, tail),
        (Some((p, rest)), Some((n, tail))) => p.eq_ignore_ascii_case(n) && matches(rest, tail),
        _ => false,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let six = usize::try_from(word >> (18 - 6 * n) & 63).unwrap_or(0);
            out.push(if n <= chunk.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_of_the_right_host_is_vouched_for() {
        assert_eq!(base64(b"key"), "a2V5");
        assert_eq!(base64(b"keys"), "a2V5cw==");
        let lines = "# x\nh.example,10.0.0.* ssh-ed25519 a2V5\n[p.example]:2222 ssh-rsa a2V5\n\
                     *.net,!bad.net ssh-rsa a2V5\n";
        assert!(vouched(lines, "h.example", None, b"key"));
        assert!(vouched(lines, "10.0.0.7", Some(22), b"key"));
        assert!(vouched(lines, "p.example", Some(2222), b"key"));
        assert!(vouched(lines, "a.net", None, b"key"));
        assert!(!vouched(lines, "bad.net", None, b"key"));
        assert!(!vouched(lines, "p.example", None, b"key"));
        assert!(!vouched(lines, "h.example", None, b"other"));
        let revoked = format!("{lines}@revoked * ssh-rsa a2V5\n");
        assert!(!vouched(&revoked, "h.example", None, b"key"));
    }
}
