//! What is committed after a turn (turns.md T22).

use serde::{Deserialize, Serialize};

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
    /// `None`: no cap; likewise the next.
    pub max_file_mib: Option<f64>,
    pub max_total_mib: Option<f64>,
}

impl Group {
    fn new(globs: &[&str], max_file_mib: Option<f64>, max_total_mib: Option<f64>) -> Self {
        let globs = globs.iter().map(|g| (*g).to_owned()).collect();
        Self { enabled: true, globs, extensions: Vec::new(), max_file_mib, max_total_mib }
    }

    /// The largest file, in bytes.
    pub fn max_file_bytes(&self) -> u64 {
        bytes(self.max_file_mib)
    }

    /// The largest sum of one turn, in bytes.
    pub fn max_total_bytes(&self) -> u64 {
        bytes(self.max_total_mib)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the table lets no negative number in, and a huge one saturates"
)]
fn bytes(mib: Option<f64>) -> u64 {
    mib.map_or(u64::MAX, |n| (n * 1024.0 * 1024.0) as u64)
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
            reports: Group::new(&["plans/**/reports/**", "reports/**"], Some(5.0), Some(20.0)),
            tracked: Group::new(&[], Some(32.0), Some(100.0)),
            docs: Group::new(&docs, Some(1.0), None),
            // A file of the work over the cap of tracked outputs fails the turn; there is no cap in all.
            work: Group::new(&[], Some(32.0), None),
            state: Group::new(&[], None, None),
            force_add_reports: false,
        }
    }
}
