//! Pieces of an answer, joined to the records that are printed: pure.

use super::Piece;
use super::record::Record;

/// Text without a paragraph's end is printed once there is this much of it.
const LONGEST: usize = 4096;
/// Of a longer answer the end is repeated in the result: a line of output has its limit, and what a program reads
/// out of an answer (a verdict, a prompt's name) stands last.
const RESULT_BYTES: usize = 128 * 1024;

/// Whether the server said that the answer is over.
#[derive(Debug, Default)]
enum End {
    #[default]
    Open,
    Whole,
    /// And why it is not whole.
    Cut(String),
}

/// How an answer went.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    message: String,
    thinking: String,
    session: bool,
    ended: End,
    failed: Option<String>,
}

impl Answer {
    pub(super) fn take(&mut self, piece: Piece, out: &mut Vec<Record>) {
        match piece {
            Piece::Session(id) => {
                if !std::mem::replace(&mut self.session, true) {
                    out.push(Record::Session { id });
                }
            }
            Piece::Text(text) => {
                self.flush_thinking(out);
                self.text.push_str(&text);
                self.message.push_str(&text);
                if let Some(text) = paragraphs(&mut self.message) {
                    out.push(Record::Message { text });
                }
            }
            Piece::Thinking(text) => {
                self.thinking.push_str(&text);
                if let Some(text) = paragraphs(&mut self.thinking) {
                    out.push(Record::Thinking { text });
                }
            }
            Piece::Usage(spent) => out.push(Record::Usage {
                input_tokens: spent.input,
                output_tokens: spent.output,
                cached_tokens: spent.cached,
                cost_usd: spent.cost_usd,
            }),
            Piece::Ended(cut) => {
                if matches!(self.ended, End::Open) {
                    self.ended = cut.map_or(End::Whole, End::Cut);
                }
            }
            Piece::Failed { text, limited } => {
                if limited {
                    out.push(Record::RateLimit { status: "limited".into(), blocked: true, resets_at: None });
                }
                self.failed.get_or_insert(text);
            }
        }
    }

    /// The last records. `broken`: why the stream could not be read to its end. True if the answer is whole.
    pub(super) fn finish(mut self, broken: Option<String>, out: &mut Vec<Record>) -> bool {
        self.flush_thinking(out);
        if !self.message.trim().is_empty() {
            out.push(Record::Message { text: std::mem::take(&mut self.message) });
        }
        let error = self.failed.or(match (self.ended, broken) {
            (End::Cut(cut), _) => Some(format!("the answer is not whole: {cut}")),
            // An answer that was said to be over is whole, however its connection ended.
            (End::Whole, _) => None,
            (End::Open, Some(why)) => Some(format!("the answer was cut off: {why}")),
            (End::Open, None) => Some("the answer was cut off: the server closed the connection".into()),
        });
        let is_error = error.is_some();
        let text = error.or(Some(tail(&self.text)).filter(|t| !t.is_empty()));
        out.push(Record::Result { text, is_error });
        !is_error
    }

    fn flush_thinking(&mut self, out: &mut Vec<Record>) {
        if !self.thinking.trim().is_empty() {
            out.push(Record::Thinking { text: std::mem::take(&mut self.thinking) });
        }
    }
}

/// Takes the whole paragraphs off a text that still grows; the line end between two stays with the second, so
/// that an empty line is shown as one.
fn paragraphs(text: &mut String) -> Option<String> {
    let end = match text.rfind("\n\n") {
        Some(at) => at + 1,
        None if text.len() > LONGEST => text.rfind('\n').map_or(text.len(), |at| at + 1),
        None => return None,
    };
    let rest = text.split_off(end);
    let whole = std::mem::replace(text, rest);
    (!whole.trim().is_empty()).then_some(whole)
}

fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(RESULT_BYTES);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pieces: Vec<Piece>, broken: Option<&str>) -> (Vec<Record>, bool) {
        let (mut answer, mut out) = (Answer::default(), Vec::new());
        for piece in pieces {
            answer.take(piece, &mut out);
        }
        let whole = answer.finish(broken.map(str::to_owned), &mut out);
        (out, whole)
    }

    fn text(t: &str) -> Piece {
        Piece::Text(t.into())
    }

    /// Deltas become messages of whole paragraphs; nothing of the text is lost.
    #[test]
    fn deltas_are_joined() {
        let pieces = ["Fir", "st.\n", "\nSecond", " one\n\n", "Third"].map(text).to_vec();
        let (records, whole) = run([pieces, vec![Piece::Ended(None)]].concat(), None);
        let messages: Vec<&str> = records
            .iter()
            .filter_map(|r| if let Record::Message { text } = r { Some(text.as_str()) } else { None })
            .collect();
        assert_eq!(messages, ["First.\n", "\nSecond one\n", "\nThird"]);
        assert!(whole);
        let all = "First.\n\nSecond one\n\nThird";
        assert_eq!(records.last(), Some(&Record::Result { text: Some(all.into()), is_error: false }));
    }

    #[test]
    fn an_answer_that_is_not_whole_is_an_error() {
        let said = |pieces, broken| match run(pieces, broken) {
            (records, false) => match records.last() {
                Some(Record::Result { text: Some(text), is_error: true }) => text.clone(),
                other => panic!("{other:?}"),
            },
            (records, true) => panic!("{records:?}"),
        };
        assert!(said(vec![text("a")], None).contains("closed the connection"));
        assert!(said(vec![text("a")], Some("reset")).ends_with("cut off: reset"));
        let cut = vec![text("a"), Piece::Ended(Some("the token limit was reached".into()))];
        assert!(said(cut, None).contains("token limit"));
        let failed = Piece::Failed { text: "overloaded".into(), limited: true };
        assert_eq!(said(vec![text("a"), failed.clone()], None), "overloaded");
        let (records, _) = run(vec![failed], None);
        assert!(matches!(&records[0], Record::RateLimit { blocked: true, resets_at: None, .. }));
        assert!(run(vec![text("a"), Piece::Ended(None)], Some("reset")).1, "it was over before");
    }
}
