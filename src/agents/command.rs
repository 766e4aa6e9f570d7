//! From a record to an argv (agents.md A1): pure.

/// A longer argument goes by file: prompts in argv break at 128 KiB (P4).
pub const MAX_ARG_BYTES: usize = 100 * 1024;

/// Fills the placeholders, which stand for whole arguments. One without a value drops its argument
/// and the flag before it.
pub fn fill(command: &[String], values: &[(&str, Option<&str>)]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(command.len());
    for word in command {
        match values.iter().find(|(name, _)| word == name) {
            None => out.push(word.clone()),
            Some((_, Some(value))) => out.push((*value).to_owned()),
            Some((_, None)) => {
                if out.len() > 1 && out.last().is_some_and(|w| w.starts_with('-')) {
                    out.pop();
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_without_a_value_vanish_with_their_flag() {
        let command: Vec<String> =
            ["cli", "--model", "{model}", "--x", "{prompt}", "{session}"].map(String::from).to_vec();
        let values = [("{model}", None), ("{prompt}", Some("do it")), ("{session}", None)];
        assert_eq!(fill(&command, &values), ["cli", "--x", "do it"]);
        let values = [("{model}", Some("big")), ("{prompt}", Some("p")), ("{session}", Some("s"))];
        assert_eq!(fill(&command, &values), ["cli", "--model", "big", "--x", "p", "s"]);
    }
}
