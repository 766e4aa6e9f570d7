//! The pages for users say what the program says (interface.md I5): `docs/commands.md` is made from the arguments,
//! every command has an example, and every command line in a page is one that the program takes.
//!
//! `ORCHESTRATOR_BLESS=1 cargo test --lib the_options` writes `docs/commands.md` anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory};

use super::args::Cli;
use super::shell::whole;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const EVERYWHERE: &str = "Options of every command";

/// Every command that is shown, with its full name, in the order of the help.
fn commands(of: &Command) -> Vec<Command> {
    let mut all = Vec::new();
    for command in of.get_subcommands().filter(|c| !c.is_hide_set()) {
        all.push(command.clone());
        all.extend(commands(command));
    }
    all
}

fn name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

fn example(command: &Command) -> Option<String> {
    let text = command.get_after_help().or_else(|| command.get_after_long_help())?.to_string();
    text.contains("orchestrator").then_some(text)
}

/// I5: help texts have an example each.
#[test]
fn every_command_has_an_example() {
    let all = commands(&whole());
    assert!(all.len() > 20, "{}", all.len());
    for command in all {
        let name = name(&command);
        // A command that only holds others shows theirs.
        let shown = example(&command).unwrap_or_else(|| panic!("`{name} --help` has no example"));
        assert!(shown.contains("Example"), "{name}: {shown}");
        assert!(command.get_about().is_some(), "{name}");
    }
}

fn row(arg: &Arg) -> String {
    let takes = arg.is_positional() || arg.get_action().takes_values();
    let values: Vec<String> =
        arg.get_value_names().filter(|_| takes).unwrap_or_default().iter().map(ToString::to_string).collect();
    let mut names: Vec<String> = arg.get_short().map(|c| format!("-{c}")).into_iter().collect();
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    let mut shown = names.join(", ");
    if !values.is_empty() {
        shown = format!("{shown} {}", values.join(" ")).trim().to_owned();
    }
    if shown.is_empty() {
        arg.get_id().as_str().to_uppercase().clone_into(&mut shown);
    }
    let choices: Vec<String> =
        arg.get_possible_values().iter().filter(|_| takes).map(|v| format!("`{}`", v.get_name())).collect();
    let choices = if choices.is_empty() { String::new() } else { format!(" ({})", choices.join(", ")) };
    let default: Vec<String> =
        arg.get_default_values().iter().filter(|_| takes).map(|v| v.to_string_lossy().into_owned()).collect();
    let default =
        if default.is_empty() { String::new() } else { format!(" [default: {}]", default.join(" ")) };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let text = format!("{help}{choices}{default}").trim().replace('|', "\\|");
    format!("| `{}` | {text} |\n", shown.replace('|', "\\|"))
}

fn section(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut out = format!("\n## {}\n\n{about}.\n", name(command));
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .filter(|arg| arg.get_help_heading() != Some(EVERYWHERE))
        .collect();
    if name(command) == "orchestrator run" {
        out.push_str("\nIts options stand in [the loop](loop.md#options).\n");
    } else if !own.is_empty() {
        out.push_str("\n| argument | meaning |\n| --- | --- |\n");
        for arg in own {
            out.push_str(&row(arg));
        }
    }
    if let Some(text) = example(command) {
        out.push('\n');
        for line in text.lines().filter(|line| !line.starts_with("Example")) {
            let line =
                if line.trim().is_empty() { String::new() } else { format!("    {}", line.trim_start()) };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

fn reference() -> String {
    let root = whole();
    let mut out = String::from(
        "# Commands\n\nMade from the program's own arguments. `orchestrator COMMAND --help` says the same, and \
         `orchestrator man COMMAND`\nas a manual page. Without a command the loop is run: `orchestrator` is \
         `orchestrator run`.\n\nOptions of every command, before or after its name:\n\n| argument | meaning |\n| --- | --- |\n",
    );
    for arg in root.get_arguments().filter(|arg| arg.get_help_heading() == Some(EVERYWHERE)) {
        out.push_str(&row(arg));
    }
    out.push_str("\nExit codes are those of [exit codes](exit-codes.md).\n");
    for command in commands(&root) {
        out.push_str(&section(&command));
    }
    out
}

#[test]
fn the_options_of_every_command_are_in_the_docs() {
    let file = Path::new(ROOT).join("docs/commands.md");
    let wanted = reference();
    if std::env::var_os("ORCHESTRATOR_BLESS").is_some() {
        fs::write(&file, &wanted).unwrap();
    }
    let text = fs::read_to_string(&file).unwrap_or_default();
    let differ = text.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        text == wanted,
        "first difference: {differ:#?}; ORCHESTRATOR_BLESS=1 cargo test --lib the_options"
    );
}

/// The pages for users.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let mut all: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|e| e == "md"));
    all.push(Path::new(ROOT).join("README.md"));
    all.sort();
    all
}

/// The command lines in code of a page: a line that begins with the program's name, up to a comment, a description
/// after two blanks, or the shell's next word.
fn command_lines(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced && !line.starts_with("    ") {
            continue;
        }
        let line = line.trim().trim_start_matches("$ ");
        for part in line.split("&&") {
            let part = part.trim();
            // A line with a dot between its parts is what the program prints.
            let typed = part == "orchestrator" || part.starts_with("orchestrator ");
            if typed && !part.contains(" · ") {
                let part = part.split("  ").next().unwrap_or(part).split(" #").next().unwrap_or(part);
                found.push(part.trim().to_owned());
            }
        }
    }
    found
}

/// What a shell would hand over, up to its own words.
fn words(line: &str) -> Vec<String> {
    let all = shlex::split(line).unwrap_or_else(|| panic!("a quote is open: {line}"));
    let ends = |word: &String| ["|", "||", ">", ">>", "<", ";", ";;"].contains(&word.as_str());
    let end = all.iter().position(ends).unwrap_or(all.len());
    all[..end].iter().map(|word| word.trim_end_matches(';').to_owned()).collect()
}

#[test]
fn the_command_lines_in_the_docs_are_taken() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for line in command_lines(&fs::read_to_string(&page).unwrap()) {
            let parsed = Cli::command().try_get_matches_from(words(&line));
            let fine = match &parsed {
                Ok(_) => true,
                Err(e) => matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
            };
            if !fine {
                let why = parsed.unwrap_err().to_string();
                wrong.push(format!("{}: {line}: {}", page.display(), why.lines().next().unwrap_or_default()));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 60, "{count}");
}

#[test]
fn lines_of_code_are_found() {
    let text = "x\n\n    orchestrator history -n 3   what ran\n    orchestrator resume && orchestrator  # go on\n\n\
                orchestrator is prose\n\n```sh\norchestrator logs | head\n```\n";
    assert_eq!(
        command_lines(text),
        ["orchestrator history -n 3", "orchestrator resume", "orchestrator", "orchestrator logs | head"]
    );
    assert_eq!(
        words("orchestrator stop --reason \"a b\" | head"),
        ["orchestrator", "stop", "--reason", "a b"]
    );
}

/// A link to a page or a file leads somewhere.
#[test]
fn the_links_of_the_docs_lead_somewhere() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('#') || link.contains(' ') || link.is_empty() {
                continue;
            }
            let file = link.split('#').next().unwrap_or(link);
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{}: {link}", page.display());
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}
