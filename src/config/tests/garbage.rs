//! Whatever the file holds, it is read or refused with a place.

use proptest::prelude::*;

use super::*;
use crate::config::{check::check, load::typed, tree};

/// Scalars at the edges of what a kind takes.
const EDGES: &[&str] = &[
    "",
    "~",
    "010",
    "yes",
    "-1",
    "+1",
    "1e400",
    "1e308",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999d",
    "36525d",
    "0.0000000001",
    ".5",
    "0x10",
    "true",
    "'true'",
    "[]",
    "{}",
    "[[]]",
    "[a]",
    "'*'",
    "auto",
    "a=b",
    "\"\\0\"",
    "NaN",
    "\u{e9}",
    "300",
    "4294967296",
    "[1, [2]]",
    "{a: b}",
    "{a: {a: b}}",
];

proptest! {
    #[test]
    fn yaml_like_garbage_never_panics(text in "[a-z:\\[\\]{}&*!|> \n\"'#?%,~-]{0,80}") {
        if let Ok(Some(root)) = tree::read(&text) {
            let _ = check(&root);
        }
    }

    #[test]
    fn any_text_never_panics(text in any::<String>()) {
        if let Ok(Some(root)) = tree::read(&text) {
            let _ = check(&root);
        }
    }

    /// A file one edit away from a good one.
    #[test]
    fn a_mutilated_example_never_panics(at in 0..EXAMPLE_YAML.len(), len in 0usize..40, put in "[ -~\n]{0,6}") {
        let mut text = EXAMPLE_YAML.to_owned();
        text.replace_range(at..(at + len).min(text.len()), &put);
        if let Err(error) = load_text(&text) {
            prop_assert!(error.problems().iter().all(|p| p.line.is_some()), "{error}");
        }
    }
}

/// What passes the table always fits the types: else there would be a problem without a place.
#[test]
fn the_table_lets_nothing_in_that_the_types_refuse() {
    let mut passed = 0;
    for (path, _) in keys::all() {
        let (mut open, mut close) = (String::new(), String::new());
        for part in path.replace("[]", ".[]").split('.') {
            let (before, after) =
                if part == "[]" { ("[".to_owned(), "]") } else { (format!("{{{part}: "), "}") };
            open.push_str(&before);
            close.insert_str(0, after);
        }
        for edge in EDGES {
            let text = format!("{open}{edge}{close}");
            let Ok(Some(root)) = tree::read(&text) else { continue };
            let checked = check(&root);
            if checked.problems.is_empty() {
                let typed = typed(&checked.values);
                assert!(typed.is_ok(), "{text}: {}", typed.unwrap_err());
                passed += 1;
            }
        }
    }
    assert!(passed > 900, "{passed}");
}
