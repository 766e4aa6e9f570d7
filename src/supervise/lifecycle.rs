//! The life of one process as a pure state machine (supervision.md §1).
//!
//! No clock and no process here: the owner reports what happened and when, and gets the state that follows, or
//! an error value for an edge that does not exist.

use std::time::Duration;

/// Where a process stands. Times are offsets on the supervisor's monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// Queued: no process, no clock running.
    Created,
    Running {
        since: Duration,
    },
    /// Alive and silent; reversible.
    Idle {
        since: Duration,
    },
    Completed,
    Failed(Failure),
    /// Stopped by the user, the system or a lost lease.
    Interrupted {
        why: String,
    },
}

/// Why a process failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    Exit(i32),
    Signal(i32),
    Spawn(String),
    Timeout(String),
    AgentError(String),
    /// The operating system let us down, e.g. a process that cannot be killed.
    Os(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    Start,
    Silence,
    Activity,
    Finish,
    Fail(Failure),
    Interrupt(String),
}

/// An edge that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no edge `{edge}` leaves the state `{from}`")]
pub struct IllegalEdge {
    pub from: &'static str,
    pub edge: &'static str,
}

/// What the owner has to tell the world after a step.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// The state is what it was.
    Same,
    /// The state changed: exactly one event is due.
    Changed,
}

impl Lifecycle {
    /// Follows one edge. Activity of a running process and silence of an idle one change nothing.
    pub fn apply(&mut self, edge: Edge, now: Duration) -> Result<Response, IllegalEdge> {
        let next = match (&*self, edge) {
            (Self::Created, Edge::Start) | (Self::Idle { .. }, Edge::Activity) => {
                Self::Running { since: now }
            }
            (Self::Running { .. }, Edge::Silence) => Self::Idle { since: now },
            (Self::Running { .. }, Edge::Activity) | (Self::Idle { .. }, Edge::Silence) => {
                return Ok(Response::Same);
            }
            (Self::Running { .. } | Self::Idle { .. }, Edge::Finish) => Self::Completed,
            (Self::Created | Self::Running { .. } | Self::Idle { .. }, Edge::Fail(why)) => Self::Failed(why),
            (Self::Created | Self::Running { .. } | Self::Idle { .. }, Edge::Interrupt(why)) => {
                Self::Interrupted { why }
            }
            (from, edge) => return Err(IllegalEdge { from: from.name(), edge: edge.name() }),
        };
        *self = next;
        Ok(Response::Changed)
    }

    /// The state's word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running { .. } => "running",
            Self::Idle { .. } => "idle",
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

impl Edge {
    fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Silence => "silence",
            Self::Activity => "activity",
            Self::Finish => "finish",
            Self::Fail(_) => "fail",
            Self::Interrupt(_) => "interrupt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(7);

    fn states() -> Vec<Lifecycle> {
        vec![
            Lifecycle::Created,
            Lifecycle::Running { since: T },
            Lifecycle::Idle { since: T },
            Lifecycle::Completed,
            Lifecycle::Failed(Failure::Exit(7)),
            Lifecycle::Interrupted { why: "SIGINT".into() },
        ]
    }

    fn edges() -> Vec<Edge> {
        vec![
            Edge::Start,
            Edge::Silence,
            Edge::Activity,
            Edge::Finish,
            Edge::Fail(Failure::Signal(9)),
            Edge::Interrupt("SIGTERM".into()),
        ]
    }

    /// P1: every pair of state and edge, spelled out; what is not listed is an error value.
    #[test]
    fn the_whole_table() {
        let legal = [
            "created start running",
            "created fail failed",
            "created interrupt interrupted",
            "running silence idle",
            "running activity running",
            "running finish completed",
            "running fail failed",
            "running interrupt interrupted",
            "idle silence idle",
            "idle activity running",
            "idle finish completed",
            "idle fail failed",
            "idle interrupt interrupted",
        ];
        let mut seen = Vec::new();
        for from in states() {
            for edge in edges() {
                let (mut state, name) = (from.clone(), edge.name());
                match state.apply(edge, T) {
                    Ok(_) => seen.push(format!("{} {name} {}", from.name(), state.name())),
                    Err(error) => {
                        assert_eq!(state, from, "a refused edge must leave the state alone");
                        assert_eq!((error.from, error.edge), (from.name(), name));
                    }
                }
            }
        }
        assert_eq!(seen, legal);
    }

    /// P1: one event per change, none without one.
    #[test]
    fn only_changes_are_announced() {
        let mut state = Lifecycle::Running { since: Duration::ZERO };
        assert_eq!(state.apply(Edge::Activity, T), Ok(Response::Same));
        assert_eq!(state, Lifecycle::Running { since: Duration::ZERO });
        assert_eq!(state.apply(Edge::Silence, T), Ok(Response::Changed));
        assert_eq!(state.apply(Edge::Silence, T * 2), Ok(Response::Same));
        assert_eq!(state, Lifecycle::Idle { since: T });
    }
}
