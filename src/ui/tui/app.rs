//! The state of the view.

use jiff::tz::TimeZone;

use super::choose;
use super::sight::{Item, Output, Sight, Tone};
use super::theme::Theme;

/// Everything a frame is made of.
#[derive(Debug, Clone)]
pub struct App {
    pub sight: Sight,
    pub now_ms: i64,
    pub size: (u16, u16),
    pub zone: TimeZone,
    pub theme: Theme,
    pub page: Page,
    /// The chosen item; none: whatever runs is followed.
    pub chosen: Option<String>,
    /// The chosen run; none: the live or newest one.
    pub run: Option<String>,
    pub filter: String,
    /// The filter is being written.
    pub typing: bool,
    pub question: Option<Question>,
    pub note: Option<Note>,
    /// The output as it was when somebody began to scroll in it.
    pub held: Option<Output>,
    /// Rows from the end of the log.
    pub scroll: usize,
    pub wishes: Vec<Wish>,
    /// The exit code to leave with.
    pub quit: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Main,
    Log,
    Detail,
    Help,
}

/// What is asked before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub words: String,
    pub wish: Wish,
}

/// A line for a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub tone: Tone,
    pub until_ms: i64,
}

/// What the program around this is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Interrupt { socket: std::path::PathBuf, attempt: Option<String>, whom: String },
    Stop { socket: std::path::PathBuf, kind: String },
}

/// What the source is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    pub run: Option<String>,
    pub item: Option<String>,
}

impl App {
    pub fn new(theme: Theme, zone: TimeZone) -> Self {
        Self {
            sight: Sight::default(),
            now_ms: 0,
            size: (80, 24),
            zone,
            theme,
            page: Page::Main,
            chosen: None,
            run: None,
            filter: String::new(),
            typing: false,
            question: None,
            note: None,
            held: None,
            scroll: 0,
            wishes: Vec::new(),
            quit: None,
        }
    }

    pub fn focus(&self) -> Focus {
        Focus { run: self.run.clone(), item: self.chosen.clone() }
    }

    /// The items that the filter leaves.
    pub fn items(&self) -> Vec<&Item> {
        let all = self.sight.shown.iter().flat_map(|shown| &shown.items);
        all.filter(|item| {
            self.passes(&item.title) || self.passes(&item.prompt) || self.passes(item.state.word())
        })
        .collect()
    }

    /// The item in the light.
    pub fn item(&self) -> Option<&Item> {
        choose::item(&self.sight.shown.as_ref()?.items, self.chosen.as_deref())
    }

    pub fn output(&self) -> Option<&Output> {
        let read = &self.sight.shown.as_ref()?.output;
        let shown = self.held.as_ref().unwrap_or(read);
        // What was read before another item was chosen is not its output.
        let own = self.item().and_then(|item| item.attempt_id.as_ref());
        (own.is_some() && shown.attempt_id.as_ref() == own).then_some(shown)
    }

    /// Whether a text has the words of the filter.
    pub fn passes(&self, text: &str) -> bool {
        self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase())
    }

    /// A time of day.
    pub fn clock(&self, at_ms: i64) -> String {
        let at = jiff::Timestamp::from_millisecond(at_ms);
        at.map_or_else(
            |_| "--:--:--".into(),
            |at| at.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string(),
        )
    }
}
