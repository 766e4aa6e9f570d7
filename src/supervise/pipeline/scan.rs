//! Tells, byte by byte, whether a text is the beginning of a JSON object (pure).

/// Objects nested deeper are not put together; agents' records are not.
const DEEPEST: usize = 64;

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The beginning of an object.
    Open,
    /// One whole object and nothing but blanks after it.
    Whole,
    /// No object.
    Broken,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Object,
    KeyOrEnd,
    Key,
    Colon,
    Value,
    ValueOrEnd,
    CommaOrEnd,
    Nothing,
    Never,
}

/// Inside of what kind of word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Text {
        key: bool,
        escaped: bool,
    },
    /// A number, `true`, `false` or `null`: which one exactly is left to the parser.
    Word,
}

/// A scan that can be interrupted anywhere.
#[derive(Debug)]
pub(super) struct Scan {
    /// Open brackets: true for an object.
    open: Vec<bool>,
    want: Want,
    inside: Inside,
}

impl Default for Scan {
    fn default() -> Self {
        Self { open: Vec::new(), want: Want::Object, inside: Inside::Nothing }
    }
}

impl Scan {
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Seen {
        while let Some(&byte) = bytes.first() {
            if let Inside::Text { escaped: false, .. } = self.inside {
                // Long texts are most of a record: run over them.
                let plain = memchr::memchr3(b'"', b'\\', b'\n', bytes).unwrap_or(bytes.len());
                if plain > 0 {
                    bytes = &bytes[plain..];
                    continue;
                }
            }
            self.step(byte);
            if self.want == Want::Never {
                return Seen::Broken;
            }
            bytes = &bytes[1..];
        }
        if self.want == Want::Nothing { Seen::Whole } else { Seen::Open }
    }

    fn step(&mut self, byte: u8) {
        match self.inside {
            Inside::Text { escaped: true, key } => self.inside = Inside::Text { key, escaped: false },
            Inside::Text { key, .. } => match byte {
                b'"' => {
                    self.inside = Inside::Nothing;
                    self.want = if key { Want::Colon } else { Want::CommaOrEnd };
                }
                b'\\' => self.inside = Inside::Text { key, escaped: true },
                b'\n' => self.want = Want::Never,
                _ => {}
            },
            Inside::Word if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.') => {}
            Inside::Word => {
                self.inside = Inside::Nothing;
                self.want = Want::CommaOrEnd;
                self.between(byte);
            }
            Inside::Nothing => self.between(byte),
        }
    }

    fn between(&mut self, byte: u8) {
        match (self.want, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Want::Object | Want::Value | Want::ValueOrEnd, b'{') => self.descend(true),
            (Want::Value | Want::ValueOrEnd, b'[') => self.descend(false),
            (Want::KeyOrEnd | Want::Key, b'"') => self.inside = Inside::Text { key: true, escaped: false },
            (Want::Value | Want::ValueOrEnd, b'"') => {
                self.inside = Inside::Text { key: false, escaped: false }
            }
            (Want::Value | Want::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.inside = Inside::Word;
            }
            (Want::Colon, b':') => self.want = Want::Value,
            (Want::CommaOrEnd, b',') => {
                self.want = if self.open.last() == Some(&true) { Want::Key } else { Want::Value };
            }
            (Want::KeyOrEnd | Want::CommaOrEnd, b'}') => self.ascend(true),
            (Want::ValueOrEnd | Want::CommaOrEnd, b']') => self.ascend(false),
            _ => self.want = Want::Never,
        }
    }

    fn descend(&mut self, object: bool) {
        self.open.push(object);
        self.want = match (self.open.len() > DEEPEST, object) {
            (true, _) => Want::Never,
            (false, true) => Want::KeyOrEnd,
            (false, false) => Want::ValueOrEnd,
        };
    }

    fn ascend(&mut self, object: bool) {
        self.want = match (self.open.pop() == Some(object), self.open.is_empty()) {
            (false, _) => Want::Never,
            (true, true) => Want::Nothing,
            (true, false) => Want::CommaOrEnd,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str) -> Seen {
        Scan::default().push(text.as_bytes())
    }

    #[test]
    fn beginnings_and_ends() {
        for whole in [r#"{"a":[1,-2.5e+3,true,null,{}],"b":{"c":"}\"\\"}} "#, "{}", "{\n}"] {
            assert_eq!(seen(whole), Seen::Whole, "{whole}");
        }
        for open in ["{", "{ \"a", r#"{"a":"#, r#"{"a":1"#, r#"{"a":[{"#, "{\"a\":tr"] {
            assert_eq!(seen(open), Seen::Open, "{open}");
        }
        for broken in ["text", "{ then", "{}x", r#"{"a":1,}"#, r#"{"a" 1"#, "{\"a\n", "[1]", "{\"a\":[}"] {
            assert_eq!(seen(broken), Seen::Broken, "{broken}");
        }
        assert_eq!(seen(&r#"{"a":"#.repeat(DEEPEST)), Seen::Open);
        assert_eq!(seen(&format!("{}1{}", r#"{"a":"#.repeat(DEEPEST), "}".repeat(DEEPEST))), Seen::Whole);
        assert_eq!(seen(&r#"{"a":"#.repeat(DEEPEST + 1)), Seen::Broken);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// P12: whatever a real serialiser writes is recognised, at its end and no sooner.
        #[test]
        fn real_objects(value in json(), pretty in any::<bool>()) {
            let value = serde_json::json!({"k": value});
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let mut scan = Scan::default();
            let (last, all) = text.as_bytes().split_last().unwrap();
            for byte in all {
                prop_assert_eq!(scan.push(&[*byte]), Seen::Open);
            }
            prop_assert_eq!(scan.push(&[*last]), Seen::Whole);
            prop_assert_eq!(seen(&text), Seen::Whole);
        }
    }
}
