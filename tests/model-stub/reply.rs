//! What the stub is told to say.

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `text:WORDS`
    Text(String),
    /// `tool:COMMAND`: a call of whichever shell tool the client offers.
    Tool(String),
    /// `error:STATUS`
    Error(u16),
    /// `limit:SECONDS`: 429 with `retry-after`.
    Limit(u64),
    /// `refuse:WORDS`: the model declines.
    Refuse(String),
    /// `hang`: takes the request and says nothing.
    Hang,
    /// `cut`: closes half-way.
    Cut,
}

impl Reply {
    pub fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        Some(match word {
            "text" => Self::Text(rest.into()),
            "tool" => Self::Tool(rest.into()),
            "refuse" => Self::Refuse(rest.into()),
            "error" => Self::Error(rest.parse().ok()?),
            "limit" => Self::Limit(rest.parse().ok()?),
            "hang" => Self::Hang,
            "cut" => Self::Cut,
            _ => return None,
        })
    }
}

/// The client's shell tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    NoneOffered,
    /// Tools are offered, among them none that is known.
    Unknown,
    Shell {
        name: String,
        argument: String,
        list: bool,
    },
}

/// Names under which clients offer a shell.
pub const SHELLS: &[&str] = &["Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command"];
