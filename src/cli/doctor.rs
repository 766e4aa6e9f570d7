//! `orchestrator doctor`: what is wrong with a set-up, and what helps.
//!
//! `gather` and `outside` look and put what they saw into `facts`; `judge` alone decides what of it is a problem, and
//! is pure. Nothing that the configuration names is run, but `AGENT --version` (agents.md A10).

mod cron;
mod facts;
mod fix;
mod gather;
mod judge;
mod outside;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, OK};
use super::setup::start_folder;
use judge::{Finding, Level, judge};

pub(super) const EXAMPLES: &str = "Examples:
  orchestrator doctor
  orchestrator doctor --fix        mend what can be mended safely
  orchestrator doctor --cron       as a timer would find it: an empty environment
  orchestrator doctor --format json";

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Mend what is safe to mend: dead locks, missing shipped prompts, leftovers of dead runs
    #[arg(long)]
    pub fix: bool,
    /// Look again with the environment that cron gives, and tell what is different there
    #[arg(long)]
    pub cron: bool,
    /// Ask no remote
    #[arg(long)]
    pub offline: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub(super) fn doctor(global: &Global, args: &DoctorArgs) -> Result<u8, Failure> {
    let folder = start_folder()?;
    let looked = gather::gather(global, &folder, args.offline)?;
    let mut findings = judge(&looked.facts);
    let mut mended = Vec::new();
    if args.fix {
        mended = fix::mend(&looked, &findings);
        if !mended.is_empty() {
            findings = judge(&gather::gather(global, &folder, args.offline)?.facts);
        }
    }
    if args.cron {
        findings.extend(cron::findings(&looked, args.offline, &findings)?);
    }
    let count = |level: Level| findings.iter().filter(|f| f.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if args.format == Format::Json {
        let value = json!({
            "version": 1,
            "errors": errors,
            "warnings": warnings,
            "mended": mended,
            "findings": findings,
        });
        super::print(&format!("{value:#}\n"))?;
    } else {
        super::print(&text(&findings, &mended, global.quiet))?;
    }
    Ok(if errors > 0 { INTERNAL } else { OK })
}

/// The worst first; each with what helps.
fn text(findings: &[Finding], mended: &[String], quiet: bool) -> String {
    let mut out = String::new();
    for text in mended {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "mended: {text}");
    }
    for level in [Level::Error, Level::Warning, Level::Fine] {
        for finding in findings.iter().filter(|f| f.level == level && !(quiet && level == Level::Fine)) {
            let _ = writeln!(out, "{:<9}{}: {}", format!("{}:", level.word()), finding.area, finding.what);
            if let Some(remedy) = &finding.remedy {
                let _ = writeln!(out, "{:<9}{remedy}", "");
            }
        }
    }
    let count = |level: Level| findings.iter().filter(|f| f.level == level).count();
    let fixable = findings.iter().filter(|f| f.fix.is_some()).count();
    let hint = if fixable > 0 { format!("; doctor --fix mends {fixable}") } else { String::new() };
    let number = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let (errors, warnings) = (number(count(Level::Error), "error"), number(count(Level::Warning), "warning"));
    let _ = writeln!(out, "{errors}, {warnings}{hint}");
    out
}
