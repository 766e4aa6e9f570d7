//! Identifiers and randomness, injected: nothing else in the library draws one.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of identifiers and random numbers.
pub trait Ids: Send + Sync {
    /// A new `UUIDv7`, unique also within one millisecond.
    fn uuid(&self) -> String;
    /// A number in `[0, 1)`, for jitter.
    fn unit(&self) -> f64;
}

/// Real identifiers.
#[derive(Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    fn unit(&self) -> f64 {
        // The last eight bytes of a v7 UUID are random but for two variant bits at the top.
        let bytes = uuid::Uuid::now_v7().into_bytes();
        let tail = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        f64::from(tail) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Random bytes for a secret, straight from the system: an id is unique but partly guessable.
///
/// # Errors
/// The system's source cannot be read.
pub fn random_bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes)
}

/// Reproducible identifiers for tests and simulations (splitmix64).
#[derive(Debug)]
pub struct SeededIds {
    counter: AtomicU64,
    random: Mutex<u64>,
}

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self { counter: AtomicU64::new(0), random: Mutex::new(seed) }
    }
}

impl Ids for SeededIds {
    fn uuid(&self) -> String {
        let n = self.counter.fetch_add(1, Ordering::SeqCst) + 1;
        format!("00000000-0000-7000-8000-{n:012x}")
    }

    fn unit(&self) -> f64 {
        let mut state = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let top = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }
}

/// A role of the workflow: `[a-z][a-z0-9_-]{0,31}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleId(String);

/// A text that is no role id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a role id (a lower-case letter, then up to 31 of a-z, 0-9, _ and -)")]
pub struct BadRoleId(pub String);

impl RoleId {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, BadRoleId> {
        let mut bytes = text.bytes();
        let head = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let tail = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if head && tail && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadRoleId(text.to_owned()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The state file's key for this role's last commit.
    pub fn commit_key(&self) -> String {
        format!("{}_commit", self.0)
    }
}

impl TryFrom<String> for RoleId {
    type Error = BadRoleId;

    fn try_from(text: String) -> Result<Self, BadRoleId> {
        Self::parse(&text)
    }
}

impl From<RoleId> for String {
    fn from(role: RoleId) -> Self {
        role.0
    }
}

impl fmt::Display for RoleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_ids_keep_their_form() {
        for good in ["galph", "r", "a-b_c9"] {
            assert_eq!(RoleId::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(33);
        for bad in ["", "Galph", "9a", "-a", "a b", "a/b", long.as_str()] {
            assert!(RoleId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seeded_ids_repeat() {
        let (a, b) = (SeededIds::new(7), SeededIds::new(7));
        assert_eq!(a.uuid(), b.uuid());
        assert!((a.unit() - b.unit()).abs() < f64::EPSILON);
        assert!((0.0..1.0).contains(&a.unit()));
    }
}
