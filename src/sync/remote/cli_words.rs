//! What the git program and git servers answer: pure.

use git2::Oid;

/// What a server says about a ref it did not update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Somebody was faster: looking again tells.
    Lost,
    /// It will not have it, however often it is asked.
    Refused,
}

/// Reads the reason of a `ng` line.
pub(super) fn verdict_of(reason: &str) -> Verdict {
    let low = reason.to_ascii_lowercase();
    let lost = [
        "fetch first",
        "stale info",
        "failed to update ref",
        "failed to lock",
        "cannot lock ref",
        "already exists",
        "incorrect old value",
        "but expected",
        "non-fast-forward",
        "atomic",
    ];
    // The server's own rule about rewriting, not the comparison of this push.
    let rule = low.contains("hook declined") || low.contains("denying") || low.contains("protected");
    if !rule && lost.iter().any(|words| low.contains(words)) { Verdict::Lost } else { Verdict::Refused }
}

/// The values of `refs` in the answer of `ls-remote`; `Err`: an id of another kind than ours.
pub(super) fn listed(answer: &str, refs: &[&str]) -> Result<Vec<Option<Oid>>, String> {
    let value = |name: &&str| {
        let found = answer.lines().filter_map(|line| line.split_once('\t')).find(|(_, found)| found == name);
        found.map(|(id, _)| Oid::from_str(id).map_err(|_| id.to_owned())).transpose()
    };
    refs.iter().map(value).collect()
}

/// What `push --porcelain` says about the one ref pushed: `None` if it says nothing.
pub(super) fn pushed(answer: &str, reference: &str) -> Option<Result<(), String>> {
    answer.lines().find_map(|line| {
        let (flag, rest) = line.split_once('\t')?;
        let (names, summary) = rest.split_once('\t')?;
        if names.rsplit_once(':').is_none_or(|(_, to)| to != reference) {
            return None;
        }
        Some(if flag.trim() == "!" { Err(reason(summary)) } else { Ok(()) })
    })
}

/// `[remote rejected] (pre-receive hook declined)` without the brackets.
fn reason(summary: &str) -> String {
    let inner = summary.rsplit_once('(').and_then(|(_, tail)| tail.strip_suffix(')'));
    inner.unwrap_or(summary).to_owned()
}

/// The lines that say why: git's own, and what the server's hook printed.
pub(super) fn complaint(stderr: &str) -> String {
    let told =
        |l: &&str| ["fatal: ", "error: ", "remote: ", "ERROR: "].iter().any(|lead| l.starts_with(lead));
    let mut lines: Vec<&str> = stderr.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    if lines.iter().any(told) {
        lines.retain(|l| {
            told(l) || l.starts_with("ssh: ") || l.contains("ermission denied") || l.contains("ost key")
        });
    }
    lines.retain(|l| *l != "remote:");
    let text = lines.join("; ");
    text.chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_told_from_a_rule() {
        for lost in [
            "fetch first",
            "stale info",
            "failed to update ref",
            "cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            "reference already exists",
            "incorrect old value provided",
            "non-fast-forward",
        ] {
            assert_eq!(verdict_of(lost), Verdict::Lost, "{lost}");
        }
        for rule in
            ["pre-receive hook declined", "protected branch hook declined", "deny updating a hidden ref"]
        {
            assert_eq!(verdict_of(rule), Verdict::Refused, "{rule}");
        }
    }

    #[test]
    fn answers_are_read() {
        let id = "1".repeat(40);
        let answer = format!("{id}\trefs/remotes/x/refs/heads/main\n{}\trefs/heads/main\n", "2".repeat(40));
        let two = Oid::from_str(&"2".repeat(40)).unwrap();
        assert_eq!(listed(&answer, &["refs/heads/main", "refs/heads/x"]), Ok(vec![Some(two), None]));
        let long = format!("{}\trefs/heads/main\n", "a".repeat(64));
        assert!(listed(&long, &["refs/heads/main"]).is_err());
        let told = "To x\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n";
        assert_eq!(pushed(told, "refs/heads/main"), Some(Err("pre-receive hook declined".into())));
        assert_eq!(pushed("To x\n \tabc:refs/heads/main\t1..2\nDone\n", "refs/heads/main"), Some(Ok(())));
        assert_eq!(pushed("To x\n", "refs/heads/main"), None);
        assert_eq!(complaint("hint: x\nremote: no\nfatal: y\n"), "remote: no; fatal: y");
    }
}
