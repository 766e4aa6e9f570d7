//! The command that starts the same loop again, from the options in force: pure.

use clap::{Args, Command};

use super::args::{Global, RunArgs};
use crate::config::{Override, Source};

/// `orchestrator --once --agent shell`. What counts for one start only is left out, and so is what a start by hand is
/// without: a timer's options take no failed turn again (T20).
pub(super) fn again(global: &Global, flags: &[Override], args: &RunArgs) -> String {
    let known = RunArgs::augment_args(Command::new("run"));
    let takes_value = |name: &str| {
        let arg = known.get_arguments().find(|arg| arg.get_long() == name.strip_prefix("--"));
        arg.is_some_and(|arg| arg.get_action().takes_values())
    };
    let mut words = vec!["orchestrator".to_owned()];
    let paths = [("-C", &global.dir), ("--config", &global.config)];
    for (name, path) in paths.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?))) {
        words.extend([name.to_owned(), quoted(&path.to_string_lossy())]);
    }
    for flag in flags {
        let Source::Flag { name } = &flag.source else { continue };
        if words.contains(name) {
            // One option may set two keys.
            continue;
        }
        words.push(name.clone());
        if takes_value(name) {
            words.push(quoted(&flag.texts.join(",")));
        }
    }
    if args.commit_dry_run {
        words.push("--commit-dry-run".to_owned());
    }
    words.join(" ")
}

fn quoted(text: &str) -> String {
    // A shell takes these as they are, and a reader too.
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c)) {
        return text.to_owned();
    }
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::Cli;
    use super::super::setup::flags;
    use super::again;

    #[test]
    fn a_start_is_said_as_it_was_made() {
        let of = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            again(&cli.global, &flags(&cli.run), &cli.run)
        };
        for line in [
            "orchestrator",
            "orchestrator --agent shell --once",
            "orchestrator --mode role --role galph --no-git",
            "orchestrator -C sub --config x.yaml --poll-interval 5s --sync-loops 0",
            "orchestrator --agent-role galph=a,ralph=b --use-router --commit-dry-run",
        ] {
            assert_eq!(of(line), line);
        }
        assert_eq!(
            of("orchestrator --mode role --role galph --if-turn --stop-on-failure --format json"),
            "orchestrator --mode role --role galph"
        );
        assert_eq!(of("orchestrator --start-actor ralph"), "orchestrator");
    }
}
