//! Text from outside made safe to show, and words for times. Pure.
//!
//! What an agent prints reaches the screen as signs: nothing of it can move the cursor, change a colour, turn the
//! direction of writing or hide.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use ratatui::text::Span;

use crate::clock::duration;

/// A line is shown no further: a screen has no room for it.
const LONGEST: usize = 4096;
/// Marks that stand on one letter; what piles up more of them wants to cover other lines.
const MARKS: usize = 2;

/// A line as it may be shown.
pub fn clean(line: &str) -> Cow<'_, str> {
    if line.len() <= LONGEST && line.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len().min(LONGEST) + 8);
    let (mut column, mut marks) = (0usize, 0);
    for (at, c) in line.char_indices() {
        if at >= LONGEST {
            // Writing to a String cannot fail.
            let _ = write!(out, "… {} more bytes", line.len() - at);
            break;
        }
        match c {
            '\t' => {
                let blanks = 4 - column % 4;
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
                continue;
            }
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('�')),
            '\x7f' => out.push('␡'),
            c if is_hidden(c) => out.push('�'),
            c if width(c) == 0 => {
                marks += 1;
                if marks <= MARKS {
                    out.push(c);
                }
                continue;
            }
            c => out.push(c),
        }
        marks = 0;
        column += 1;
    }
    Cow::Owned(out)
}

/// C1 controls, signs that turn the direction of writing, and those that nobody sees.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn width(c: char) -> usize {
    width_of(c.encode_utf8(&mut [0; 4]))
}

/// Cells that a text takes.
pub fn width_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { Span::raw(text).width() }
}

/// The beginning that fits, with `…` where something is missing.
pub fn fit(text: &str, cells: usize) -> Cow<'_, str> {
    if width_of(text) <= cells {
        return Cow::Borrowed(text);
    }
    if cells == 0 {
        return Cow::Borrowed("");
    }
    let (mut used, mut out) = (0, String::new());
    for c in text.chars() {
        used += width(c);
        if used > cells - 1 {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// Filled with blanks to so many cells, or cut.
pub fn pad(text: &str, cells: usize) -> String {
    let mut out = fit(text, cells).into_owned();
    let missing = cells.saturating_sub(width_of(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// The same, the text at the right.
pub fn pad_left(text: &str, cells: usize) -> String {
    let text = fit(text, cells);
    format!("{}{text}", " ".repeat(cells.saturating_sub(width_of(&text))))
}

/// Breaks a clean line into rows, between words where there is one near enough.
pub fn wrap(line: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2);
    if width_of(line) <= cells {
        return vec![line.to_owned()];
    }
    let (mut rows, mut row, mut used) = (Vec::new(), String::new(), 0);
    // Where the row can be broken: bytes of it up to behind the last blank, and cells.
    let mut gap: Option<(usize, usize)> = None;
    for c in line.chars() {
        let own = width(c);
        if used + own > cells {
            if let Some((bytes, at)) = gap.take().filter(|(_, at)| *at * 3 > cells * 2) {
                let rest = row.split_off(bytes);
                rows.push(std::mem::replace(&mut row, rest).trim_end().to_owned());
                used -= at;
            } else {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            if c == ' ' && row.is_empty() {
                continue;
            }
        }
        row.push(c);
        used += own;
        if c == ' ' {
            gap = Some((row.len(), used));
        }
    }
    rows.push(row);
    rows
}

/// `4m12s`; whole seconds, since a screen that people look at need not flicker.
pub fn took(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    if ms < 10_000 {
        format!("{}.{}s", ms / 1000, ms % 1000 / 100)
    } else {
        duration(Duration::from_millis(ms))
    }
}

/// The same for what still runs.
pub fn running(ms: i64) -> String {
    let secs = u64::try_from(ms / 1000).unwrap_or(0);
    if secs < 10 { format!("{secs}s") } else { duration(Duration::from_secs(secs)) }
}

/// `just now`, `42s ago`, `3m ago`, `2h ago`, `5d ago`.
pub fn ago(ms: i64) -> String {
    match u64::try_from(ms / 1000).unwrap_or(0) {
        0..5 => "just now".into(),
        secs @ 5..60 => format!("{secs}s ago"),
        secs @ 60..3600 => format!("{}m ago", secs / 60),
        secs @ 3600..172_800 => format!("{}h ago", secs / 3600),
        secs => format!("{}d ago", secs / 86_400),
    }
}

/// `$0.42`; `-` where it is unknown.
pub fn cost(usd: Option<f64>) -> String {
    usd.map_or_else(|| "-".into(), |usd| format!("${usd:.2}"))
}

/// `1 turn`, `3 turns`.
pub fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Bars from the least to the greatest.
pub fn bars(values: &[i64], cells: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &values[values.len().saturating_sub(cells)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &i64| {
        let height = usize::try_from(value.max(&0).saturating_mul(7) / most).unwrap_or(0);
        BARS[height.min(7)]
    };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// I6, I12: nothing that acts on a terminal is left.
    #[test]
    fn what_acts_becomes_a_sign() {
        assert_eq!(clean("plain text"), "plain text");
        assert_eq!(clean("\x1b[2J\x1b[31mred\x07\r"), "␛[2J␛[31mred␇␍");
        assert_eq!(clean("a\tb\u{9b}2J\u{7f}"), "a   b�2J␡");
        assert_eq!(clean("left \u{202e}thgir\u{2066}\u{200b}x"), "left �thgir��x");
        assert_eq!(clean("e\u{301}\u{301}\u{301}\u{301}!"), "e\u{301}\u{301}!");
        assert_eq!(clean("你好 👍"), "你好 👍");
        let long = clean(&"x".repeat(1 << 20)).into_owned();
        assert!(long.ends_with("… 1044480 more bytes") && long.len() < 5000, "{}", long.len());
    }

    #[test]
    fn rows_of_a_line() {
        assert_eq!(wrap("short", 10), ["short"]);
        assert_eq!(wrap("one two three four", 10), ["one two", "three four"]);
        assert_eq!(wrap("aaaaaaaaaaaaaaaaaaaaaaa", 10), ["aaaaaaaaaa", "aaaaaaaaaa", "aaa"]);
        assert_eq!(wrap("你好你好你好", 5), ["你好", "你好", "你好"]);
        assert_eq!(
            (fit("你好你好", 5), fit("abc", 3), fit("abcd", 3)),
            ("你好…".into(), "abc".into(), "ab…".into())
        );
        assert_eq!((pad("ab", 4), pad_left("ab", 4)), ("ab  ".into(), "  ab".into()));
    }

    #[test]
    fn times_and_sums() {
        assert_eq!(
            [0, 400, 9_990, 12_345, 252_000, 7_380_000].map(took),
            ["0.0s", "0.4s", "9.9s", "12s", "4m12s", "2h03m"]
        );
        assert_eq!([400, 9_900, 252_000].map(running), ["0s", "9s", "4m12s"]);
        assert_eq!(
            [0, 42_000, 200_000, 9_000_000, 900_000_000].map(ago),
            ["just now", "42s ago", "3m ago", "2h ago", "10d ago"]
        );
        assert_eq!(bars(&[0, 50, 100], 8), "▁▄█");
        assert_eq!(bars(&[1, 2, 3, 4], 2), "▆█");
        assert_eq!(bars(&[], 4), "");
    }

    proptest! {
        /// I12: for every text.
        #[test]
        fn no_text_acts(text in "\\PC{0,40}|[\\x00-\\x1f\\x7f-\\u{9f}\\u{200b}-\\u{206f}a-z]{0,40}", cells in 2usize..20) {
            let clean = clean(&text);
            prop_assert!(!clean.chars().any(|c| c.is_control() || is_hidden(c)), "{clean:?}");
            for row in wrap(&clean, cells) {
                prop_assert!(width_of(&row) <= cells, "{row:?}");
            }
            prop_assert!(width_of(&fit(&clean, cells)) <= cells);
            prop_assert_eq!(width_of(&pad(&clean, cells)), cells);
        }
    }
}
