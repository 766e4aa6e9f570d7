//! The script language: words, quotes, blocks.

/// One command.
#[derive(Debug, Default)]
pub struct Item {
    pub words: Vec<Vec<u8>>,
    /// The script between the braces.
    pub block: Vec<u8>,
}

/// The next command and what follows it; none at the end.
pub fn next_item(mut text: &[u8]) -> Result<Option<(Item, &[u8])>, String> {
    loop {
        text = text.trim_ascii_start();
        match text.first() {
            None => return Ok(None),
            Some(b';') => text = &text[1..],
            Some(b'#') => text = &text[text.iter().position(|b| *b == b'\n').unwrap_or(text.len())..],
            Some(_) => break,
        }
    }
    let mut item = Item::default();
    loop {
        text = &text[text.iter().take_while(|b| **b == b' ' || **b == b'\t').count()..];
        match text.first() {
            None | Some(b';' | b'\n') => return Ok(Some((item, text))),
            Some(b'{') => {
                let end = block_end(text)?;
                item.block = text[1..end].to_vec();
                return Ok(Some((item, &text[end + 1..])));
            }
            Some(_) => {
                let (word, rest) = word(text)?;
                item.words.push(word);
                text = rest;
            }
        }
    }
}

/// Where the brace that closes the first byte's stands.
fn block_end(text: &[u8]) -> Result<usize, String> {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at] {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            b'\'' | b'"' => at += text.len() - at - word(&text[at..])?.1.len() - 1,
            _ => {}
        }
        at += 1;
    }
    Err("a brace is not closed".to_owned())
}

fn word(mut text: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut out = Vec::new();
    let mut quote = None;
    while let Some(&byte) = text.first() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => {
                text = &text[1..];
                quote = None;
                // A quoted part followed by a blank or an end is a whole word.
                if matches!(text.first(), None | Some(b' ' | b'\t' | b'\n' | b';' | b'}')) {
                    return Ok((out, text));
                }
            }
            (Some(b'\''), byte) => {
                out.push(byte);
                text = &text[1..];
            }
            (_, b'\\') => {
                let (byte, rest) = escape(&text[1..])?;
                out.push(byte);
                text = rest;
            }
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                text = &text[1..];
            }
            (None, b' ' | b'\t' | b'\n' | b';' | b'}') => return Ok((out, text)),
            (_, byte) => {
                out.push(byte);
                text = &text[1..];
            }
        }
    }
    if quote.is_some() { Err("a quote is not closed".to_owned()) } else { Ok((out, text)) }
}

fn escape(text: &[u8]) -> Result<(u8, &[u8]), String> {
    let Some(&kind) = text.first() else { return Err("nothing after a backslash".to_owned()) };
    let rest = &text[1..];
    Ok(match kind {
        b'n' => (b'\n', rest),
        b'r' => (b'\r', rest),
        b't' => (b'\t', rest),
        b'0' => (0, rest),
        b'x' => {
            let digits = rest
                .get(..2)
                .and_then(|d| std::str::from_utf8(d).ok())
                .ok_or("two hex digits are missing")?;
            (u8::from_str_radix(digits, 16).map_err(|e| e.to_string())?, &rest[2..])
        }
        other => (other, rest),
    })
}
