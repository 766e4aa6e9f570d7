//! When a refused request may be tried again, as far as the server's headers say it (agents.md A6): pure.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// From here on a number is a time, not a span; and from the second on it counts milliseconds.
const EPOCH_SECONDS: f64 = 1e9;
const EPOCH_MILLIS: f64 = 1e11;

/// Seconds since the epoch, or nothing: a reset is never invented. `headers` have lower-case names.
pub fn resets_at(headers: &[(String, String)], now: i64) -> Option<i64> {
    let get = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim());
    if let Some(ms) = get("retry-after-ms").and_then(|v| v.parse::<f64>().ok()).filter(|ms| *ms >= 0.0) {
        return Some(later(now, ms / 1000.0));
    }
    if let Some(at) = get("retry-after").and_then(|v| moment(v, now)) {
        return Some(at);
    }
    // `x-ratelimit-reset-tokens` belongs to `x-ratelimit-remaining-tokens`: what is used up counts. Where no
    // header says what that is, the latest reset is the safe one.
    let resets = headers.iter().filter_map(|(name, value)| {
        let kind = name.strip_prefix("x-ratelimit-reset")?;
        let left = get(&format!("x-ratelimit-remaining{kind}")).and_then(|v| v.parse::<f64>().ok());
        Some((moment(value.trim(), now)?, left.is_some_and(|n| n <= 0.0)))
    });
    let resets: Vec<(i64, bool)> = resets.collect();
    let used_up = resets.iter().filter(|(_, empty)| *empty).map(|(at, _)| *at).max();
    used_up.or(resets.iter().map(|(at, _)| *at).max())
}

/// Seconds, a time as seconds or milliseconds since the epoch, a span such as `6m0s`, or a date.
fn moment(value: &str, now: i64) -> Option<i64> {
    if let Ok(number) = value.parse::<f64>() {
        return match number {
            n if !n.is_finite() || n < 0.0 => None,
            n if n >= EPOCH_MILLIS => Some(later(0, n / 1000.0)),
            n if n >= EPOCH_SECONDS => Some(later(0, n)),
            n => Some(later(now, n)),
        };
    }
    if let Some(secs) = span(value) {
        return Some(later(now, secs));
    }
    if let Ok(at) = value.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    rfc2822::parse(value).ok().map(|date| date.timestamp().as_second())
}

/// `1h2m3.5s`, `20ms`.
fn span(value: &str) -> Option<f64> {
    let (mut rest, mut secs) = (value, 0.0);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        secs += number
            * match &rest[..letters] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    (!value.is_empty()).then_some(secs)
}

/// Whole seconds, rounded up: too early is refused again.
fn later(from: i64, secs: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest integer there is")]
    let secs = secs.ceil() as i64;
    from.saturating_add(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'c> = (&'c [(&'c str, &'c str)], Option<i64>);

    #[test]
    fn a_reset_is_read_in_every_form_and_never_invented() {
        let now = 1_800_000_000;
        let cases: &[Case<'_>] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(now + 7)),
            (&[("retry-after", "soon"), ("x-ratelimit-reset", "20")], Some(now + 20)),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], Some(now + 2)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], Some(784_111_777)),
            (&[("retry-after", "-3")], None),
            (&[("x-ratelimit-reset", "1800000100")], Some(now + 100)),
            (&[("x-ratelimit-reset", "1800000100500")], Some(now + 101)),
            (
                &[("x-ratelimit-reset-requests", "20ms"), ("x-ratelimit-reset-tokens", "6m0s")],
                Some(now + 360),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1.5s"),
                    ("x-ratelimit-remaining-tokens", "500"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                Some(now + 2),
            ),
            (&[("x-ratelimit-reset-tokens", "2027-01-15T08:00:00Z")], Some(now)),
            (&[("x-ratelimit-reset-tokens", "h")], None),
            (&[("x-ratelimit-reset-tokens", "NaN")], None),
            (&[("x-ratelimit-limit", "5")], None),
        ];
        for (headers, expected) in cases {
            let headers: Vec<(String, String)> =
                headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(resets_at(&headers, now), *expected, "{headers:?}");
        }
    }
}
