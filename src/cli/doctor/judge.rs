//! Which of what was seen is a problem, and what helps: pure.

use std::path::PathBuf;

use serde::Serialize;

use super::facts::{Agent, Facts, Git, Goal, Reached, Remote, StateFile};
use crate::clock::duration;

/// With less a turn may not end well.
const LEAST_BYTES: u64 = 100 << 20;
/// With less a night may not.
const FEW_BYTES: u64 = 1 << 30;
/// Clocks differ by less on machines that keep time.
const SKEW_SECS: i64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Error,
    Warning,
    Fine,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Fine => "ok",
        }
    }
}

/// What `--fix` does about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fix {
    /// Remove the locks of a killed run of this program.
    OwnLocks,
    /// Remove a lock in the remote by the rule of G21.
    RefLock(PathBuf),
    /// Write a prompt that the program ships.
    Prompt(String),
    /// Keep `.orchestrator/` out of commits.
    Exclude,
    /// Remove the sockets of dead runs.
    Sockets,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub level: Level,
    pub area: String,
    pub what: String,
    pub remedy: Option<String>,
    pub fix: Option<Fix>,
}

struct Judge(Vec<Finding>);

impl Judge {
    fn add(
        &mut self,
        level: Level,
        area: &str,
        what: impl Into<String>,
        remedy: Option<String>,
    ) -> &mut Finding {
        let at = self.0.len();
        self.0.push(Finding { level, area: area.to_owned(), what: what.into(), remedy, fix: None });
        &mut self.0[at]
    }

    fn error(&mut self, area: &str, what: impl Into<String>, remedy: impl Into<String>) -> &mut Finding {
        self.add(Level::Error, area, what, Some(remedy.into()))
    }

    fn warn(&mut self, area: &str, what: impl Into<String>, remedy: impl Into<String>) -> &mut Finding {
        self.add(Level::Warning, area, what, Some(remedy.into()))
    }

    fn fine(&mut self, area: &str, what: impl Into<String>) {
        self.add(Level::Fine, area, what, None);
    }
}

/// Everything worth telling, in the order in which it was looked at.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut out = Judge(Vec::new());
    config(&mut out, facts);
    repository(&mut out, facts);
    remote(&mut out, facts);
    prompts(&mut out, facts);
    facts.agents.iter().for_each(|a| agent(&mut out, a));
    if let Some((role, remedy)) = &facts.refusal {
        out.error("agents", format!("{role}'s agent refused to work in its last turn"), remedy);
    }
    state(&mut out, facts);
    leftovers(&mut out, facts);
    machine(&mut out, facts);
    out.0
}

fn config(out: &mut Judge, facts: &Facts) {
    for problem in &facts.config_problems {
        out.error(
            "configuration",
            problem,
            "mend that line, then: orchestrator check; every key: orchestrator man config",
        );
    }
    for notice in &facts.notices {
        out.add(Level::Warning, "configuration", notice, None);
    }
    if facts.config_problems.is_empty() {
        out.fine("configuration", "read");
    }
}

fn repository(out: &mut Judge, facts: &Facts) {
    if let Some(trouble) = &facts.git_problem {
        out.add(Level::Error, "repository", &trouble.what, trouble.remedy.clone());
    }
    let Some(git) = &facts.git else {
        if facts.git_problem.is_none() {
            out.warn(
                "repository",
                "there is none: no commits, no other machines",
                "git init, or run without it: orchestrator --no-git",
            );
        }
        return;
    };
    if let Some(unfit) = &git.unfit {
        out.add(Level::Error, "repository", &unfit.what, unfit.remedy.clone());
    }
    if git.own_lock {
        let found = out.error(
            "repository",
            "a killed run of this program left a lock",
            "the next start removes it, or: orchestrator doctor --fix",
        );
        found.fix = Some(Fix::OwnLocks);
    }
    branch(out, facts, git);
    if !git.dirty.is_empty() {
        let names = short_list(&git.dirty);
        let remedy = "commit them, or put them aside: git stash -u";
        if facts.role_mode {
            out.error("repository", format!("changed files stop every claim: {names}"), remedy);
        } else {
            out.warn("repository", format!("changed files, which no turn will commit: {names}"), remedy);
        }
    }
    if let Some(name) = &git.nameless {
        out.warn(
            "repository",
            format!("git has no user.name and user.email here: commits are made as {name}"),
            "git config user.name NAME; git config user.email ADDRESS",
        );
    }
    if git.private_visible {
        let found = out.warn(
            "repository",
            ".orchestrator/ is not ignored: its files could be committed",
            "the first run sees to it, or: orchestrator doctor --fix",
        );
        found.fix = Some(Fix::Exclude);
    }
}

fn branch(out: &mut Judge, facts: &Facts, git: &Git) {
    let default = match &facts.remote {
        Remote::Readable(reached) => reached.default_branch.as_deref(),
        _ => None,
    };
    match (&git.branch, &git.wanted_branch) {
        (None, wanted) => {
            let branch = wanted.as_deref().unwrap_or("BRANCH");
            out.error("branch", "HEAD is detached", format!("git switch {branch}"));
        }
        (Some(branch), Some(wanted)) if branch != wanted => {
            out.error(
                "branch",
                format!("HEAD is on {branch}, and only {wanted} is to be worked on (ORCHESTRATION_BRANCH)"),
                format!("git switch {wanted}"),
            );
        }
        (Some(branch), _) if Some(branch.as_str()) == default => {
            let own = if branch == "work" { "loop" } else { "work" };
            out.warn(
                "branch",
                format!("{branch} is the remote's default branch: every turn is published to it"),
                format!("work on a branch of its own: git switch -c {own} && git push -u origin {own}"),
            );
        }
        (Some(branch), _) => out.fine("branch", branch),
    }
}

fn remote(out: &mut Judge, facts: &Facts) {
    match &facts.remote {
        Remote::NotAsked => {}
        Remote::None => {
            let remedy = "git remote add origin URL && git push -u origin HEAD";
            if facts.role_mode {
                out.error("remote", "none is configured, and role mode needs one", remedy);
            } else {
                out.warn("remote", "none is configured: one machine only", remedy);
            }
        }
        Remote::Unreadable { url, way, trouble } => {
            let by = way.as_ref().map_or_else(String::new, |way| format!(" with {way}"));
            let remedy =
                trouble.remedy.clone().unwrap_or_else(|| "see that git ls-remote works, then again".into());
            out.error("remote", format!("{url} cannot be read{by}: {}", trouble.what), remedy);
        }
        Remote::Readable(reached) => readable(out, facts, reached),
    }
    if let Some(peer) = facts.peer_protocol.filter(|peer| *peer > facts.own_protocol) {
        out.error(
            "peers",
            format!("a peer speaks protocol {peer}, this program {}", facts.own_protocol),
            "update orchestrator on this machine before its next turn",
        );
    }
}

fn readable(out: &mut Judge, facts: &Facts, reached: &Reached) {
    out.fine("remote", format!("{} ({}) by {}", reached.name, reached.url, reached.way));
    for notice in &reached.notices {
        out.fine("remote", notice);
    }
    match &reached.push_refused {
        Some(why) => {
            out.error(
                "remote",
                format!("no right to push to {}: {why}", reached.url),
                "give this user write access there, or another login: ORCHESTRATOR_GIT_TOKEN, an ssh key, a \
                 credential helper",
            );
        }
        None => out.fine("remote", "a push would be taken (hooks and protection rules were not asked)"),
    }
    let branch = facts.git.as_ref().and_then(|git| git.branch.as_deref());
    if let (false, Some(branch)) = (reached.has_branch, branch) {
        out.warn(
            "remote",
            format!("it has no branch {branch} yet"),
            format!("git push -u {} {branch}", reached.name),
        );
    }
    for (lock, age) in &reached.locks {
        let old = duration(std::time::Duration::from_secs(*age));
        let found = out.error(
            "remote",
            format!("{} blocks every push ({old} old)", lock.display()),
            "if nobody is pushing: orchestrator doctor --fix",
        );
        found.fix = Some(Fix::RefLock(lock.clone()));
    }
}

fn prompts(out: &mut Judge, facts: &Facts) {
    for prompt in &facts.prompts {
        let remedy = match &prompt.shipped {
            Some(_) => "orchestrator doctor --fix writes the shipped one, as orchestrator init does",
            None => "write it, or name another in orchestration.yaml",
        };
        let found = out.error("prompts", format!("{}: {}", prompt.role, prompt.what), remedy);
        found.fix = prompt.shipped.clone().map(Fix::Prompt);
    }
    if facts.no_loop {
        return;
    }
    if facts.prompts.is_empty() && facts.config_problems.is_empty() {
        out.fine("prompts", "all there");
    }
    match &facts.goal {
        Goal::Written => {}
        Goal::Missing(file) => {
            out.warn(
                "goal",
                format!("there is no {file}"),
                "orchestrator init --goal \"what is to be built\"",
            );
        }
        Goal::Template(file) => {
            out.error(
                "goal",
                format!("{file} is still the template: no model is started"),
                format!("write the goal into {file}, and remove its template line"),
            );
        }
    }
}

fn agent(out: &mut Judge, agent: &Agent) {
    let roles = agent.roles.join(", ");
    let name = &agent.name;
    if let Some(missing) = &agent.missing {
        out.add(Level::Error, "agents", format!("{roles}: {}", missing.what), missing.remedy.clone());
        return;
    }
    let version = agent.version.as_deref().map_or_else(String::new, |v| format!(" {v}"));
    let path = agent.path.as_deref().map_or_else(String::new, |p| format!(" ({p})"));
    out.fine("agents", format!("{roles}: {name}{version}{path}"));
    if let Some(remedy) = &agent.root {
        out.error("agents", format!("{name} refuses to start as root"), remedy);
    }
    if let Some(remedy) = &agent.login {
        out.warn("agents", format!("{name}: no sign of a login"), remedy);
    }
    for key in &agent.keys {
        out.error(
            "agents",
            format!("{name}: the variable {key}, its key, is not set"),
            format!("export {key}=…"),
        );
    }
    if let (true, Some(checked)) = (agent.too_old, &agent.checked) {
        out.warn(
            "agents",
            format!("{name}{version} is older than {checked}, with which its command line was checked"),
            format!("update {name}, then: orchestrator agents test {name}"),
        );
    }
    if let Some(remedy) = &agent.consent {
        out.error("agents", format!("{name} works without asking, and nobody has allowed it to"), remedy);
    }
}

fn state(out: &mut Judge, facts: &Facts) {
    match &facts.state {
        StateFile::Good { summary } => out.fine("state", summary),
        StateFile::Missing if facts.no_loop => {
            out.fine("loop", "none is set up here (orchestrator init prepares one)");
        }
        StateFile::Missing => {
            out.warn("state", "no state file yet", "orchestrator init writes it, or the first run");
        }
        StateFile::Damaged(trouble) => {
            out.add(Level::Error, "state", &trouble.what, trouble.remedy.clone());
        }
    }
    for trouble in &facts.private_problems {
        out.add(Level::Error, "state", &trouble.what, trouble.remedy.clone());
    }
    for live in &facts.live_loops {
        out.fine("loop", live);
    }
}

fn leftovers(out: &mut Judge, facts: &Facts) {
    if let Some(role) = &facts.unpublished {
        out.error(
            "hand-off",
            format!("a finished turn of {role} is not known to be published: its peers wait for it"),
            format!("the next start publishes it: orchestrator --mode role --role {role} --once"),
        );
    }
    if let Some(role) = &facts.cut_turn {
        out.warn(
            "loop",
            format!("the last loop ended in the middle of {role}'s turn"),
            "the next start takes the turn again: orchestrator",
        );
    }
    for (run, command) in &facts.killed {
        out.warn("runs", run, command);
    }
    for (reference, command) in &facts.rescues {
        out.warn("rescue", format!("{reference} holds work that HEAD does not have"), command);
    }
    if facts.dead_sockets > 0 {
        let found = out.warn(
            "loop",
            format!("{} sockets of dead runs", facts.dead_sockets),
            "the next start removes them, or: orchestrator doctor --fix",
        );
        found.fix = Some(Fix::Sockets);
    }
}

fn machine(out: &mut Judge, facts: &Facts) {
    for trouble in &facts.unwritable {
        out.add(Level::Error, "folders", &trouble.what, trouble.remedy.clone());
    }
    for disk in &facts.disks {
        let free = disk.free_bytes >> 20;
        let remedy = "make room: orchestrator gc --dry-run shows what is old";
        if disk.free_bytes < LEAST_BYTES {
            out.error("disk", format!("{} has {free} MiB left", disk.place), remedy);
        } else if disk.free_bytes < FEW_BYTES {
            out.warn("disk", format!("{} has {free} MiB left", disk.place), remedy);
        }
    }
    if let Some(ahead) = facts.server_ahead_secs.filter(|ahead| ahead.abs() > SKEW_SECS) {
        let by = duration(std::time::Duration::from_secs(ahead.unsigned_abs()));
        let way = if ahead > 0 { "behind" } else { "ahead of" };
        out.warn(
            "clock",
            format!("this machine's clock is {by} {way} the remote's server"),
            "set it: timedatectl set-ntp true",
        );
    } else if facts.ahead_secs > SKEW_SECS {
        let by = duration(std::time::Duration::from_secs(facts.ahead_secs.unsigned_abs()));
        out.warn(
            "clock",
            format!(
                "the newest commit is {by} in the future: this machine's clock is behind, or a peer's ahead"
            ),
            "set both clocks: timedatectl set-ntp true",
        );
    }
}

fn short_list(names: &[String]) -> String {
    let shown = names.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 6 { format!("{shown} and {} more", names.len() - 6) } else { shown }
}
