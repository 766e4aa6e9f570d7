use proptest::prelude::*;

use super::*;

fn through(redactor: &Redactor, chunks: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut stream = StreamRedactor::default();
    for chunk in chunks {
        stream.push(redactor, chunk, &mut |part| out.extend_from_slice(part));
    }
    stream.finish(redactor, &mut |part| out.extend_from_slice(part));
    out
}

fn text(redactor: &Redactor, chunks: &[&str]) -> String {
    let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
    String::from_utf8(through(redactor, &chunks)).unwrap()
}

#[test]
fn names_that_tell() {
    let vars = [
        ("API_TOKEN", "tok-12345678"),
        ("PATH", "/usr/bin:/bin"),
        ("my_secret", "hush-hush"),
        ("KEY", "short"),
    ];
    let redactor = Redactor::from_env(vars.map(|(name, value)| (name.into(), value.into())));
    let shown = redactor.text("tok-12345678 /usr/bin:/bin hush-hush short").into_owned();
    assert_eq!(shown, "[redacted] /usr/bin:/bin [redacted] short");
}

/// P14: a value split over any two writes is caught.
#[test]
fn a_value_split_anywhere() {
    let redactor = Redactor::new([b"hunter2-and-more".as_slice()]);
    let line = "the value is hunter2-and-more, really";
    for cut in 0..=line.len() {
        assert_eq!(text(&redactor, &[&line[..cut], &line[cut..]]), "the value is [redacted], really");
    }
    let bytes: Vec<&str> = line.split("").collect();
    assert_eq!(text(&redactor, &bytes), "the value is [redacted], really");
}

/// P14: overlapping values leave nothing of either.
#[test]
fn overlaps() {
    let redactor = Redactor::new([b"abcdefgh12".as_slice(), b"gh12345678", b"defgh123"]);
    for cut in 0..16 {
        let line = "abcdefgh12345678";
        assert_eq!(text(&redactor, &[&line[..cut], &line[cut..], "!"]), "[redacted]!", "{cut}");
    }
    let nested = Redactor::new([b"inner-secret".as_slice(), b"outer inner-secret outer"]);
    assert_eq!(text(&nested, &["outer inner-se", "cret outer"]), "[redacted]");
    assert_eq!(text(&nested, &["outer inner-se", "cret inner"]), "outer [redacted] inner");
}

/// What looks like the beginning of a value is let go when it is none.
#[test]
fn a_false_beginning_is_shown() {
    let redactor = Redactor::new([b"hunter2-and-more".as_slice()]);
    assert_eq!(text(&redactor, &["hunter2", " is", " gone"]), "hunter2 is gone");
    assert_eq!(text(&redactor, &["ends with hun"]), "ends with hun");
}

/// A value cut off by the end of the stream is most of a secret.
#[test]
fn a_beginning_at_the_very_end() {
    let redactor = Redactor::new([b"hunter2-and-more".as_slice()]);
    assert_eq!(text(&redactor, &["it is hunter2-and-mor"]), "it is [redacted]");
}

#[test]
fn token_shapes() {
    let redactor = Redactor::new([]);
    let key = format!("sk-ant-{}", "a1B2".repeat(10));
    let pat = format!("ghp_{}", "a1B2".repeat(9));
    let line = format!("use {key}, or \"{pat}\". AKIAABCDEFGHIJKLMNOP; task-{key}");
    assert_eq!(
        text(&redactor, &[&line]),
        format!("use [redacted], or \"[redacted]\". [redacted]; task-{key}"),
        "what stands within a word is a word"
    );
    for cut in 0..line.len() {
        assert_eq!(text(&redactor, &[&line[..cut], &line[cut..]]), text(&redactor, &[&line]), "{cut}");
    }
    assert_eq!(text(&redactor, &["sk-", "short ghp_x"]), "sk-short ghp_x");
}

/// A token of any length is masked, and memory does not grow with it.
#[test]
fn a_token_without_an_end() {
    let redactor = Redactor::new([]);
    let mut stream = StreamRedactor::default();
    let mut out = Vec::new();
    stream.push(&redactor, b"sk-", &mut |part| out.extend_from_slice(part));
    for _ in 0..100 {
        stream.push(&redactor, &[b'x'; 1000], &mut |part| out.extend_from_slice(part));
        assert!(stream.held.len() <= 2 * LONGEST_RUN);
    }
    stream.push(&redactor, b" end", &mut |part| out.extend_from_slice(part));
    stream.finish(&redactor, &mut |part| out.extend_from_slice(part));
    assert_eq!(String::from_utf8(out).unwrap(), "[redacted] end");
}

/// A stream that is nothing but the beginning of a value is not kept back for ever.
#[test]
fn a_repeating_value_does_not_grow() {
    let redactor = Redactor::new([b"aaaaaaaaaaaa".as_slice()]);
    let mut stream = StreamRedactor::default();
    let mut count = 0;
    for _ in 0..100 {
        stream.push(&redactor, &[b'a'; 1000], &mut |part| count += part.len());
        assert!(stream.held.len() <= 12);
    }
    assert!(count < 5000, "masks, not text: {count}");
}

/// P14: JSON may spell a value differently.
#[test]
fn escaped_values() {
    let redactor = Redactor::new(["pass\"wo/rd\\1".as_bytes(), "line1\nline2".as_bytes()]);
    let line = serde_json::json!({"v": "pass\"wo/rd\\1", "w": "line1\nline2"}).to_string();
    assert_eq!(text(&redactor, &[&line]), r#"{"v":"[redacted]","w":"[redacted]"}"#);
    assert_eq!(text(&redactor, &[r#"pass\"wo\/rd\\1"#, " line1\r\nline2"]), "[redacted] [redacted]");
    let odd = Redactor::new(["a<b>&caf\u{e9}\u{1f600}".as_bytes()]);
    let line = [r"a\u003cb\u003e\u0026caf\u00e9\ud83d\ude00", " a<b>&caf\u{e9}\u{1f600}"];
    assert_eq!(text(&odd, &line), "[redacted] [redacted]");
    let mut value = serde_json::json!({"line1\nline2": ["pass\"wo/rd\\1", 1]});
    redactor.json(&mut value);
    assert_eq!(value, serde_json::json!({"[redacted]": ["[redacted]", 1]}));
}

proptest! {
    /// P14: no split of any text shows a secret, the split does not matter, and text without a secret is untouched.
    #[test]
    fn never_leaks(
        secrets in proptest::collection::vec("[ab-]{8,12}", 1..4),
        pieces in proptest::collection::vec(prop_oneof!["[ab -]{0,10}".boxed(), (0usize..4).prop_map(|n| n.to_string()).boxed()], 0..12),
        cuts in proptest::collection::vec(1usize..9, 0..40),
    ) {
        // A digit stands for one of the secrets.
        let input: String = pieces
            .iter()
            .map(|piece| match piece.parse::<usize>() {
                Ok(n) => secrets[n % secrets.len()].clone(),
                Err(_) => piece.clone(),
            })
            .collect();
        let redactor = Redactor::new(secrets.iter().map(String::as_bytes));
        let mut chunks = Vec::new();
        let mut rest = input.as_bytes();
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            chunks.push(head);
            rest = tail;
        }
        chunks.push(rest);
        let out = String::from_utf8(through(&redactor, &chunks)).unwrap();
        for secret in &secrets {
            prop_assert!(!out.contains(secret.as_str()), "{out} shows {secret}");
        }
        if !secrets.iter().any(|secret| input.contains(secret.as_str())) {
            let cut_off = secrets.iter().any(|s| (SHORTEST..s.len()).any(|n| input.ends_with(&s[..n])));
            prop_assert!(cut_off || out == input);
        }
    }
}
