//! Durations as people write them (interface.md I3).

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration (such as 5, 0.25, 250ms, 5s, 2m, 12h or 7d)")]
pub struct BadDuration(pub String);

/// `5` and `0.25` are seconds; otherwise a number with `ms`, `s`, `m`, `h` or `d`. At most a century.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration(text.to_owned());
    let t = text.trim();
    let digits = t.len() - t.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = t.split_at(digits);
    if number.is_empty() || number.starts_with('.') || number.ends_with('.') {
        return Err(bad());
    }
    let factor = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    let n: f64 = number.parse().map_err(|_| bad())?;
    // A century: far from where adding to a clock would overflow.
    Duration::try_from_secs_f64(n * factor).ok().filter(|d| d.as_secs() <= 36_525 * 86_400).ok_or_else(bad)
}

/// A duration in the configuration: seconds when serialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Secs(pub Duration);

impl Secs {
    pub const fn new(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl<'de> Deserialize<'de> for Secs {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let n = f64::deserialize(d)?;
        Duration::try_from_secs_f64(n).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Secs {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            s.serialize_u64(self.0.as_secs())
        } else {
            s.serialize_f64(self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        for (text, ms) in [
            ("5", 5000),
            ("0.25", 250),
            ("250ms", 250),
            ("5s", 5000),
            ("2m", 120_000),
            ("12h", 43_200_000),
            ("7d", 604_800_000),
            ("0", 0),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_millis(), ms, "{text}");
        }
        for bad in ["", "s", "-5", "5x", "1e9", ".5", "5.", "nan", "5 5", "999999999999999999999d", "36526d"]
        {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
