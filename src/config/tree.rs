//! YAML to a tree with positions. Aliases, anchors and merge keys are refused while reading, so
//! nothing can be expanded; depth and size are bounded.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::{Diagnostic, plain};
use super::scalar::short;

/// Deeper nesting is refused.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and where it begins (line and column from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `plain`: written without quotes, so it may mean a number, a bool or null.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys in their order.
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// A problem of this value; `path` is its key's.
    pub(super) fn problem(
        &self,
        path: &str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) -> Diagnostic {
        Diagnostic {
            line: Some(self.line),
            column: Some(self.column),
            path: path.to_owned(),
            message: plain(&message.into()),
            suggestion: suggestion.map(|s| plain(&s)),
        }
    }

    /// What it is, for error messages.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing".into(),
            Value::Scalar { text, plain: true } => format!("`{}`", short(text)),
            Value::Scalar { text, .. } => format!("the text \"{}\"", short(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// Reads one document; `None` if it is empty.
pub(super) fn read(text: &str) -> Result<Option<Node>, Diagnostic> {
    let mut reader = Reader { stack: Vec::new(), root: None };
    let mut documents = 0;
    for item in Parser::new_from_str(text) {
        let (event, span) = item.map_err(|e| Diagnostic {
            line: Some(e.marker().line()),
            column: Some(e.marker().col() + 1),
            path: String::new(),
            message: plain(&format!("not valid YAML: {}", e.info())),
            suggestion: None,
        })?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(at(span).problem("", "a second document", Some("keep one".into())));
            }
        }
        reader.take(event, span)?;
    }
    Ok(reader.root.filter(|n| !n.is_null()))
}

fn at(span: Span) -> Node {
    Node {
        line: span.start.line(),
        column: span.start.col() + 1,
        value: Value::Scalar { text: String::new(), plain: true },
    }
}

struct Reader {
    /// Open collections; a map's pending key stands beside it.
    stack: Vec<(Node, Option<Node>)>,
    root: Option<Node>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let place = at(span);
        let refuse = |what: &str| {
            Err(place.problem("", format!("{what} are not supported"), Some("write the value out".into())))
        };
        match event {
            Event::Alias(_) => refuse("aliases"),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                refuse("anchors")
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => refuse("tags"),
            Event::Scalar(text, style, _, _) => {
                let plain = style == ScalarStyle::Plain;
                self.put(Node { value: Value::Scalar { text: text.into_owned(), plain }, ..place })
            }
            Event::SequenceStart(..) => self.open(Node { value: Value::List(Vec::new()), ..place }),
            Event::MappingStart(..) => self.open(Node { value: Value::Map(Vec::new()), ..place }),
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some((node, _)) => self.put(node),
                None => Ok(()),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, node: Node) -> Result<(), Diagnostic> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(node.problem("", format!("nested deeper than {MAX_DEPTH}"), None));
        }
        self.stack.push((node, None));
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), Diagnostic> {
        let Some((parent, pending)) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.value {
            Value::List(items) => items.push(node),
            Value::Map(pairs) => {
                if let Some(key) = pending.take() {
                    pairs.push((key, node));
                } else if matches!(node.value, Value::Scalar { .. }) {
                    if node.is_null() {
                        return Err(node.problem("", "a key is missing before `:`", None));
                    }
                    if matches!(&node.value, Value::Scalar { text, plain: true } if text == "<<") {
                        let remedy = Some("write the keys out".into());
                        return Err(node.problem("", "merge keys are not supported", remedy));
                    }
                    *pending = Some(node);
                } else {
                    return Err(node.problem("", "a key must be a plain text", None));
                }
            }
            Value::Scalar { .. } => {}
        }
        Ok(())
    }
}
