//! The names the protocol handles without ever looking inside them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A commit's id, SHA-1 or SHA-256. Opaque: only compared, never ordered by meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId {
    bytes: [u8; 32],
    len: u8,
}

/// A text or byte string that is no commit id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a commit id")]
pub struct BadCommitId(pub String);

impl CommitId {
    /// From the raw bytes of an object id (20 or 32 of them).
    pub fn from_bytes(raw: &[u8]) -> Result<Self, BadCommitId> {
        let bad = || BadCommitId(format!("{} bytes", raw.len()));
        if raw.len() != 20 && raw.len() != 32 {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Ok(Self { bytes, len: u8::try_from(raw.len()).map_err(|_| bad())? })
    }

    /// From 40 or 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, BadCommitId> {
        let bad = || BadCommitId(text.to_owned());
        let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let digits: Option<Vec<u8>> = text.as_bytes().iter().map(digit).collect();
        let digits = digits.filter(|d| d.len() % 2 == 0).ok_or_else(bad)?;
        let raw: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        Self::from_bytes(&raw).map_err(|_| bad())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for CommitId {
    type Error = BadCommitId;

    fn try_from(text: String) -> Result<Self, BadCommitId> {
        Self::from_hex(&text)
    }
}

/// A text that is handed around often and never changed.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A turn's id: new for every claim (G4).
    TurnId
}
name! {
    /// A full ref name on the remote.
    RefName
}
name! {
    /// Which boot of a machine a monotonic reading belongs to.
    BootId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_ids_survive_their_text() {
        for hex in ["0123456789abcdef0123456789abcdef01234567", &"ab".repeat(32)] {
            let id = CommitId::from_hex(hex).unwrap();
            assert_eq!(id.to_string(), hex);
            assert_eq!(CommitId::from_bytes(id.as_bytes()).unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<CommitId>(&json).unwrap(), id);
        }
        for bad in ["", "abc", "zz", &"0".repeat(41), &"0".repeat(42)] {
            assert!(CommitId::from_hex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_of_different_formats_differ() {
        let short = CommitId::from_bytes(&[0; 20]).unwrap();
        let long = CommitId::from_bytes(&[0; 32]).unwrap();
        assert_ne!(short, long);
    }
}
