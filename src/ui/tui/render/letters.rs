//! Large letters: three rows high, for whoever stands at the other end of the room. Pure.

/// Five rows of three points each, from the top.
const LETTERS: &[(char, &str)] = &[
    ('0', "111 101 101 101 111"),
    ('1', "010 110 010 010 111"),
    ('2', "111 001 111 100 111"),
    ('3', "111 001 111 001 111"),
    ('4', "101 101 111 001 001"),
    ('5', "111 100 111 001 111"),
    ('6', "111 100 111 101 111"),
    ('7', "111 001 010 010 010"),
    ('8', "111 101 111 101 111"),
    ('9', "111 101 111 001 111"),
    ('a', "010 101 111 101 101"),
    ('b', "110 101 110 101 110"),
    ('c', "011 100 100 100 011"),
    ('d', "110 101 101 101 110"),
    ('e', "111 100 110 100 111"),
    ('f', "111 100 110 100 100"),
    ('g', "011 100 101 101 011"),
    ('h', "101 101 111 101 101"),
    ('i', "111 010 010 010 111"),
    ('j', "001 001 001 101 010"),
    ('k', "101 101 110 101 101"),
    ('l', "100 100 100 100 111"),
    ('m', "101 111 111 101 101"),
    ('n', "111 101 101 101 101"),
    ('o', "010 101 101 101 010"),
    ('p', "110 101 110 100 100"),
    ('q', "010 101 101 111 011"),
    ('r', "110 101 110 101 101"),
    ('s', "011 100 010 001 110"),
    ('t', "111 010 010 010 010"),
    ('u', "101 101 101 101 111"),
    ('v', "101 101 101 101 010"),
    ('w', "101 101 111 111 101"),
    ('x', "101 101 010 101 101"),
    ('y', "101 101 010 010 010"),
    ('z', "111 001 010 100 111"),
    (' ', "000 000 000 000 000"),
    ('\'', "010 010 000 000 000"),
    ('-', "000 000 111 000 000"),
    ('.', "000 000 000 000 010"),
];

/// A text in large letters, four cells each; none if one of its signs has no large form.
pub(super) fn large(text: &str) -> Option<[String; 3]> {
    let mut rows = [const { String::new() }; 3];
    for sign in text.chars() {
        let small = sign.to_ascii_lowercase();
        let points = LETTERS.iter().find(|(letter, _)| *letter == small)?.1.as_bytes();
        let set = |row: usize, column: usize| points.get(row * 4 + column) == Some(&b'1');
        for (at, out) in rows.iter_mut().enumerate() {
            for column in 0..3 {
                out.push(match (set(at * 2, column), set(at * 2 + 1, column)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            out.push(' ');
        }
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_their_points() {
        assert_eq!(large("a1").unwrap(), ["▄▀▄ ▄█  ", "█▀█  █  ", "▀ ▀ ▀▀▀ "]);
        assert!(large("ralph's 4m12s").is_some() && large("é").is_none());
        for (letter, points) in LETTERS {
            assert!(points.len() == 19 && points.split(' ').all(|row| row.len() == 3), "{letter}");
        }
    }
}
