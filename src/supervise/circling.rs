//! Notices an agent that goes in circles, as a pure machine (supervision.md P17).

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Calls looked back upon.
const WINDOW: usize = 20;
/// The same call this often within the window is a circle.
const SAME: usize = 5;
/// So many calls without one that is new are a circle too.
const STALE: usize = 50;
/// Calls remembered as seen; the oldest are forgotten first, so that a long turn does not grow.
const REMEMBERED: usize = 10_000;

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Circle {
    Same { tool: String, times: usize },
    NothingNew { calls: usize },
}

impl Circle {
    /// The warning's words.
    pub fn text(&self) -> String {
        match self {
            Self::Same { tool, times } => {
                format!("going in circles: the same `{tool}` call {times} times within {WINDOW} calls")
            }
            Self::NothingNew { calls } => {
                format!("going in circles: {calls} tool calls and none of them new")
            }
        }
    }
}

/// The memory of an agent's calls.
#[derive(Debug, Default)]
pub struct Circling {
    recent: VecDeque<u64>,
    seen: HashSet<u64>,
    order: VecDeque<u64>,
    stale: usize,
    /// The call that was warned about; one warning is enough until something else happens.
    warned: Option<u64>,
}

impl Circling {
    /// Takes a call; says so when it closes a circle.
    pub fn call(&mut self, tool: &str, input: &serde_json::Value) -> Option<Circle> {
        let mut hasher = DefaultHasher::new();
        (tool, input.to_string()).hash(&mut hasher);
        let call = hasher.finish();
        self.recent.push_back(call);
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        if self.seen.insert(call) {
            self.order.push_back(call);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
            self.stale = 0;
        } else {
            self.stale += 1;
        }
        let times = self.recent.iter().filter(|recent| **recent == call).count();
        if times < SAME && self.warned == Some(call) {
            self.warned = None;
        }
        if times >= SAME && self.warned != Some(call) {
            self.warned = Some(call);
            return Some(Circle::Same { tool: tool.to_owned(), times });
        }
        (self.stale > 0 && self.stale.is_multiple_of(STALE))
            .then_some(Circle::NothingNew { calls: self.stale })
    }
}

#[cfg(test)]
mod tests_edges;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// P17: the fifth time within twenty calls, and only once for the same circle.
    #[test]
    fn the_same_call_five_times() {
        let mut guard = Circling::default();
        let found: Vec<usize> =
            (1..=12).filter(|_| guard.call("Bash", &json!({"command": "ls"})).is_some()).collect();
        assert_eq!(found, [5]);
    }

    #[test]
    fn four_within_twenty_are_work() {
        let mut guard = Circling::default();
        for n in 0..100 {
            let input = if n % 6 == 0 { json!({"command": "make"}) } else { json!({"n": n}) };
            assert_eq!(guard.call("Bash", &input), None, "call {n}");
        }
    }

    #[test]
    fn another_tool_with_the_same_input_is_another_call() {
        let mut guard = Circling::default();
        for n in 0..20 {
            let tool = format!("tool{}", n % 5);
            assert_eq!(guard.call(&tool, &json!({})), None, "call {n}");
        }
    }

    /// P17: fifty calls and nothing new, though no call repeats five times within twenty.
    #[test]
    fn nothing_new_for_fifty_calls() {
        let mut guard = Circling::default();
        let found: Vec<usize> =
            (0..70).filter(|n| guard.call("Read", &json!({"file": n % 10})).is_some()).collect();
        assert_eq!(found, [59]);
    }
}
