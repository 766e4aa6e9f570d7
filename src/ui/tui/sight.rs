//! What there is to see: plain values, everything that a frame can say.

/// A look at the project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// When it was taken, ms.
    pub at_ms: i64,
    /// The project's folder.
    pub project: String,
    pub book: Book,
    pub turn: Turn,
    /// Runs that answer, or should.
    pub live: Vec<Live>,
    /// The newest first.
    pub runs: Vec<Run>,
    pub roles: Vec<Role>,
    pub shown: Option<Shown>,
}

/// The ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Book {
    #[default]
    Missing,
    Open,
    Ill(String),
}

/// The state file.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Turn {
    #[default]
    Missing,
    Ill(String),
    Of(Box<Loop>),
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    pub iteration: u64,
    pub actor: String,
    pub standing: Standing,
    pub updated_ms: i64,
    pub holder: Option<Holder>,
    /// The reason, if no loop takes another turn.
    pub exit: Option<String>,
}

/// What the state file says the loop is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Idle,
    Running,
    Waiting,
    Complete,
    Failed,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    pub host: String,
    pub pid: u32,
    pub here: bool,
    pub lease_ms: i64,
    /// It renews a lease on the remote.
    pub leased: bool,
}

/// A live run, as it says itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    pub run_id: String,
    pub socket: std::path::PathBuf,
    pub kind: String,
    /// It lives and does not answer.
    pub mute: bool,
    pub stop_asked: bool,
    pub interrupted: bool,
    pub attempts: Vec<LiveAttempt>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LiveAttempt {
    pub id: String,
    pub role: String,
    pub agent: String,
    pub prompt: String,
    /// It waits for its start.
    pub queued: bool,
    pub silent_ms: i64,
    pub idle: bool,
    pub interrupted: bool,
}

/// How a run, an attempt or a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Skipped,
    Canceled,
    /// Its program was killed.
    Lost,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: String,
    pub kind: String,
    pub state: State,
    pub began_ms: i64,
    pub ended_ms: Option<i64>,
    pub attempts: i64,
    pub cost_usd: Option<f64>,
    pub error: Option<String>,
}

/// A role of the loop and its last turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    pub name: String,
    /// The oldest first.
    pub turns: Vec<Past>,
}

/// A turn that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    pub state: State,
    pub took_ms: i64,
    pub ended_ms: i64,
    pub cost_usd: Option<f64>,
}

/// The run in the panes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    pub run_id: String,
    pub kind: String,
    pub branch: Option<String>,
    pub limits: String,
    /// What runs, waits and ran, in the order of the pane.
    pub items: Vec<Item>,
    pub counts: Vec<(State, u64)>,
    /// The oldest first.
    pub events: Vec<Told>,
    pub output: Output,
}

/// A turn, a task or a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is chosen by: stays while attempts come and go.
    pub key: String,
    pub title: String,
    pub state: State,
    pub attempt_id: Option<String>,
    pub role: String,
    pub agent: String,
    pub prompt: String,
    pub iteration: Option<u64>,
    /// Which attempt at it this is.
    pub attempt: i64,
    pub began_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
    pub tokens: Option<(i64, i64)>,
    pub cost_usd: Option<f64>,
    pub log: Option<String>,
}

/// An event in one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub seq: i64,
    pub at_ms: i64,
    pub tone: Tone,
    pub text: String,
}

/// What a line means: the few meanings that have a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Quiet,
    Active,
    Good,
    Warning,
    Bad,
}

/// The end of what an attempt printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    pub attempt_id: Option<String>,
    pub text: String,
    /// There was more before it.
    pub cut: bool,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Canceled => "canceled",
            Self::Lost => "lost",
        }
    }

    /// Told apart without colour.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Waiting => "○",
            Self::Running => "●",
            Self::Succeeded => "✓",
            Self::Failed => "✗",
            Self::Skipped => "–",
            Self::Canceled => "■",
            Self::Lost => "†",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    pub fn tone(self) -> Tone {
        match self {
            Self::Waiting | Self::Skipped => Tone::Quiet,
            Self::Running => Tone::Active,
            Self::Succeeded => Tone::Good,
            Self::Canceled => Tone::Warning,
            Self::Failed | Self::Lost => Tone::Bad,
        }
    }
}

impl Sight {
    /// Whether it differs in nothing but its time.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        let Self { at_ms: _, project, book, turn, live, runs, roles, shown } = self;
        (project, book, turn, live) == (&other.project, &other.book, &other.turn, &other.live)
            && (runs, roles, shown) == (&other.runs, &other.roles, &other.shown)
    }

    pub fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The live run in the panes.
    pub fn live_shown(&self) -> Option<&Live> {
        let shown = self.shown.as_ref()?;
        self.live.iter().find(|live| live.run_id == shown.run_id)
    }

    pub fn live_attempt(&self, id: &str) -> Option<(&Live, &LiveAttempt)> {
        self.live.iter().find_map(|live| Some((live, live.attempts.iter().find(|a| a.id == id)?)))
    }
}

impl Item {
    pub fn took_ms(&self, now_ms: i64) -> Option<i64> {
        let end = self.ended_ms.unwrap_or(now_ms);
        self.began_ms.map(|began| (end - began).max(0))
    }
}
