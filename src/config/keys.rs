//! The table of every key: its shape, default and meaning. Checks, documentation and the listing
//! of effective values read it; a key exists nowhere else.

use self::Kind::{Argv, Bool, Choice, Count, Duration, Glob, Number, Role, Text};
use self::Shape::{Free, List, Map, One, Table};

/// What one value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// A whole number, 0 or more.
    Count,
    /// A number, 0 or more.
    Number,
    Text,
    /// Seconds, or a text such as `250ms`.
    Duration,
    Glob,
    Role,
    Choice(&'static [&'static str]),
    /// One word of a command: taken as written, numbers too.
    Argv,
}

/// How values are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    One(Kind),
    List(&'static Shape),
    Map(&'static [Key]),
    /// Any name, each with this shape.
    Table(&'static Shape),
    /// Not looked into.
    Free,
}

/// One key of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// One line, with unit.
    pub doc: &'static str,
    /// Read and checked, but nothing uses it yet: setting it gives a notice.
    pub unused: bool,
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc, unused: false }
}

const fn unused(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, doc, unused: true }
}

const TEXT: Shape = One(Text);
const BOOL: Shape = One(Bool);
const COUNT: Shape = One(Count);
const SECS: Shape = One(Duration);
const TEXTS: Shape = List(&TEXT);
const GLOBS: Shape = List(&One(Glob));
const ARGV: Shape = List(&One(Argv));
const ARGVS: Shape = List(&ARGV);

/// Every key that a file may hold.
pub const ROOT: Shape = Map(&[
    key("prompts_dir", TEXT, "folder of the prompts"),
    key("supervisor_prompt", TEXT, "galph's own prompt"),
    key("main_prompt", TEXT, "ralph's own prompt"),
    key("reviewer_prompt", TEXT, "prompt of a review"),
    key("state_file", TEXT, "whose turn it is"),
    key("logs_dir", TEXT, "logs and summaries"),
    key("tmp_dir", TEXT, "scratch files; never committed"),
    key("goal_file", TEXT, "the goal, named in the context block"),
    key("findings_file", TEXT, "lasting lessons, named in the context block"),
    key("input_file", TEXT, "the supervisor's orders, named in the context block"),
    key("prompt_context", BOOL, "put the context block before every prompt"),
    key("workflow", Map(WORKFLOW), "roles and their order"),
    key("router", Map(ROUTER), "which prompt runs"),
    key("agent", Map(AGENT), "which agent runs a prompt"),
    key("agents", Table(&Map(AGENT_RECORD)), "agents by name; fields override those of a built-in one"),
    key("supervision", Map(SUPERVISION), "limits of one agent process"),
    key("sync", Map(SYNC), "taking turns through a git remote"),
    key("auto_commit", Map(AUTO_COMMIT), "what is committed after a turn"),
    key("exit", Map(EXIT), "who may stop the loop"),
    unused("hooks", Map(HOOKS), "commands run on events"),
    unused("budget", Map(BUDGET), "limits of a whole loop"),
    unused("oneshot", Free, "the worker and auditor engine"),
    unused("workstream", Free, "tools and routing of workstreams"),
]);

const WORKFLOW: &[Key] = &[
    key("name", TEXT, "for people"),
    key("review_every_n", COUNT, "review every n iterations (router on); 0: never"),
    key("steps", List(&Map(STEP)), "one a role, in order"),
];

const STEP: &[Key] = &[
    key("role", One(Role), "role id"),
    key("prompt", TEXT, "the role's own prompt"),
    key("prompts", TEXTS, "further prompts the router may choose"),
    unused("scope", GLOBS, "what the turn may change"),
    key("checks", ARGVS, "commands run after the agent"),
    key("on_check_fail", One(Choice(&["note", "fail"])), "whether a failed check fails the turn"),
    unused("engine", One(Choice(&["turn", "oneshot"])), "how the turn is run"),
    key("limits", Map(LIMITS), "limits for this role"),
];

const LIMITS: &[Key] = &[
    key("idle_secs", SECS, "silence after which a warning is given, s"),
    key("inactivity_secs", SECS, "silence after which the agent is ended, s; 0: never"),
    key("tool_secs", SECS, "the same while a tool call is open, s"),
    key("timeout_secs", SECS, "total time, s; 0: no limit"),
    key("result_grace_secs", SECS, "life after the final result record, s"),
    key("grace_secs", SECS, "between SIGTERM and SIGKILL, s"),
    unused("max_parallel", COUNT, "how many of it at once"),
];

const ROUTER: &[Key] = &[
    key("enabled", BOOL, "route prompts"),
    key(
        "mode",
        One(Choice(&["router_default", "router_first", "router_only"])),
        "when the router prompt's answer counts",
    ),
    key("prompt", TEXT, "prompt whose answer names the prompt to run"),
    key("review_every_n", COUNT, "wins over workflow.review_every_n"),
    key("allowlist", TEXTS, "prompts that may run; empty: any that exists"),
];

const AGENT: &[Key] = &[
    key("default", TEXT, "agent for every prompt, or auto"),
    key("order", TEXTS, "what auto looks for, in order"),
    key("unattended", BOOL, "let agents run without permission prompts"),
    key("roles", Table(&TEXT), "agent by role"),
    key("prompts", Table(&TEXT), "agent by prompt"),
];

const PTY: Shape = One(Choice(&["auto", "always", "never"]));

const AGENT_RECORD: &[Key] = &[
    key("command", ARGV, "argv with placeholders"),
    key("prompt", One(Choice(&["stdin", "file", "arg", "body"])), "how the prompt is delivered"),
    key("model", Map(&[key("flag", TEXT, "model flag"), key("value", TEXT, "model name")]), "model"),
    key(
        "output",
        One(Choice(&[
            "text",
            "claude-stream-json",
            "codex-json",
            "gemini-stream-json",
            "opencode-json",
            "cursor-stream-json",
            "ndjson",
            "sse",
        ])),
        "output protocol",
    ),
    key("pty", PTY, "run under a pseudo-terminal"),
    key("success_codes", List(&COUNT), "exit codes that count as success"),
    unused("resume", ARGV, "arguments that resume a session"),
    unused("recover", Map(&[key("store", TEXT, "session store")]), "where sessions are found"),
    unused("fallback", TEXTS, "agents tried when this one cannot run"),
    key("limits", Map(LIMITS), "limits for this agent"),
    key("env", Table(&One(Argv)), "environment variables"),
    key("unattended", BOOL, "skips permission prompts, so needs agent.unattended"),
    unused(
        "http",
        Map(&[
            key("url", TEXT, "base address"),
            key("api", One(Choice(&["openai-chat", "openai-responses", "ollama"])), "protocol"),
            key("model", TEXT, "model name"),
            key("key_env", TEXT, "variable that holds the key"),
        ]),
        "a model behind HTTP",
    ),
];

const SUPERVISION: &[Key] = &[
    key("idle_secs", SECS, "silence after which a warning is given, s"),
    key("inactivity_secs", SECS, "silence after which the agent is ended, s; 0: never"),
    key("tool_secs", SECS, "the same while a tool call is open, s"),
    key("timeout_secs", SECS, "total time, s; 0: no limit"),
    key("result_grace_secs", SECS, "life after the final result record, s"),
    key("grace_secs", SECS, "between SIGTERM and SIGKILL, s"),
    unused("rate_limit", One(Choice(&["wait", "fallback", "fail"])), "what a rate limit does"),
    key("repeat", One(Choice(&["warn", "interrupt"])), "what going in circles does"),
    key("log_max_bytes", COUNT, "bytes kept of one attempt's output"),
    key("pty", PTY, "run agents under a pseudo-terminal"),
];

const SYNC: &[Key] = &[
    unused("transport", One(Choice(&["auto", "git2", "git"])), "how the remote is reached"),
    key("lease_secs", SECS, "lease of a turn, s"),
    unused("margin_secs", SECS, "added to the lease before a take-over, s"),
    unused("lease_ref", TEXT, "ref that carries the lease"),
    unused("poll_interval", SECS, "between listings of the remote, s"),
    unused("takeover", One(Choice(&["auto", "manual", "never"])), "who may take over a dead turn"),
    unused("retry_secs", SECS, "how long transient failures are retried, s"),
    unused("retry_failed", COUNT, "times a failed turn is retried by cron"),
    unused("network_timeout_secs", SECS, "bound of every network operation, s"),
    unused("clock_skew_secs", SECS, "assumed difference of clocks, s"),
    key("message_suffix", TEXT, "added to state commits' subjects, such as [skip ci]"),
    unused("heartbeat_secs", SECS, "between signs of a waiting role, s"),
];

const GROUP: &[Key] = &[
    key("enabled", BOOL, "commit this group"),
    key("globs", GLOBS, "paths, relative to the repository root"),
    key("extensions", TEXTS, "file extensions without the dot"),
    key("max_file_mib", One(Number), "largest file, MiB"),
    key("max_total_mib", One(Number), "largest sum, MiB"),
];

const AUTO_COMMIT: &[Key] = &[
    key("reports", Map(GROUP), "evidence"),
    key("tracked", Map(GROUP), "tracked outputs that changed"),
    key("docs", Map(GROUP), "documents by whitelist"),
    key("work", Map(GROUP), "all else that the agent left uncommitted"),
    key("state", Map(&[key("enabled", BOOL, "commit claims and stamps")]), "the state file"),
    key("force_add_reports", BOOL, "commit reports that git ignores"),
];

const EXIT: &[Key] = &[
    key("roles", List(&One(Role)), "roles whose agents may stop the loop; default: the first"),
    key("checks", ARGVS, "commands that must pass for an agent's stop to count"),
];

const HOOKS: &[Key] = &[
    key("turn_start", ARGV, "a turn begins"),
    key("turn_end", ARGV, "a turn succeeded"),
    key("turn_failed", ARGV, "a turn failed"),
    key("waiting", ARGV, "waiting for another machine"),
    key("takeover", ARGV, "a turn was taken over"),
    key("fenced", ARGV, "the lease was lost"),
    key("run_ended", ARGV, "the loop ended"),
    key("budget_reached", ARGV, "a budget is used up"),
];

const BUDGET: &[Key] = &[
    key("turns", COUNT, "turns"),
    key("wall_secs", SECS, "time, s"),
    key("tokens", COUNT, "tokens"),
    key("cost_usd", One(Number), "cost, US dollars"),
    key("no_progress_turns", COUNT, "turns without any change"),
];

/// Names of the earlier orchestrator, and where they belong now.
pub const ALIASES: &[(&str, &str)] = &[
    ("doc_whitelist", "auto_commit.docs.globs"),
    ("tracked_output_globs", "auto_commit.tracked.globs"),
    ("tracked_output_extensions", "auto_commit.tracked.extensions"),
    ("report_extensions", "auto_commit.reports.extensions"),
    ("force_add_reports", "auto_commit.force_add_reports"),
    ("router_enabled", "router.enabled"),
    ("router_mode", "router.mode"),
    ("router_prompt", "router.prompt"),
    ("router_review_every_n", "router.review_every_n"),
    ("router_allowlist", "router.allowlist"),
    ("review_every_n", "workflow.review_every_n"),
];

/// Accepted and ignored, with a notice.
pub const IGNORED: &[&str] = &["spec_bootstrap"];

/// The shape at a dotted path; names below a table are any.
pub fn shape_at(path: &str) -> Option<Shape> {
    path.split('.').try_fold(ROOT, |shape, part| match shape {
        Map(keys) => keys.iter().find(|k| k.name == part).map(|k| k.shape),
        Table(inner) => Some(*inner),
        Free => Some(Free),
        One(_) | List(_) => None,
    })
}

/// Dotted paths of all keys, depth first; a table's names are shown as `NAME`, a list's entries
/// as `[]`.
pub fn all() -> Vec<(String, Key)> {
    fn walk(prefix: &str, shape: Shape, out: &mut Vec<(String, Key)>) {
        match shape {
            Map(keys) => {
                for k in keys {
                    let path =
                        if prefix.is_empty() { k.name.to_owned() } else { format!("{prefix}.{}", k.name) };
                    out.push((path.clone(), *k));
                    walk(&path, k.shape, out);
                }
            }
            Table(inner) => walk(&format!("{prefix}.NAME"), *inner, out),
            List(inner) => walk(&format!("{prefix}[]"), *inner, out),
            One(_) | Free => {}
        }
    }
    let mut out = Vec::new();
    walk("", ROOT, &mut out);
    out
}
