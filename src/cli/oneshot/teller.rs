//! Tells a session's facts as events, and keeps the copy of its activity log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::agents::{note, shown};
use crate::cli::setup::{Machine, runtime_dir};
use crate::cli::stream::Ear;
use crate::clock::duration;
use crate::clock::{Clock, SystemClock, iso_seconds};
use crate::control::{self, AttemptInfo, Board, LiveAttempt, RunInfo, Server};
use crate::event::{Ended, Event, Place, Sink};
use crate::ids::{Ids, SystemIds};
use crate::oneshot::session::Session;
use crate::oneshot::{End, Fact, Observer, Settings};
use crate::supervise::{Activity, Outcome, Stop, StopReason};
use crate::sync::worktree::PRIVATE_DIR;

/// Between copies of the activity log while an agent runs, milliseconds.
const COPY_EVERY_MS: i64 = 200;

pub(super) struct Teller<'s, 'a> {
    stream: Ear<'s, 'a>,
    root: PathBuf,
    branch: Option<String>,
    clock: Arc<SystemClock>,
    stop: Stop,
    copy: Option<Copy>,
    /// The run and its attempt, once they have begun.
    place: Place,
    live: Option<Live>,
    attempt: Option<LiveAttempt>,
    attempts: u64,
    began: Duration,
}

/// What others can ask of the run.
struct Live {
    board: Board,
    /// Removes its socket when it is dropped.
    _server: Option<Server>,
}

/// What was copied so far.
struct Copy {
    from: PathBuf,
    at: u64,
    to: File,
    last_ms: i64,
}

impl<'s, 'a> Teller<'s, 'a> {
    pub(super) fn new(
        stream: Ear<'s, 'a>,
        settings: &Settings,
        machine: &Machine,
        copy: Option<&Path>,
    ) -> io::Result<Self> {
        let to = copy.map(|path| OpenOptions::new().append(true).create(true).mode(0o600).open(path));
        let copy = to.transpose()?.map(|to| Copy { from: PathBuf::new(), at: 0, to, last_ms: 0 });
        Ok(Self {
            stream,
            root: settings.root.clone(),
            branch: super::look::branch(settings),
            clock: Arc::clone(&machine.clock),
            stop: machine.stop.clone(),
            copy,
            place: Place::default(),
            live: None,
            attempt: None,
            attempts: 0,
            began: machine.clock.mono(),
        })
    }

    /// The session could not go on, and its run ends here.
    pub(super) fn broken(&mut self, why: &str) {
        if self.place.run_id.is_some() {
            self.run_ended(Ended::Failed, why.to_owned(), "orchestrator oneshot resume".into(), None);
        }
    }

    fn say(&mut self, event: Event) {
        self.stream.emit_at(&self.place, event);
    }

    fn copy(&mut self) {
        let Some(copy) = &mut self.copy else { return };
        let copied = copy.go_on();
        if let Err(e) = copied {
            self.copy = None;
            self.say(Event::Warning { text: format!("the copy of the activity log ends here: {e}") });
        }
    }

    fn began(&mut self, session: &Session, folder: &Path, resumed: bool) {
        // A run that has ended stays so: a resumption is a run of its own, below the session's first.
        let run_id = if resumed { SystemIds.uuid() } else { session.id.clone() };
        self.place = Place::run(&*run_id);
        if let Some(copy) = &mut self.copy {
            copy.from = folder.join("activity.ndjson");
            // What a resumed session did before was copied then.
            copy.at = if resumed { std::fs::metadata(&copy.from).map_or(0, |m| m.len()) } else { 0 };
        }
        let parent_run_id = resumed.then(|| session.id.clone());
        self.say(Event::RunCreated { run_kind: "oneshot".into(), parent_run_id });
        let seat = |role: &str, name: &str| (role.to_owned(), name.to_owned());
        let word = if resumed { "resumes" } else { "begins" };
        let folder = folder.strip_prefix(&self.root).unwrap_or(folder);
        let event = Event::RunStarted {
            mode: "oneshot".into(),
            branch: self.branch.clone(),
            agents: vec![seat("worker", &session.worker.agent), seat("auditor", &session.auditor.agent)],
            limits: format!("at most {} worker runs", session.max_iterations),
            state: format!("session {} {word}: {} in {}", session.id, session.state.name(), folder.display()),
        };
        self.say(event);
        self.open_control(run_id);
    }

    /// A run without a control socket goes on.
    fn open_control(&mut self, id: String) {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let info = RunInfo {
            id,
            kind: "oneshot".into(),
            mode: "oneshot".into(),
            pid: std::process::id(),
            started_at: iso_seconds(clock.now()),
        };
        let board = Board::new(info, Arc::clone(&clock), interrupt(&self.stop));
        let folder = control::folder(&self.root.join(PRIVATE_DIR));
        control::sweep(&folder, clock.now());
        let server = match Server::open(&folder, runtime_dir().as_deref(), board.clone()) {
            Ok(server) => Some(server),
            Err(e) => {
                self.say(Event::Notice { text: format!("{e}; this run cannot be asked or interrupted") });
                None
            }
        };
        self.live = Some(Live { board, _server: server });
    }

    fn attempt_started(&mut self, session: &Session, attempt: &str, role: &str, agent: &str, log: &Path) {
        self.attempts += 1;
        self.place = self.place.attempt(attempt);
        let prompt = format!("{role}-{}.prompt.md", session.iteration);
        if let Some(live) = &self.live {
            let info = AttemptInfo {
                id: attempt.to_owned(),
                role: role.to_owned(),
                iteration: Some(session.iteration),
                prompt: prompt.clone(),
                agent: agent.to_owned(),
            };
            // One runs at a time, so whoever ends it interrupts the session.
            self.attempt = Some(live.board.begin(info, interrupt(&self.stop)));
        }
        self.say(Event::AttemptStarted {
            iteration: session.iteration,
            role: role.to_owned(),
            prompt,
            agent: agent.to_owned(),
            log: log.strip_prefix(&self.root).unwrap_or(log).to_string_lossy().into_owned(),
            step: format!("{}/{role}", session.iteration),
            turn_id: None,
        });
    }

    fn activity(&mut self, role: &str, plain: bool, activity: &Activity) {
        if let Some(attempt) = &self.attempt {
            note(attempt, activity);
        }
        if let Some(event) = shown(role, activity, plain) {
            self.say(event);
        }
        if let Some(copy) = &mut self.copy
            && activity.ts_ms - copy.last_ms >= COPY_EVERY_MS
        {
            copy.last_ms = activity.ts_ms;
            self.copy();
        }
    }

    fn attempt_ended(&mut self, session: &Session, role: &str, outcome: &Outcome) {
        self.copy();
        self.attempt = None;
        let ended = match (outcome.succeeded(), self.stop.requested()) {
            (true, _) => Ended::Succeeded,
            (false, Some(_)) => Ended::Canceled,
            (false, None) => Ended::Failed,
        };
        let result = outcome.account();
        let line = line(session.iteration, session.max_iterations, role, outcome);
        self.say(Event::AttemptEnded { role: role.to_owned(), line, outcome: ended, result });
        self.place.attempt_id = None;
    }

    fn ended(&mut self, session: &Session, end: &End) {
        self.copy();
        let (why, next) = super::end::account(session, end);
        let outcome = match end {
            End::Completed => Ended::Succeeded,
            End::Interrupted(reason) => {
                self.say(Event::RunInterrupted { reason: reason.text.clone() });
                Ended::Canceled
            }
            End::Rejected | End::Failed(_) => Ended::Failed,
        };
        self.run_ended(outcome, why, next, session.cost_usd);
    }

    fn tell(&mut self, fact: &Fact<'_>) {
        if let Fact::Verdict { unclear: true, .. } = fact {
            let text = "the auditor gave no verdict: that counts as RETRY".to_owned();
            self.say(Event::Warning { text });
        }
        if let Some(event) = fact.event() {
            self.say(event);
        }
    }

    fn run_ended(&mut self, outcome: Ended, why: String, next: String, cost_usd: Option<f64>) {
        self.place.attempt_id = None;
        let duration = self.clock.mono().saturating_sub(self.began);
        let turns = self.attempts;
        self.say(Event::RunEnded { outcome, turns, duration, cost_usd, why, next });
    }
}

fn interrupt(stop: &Stop) -> impl Fn(&str) + Send + 'static {
    let stop = stop.clone();
    move |why| stop.ask(StopReason::because(why))
}

impl Copy {
    fn go_on(&mut self) -> io::Result<()> {
        let mut from = match File::open(&self.from) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        from.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        self.to.write_all(&bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Observer for Teller<'_, '_> {
    fn hear(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Began { session, folder, resumed } => self.began(session, folder, *resumed),
            Fact::AttemptStarted { session, attempt, role, agent, log } => {
                self.attempt_started(session, attempt, role.name(), agent, log);
            }
            Fact::Activity { role, plain, activity } => self.activity(role.name(), *plain, activity),
            Fact::AttemptEnded { session, role, outcome, .. } => {
                self.attempt_ended(session, role.name(), outcome);
            }
            Fact::Moved { .. } => {
                self.copy();
                self.tell(fact);
            }
            Fact::Verdict { .. } | Fact::Check { .. } | Fact::Warning { .. } => self.tell(fact),
            Fact::Ended { session, end } => self.ended(session, end),
        }
    }
}

fn line(iteration: u64, most: u64, role: &str, outcome: &Outcome) -> String {
    let state = if outcome.succeeded() {
        "ok".to_owned()
    } else {
        format!("failed ({})", outcome.error.as_deref().unwrap_or(outcome.error_kind.name()))
    };
    let cost = outcome.usage.and_then(|u| u.cost_usd).map_or_else(String::new, |c| format!(" ${c:.2}"));
    format!("oneshot {iteration}/{most} {role} {state} {}{cost}", duration(outcome.duration))
}
