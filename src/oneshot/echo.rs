//! An agent that repeats its prompt has not answered yet: pure.

use std::collections::HashMap;

/// So many lines of the prompt in a row are a repetition; fewer may be a quote.
const ROW: usize = 3;

/// The text without what is repeated from the prompt.
pub fn without(text: &str, prompt: &str) -> String {
    let prompt_lines: Vec<&str> = prompt.trim().lines().map(bare).collect();
    let row = ROW.min(prompt_lines.iter().filter(|l| !l.is_empty()).count());
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, line) in prompt_lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        places.entry(line).or_default().push(at);
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < lines.len() {
        let starts = places.get(bare(lines[at])).map_or(&[][..], Vec::as_slice);
        let longest = starts.iter().map(|start| shared(&lines[at..], &prompt_lines[*start..])).max();
        match longest {
            Some((full, length)) if full >= row => at += length,
            _ => {
                out.push_str(lines[at]);
                at += 1;
            }
        }
    }
    out
}

/// A line without its indent and quote marks.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['>', ' ', '\t', '|']).trim_end()
}

/// How far two lists of lines agree: lines that are not empty, and all lines.
fn shared(said: &[&str], asked: &[&str]) -> (usize, usize) {
    let same: Vec<bool> =
        said.iter().zip(asked).take_while(|(a, b)| bare(a) == **b).map(|(_, b)| !b.is_empty()).collect();
    (same.iter().filter(|full| **full).count(), same.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str =
        "# Auditor\n\nJudge this:\n\n<result>\n{\"verdict\": \"DONE\"}\nDONE\n</result>\n\nEnd.\n";

    /// O5, O6: what we asked is no answer, whole, in part, or quoted.
    #[test]
    fn repetitions_are_taken_out() {
        assert_eq!(without(&format!("{PROMPT}my answer\n"), PROMPT), "my answer\n");
        let quoted: String = PROMPT.lines().fold(String::new(), |all, l| all + "> " + l + "\n");
        assert_eq!(without(&format!("Prompt:\n{quoted}RETRY\n"), PROMPT), "Prompt:\nRETRY\n");
        let part = "<result>\n{\"verdict\": \"DONE\"}\nDONE\n</result>\nbut no\n";
        assert_eq!(without(part, PROMPT), "but no\n");
        assert_eq!(without(&PROMPT.replace('\n', "\r\n"), PROMPT), "");
        assert_eq!(without("do it\nthen done\n", "do it"), "then done\n");
    }

    #[test]
    fn an_answer_that_shares_a_line_stays() {
        let answer = "I looked at it.\nDONE\n\nEnd.\n";
        assert_eq!(without(answer, PROMPT), answer);
        assert_eq!(without("DONE", PROMPT), "DONE");
        assert_eq!(without("x", ""), "x");
        assert_eq!(without(" \n", PROMPT), " \n");
    }

    /// Blank lines count for nothing, neither in the prompt nor in what is said.
    #[test]
    fn a_row_is_made_of_lines_with_words() {
        assert_eq!(without("b\n", "a\nb\nc\nd"), "b\n");
        assert_eq!(without("a\n\n\n\nyes\n", "a\n\n\n\nb\nc"), "a\n\n\n\nyes\n");
        assert_eq!(without("a\n\n\n\nb\nyes\n", "a\n\n\n\nb"), "yes\n");
    }
}
