//! What was probably meant.

use super::keys::{self, Standing};

/// Longer words are garbage, and the distance costs the product of both lengths.
const MAX_CHARS: usize = 64;

/// The known name within a third of its length in edits.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let chars = name.chars().take(MAX_CHARS + 1).count();
    if chars > MAX_CHARS {
        return None;
    }
    let near = known.iter().map(|k| (strsim::osa_distance(name, k), *k)).min()?;
    (near.0 <= (chars / 3).max(1)).then_some(near.1)
}

/// The one place in the table where this name stands.
pub(super) fn elsewhere(name: &str) -> Option<String> {
    let all = keys::all();
    let flags: Vec<&str> = all
        .iter()
        .filter(|(_, key)| key.standing == Standing::FlagOnly)
        .map(|(path, _)| path.as_str())
        .collect();
    let in_file = |path: &str| !flags.iter().any(|f| path.starts_with(f)) && !path.contains("NAME");
    let mut hits = all.iter().filter(|(path, key)| key.name == name && in_file(path));
    let first = hits.next()?;
    hits.next().is_none().then(|| first.0.clone())
}
