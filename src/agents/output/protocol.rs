//! The protocols by name.

use super::claude::Claude;
use super::codex::Codex;
use super::cursor::Cursor;
use super::gemini::Gemini;
use super::opencode::OpenCode;
use super::reader::Reader;
use crate::supervise::OutputParser;

/// An output protocol that has a reader here. Plain text has none: its lines are what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Claude,
    Codex,
    Gemini,
    OpenCode,
    Cursor,
}

impl Protocol {
    pub const ALL: [Self; 5] = [Self::Claude, Self::Codex, Self::Gemini, Self::OpenCode, Self::Cursor];

    /// The name in the table of agents and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude-stream-json",
            Self::Codex => "codex-json",
            Self::Gemini => "gemini-stream-json",
            Self::OpenCode => "opencode-json",
            Self::Cursor => "cursor-stream-json",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// A reader for one process.
    pub fn parser(self) -> Box<dyn OutputParser + Send> {
        match self {
            Self::Claude => Box::new(Reader::new(Claude::default())),
            Self::Codex => Box::new(Reader::new(Codex::default())),
            Self::Gemini => Box::new(Reader::new(Gemini::default())),
            Self::OpenCode => Box::new(Reader::new(OpenCode::default())),
            Self::Cursor => Box::new(Reader::new(Cursor::default())),
        }
    }
}
