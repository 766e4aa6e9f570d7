//! What the supervisor's orders must hold (prompts.md R3, R14): pure.

/// A part, and the labels it goes by.
const PARTS: [(&str, &[&str]); 2] =
    [("do-now", &["do now", "do-now"]), ("check", &["check", "checks", "check command", "how to check"])];

/// The parts that a text lacks. A part is a heading or a label with a colon; the same words in a sentence are none.
pub fn missing_parts(text: &str) -> Vec<&'static str> {
    let labels: Vec<String> = text.lines().filter_map(label).collect();
    let has = |names: &[&str]| labels.iter().any(|label| names.contains(&label.as_str()));
    PARTS.into_iter().filter(|(_, names)| !has(names)).map(|(part, _)| part).collect()
}

/// `## Do now`, `**Check:** make test`, `   1. Check: x` → `do now`, `check`, `check`.
fn label(line: &str) -> Option<String> {
    let line = line.trim();
    let heading = line.starts_with('#');
    let bare = line.trim_start_matches(|c: char| "#*-_>. ".contains(c) || c.is_ascii_digit());
    let text = match bare.split_once(':') {
        Some((label, _)) => label,
        None if heading => bare,
        None => return None,
    };
    Some(text.trim_matches(|c: char| "*_` ".contains(c)).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turns::shipped::INPUT;

    /// R14.
    #[test]
    fn a_part_is_a_label_and_not_a_word() {
        assert_eq!(missing_parts(INPUT), [""; 0]);
        assert_eq!(missing_parts(""), ["do-now", "check"]);
        assert_eq!(missing_parts("Do now what you like. Check that it builds.\n"), ["do-now", "check"]);
        for fine in
            ["**Do now:** x\n- **Check:** `y`", "# DO-NOW\n1. a\n## How to check\nb", "Do Now: a\nchecks: b"]
        {
            assert_eq!(missing_parts(fine), [""; 0], "{fine}");
        }
        assert_eq!(missing_parts("## Do now\n1. a\n"), ["check"]);
    }
}
