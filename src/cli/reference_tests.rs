//! `docs/loop.md` and the arguments say the same: its table of options is made from them, its text names no other.
//!
//! `ORCHESTRATOR_BLESS=1 cargo test --lib the_options` writes the table anew.

use std::fs;

use clap::{Arg, Command, CommandFactory};

use super::args::Cli;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/loop.md");

/// The options of the loop, those of every command apart.
fn loop_options(cli: &Command) -> Vec<&Arg> {
    let run = cli.find_subcommand("run").expect("the loop is a command");
    run.get_arguments().filter(|arg| arg.get_long().is_some_and(|name| name != "help")).collect()
}

fn row(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let values = arg.get_value_names().filter(|_| takes).unwrap_or_default();
    let name: Vec<&str> =
        arg.get_long().into_iter().chain(values.iter().map(clap::builder::Str::as_str)).collect();
    let choices: Vec<String> =
        arg.get_possible_values().iter().filter(|_| takes).map(|v| format!("`{}`", v.get_name())).collect();
    let choices = if choices.is_empty() { String::new() } else { format!(" ({})", choices.join(", ")) };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    format!("| `--{}` | {}{choices} |\n", name.join(" "), help.replace('|', "\\|"))
}

fn with_table(text: &str, cli: &Command) -> String {
    let rows: String = loop_options(cli).into_iter().map(row).collect();
    let (before, rest) =
        text.split_once("<!-- options -->\n").expect("docs/loop.md has its table of options");
    let (_, after) = rest.split_once("<!-- end -->\n").expect("the table has its end");
    format!("{before}<!-- options -->\n\n| option | meaning |\n| --- | --- |\n{rows}\n<!-- end -->\n{after}")
}

fn names(command: &Command, out: &mut Vec<String>) {
    out.extend(command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)));
    command.get_subcommands().for_each(|inner| names(inner, out));
}

/// T13 to T24: every option of the loop with its values and its help.
#[test]
fn the_options_in_the_docs_are_those_of_the_program() {
    let text = fs::read_to_string(FILE).unwrap();
    let wanted = with_table(&text, &Cli::command());
    if text != wanted && std::env::var_os("ORCHESTRATOR_BLESS").is_some() {
        fs::write(FILE, &wanted).unwrap();
    }
    let differ = text.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        text == wanted,
        "first difference: {differ:#?}; ORCHESTRATOR_BLESS=1 cargo test --lib the_options"
    );
}

/// No option is named that does not exist, in any page for users.
#[test]
fn the_docs_name_only_options_that_exist() {
    let mut known = vec!["help".to_owned(), "version".to_owned()];
    names(&Cli::command(), &mut known);
    let mut count = 0;
    let pages = [
        "loop.md",
        "configuration.md",
        "budgets.md",
        "http-agent.md",
        "getting-started.md",
        "concepts.md",
        "recipes.md",
        "troubleshooting.md",
        "exit-codes.md",
        "two-machines.md",
        "role-commands.md",
        "commands.md",
    ];
    for page in pages {
        let text = fs::read_to_string(std::path::Path::new(FILE).with_file_name(page)).unwrap();
        // Other programs have options of their own.
        let foreign = ["docker ", "git ", "cargo "];
        for line in text.lines().filter(|line| !foreign.iter().any(|name| line.contains(name))) {
            for part in line.split("--").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                let name = name.trim_end_matches('-');
                if name.is_empty() {
                    continue;
                }
                assert!(known.iter().any(|k| k == name), "{page} names --{name}: {line}");
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count}");
}

/// An option of every command that shares its id with one of a single command would be set by that one.
#[test]
fn no_option_has_the_id_of_one_of_every_command() {
    fn check(command: &Command, global: &[String]) {
        for arg in command.get_arguments() {
            assert!(!global.contains(&arg.get_id().to_string()), "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(|sub| check(sub, global));
    }
    let cli = Cli::command();
    let global: Vec<String> =
        cli.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().to_string()).collect();
    assert!(global.contains(&"dir".to_owned()));
    cli.get_subcommands().for_each(|sub| check(sub, &global));
}
