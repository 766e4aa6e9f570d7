//! `orchestrator config`: the settings in force, each with where it came from (turns.md T34).

use std::fmt::Write as _;

use serde_json::json;

use super::args::{ConfigArgs, ConfigFormat, Global};
use super::error::{Failure, INTERNAL, OK};
use super::setup::{Setup, setup_beside};

pub(super) fn config(global: &Global, args: &ConfigArgs) -> Result<u8, Failure> {
    let Setup { loaded, .. } = setup_beside(global)?;
    let keys = loaded.effective();
    let text = match args.format {
        ConfigFormat::Json => {
            let value = json!({
                "version": 1,
                "root": loaded.root,
                "file": loaded.file,
                "notices": loaded.notices,
                "keys": keys,
            });
            format!("{value:#}\n")
        }
        ConfigFormat::Yaml => serde_yaml::to_string(&loaded.config)
            .map_err(|e| Failure::new(INTERNAL, "io", "print the settings").cause(e.to_string()))?,
        ConfigFormat::Text => {
            let file = loaded.file.as_ref().map_or("none (defaults)".into(), |f| f.display().to_string());
            let mut out = format!("file: {file}\n");
            let width = keys.iter().map(|k| k.path.len()).max().unwrap_or(0);
            for key in &keys {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{:width$}  {}  ({})", key.path, key.value, key.source);
            }
            for notice in &loaded.notices {
                let _ = writeln!(out, "notice: {notice}");
            }
            out
        }
    };
    super::print(&text)?;
    Ok(OK)
}
