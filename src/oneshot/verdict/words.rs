//! Verdicts as plain words. Prose never decides; a line that is a verdict does.

use super::Verdict;

/// Decoration around a word: emphasis, lists, headings, quotes, full stops.
const DECORATION: &[char] =
    &['*', '_', '`', '#', '>', '-', '"', '\'', '.', '!', ' ', '\t', '\u{2705}', '\u{274c}'];
/// What may stand between a verdict and its reason.
const BREAKS: &[char] = &[':', '\u{ff1a}', ',', ';', '\u{2014}', '\u{2013}', '.', '!'];

/// The verdict on which all lines that are one agree.
pub(super) fn verdict(message: &str) -> Option<Verdict> {
    // An answer of one word was asked for; then its case does not matter.
    if let Some(verdict) = Verdict::parse(plain(message)) {
        return Some(verdict);
    }
    let mut found = None;
    for verdict in message.lines().filter_map(line) {
        if found.is_some_and(|before| before != verdict) {
            return None;
        }
        found = Some(verdict);
    }
    found
}

fn plain(text: &str) -> &str {
    text.trim().trim_matches(DECORATION)
}

fn line(line: &str) -> Option<Verdict> {
    let text = plain(line);
    if let Some(named) = after_name(text) {
        return Verdict::parse(plain(named)).or_else(|| leading(plain(named)));
    }
    // Agents end their own account with "Done."; only the word as it was asked for is a verdict.
    match Verdict::parse(text) {
        Some(Verdict::Done) if text != "DONE" => None,
        Some(verdict) => Some(verdict),
        None => leading(text).or_else(|| closing(text)),
    }
}

/// What follows `Verdict:`.
fn after_name(text: &str) -> Option<&str> {
    let head = text.get(..7).filter(|head| head.eq_ignore_ascii_case("verdict"))?;
    let rest = text[head.len()..].trim_start_matches(DECORATION);
    rest.strip_prefix([':', '\u{ff1a}', '='])
}

/// `IMPOSSIBLE: the task cannot be completed`. DONE with a reason behind it is not enough: the
/// reason may take it back.
fn leading(text: &str) -> Option<Verdict> {
    [Verdict::Retry, Verdict::Impossible].into_iter().find(|v| {
        let rest = text.strip_prefix(v.word());
        let broken = rest.is_some_and(|r| r.trim_start_matches(DECORATION_OPEN).starts_with(BREAKS));
        broken && only(text, *v)
    })
}

/// Emphasis that may close between the word and its colon.
const DECORATION_OPEN: &[char] = &['*', '_', '`', ' '];

/// `not done yet, RETRY`.
fn closing(text: &str) -> Option<Verdict> {
    let rest = text.strip_suffix(Verdict::Retry.word())?;
    let before = rest.trim_end_matches(DECORATION_OPEN);
    (before.ends_with(BREAKS) && only(text, Verdict::Retry)).then_some(Verdict::Retry)
}

/// No other verdict stands in the line.
fn only(text: &str, verdict: Verdict) -> bool {
    let all = [Verdict::Done, Verdict::Retry, Verdict::Impossible];
    text.split(|c: char| !c.is_alphanumeric())
        .all(|word| all.iter().all(|other| *other == verdict || word != other.word()))
}
