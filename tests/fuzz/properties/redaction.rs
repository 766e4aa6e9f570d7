use std::sync::Arc;

use orchestrator::supervise::{Activity, ActivityTag, Kind, MASK, Pipeline, Redactor, Stamp, Stream};

/// How a value may be spelled where it shows up.
const SPELLINGS: usize = 3;

/// No secret is in what comes out, however the reads are cut and however the value is spelled; and what comes out is
/// the input with masks in it.
pub fn redaction(data: &[u8]) {
    let Some((secrets, input, cuts)) = story(data) else { return };
    let redactor = Arc::new(Redactor::new(secrets.iter().map(Vec::as_slice)));
    for cuts in [&cuts[..], &[1], &[]] {
        let shown = through(&redactor, &input, cuts);
        clean(&shown, &secrets);
        in_order(&shown, &input);
    }
    clean(&redactor.bytes(&input), &secrets);
    if let Ok(text) = std::str::from_utf8(&input) {
        let mut value = serde_json::json!({text: [text, {"a": text}]});
        redactor.json(&mut value);
        said(&value, &mut |text| clean(text.as_bytes(), &secrets));
    }
}

/// Every text of a value. Its spelling as JSON is not looked at: `\u0000` puts letters beside a text that are not its own.
fn said(value: &serde_json::Value, look: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => look(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| said(item, look)),
        serde_json::Value::Object(map) => map.iter().for_each(|(key, item)| {
            look(key);
            said(item, look);
        }),
        _ => {}
    }
}

type Story = (Vec<Vec<u8>>, Vec<u8>, Vec<usize>);

/// A number of secrets, each with its length, then a body: 0xf0 to 0xf3 stand for a secret, 0xf4 to 0xf7 for it as JSON.
fn story(data: &[u8]) -> Option<Story> {
    let (count, mut rest) = data.split_first()?;
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for _ in 0..=(*count % 3) {
        let (len, tail) = rest.split_first()?;
        let len = 8 + usize::from(*len) % 24;
        let (secret, tail) = tail.split_at_checked(len)?;
        // A secret that is made of the mask's own letters cannot be told from a mask.
        let masky = secret.windows(3).any(|w| MASK.as_bytes().windows(3).any(|m| m == w));
        if secret.trim_ascii().len() >= 8 && !masky {
            secrets.push(secret.trim_ascii().to_vec());
        }
        rest = tail;
    }
    if secrets.is_empty() {
        return None;
    }
    let mut input = Vec::new();
    for byte in rest {
        let secret = &secrets[usize::from(*byte) % 4 % secrets.len()];
        match byte {
            0xf0..=0xf3 => input.extend_from_slice(secret),
            0xf4..=0xf7 => input.extend(spelled(secret, input.len() % SPELLINGS)),
            other => input.push(*other),
        }
    }
    let cuts = data.iter().map(|b| usize::from(*b) % 13 + 1).collect();
    Some((secrets, input, cuts))
}

fn spelled(secret: &[u8], how: usize) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(secret) else { return secret.to_vec() };
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted[1..quoted.len() - 1].to_owned();
    match how {
        0 => inner.into_bytes(),
        1 => inner.replace('/', "\\/").into_bytes(),
        _ => text.replace('\n', "\r\n").into_bytes(),
    }
}

fn through(redactor: &Arc<Redactor>, input: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = |activity: &Activity| {
        if let Kind::Output { bytes } = &activity.kind {
            out.extend_from_slice(bytes);
        }
    };
    let (mut pipeline, _) = Pipeline::new(Arc::clone(redactor), None, None, &ActivityTag::default(), None);
    let mut rest = input;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(cuts.next().map_or(rest.len(), |cut| (*cut).min(rest.len())));
        pipeline.read(Stream::Stdout, head, Stamp::default(), &mut sink);
        rest = tail;
    }
    pipeline.end(Stream::Stdout, Stamp::default(), &mut sink);
    out
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len().max(1)).position(|window| window == part)
}

/// The text between the masks.
fn pieces(mut shown: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(at) = find(shown, MASK.as_bytes()) {
        all.push(&shown[..at]);
        shown = &shown[at + MASK.len()..];
    }
    all.push(shown);
    all
}

fn clean(shown: &[u8], secrets: &[Vec<u8>]) {
    for secret in secrets {
        for how in 0..SPELLINGS {
            let spelled = spelled(secret, how);
            for piece in pieces(shown) {
                assert!(find(piece, &spelled).is_none(), "{:?} is shown", String::from_utf8_lossy(&spelled));
            }
        }
    }
}

/// What stands between masks stands in the input, in that order.
fn in_order(shown: &[u8], mut input: &[u8]) {
    for piece in pieces(shown).into_iter().filter(|piece| !piece.is_empty()) {
        match find(input, piece) {
            Some(at) => input = &input[at + piece.len()..],
            None => panic!("{:?} was never said", String::from_utf8_lossy(piece)),
        }
    }
}
