//! `orchestrator completions` and `orchestrator man`: made from the arguments themselves (interface.md I5).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;
use super::error::{Failure, INTERNAL, OK, USAGE};
use crate::config::keys;
use crate::workstreams::spec;

pub(super) const COMPLETION_EXAMPLES: &str = "Examples:
  orchestrator completions bash > ~/.local/share/bash-completion/completions/orchestrator
  orchestrator completions zsh > ~/.zfunc/_orchestrator
  orchestrator completions fish > ~/.config/fish/completions/orchestrator.fish";

pub(super) const MAN_EXAMPLES: &str = "Examples:
  orchestrator man | man -l -
  orchestrator man status | man -l -
  orchestrator man config | man -l -                every key of orchestration.yaml
  orchestrator man --dir ~/.local/share/man/man1";

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// A command, such as status or oneshot resume
    #[arg(value_name = "COMMAND", conflicts_with = "man_dir")]
    pub command: Vec<String>,
    /// Write a page for every command into this folder
    // An id of its own: the folder of `-C` has the plain one, and an argument of the same id would set that.
    #[arg(id = "man_dir", long = "dir", value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "orchestrator", &mut script);
    super::print(&String::from_utf8_lossy(&script))?;
    Ok(OK)
}

pub(super) fn man(args: &ManArgs) -> Result<u8, Failure> {
    let root = whole();
    if let Some(folder) = &args.dir {
        return write(&root, folder);
    }
    let mut command = &root;
    for name in &args.command {
        command = command.get_subcommands().find(|c| c.get_name() == *name && !c.is_hide_set()).ok_or_else(
            || {
                Failure::new(USAGE, "usage", format!("`{}` is no command", args.command.join(" ")))
                    .hint("orchestrator --help lists them")
            },
        )?;
    }
    super::print(&page(command)?)?;
    Ok(OK)
}

/// The commands with their full names, without the generated `help` in each.
pub(super) fn whole() -> Command {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    root
}

fn failed(e: &io::Error) -> Failure {
    Failure::new(INTERNAL, "io", "write the manual").cause(e.to_string())
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    let name = title(command);
    let man = Man::new(command.clone()).title(name.to_uppercase());
    rendered(&man, command, &mut text).map_err(|e| failed(&e))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// As `Man::render` does, but with a synopsis of one line: its own names every option, without values.
fn rendered(man: &Man, command: &Command, out: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(out)?;
    man.render_name_section(out)?;
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
    roff(out, "SYNOPSIS", &[usage])?;
    man.render_description_section(out)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(out)?;
    }
    if command.get_subcommands().any(|c| !c.is_hide_set()) {
        man.render_subcommands_section(out)?;
    }
    match command.get_name() {
        "config" => roff(out, "KEYS OF orchestration.yaml", &lines(&keys::all()))?,
        "workstream" => roff(out, "KEYS OF A FILE", &lines(&spec::keys()))?,
        _ => {}
    }
    if command.get_after_long_help().is_some() || command.get_after_help().is_some() {
        man.render_extra_section(out)?;
    }
    if command.get_version().is_some() {
        man.render_version_section(out)?;
    }
    Ok(())
}

/// A section of plain lines.
fn roff(out: &mut Vec<u8>, heading: &str, lines: &[String]) -> io::Result<()> {
    use io::Write as _;
    writeln!(out, ".SH \"{heading}\"")?;
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            writeln!(out, ".br")?;
        }
        // A dot or an apostrophe at the beginning would be an order, a backslash an escape.
        writeln!(out, "\\&{}", line.replace('\\', "\\e").replace('-', "\\-"))?;
    }
    Ok(())
}

/// Every key that has a value, and what it means.
fn lines(all: &[(String, keys::Key)]) -> Vec<String> {
    let valued = all.iter().filter(|(_, key)| key.standing != keys::Standing::FlagOnly);
    let valued = valued.filter(|(_, key)| !matches!(key.shape, keys::Shape::Map(_)));
    valued.map(|(path, key)| format!("{path}: {}", key.doc)).collect()
}

/// `orchestrator-oneshot-resume`.
fn title(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-")
}

fn write(root: &Command, folder: &Path) -> Result<u8, Failure> {
    fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut pages = vec![root];
    let mut count = 0;
    while let Some(command) = pages.pop() {
        let file = folder.join(format!("{}.1", title(command)));
        fs::write(&file, page(command)?).map_err(|e| failed(&e))?;
        count += 1;
        pages.extend(command.get_subcommands().filter(|c| !c.is_hide_set()));
    }
    super::print(&format!("wrote {count} pages to {}\n", folder.display()))?;
    Ok(OK)
}
