//! `orchestrator interrupt` (supervision.md P18, workstreams.md W3).

use super::args::{Global, InterruptArgs};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::live;
use super::setup::start_folder;
use crate::config::find_root;
use crate::control::{self, AskError, LiveRun, NoTarget, Reply, Request, Target};
use crate::turns::lock::PRIVATE;

/// Reads no configuration but for where it lies: whoever wants to end a run shall not first have to mend a file.
pub(super) fn interrupt(global: &Global, args: &InterruptArgs) -> Result<u8, Failure> {
    let start = start_folder()?;
    let root = match &global.config {
        Some(file) => start.join(file).parent().map(std::path::Path::to_owned).unwrap_or(start),
        None => find_root(&start).0,
    };
    let live = control::live(&control::folder(&root.join(PRIVATE)));
    let targets = if args.all {
        (0..live.len()).map(|run| Target { run, attempt: None }).collect()
    } else {
        vec![control::resolve(&live, args.who.as_deref()).map_err(|e| nobody(&e, &live))?]
    };
    if targets.is_empty() {
        return Err(nobody(&NoTarget::NoneLive, &live));
    }
    for target in targets {
        let run = &live[target.run];
        let request = Request::Interrupt { attempt: target.attempt.map(str::to_owned) };
        let reply = control::client::ask(&run.socket, &request);
        let whom = target.attempt.map_or_else(|| format!("run {}", run.id), |a| format!("attempt {a}"));
        super::print(&format!("{}\n", told(&whom, reply)?))?;
    }
    Ok(OK)
}

fn told(whom: &str, reply: Result<Reply, AskError>) -> Result<String, Failure> {
    match reply {
        Ok(Reply { ok: true, already: false, .. }) => Ok(format!("{whom} is being interrupted")),
        Ok(Reply { ok: true, already: true, .. }) => Ok(format!("{whom} is being interrupted already")),
        Ok(Reply { error, .. }) => {
            let failure = Failure::new(USAGE, "unknown", format!("interrupt {whom}"));
            Err(failure.cause(error.unwrap_or_else(|| "it was refused".into())))
        }
        Err(AskError::Over) => {
            Err(Failure::new(USAGE, "unknown", format!("interrupt {whom}")).cause("it has ended meanwhile"))
        }
        Err(e) => Err(Failure::new(INTERNAL, "io", format!("interrupt {whom}")).cause(e.to_string())),
    }
}

/// Exit 2, with those that are live.
fn nobody(error: &NoTarget, live: &[LiveRun]) -> Failure {
    let mut failure = Failure::new(USAGE, "unknown", "interrupt a run").cause(error.to_string());
    for run in live {
        failure = failure.cause(format!("live: {}", live::run_words(run)));
        for attempt in run.status.iter().flat_map(|status| &status.attempts) {
            failure = failure.cause(format!("live: {}", live::attempt_words(attempt)));
        }
    }
    if live.is_empty() { failure } else { failure.hint("orchestrator interrupt RUN") }
}
