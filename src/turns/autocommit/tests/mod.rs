//! Plans on values, commits on real repositories.

mod commits;
mod edges;
mod plans;
mod secrets;

use std::path::PathBuf;

use super::{GroupRule, Rules};

const MIB: u64 = 1024 * 1024;

/// The rules of T22 as they are without configuration, with tracked outputs in `out/`.
pub fn rules() -> Rules {
    let rule = |globs: &[&str], extensions: &[&str], file: u64, total: u64| {
        let owned = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        GroupRule::new(true, &owned(globs), &owned(extensions), file, total).unwrap()
    };
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
    Rules {
        reports: rule(&["plans/**/reports/**", "reports/**"], &[], 5 * MIB, 20 * MIB),
        tracked: rule(&["out/**"], &["csv", "png"], 32 * MIB, 100 * MIB),
        docs: rule(&docs, &[], MIB, u64::MAX),
        work: rule(&[], &[], 32 * MIB, u64::MAX),
        force_add_reports: false,
        protected: ["sync/state.json", "logs", "tmp", ".orchestrator"].map(PathBuf::from).to_vec(),
    }
}
