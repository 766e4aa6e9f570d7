//! Server-sent events, as far as these APIs use them: pure.

/// What one line brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// An event's whole data.
    Data(String),
    /// A comment: servers send them to keep a connection open.
    Comment,
}

/// Lines of a stream, gathered to events.
#[derive(Debug, Default)]
pub(super) struct Sse {
    data: Option<String>,
}

impl Sse {
    /// Takes a line without its end.
    pub(super) fn line(&mut self, line: &str) -> Option<Frame> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return self.finish();
        }
        if line.starts_with(':') {
            return Some(Frame::Comment);
        }
        let value = line.strip_prefix("data:")?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        None
    }

    /// The last event of a stream that ended without the blank line behind it.
    pub(super) fn finish(&mut self) -> Option<Frame> {
        self.data.take().map(Frame::Data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_gathered() {
        let mut sse = Sse::default();
        let text = ": hello\r\nevent: x\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 7\ndata:b\n\n\ndata: last";
        let mut frames: Vec<Frame> = text.split('\n').filter_map(|l| sse.line(l)).collect();
        frames.extend(sse.finish());
        assert_eq!(
            frames,
            [
                Frame::Comment,
                Frame::Data("{\"a\":\n1}".into()),
                Frame::Data("b".into()),
                Frame::Data("last".into())
            ]
        );
    }
}
