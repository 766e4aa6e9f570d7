//! What an agent said in one run, and which of it is the result (oneshot.md O5, O6): pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::echo;
use crate::supervise::{Kind, Stream};

/// Bytes of plain output that are kept, from the end.
const PLAIN_BYTES: usize = 1024 * 1024;
/// Notes that are kept, from the end.
const NOTES: usize = 2000;
/// Characters of a tool's input or output in a note.
const NOTE_CHARS: usize = 2000;
/// Notes beside the result that an auditor is shown, on each side.
const BESIDE: usize = 2;
/// The word of a process that ended well.
const COMPLETED: &str = "completed";
/// What the worker's templates ask the last message to name.
const FORM: &[&str] = &["Changed", "Checked", "Open", "Feedback"];

/// Everything one run said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    notes: Vec<Note>,
    plain: Vec<u8>,
    final_record: Option<(Option<String>, bool)>,
    /// Processes that ended well.
    completed: usize,
    pub session: Option<String>,
}

/// A step of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    Message(String),
    Tool(String),
}

/// A worker's result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Found {
    pub text: String,
    /// What the agent did just before and after, oldest first.
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Heard {
    /// Takes in one fact.
    pub fn hear(&mut self, kind: &Kind, stream: Option<Stream>) {
        match kind {
            Kind::Output { bytes } if stream != Some(Stream::Stderr) => self.plain(bytes),
            Kind::Message { text } => self.note(Note::Message(text.clone())),
            Kind::ToolUse { name, input, .. } => {
                self.note(Note::Tool(format!("tool {name}: {}", short(&input.to_string()))));
            }
            Kind::ToolResult { text, is_error, .. } => {
                let word = if *is_error { "tool failed" } else { "tool said" };
                self.note(Note::Tool(format!("{word}: {}", short(text))));
            }
            Kind::Result { text, is_error } => self.final_record = Some((text.clone(), *is_error)),
            Kind::Session { id } => self.session = Some(id.clone()),
            Kind::Exit { state, .. } if *state == COMPLETED => self.completed += 1,
            _ => {}
        }
    }

    /// Takes in a line of the activity log.
    pub fn replay(&mut self, record: &Value) {
        let data = &record["data"];
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let stream = (record["stream"].as_str() == Some("stderr")).then_some(Stream::Stderr);
        let is_error = data["is_error"].as_bool().unwrap_or(false);
        let kind = match record["kind"].as_str() {
            Some("output") if data["session_id"].is_string() => Kind::Session { id: text("session_id") },
            Some("output") if data["text"].is_string() => {
                let end = if data["partial"].as_bool() == Some(true) { "" } else { "\n" };
                Kind::Output { bytes: format!("{}{end}", text("text")).into_bytes() }
            }
            Some("exit") => {
                self.completed += usize::from(data["state"].as_str() == Some(COMPLETED));
                return;
            }
            Some("message") => Kind::Message { text: text("text") },
            Some("tool_use") => {
                Kind::ToolUse { id: text("id"), name: text("name"), input: data["input"].clone() }
            }
            Some("tool_result") => Kind::ToolResult { id: text("id"), text: text("text"), is_error },
            Some("result") => Kind::Result { text: data["text"].as_str().map(str::to_owned), is_error },
            _ => return,
        };
        self.hear(&kind, stream);
    }

    fn plain(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
        if self.plain.len() > 2 * PLAIN_BYTES {
            self.plain.drain(..self.plain.len() - PLAIN_BYTES);
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() >= 2 * NOTES {
            self.notes.drain(..NOTES);
        }
        self.notes.push(note);
    }

    /// The agent said that it had finished, and not with an error.
    pub fn finished(&self) -> bool {
        matches!(self.final_record, Some((_, false)))
    }

    /// How many processes of this run ended well.
    pub fn completed(&self) -> usize {
        self.completed
    }

    /// Anything at all was said.
    pub fn anything(&self) -> bool {
        !self.notes.is_empty()
            || self.final_record.is_some()
            || self.plain.iter().any(|b| !b.is_ascii_whitespace())
    }

    /// Whether this was heard already, so that nothing is taken in twice.
    pub fn knows(&self, kind: &Kind) -> bool {
        let mut one = Self::default();
        one.hear(kind, None);
        one.notes.iter().all(|note| self.notes.contains(note))
    }

    /// A worker's result: the agent's own final record, else its best message, the latest of equals,
    /// else what it printed. Never a repetition of our prompt.
    pub fn result(&self, prompt: &str) -> Option<Found> {
        let own = |text: &str| Some(echo::without(text, prompt)).filter(|t| !t.trim().is_empty());
        if let Some((Some(text), false)) = &self.final_record
            && let Some(text) = own(text)
        {
            // Agents repeat their last message in the record.
            let at = self.notes.iter().rposition(|n| matches!(n, Note::Message(t) if *t == text));
            return Some(self.beside(text, at.unwrap_or(self.notes.len()), at.is_some()));
        }
        let messages = self.notes.iter().enumerate().filter_map(|(at, note)| match note {
            Note::Message(text) => own(text).map(|text| (at, text)),
            Note::Tool(_) => None,
        });
        let best = messages.max_by_key(|(at, text)| (score(text), *at));
        if let Some((at, text)) = best {
            return Some(self.beside(text, at, true));
        }
        own(&self.printed()).map(|text| Found { text: text.trim().to_owned(), ..Found::default() })
    }

    /// An auditor's last word in this run: the final record, else the last message, else what it
    /// printed. Empty if it said nothing of its own.
    pub fn last_word(&self, prompt: &str) -> String {
        let own = |text: &str| Some(echo::without(text, prompt)).filter(|t| !t.trim().is_empty());
        let record = match &self.final_record {
            Some((Some(text), false)) => own(text),
            _ => None,
        };
        let message = || {
            self.notes.iter().rev().find_map(|note| match note {
                Note::Message(text) => own(text),
                Note::Tool(_) => None,
            })
        };
        record.or_else(message).or_else(|| own(&self.printed())).unwrap_or_default()
    }

    fn printed(&self) -> String {
        without_escapes(&String::from_utf8_lossy(&self.plain))
    }

    fn beside(&self, text: String, at: usize, is_note: bool) -> Found {
        let words = |notes: &[Note]| notes.iter().map(Note::words).collect();
        let after = &self.notes[(at + usize::from(is_note)).min(self.notes.len())..];
        Found {
            text,
            before: words(&self.notes[at.saturating_sub(BESIDE)..at]),
            after: words(&after[..after.len().min(BESIDE)]),
        }
    }
}

impl Note {
    fn words(&self) -> String {
        match self {
            Self::Message(text) => format!("said: {}", short(text)),
            Self::Tool(text) => text.clone(),
        }
    }
}

/// How much a message looks like a result: the asked-for headings first, then its length.
fn score(text: &str) -> usize {
    let named = FORM
        .iter()
        .filter(|word| {
            text.lines().any(|line| {
                let line = line.trim_start_matches(|c: char| !c.is_alphabetic());
                line.strip_prefix(**word).is_some_and(|rest| rest.trim_start_matches('*').starts_with(':'))
            })
        })
        .count();
    let long = [40, 200, 1000].iter().filter(|n| text.chars().count() >= **n).count();
    4 * named + long
}

fn short(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(NOTE_CHARS).collect();
    let rest = chars.count();
    if rest == 0 { head } else { format!("{head} [… {rest} characters left out …]") }
}

/// Plain text without terminal control sequences.
fn without_escapes(text: &str) -> String {
    if !text.contains('\u{1b}') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.next() {
            // Parameters, then one letter.
            Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            // Up to BEL or the string terminator.
            Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\\') {},
            // A set of characters and its name: `tput sgr0` says `ESC ( B`.
            Some('(' | ')' | '*' | '+' | '#' | '%' | ' ') => {
                chars.next();
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests_edges;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(kinds: &[Kind]) -> Heard {
        let mut heard = Heard::default();
        for kind in kinds {
            heard.hear(kind, Some(Stream::Stdout));
        }
        heard
    }

    fn message(text: &str) -> Kind {
        Kind::Message { text: text.into() }
    }

    fn output(text: &str) -> Kind {
        Kind::Output { bytes: text.into() }
    }

    fn tool(name: &str) -> Kind {
        Kind::ToolUse { id: name.into(), name: name.into(), input: serde_json::json!({"a": 1}) }
    }

    fn record(text: &str, is_error: bool) -> Kind {
        Kind::Result { text: Some(text.into()), is_error }
    }

    fn text(heard: &Heard) -> Option<String> {
        heard.result("the prompt of this run").map(|f| f.text)
    }

    /// O5: the native record wins; an error record is none.
    #[test]
    fn the_final_record_wins() {
        let long = "Changed: everything. ".repeat(30);
        assert_eq!(text(&heard(&[message(&long), record("short", false)])), Some("short".into()));
        assert_eq!(text(&heard(&[message(&long), record("boom", true)])), Some(long.clone()));
        assert_eq!(text(&heard(&[message(&long), record("", false)])), Some(long));
        assert_eq!(text(&heard(&[])), None);
    }

    /// O5: the best message in full, the latest of equals.
    #[test]
    fn the_best_message_wins() {
        let form = "Done it.\n\n1. Changed: a.rs\n2. **Checked**: the suite\n3. Open: nothing";
        assert_eq!(
            text(&heard(&[message("I will look."), message(form), message("Bye.")])),
            Some(form.into())
        );
        assert_eq!(text(&heard(&[message("first"), tool("x"), message("second")])), Some("second".into()));
        assert_eq!(text(&heard(&[output("noise\n"), message("m")])), Some("m".into()));
        assert_eq!(
            text(&heard(&[output("\u{1b}[31mplain\u{1b}[0m\n"), output("text\n")])),
            Some("plain\ntext".into())
        );
    }

    /// O5: an echo of our own prompt is never the result.
    #[test]
    fn an_echo_is_no_result() {
        let prompt = "# Worker\nDo the task.\nThen say so.\nChanged: what\nChecked: how\n";
        let found = |kinds: &[Kind]| heard(kinds).result(prompt).map(|f| f.text);
        assert_eq!(found(&[message(prompt)]), None);
        assert_eq!(found(&[message(prompt), message("ok")]), Some("ok".into()));
        assert_eq!(found(&[record(prompt, false), message("ok")]), Some("ok".into()));
        assert_eq!(found(&[output(prompt), output("it is there\n")]), Some("it is there".into()));
        assert_eq!(heard(&[output(prompt)]).last_word(prompt), "");
    }

    /// O4: up to two activities on each side of the result.
    #[test]
    fn what_stands_beside_the_result() {
        let long = "x".repeat(300);
        let found =
            heard(&[tool("a"), tool("b"), message("c"), message(&long), tool("d"), tool("e"), tool("f")])
                .result("")
                .unwrap();
        assert_eq!(found.before, ["tool b: {\"a\":1}", "said: c"]);
        assert_eq!(found.after, ["tool d: {\"a\":1}", "tool e: {\"a\":1}"]);
        let found = heard(&[tool("a"), message("r"), record("r", false)]).result("").unwrap();
        assert_eq!((found.before.len(), found.after.len()), (1, 0));
    }

    /// O6: the auditor's last message, not its best.
    #[test]
    fn the_last_word() {
        let long = "Changed: x\nChecked: y\nDONE".repeat(50);
        assert_eq!(heard(&[message(&long), message("RETRY")]).last_word(""), "RETRY");
        assert_eq!(heard(&[message("RETRY"), record("DONE", true)]).last_word(""), "RETRY");
        assert_eq!(heard(&[output("a\n"), output("RETRY\n")]).last_word(""), "a\nRETRY\n");
    }

    /// What is read back from the log is what was heard.
    #[test]
    fn a_log_replays() {
        let lines = [
            r#"{"kind":"spawn","stream":null,"data":{"pid":1}}"#,
            r#"{"kind":"output","stream":"stdout","data":{"session_id":"s1"}}"#,
            r#"{"kind":"output","stream":"stdout","data":{"text":"p"}}"#,
            r#"{"kind":"output","stream":"stderr","data":{"text":"noise"}}"#,
            r#"{"kind":"message","stream":"stdout","data":{"text":"m"}}"#,
            r#"{"kind":"result","stream":"stdout","data":{"text":"r","is_error":false}}"#,
        ];
        let mut back = Heard::default();
        for line in lines {
            back.replay(&serde_json::from_str(line).unwrap());
        }
        let kinds = [Kind::Session { id: "s1".into() }, output("p\n"), message("m"), record("r", false)];
        assert_eq!(back, heard(&kinds));
        assert!(
            back.finished() && back.knows(&message("m")) && !back.knows(&message("n")) && back.anything()
        );
    }

    /// O5: tools and ends of processes read back from the log as they were heard; a line that is none of it says nothing.
    #[test]
    fn a_log_replays_tools_and_ends() {
        let lines = [
            r#"{"kind":"tool_use","stream":"stdout","data":{"id":"x","name":"x","input":{"a":1}}}"#,
            r#"{"kind":"tool_result","stream":"stdout","data":{"id":"x","text":"no","is_error":true}}"#,
            r#"{"kind":"tool_result","stream":"stdout","data":{"id":"x","text":"yes"}}"#,
            r#"{"kind":"output","stream":"stdout","data":{"text":"half","partial":true}}"#,
            r#"{"kind":"exit","stream":null,"data":{"state":"completed"}}"#,
            r#"{"kind":"exit","stream":null,"data":{"state":"failed"}}"#,
            r#"{"kind":"warning","stream":null,"data":{"text":"m"}}"#,
        ];
        let mut back = Heard::default();
        for line in lines {
            back.replay(&serde_json::from_str(line).unwrap());
        }
        let result = |text: &str, is_error| Kind::ToolResult { id: "x".into(), text: text.into(), is_error };
        let mut direct = heard(&[tool("x"), result("no", true), result("yes", false), output("half")]);
        assert_eq!((back.completed(), direct.completed()), (1, 0));
        direct.completed = 1;
        assert_eq!(back, direct);
        assert_eq!(back.notes[1], Note::Tool("tool failed: no".into()));
        assert_eq!(back.notes[2], Note::Tool("tool said: yes".into()));
    }

    /// O5: an agent that never stops talking is remembered by its end.
    #[test]
    fn only_the_end_is_kept() {
        let mut long = Heard::default();
        for n in 0..2 * NOTES + 10 {
            long.hear(&message(&format!("m{n}")), Some(Stream::Stdout));
        }
        assert_eq!(long.notes.len(), NOTES + 10);
        assert_eq!(long.last_word(""), format!("m{}", 2 * NOTES + 9));
        let mut loud = Heard::default();
        for n in 0..5u8 {
            loud.hear(&Kind::Output { bytes: vec![b'a' + n; PLAIN_BYTES / 2] }, Some(Stream::Stdout));
        }
        assert_eq!(
            (loud.plain.len(), loud.plain.first(), loud.plain.last()),
            (PLAIN_BYTES, Some(&b'd'), Some(&b'e'))
        );
    }

    /// Titles, colours and lone escapes of a terminal are no words.
    #[test]
    fn escapes_are_left_out() {
        for (text, plain) in [
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\text", "text"),
            ("a\u{1b}[2Kb\u{1b}[1;31mc", "abc"),
            ("a\u{1b}", "a"),
            ("a\u{1b}(B\u{1b}[mb", "ab"),
            ("a\u{1b}7b", "ab"),
        ] {
            assert_eq!(without_escapes(text), plain, "{text:?}");
        }
    }
}
