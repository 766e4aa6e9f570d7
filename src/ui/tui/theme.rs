//! The few meanings that have a colour, and what stands for them without one.

use ratatui::style::{Color, Modifier, Style};

use super::sight::Tone;

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    pub colour: bool,
}

impl Theme {
    pub fn tone(self, tone: Tone) -> Style {
        let style = Style::new();
        match (tone, self.colour) {
            (Tone::Plain, _) | (Tone::Good, false) => style,
            (Tone::Quiet, _) => style.add_modifier(Modifier::DIM),
            (Tone::Active, true) => style.fg(Color::Cyan),
            (Tone::Good, true) => style.fg(Color::Green),
            (Tone::Warning, true) => style.fg(Color::Yellow),
            (Tone::Bad, true) => style.fg(Color::Red),
            (Tone::Active | Tone::Warning | Tone::Bad, false) => style.add_modifier(Modifier::BOLD),
        }
    }

    /// The word that is read from across the room: on a ground of its colour.
    pub fn badge(self, tone: Tone) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        let ground = match tone {
            Tone::Active => Color::Cyan,
            Tone::Good => Color::Green,
            Tone::Warning => Color::Yellow,
            Tone::Bad => Color::Red,
            Tone::Plain | Tone::Quiet => return style.add_modifier(Modifier::REVERSED),
        };
        if self.colour { style.fg(Color::Black).bg(ground) } else { style.add_modifier(Modifier::REVERSED) }
    }

    pub fn quiet(self) -> Style {
        self.tone(Tone::Quiet)
    }
}

pub fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// The chosen line.
pub fn chosen() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}
