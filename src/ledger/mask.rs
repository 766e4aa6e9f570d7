//! What no reader of the ledger may see is covered before it is written.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Covers secrets. Given from outside, as this room does not know what is secret.
#[derive(Clone)]
pub struct Mask(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Mask {
    /// `cover` replaces what is secret in every text of a value.
    pub fn new(cover: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self(Arc::new(cover))
    }

    pub(super) fn text(&self, text: &str) -> String {
        let mut value = Value::String(text.to_owned());
        (self.0)(&mut value);
        match value {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    pub(super) fn json(&self, text: &str) -> serde_json::Result<String> {
        let mut value: Value = serde_json::from_str(text)?;
        (self.0)(&mut value);
        Ok(value.to_string())
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}
