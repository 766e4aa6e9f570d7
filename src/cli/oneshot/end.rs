//! How a session ended: exit code, words, and the same for programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::args::Format;
use crate::cli::error::{FAILED, Failure, IMPOSSIBLE, LIMIT, OK};
use crate::cli::print;
use crate::oneshot::machine::{State, Why};
use crate::oneshot::session::{Folder, Session};
use crate::oneshot::{End, Settings};

/// A session that is over or paused.
pub(super) struct Ended<'a> {
    pub settings: &'a Settings,
    pub session: &'a Session,
    pub end: &'a End,
    pub result: &'a str,
    pub took: Duration,
}

/// The state's reason, for programs.
pub(super) fn reason(state: State) -> &'static str {
    match state {
        State::Completed => "done",
        State::Rejected => "impossible",
        State::Failed { why } => why.reason(),
        State::Interrupted { .. } => "interrupted",
        _ => "running",
    }
}

pub(super) fn end(ended: &Ended<'_>, format: Format) -> Result<u8, Failure> {
    let failure = failure(ended);
    let code = failure.as_ref().map_or(OK, |f| f.code);
    match format {
        Format::Json => print(&format!("{:#}\n", value(ended, code)))?,
        Format::Text if matches!(ended.end, End::Completed) => {
            let text = ended.result.trim_end();
            if !text.is_empty() {
                print(&format!("{text}\n"))?;
            }
        }
        Format::Text => {}
    }
    failure.map_or(Ok(code), Err)
}

/// Why it ended, in words; `None`: done.
fn what(session: &Session, end: &End) -> Option<String> {
    let runs = match session.iteration {
        1 => "1 worker run".to_owned(),
        n => format!("{n} worker runs"),
    };
    Some(match end {
        End::Completed => return None,
        End::Rejected => "the auditor found the task impossible".to_owned(),
        End::Failed(Why::MaxIterations) => format!("the task is not done after {runs}"),
        End::Failed(Why::WorkerDead) => "the worker ended early and left nothing".to_owned(),
        End::Failed(Why::AuditorCrash) => "the auditor ended early".to_owned(),
        End::Failed(Why::AuditorSilent) => "the auditor fell silent".to_owned(),
        End::Interrupted(stop) => format!("interrupted ({})", stop.text),
    })
}

/// Why it ended, and the command a person would run next.
pub(super) fn account(session: &Session, end: &End) -> (String, String) {
    let id = &session.id;
    let next = match end {
        End::Completed | End::Rejected => format!("orchestrator oneshot view {id}"),
        End::Failed(why)
            if *why == Why::MaxIterations
                || *why == Why::WorkerDead && session.iteration >= session.max_iterations =>
        {
            let more = session.max_iterations.saturating_mul(2);
            format!("orchestrator oneshot resume {id} --max-iterations {more}")
        }
        End::Failed(_) | End::Interrupted(_) => format!("orchestrator oneshot resume {id}"),
    };
    (what(session, end).unwrap_or_else(|| "done".to_owned()), next)
}

fn failure(ended: &Ended<'_>) -> Option<Failure> {
    let session = ended.session;
    let (code, reason) = match ended.end {
        End::Completed => return None,
        End::Rejected => (IMPOSSIBLE, "impossible"),
        End::Failed(why @ Why::MaxIterations) => (LIMIT, why.reason()),
        End::Failed(why) => (FAILED, why.reason()),
        End::Interrupted(stop) => (stop.exit_code(), "interrupted"),
    };
    let (why, next) = account(session, ended.end);
    // A refusal that is known has a remedy of its own.
    let remedy = crate::agents::remedy(session.trouble.as_deref()).map(str::to_owned);
    let mut failure = Failure::new(code, reason, why).hint(remedy.unwrap_or(next));
    failure.causes.extend(session.trouble.clone());
    if matches!(ended.end, End::Rejected | End::Failed(Why::MaxIterations)) {
        failure.causes.extend(session.feedback.iter().map(|text| text.trim().to_owned()));
    }
    Some(failure)
}

fn value(ended: &Ended<'_>, code: u8) -> Value {
    let session = ended.session;
    let mut value = summary(ended.settings, session);
    let more = json!({
        "exit_code": code,
        "duration_ms": u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        "result": ended.result,
        "feedback": session.feedback,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

/// What `list` and the end of a run have in common.
pub(super) fn summary(settings: &Settings, session: &Session) -> Value {
    let folder = Folder::of(&settings.root, &session.id);
    let result = folder.result("worker", session.iteration);
    json!({
        "version": 1,
        "session": session.id,
        "state": session.state.name(),
        "reason": reason(session.state),
        "created": session.created,
        "updated": session.updated,
        "worker": session.worker,
        "auditor": session.auditor,
        "iterations": session.iteration,
        "max_iterations": session.max_iterations,
        "verdict": session.verdict,
        "trouble": session.trouble,
        "cost_usd": session.cost_usd,
        "folder": folder.path(),
        "result_file": result.is_file().then_some(result),
    })
}
