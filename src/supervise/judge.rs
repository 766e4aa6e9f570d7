//! What a run was worth: from how it ended to its terminal state (pure).

use super::course::Cause;
use super::lifecycle::{Edge, Failure};
use super::outcome::{ErrorKind, Exit};

/// The last edge of a run, with the record's words.
pub(super) struct Judgement {
    pub edge: Edge,
    pub kind: ErrorKind,
    pub error: Option<String>,
}

/// Decides. A signal outranks everything: what it ended was never finished. An error record of the agent is an
/// error whatever the exit status.
pub(super) fn judge(
    cause: &Cause,
    exit: Exit,
    success_codes: &[i32],
    result: Option<(Option<&str>, bool)>,
) -> Judgement {
    let failed = |kind, failure, error: &str| Judgement {
        edge: Edge::Fail(failure),
        kind,
        error: Some(error.to_owned()),
    };
    if let Cause::Stop(why) = cause {
        return Judgement {
            edge: Edge::Interrupt(why.clone()),
            kind: ErrorKind::Interrupted,
            error: Some(why.clone()),
        };
    }
    if let Some((text, true)) = result {
        let text = text.unwrap_or("the agent reported an error");
        return failed(ErrorKind::AgentError, Failure::AgentError(text.to_owned()), text);
    }
    match (cause, exit) {
        (Cause::Inactivity(text), _) => failed(ErrorKind::Inactivity, Failure::Timeout(text.clone()), text),
        (Cause::Timeout(text), _) => failed(ErrorKind::Timeout, Failure::Timeout(text.clone()), text),
        (Cause::ResultGrace, _) => Judgement { edge: Edge::Finish, kind: ErrorKind::None, error: None },
        (_, Exit::Code(code)) if success_codes.contains(&code) => {
            Judgement { edge: Edge::Finish, kind: ErrorKind::None, error: None }
        }
        (_, Exit::Code(code)) => {
            failed(ErrorKind::Exit, Failure::Exit(code), &format!("ended with exit status {code}"))
        }
        (_, Exit::Signal(signal)) => {
            failed(ErrorKind::Signal, Failure::Signal(signal), &format!("was ended by signal {signal}"))
        }
        (_, Exit::None) => {
            let text = "could not be ended: it did not even obey SIGKILL";
            failed(ErrorKind::Os, Failure::Os(text.to_owned()), text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cause: &Cause, exit: Exit, result: Option<(Option<&str>, bool)>) -> (ErrorKind, bool) {
        let judged = judge(cause, exit, &[0, 3], result);
        (judged.kind, judged.edge == Edge::Finish)
    }

    /// P10, P11: what ended a process decides before what it looked like.
    #[test]
    fn causes_and_statuses() {
        let (own, stop) = (Cause::Own, Cause::Stop("SIGINT".into()));
        let quiet = Cause::Inactivity("silent".into());
        let (ok, bad) = (Some((Some("done"), false)), Some((None, true)));
        assert_eq!(kind(&own, Exit::Code(0), None), (ErrorKind::None, true));
        assert_eq!(kind(&own, Exit::Code(3), None), (ErrorKind::None, true));
        assert_eq!(kind(&own, Exit::Code(7), ok), (ErrorKind::Exit, false));
        assert_eq!(kind(&own, Exit::Signal(9), ok), (ErrorKind::Signal, false));
        assert_eq!(kind(&own, Exit::Code(0), bad), (ErrorKind::AgentError, false));
        assert_eq!(kind(&own, Exit::None, None), (ErrorKind::Os, false));
        assert_eq!(kind(&stop, Exit::Code(0), ok), (ErrorKind::Interrupted, false));
        assert_eq!(kind(&quiet, Exit::Code(0), None), (ErrorKind::Inactivity, false));
        assert_eq!(kind(&Cause::ResultGrace, Exit::Signal(15), ok), (ErrorKind::None, true));
        assert_eq!(kind(&Cause::ResultGrace, Exit::Signal(15), bad), (ErrorKind::AgentError, false));
    }
}
