//! The table: one line a key. A key exists nowhere else.

use super::keys::Kind::{Bool, Choice, Code, Count, Duration, Extension, Glob, Number, Role, Text, Word};
use super::keys::Shape::{self, Argv, Command, List, Map, One, Table};
use super::keys::{Key, flag_only, key, unused};

const TEXT: Shape = One(Text);
const BOOL: Shape = One(Bool);
const COUNT: Shape = One(Count);
const SECS: Shape = One(Duration);
const TEXTS: Shape = List(&TEXT);
const GLOBS: Shape = List(&One(Glob));
const ARGVS: Shape = List(&Argv);

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
    key("plan_file", TEXT, "the fix plan, named in the context block"),
    key("findings_file", TEXT, "lasting lessons, named in the context block"),
    key("input_file", TEXT, "the supervisor's orders, named in the context block"),
    key("memory_file", TEXT, "the supervisor's memory, named in the context block"),
    key("prompt_context", BOOL, "put the context block before every prompt"),
    key("workflow", Map(WORKFLOW), "roles and their order"),
    key("router", Map(ROUTER), "which prompt runs"),
    key("agent", Map(AGENT), "which agent runs a prompt"),
    key("agents", Table(&Map(AGENT_RECORD)), "agents by name; fields override those of a built-in one"),
    key("supervision", Map(SUPERVISION), "limits of one agent process"),
    key("sync", Map(SYNC), "taking turns through a git remote"),
    key("auto_commit", Map(AUTO_COMMIT), "what is committed after a turn"),
    key("exit", Map(EXIT), "who may stop the loop"),
    key("hooks", Map(HOOKS), "commands run on events"),
    key("budget", Map(BUDGET), "limits of a whole loop"),
    key("oneshot", Map(ONESHOT), "the worker and auditor engine"),
    key("workstream", Map(WORKSTREAM), "tools and routing of workstreams"),
    flag_only("run", Map(RUN), "what one start is asked to do"),
]);

const WORKFLOW: &[Key] = &[
    key("name", TEXT, "for people"),
    key("review_every_n", COUNT, "review every n iterations (router on); 0: never"),
    key("steps", List(&Map(STEP)), "one a role, in order; unset: galph, then ralph"),
];

const STEP: &[Key] = &[
    key("role", One(Role), "role id").required(),
    key("prompt", TEXT, "the role's own prompt").required(),
    key("prompts", TEXTS, "further prompts the router may choose"),
    key("scope", GLOBS, "what the turn may change, commits included; unset: anything"),
    key("checks", ARGVS, "commands run after the agent"),
    key(
        "on_check_fail",
        One(Choice(&["note", "fail"])),
        "whether a failed check fails the turn; unset: note",
    ),
    key("engine", One(Choice(&["turn", "oneshot"])), "how the turn is run; oneshot: audited; unset: turn"),
    key("limits", Map(STEP_LIMITS), "limits for this role"),
];

const LIMITS: &[Key] = &[
    key("idle_secs", SECS, "silence after which a warning is given, s"),
    key(
        "inactivity_secs",
        SECS,
        "silence after which the agent is ended, s; 0: never; unset: 900, or 1800 if it prints plain text",
    ),
    key("tool_secs", SECS, "the same while a tool call is open, s"),
    key("timeout_secs", SECS, "total time, s; 0: no limit"),
    key("result_grace_secs", SECS, "life after the final result record, s"),
    key("grace_secs", SECS, "between SIGTERM and SIGKILL, s"),
    unused("max_parallel", COUNT, "how many of it at once"),
];

const STEP_LIMITS: &[Key] = LIMITS.split_at(LIMITS.len() - 1).0;

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
    key("command", Argv, "argv with placeholders"),
    key(
        "prompt",
        One(Choice(&["stdin", "file", "arg", "body"])),
        "how the prompt is delivered; unset: stdin",
    ),
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
        "output protocol; unset: text",
    ),
    key("pty", PTY, "run under a pseudo-terminal"),
    key("success_codes", List(&One(Code)), "exit codes that count as success"),
    unused("resume", Argv, "arguments that resume a session"),
    unused("recover", Map(&[key("store", TEXT, "session store")]), "where sessions are found"),
    key("fallback", TEXTS, "agents that take its turn, in order, when it is missing or rate limited"),
    key("limits", Map(LIMITS), "limits for this agent"),
    key("env", Table(&One(Word)), "environment variables"),
    key("unattended", BOOL, "skips permission prompts, so needs agent.unattended"),
    key(
        "http",
        Map(&[
            key("url", TEXT, "base address, to which the API's path is added").required(),
            key(
                "api",
                One(Choice(&["openai-chat", "openai-responses", "ollama"])),
                "protocol; unset: openai-chat",
            ),
            key("model", TEXT, "model name").required(),
            key("key_env", TEXT, "name of the variable that holds the key"),
        ]),
        "a model behind HTTP",
    ),
];

const SUPERVISION: &[Key] = &[
    key("idle_secs", SECS, "silence after which a warning is given, s"),
    key(
        "inactivity_secs",
        SECS,
        "silence after which the agent is ended, s; 0: never; unset: 900, or 1800 if it prints plain text",
    ),
    key("tool_secs", SECS, "the same while a tool call is open, s"),
    key("timeout_secs", SECS, "total time, s; 0: no limit"),
    key("result_grace_secs", SECS, "life after the final result record, s"),
    key("grace_secs", SECS, "between SIGTERM and SIGKILL, s"),
    key("rate_limit", One(Choice(&["wait", "fallback", "fail"])), "what a rate limit does to the turn"),
    key("repeat", One(Choice(&["warn", "interrupt"])), "what going in circles does"),
    key("log_max_bytes", COUNT, "bytes kept of one attempt's output"),
    key("pty", PTY, "run agents under a pseudo-terminal"),
];

const SYNC: &[Key] = &[
    key("transport", One(Choice(&["auto", "git2", "git"])), "how the remote is reached"),
    key("lease_secs", SECS, "lease of a turn, s"),
    key("margin_secs", SECS, "added to the lease before a take-over, s"),
    key("lease_ref", TEXT, "ref that carries the lease; unset: refs/orchestrator/lease/<branch>"),
    key("poll_interval", SECS, "between listings of the remote, s"),
    key("takeover", One(Choice(&["auto", "manual", "never"])), "who may take over a dead turn"),
    key("retry_secs", SECS, "how long transient failures are retried, s"),
    key("retry_failed", COUNT, "times a failed turn is retried by cron"),
    key("network_timeout_secs", SECS, "bound of every network operation, s"),
    key("clock_skew_secs", SECS, "assumed difference of clocks, s"),
    key("message_suffix", TEXT, "added to state commits' subjects, such as [skip ci]"),
    key("heartbeat_secs", SECS, "between signs of a waiting role, s"),
];

const GROUP: &[Key] = &[
    key("enabled", BOOL, "commit this group"),
    key("globs", GLOBS, "paths, relative to the repository root"),
    key("extensions", List(&One(Extension)), "file extensions, such as csv"),
    key("max_file_mib", One(Number), "largest file, MiB"),
    key("max_total_mib", One(Number), "largest sum, MiB"),
];

const AUTO_COMMIT: &[Key] = &[
    key("reports", Map(GROUP), "evidence"),
    key("tracked", Map(GROUP), "tracked outputs that changed"),
    key("docs", Map(GROUP), "documents by whitelist"),
    key("work", Map(GROUP), "all else that the agent left uncommitted"),
    key("state", Map(STATE_GROUP), "the state file"),
    key("force_add_reports", BOOL, "commit reports that git ignores"),
];

const STATE_GROUP: &[Key] = &[
    key("enabled", BOOL, "commit claims and stamps"),
    unused("globs", GLOBS, "no effect: it is one file"),
    unused("extensions", List(&One(Extension)), "no effect: it is one file"),
    unused("max_file_mib", One(Number), "no effect: it is one file"),
    unused("max_total_mib", One(Number), "no effect: it is one file"),
];

const EXIT: &[Key] = &[
    key("roles", List(&One(Role)), "roles whose agents may stop the loop; default: the first"),
    key("checks", ARGVS, "commands that must pass for an agent's stop to count"),
];

const HOOKS: &[Key] = &[
    key("turn_start", Argv, "a turn begins"),
    key("turn_end", Argv, "a turn succeeded"),
    key("turn_failed", Argv, "a turn failed"),
    key("waiting", Argv, "waiting for another machine"),
    key("takeover", Argv, "a turn was taken over"),
    key("fenced", Argv, "the lease was lost"),
    key("run_ended", Argv, "the loop ended"),
    key("budget_reached", Argv, "a budget is used up"),
];

const BUDGET: &[Key] = &[
    key("turns", COUNT, "turns of one run; unset: no limit, like the others"),
    key("wall_secs", SECS, "time of one run, s"),
    key("tokens", COUNT, "tokens in and out, as the agents report them"),
    key("cost_usd", One(Number), "US dollars, as the agents report them"),
    key("no_progress_turns", COUNT, "turns in a row that change nothing"),
];

const ONESHOT: &[Key] = &[
    key("max_iterations", COUNT, "worker runs in all"),
    key("audit_retries", COUNT, "times a crashed or silent auditor is run again"),
    key("max_prompt_chars", COUNT, "longest auditor prompt, characters"),
    key("checks", List(&Command), "commands that must pass before DONE is believed"),
    key("worker_agent", TEXT, "agent of the worker"),
    key("worker_model", TEXT, "model of the worker"),
    key("auditor_agent", TEXT, "agent of the auditor"),
    key("auditor_model", TEXT, "model of the auditor"),
    key("inactivity_secs", SECS, "silence after which either is ended, s; 0: never"),
    key("timeout_secs", SECS, "total time of either, s; 0: no limit"),
    key("prompts", Map(ONESHOT_PROMPTS), "templates instead of the embedded ones"),
];

const ONESHOT_PROMPTS: &[Key] = &[
    key("worker", TEXT, "template file of the first worker prompt"),
    key("reworker", TEXT, "template file of the prompt with feedback"),
    key("auditor", TEXT, "template file of the auditor prompt"),
];

const WORKSTREAM: &[Key] = &[
    key("tools", Table(&Map(TOOL)), "what a step can be given to, by name"),
    key("routing", List(&Map(RULE)), "rules; the first that matches decides"),
    key(
        "quarantine",
        Map(&[key("same_error", COUNT, "equal errors that set a run aside")]),
        "when to stop trying",
    ),
];

const LEVEL: Shape = One(Choice(&["low", "medium", "high"]));

const TOOL: &[Key] = &[
    key("agent", TEXT, "an agent of the table"),
    key("run", Argv, "a command"),
    key("shell", TEXT, "a line for sh -eu"),
    key("python", TEXT, "module:function"),
    key("http", Map(HTTP_TOOL), "a request to a server"),
    key("kinds", TEXTS, "kinds of step it can do"),
    key("domains", TEXTS, "domains it knows"),
    key("max_parallel", COUNT, "how many of it at once"),
    key("timeout_secs", SECS, "total time of a step, s; 0: no limit"),
    key("safety", LEVEL, "highest risk it is trusted with"),
];

const HTTP_TOOL: &[Key] = &[
    key("url", TEXT, "address; ${NAME} is a variable of the environment").required(),
    key("method", One(Choice(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])), "of the request"),
    key("headers", Table(&One(Word)), "of the request; ${NAME} is a variable of the environment"),
    key("body", One(Word), "template; unset: the prompt, for POST, PUT and PATCH"),
    key("expect", List(&One(Count)), "statuses that are a success; unset: 200 to 299"),
    key("outputs", Table(&One(Word)), "part of the answer that an output is, as a JSON pointer"),
    key("redirect_hosts", TEXTS, "hosts that a redirect may lead to besides its own"),
    key("max_bytes", COUNT, "longest answer, bytes; unset: 1 MiB"),
];

const RULE: &[Key] = &[
    key("id", TEXT, "name in decisions").required(),
    key("match", Map(MATCH), "what the step must be"),
    key("from", TEXTS, "tools to choose from").required(),
    key("strategy", One(Choice(&["fixed", "round_robin", "auto"])), "how one is picked"),
    key("validate_with", TEXTS, "tools run as gates after the step"),
    key("required", BOOL, "fail the step when no tool is usable"),
];

const MATCH: &[Key] = &[
    key("kind", TEXTS, "kinds of step"),
    key("domain", TEXTS, "domains"),
    key("risk", List(&LEVEL), "risks"),
    key("complexity", List(&One(Choice(&["simple", "moderate", "complex"]))), "complexities"),
];

const RUN: &[Key] = &[
    key("mode", One(Choice(&["combined", "role"])), "one machine, or one role of several"),
    key("role", One(Role), "the role this machine runs"),
    key("branch", TEXT, "the only branch to run on"),
    key("sync_loops", COUNT, "iterations; 0: until stopped"),
    key("pause_secs", SECS, "between iterations of combined mode, s"),
    key("max_wait_secs", SECS, "bound of one wait, s; 0: none"),
    key("no_git", BOOL, "never ask git"),
    key("tolerate_doc_dirty", BOOL, "hand off although something is left dirty"),
    key("agent_roles", Table(&TEXT), "agent by role; wins over agent.prompts"),
    key("agent_prompts", Table(&TEXT), "agent by prompt; wins over all"),
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
