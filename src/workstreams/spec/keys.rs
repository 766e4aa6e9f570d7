//! The keys of a workstream file: one line each, as in the configuration.

use crate::config::keys::Kind::{Bool, Choice, Code, Count, Duration, Glob, Number, Text, Word};
use crate::config::keys::Shape::{self, Argv, List, Map, One, Table};
use crate::config::keys::{Key, key};

const TEXT: Shape = One(Text);
const WORD: Shape = One(Word);
const ON_FAILURE: Shape = One(Choice(&["abort", "skip_dependents", "continue"]));
const GATES: Shape = List(&Map(GATE));

pub(super) const FILE: &[Key] = &[
    key("id", WORD, "name of the workstream in records").required(),
    key("name", TEXT, "for people"),
    key("max_parallel", One(Count), "steps at once; unset: 4"),
    key("on_failure", ON_FAILURE, "what a failed step does; unset: abort"),
    key("budget", Map(BUDGET), "limits of a run"),
    key("acceptance", GATES, "what must hold at the end"),
    key("steps", List(&Map(STEP)), "the graph").required(),
];

const BUDGET: &[Key] = &[
    key("cost_usd", One(Number), "US dollars, as the agents report them"),
    key("tokens", One(Count), "tokens in and out, as the agents report them"),
    key("wall_secs", One(Duration), "time of a run, s"),
];

const GATE: &[Key] = &[
    key("run", Argv, "a command that must succeed"),
    key("shell", TEXT, "a line for sh -eu that must succeed"),
    key("tool", TEXT, "a tool of the configuration that must succeed"),
    key("git_clean", One(Bool), "nothing is left uncommitted"),
    key("file_exists", TEXT, "a file is there and not empty"),
    key("timeout_secs", One(Duration), "total time, s; unset: 600"),
];

const STEP: &[Key] = &[
    key("id", WORD, "unique in the file").required(),
    key("kind", TEXT, "what it is, for the router of tools"),
    key("risk", One(Choice(&["low", "medium", "high"])), "for the router of tools"),
    key("complexity", One(Choice(&["simple", "moderate", "complex"])), "for the router of tools"),
    key("domain", TEXT, "for the router of tools"),
    key("depends_on", List(&WORD), "steps that must be done before"),
    key("prompt", TEXT, "a prompt file, or the prompt itself"),
    key("run", Argv, "a command"),
    key("shell", TEXT, "a line for sh -eu"),
    key("python", TEXT, "module:function, in a child interpreter"),
    key("oneshot", TEXT, "a task for a worker and an auditor, or its file"),
    key("tool", TEXT, "the tool; unset: routed"),
    key("timeout_secs", One(Duration), "total time of an attempt, s"),
    key("retry", Map(RETRY), "further attempts"),
    key("when", TEXT, "run only if this holds"),
    key("on_failure", ON_FAILURE, "unset: as the file says"),
    key("gates", GATES, "what must hold after it"),
    key("env", Table(&WORD), "environment variables"),
    key("outputs", Table(&TEXT), "files it leaves, by name"),
    key("files_scope", List(&One(Glob)), "what it may write; unset: unchecked"),
];

const RETRY: &[Key] = &[
    key("attempts", One(Count), "in all"),
    key("backoff", One(Choice(&["none", "fixed", "exponential"])), "how waits grow"),
    key("base_secs", One(Duration), "first wait, s"),
    key("max_secs", One(Duration), "longest wait, s"),
    key("deadline_secs", One(Duration), "none is begun so long after the first, s"),
    key("no_retry_codes", List(&One(Code)), "exit codes that end it"),
];
