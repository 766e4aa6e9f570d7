//! What is committed after a turn (turns.md T22).

use serde::{Deserialize, Serialize};

const NO_CAP: f64 = f64::INFINITY;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoCommit {
    pub reports: Group,
    pub tracked: Group,
    pub docs: Group,
    pub work: Group,
    /// Claims and stamps; of this group only `enabled` counts.
    pub state: Group,
    /// Commit reports that git ignores.
    pub force_add_reports: bool,
}

/// One group of paths. There is no default of its own: each group has another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub enabled: bool,
    pub globs: Vec<String>,
    /// Without the dot.
    pub extensions: Vec<String>,
    /// Infinite: no cap; likewise the next.
    #[serde(with = "cap")]
    pub max_file_mib: f64,
    #[serde(with = "cap")]
    pub max_total_mib: f64,
}

impl Group {
    fn new(globs: &[&str], max_file_mib: f64, max_total_mib: f64) -> Self {
        let globs = globs.iter().map(|g| (*g).to_owned()).collect();
        Self { enabled: true, globs, extensions: Vec::new(), max_file_mib, max_total_mib }
    }
}

/// JSON has no infinity: no cap is null there.
mod cap {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(mib: &f64, s: S) -> Result<S::Ok, S::Error> {
        mib.is_finite().then_some(*mib).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(d)?.unwrap_or(f64::INFINITY))
    }
}

impl Default for AutoCommit {
    fn default() -> Self {
        let docs = [
            "input.md",
            "galph_memory.md",
            "docs/{goal,fix_plan,findings}.md",
            "plans/**/*.md",
            "prompts/**/*.md",
            ".gitignore",
            ".gitattributes",
            ".gitmodules",
        ];
        Self {
            reports: Group::new(&["plans/**/reports/**", "reports/**"], 5.0, 20.0),
            tracked: Group::new(&[], 32.0, 100.0),
            docs: Group::new(&docs, 1.0, NO_CAP),
            // A file of the work over the cap of tracked outputs fails the turn; there is no cap in all.
            work: Group::new(&[], 32.0, NO_CAP),
            state: Group::new(&[], NO_CAP, NO_CAP),
            force_add_reports: false,
        }
    }
}
