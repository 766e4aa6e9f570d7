//! Asks once, on a terminal, whether model agents may work without asking (agents.md A10).

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use super::error::{Failure, INTERNAL};
use crate::agents::{self, AgentError};
use crate::config::{FILE_NAME, load, with_consent};
use crate::turns::settings::Settings;

/// The agents that the roles would run and that nobody has allowed to.
fn waiting(settings: &Settings) -> Vec<String> {
    let agent = &settings.config.agent;
    let mut names: Vec<String> = settings
        .workflow
        .steps()
        .iter()
        .filter_map(|step| {
            let name = settings.dispatch.choose(step.role.as_str(), &step.prompt).agent;
            let found = agents::roster(
                &settings.table,
                &name,
                &agent.order,
                &settings.path,
                &settings.root,
                agent.unattended,
            );
            if let Err(AgentError::NoConsent(name)) = found { Some(name) } else { None }
        })
        .collect();
    names.dedup();
    names
}

/// True if consent was given now, and written: the settings are to be read again. Elsewhere than on a terminal nothing
/// is asked, and the start says what is missing.
pub(super) fn ask(settings: &Settings, file: Option<&Path>) -> Result<bool, Failure> {
    let (input, mut output) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() || !output.is_terminal() {
        return Ok(false);
    }
    let names = waiting(settings);
    if names.is_empty() {
        return Ok(false);
    }
    let path = file.map_or_else(|| settings.root.join(FILE_NAME), Path::to_owned);
    let shown = path.strip_prefix(&settings.root).unwrap_or(&path).display();
    let question = format!(
        "{} works without asking for permission: it can read, change and run whatever you can.\n\
         Use a container, or a machine you can lose. Yes is written into {shown} (agent.unattended).\n\
         Let it work here? [y/N] ",
        names.join(", ")
    );
    let io = |e: std::io::Error| Failure::new(INTERNAL, "io", "ask for consent").cause(e.to_string());
    output.write_all(question.as_bytes()).and_then(|()| output.flush()).map_err(io)?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer).map_err(io)?;
    if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(false);
    }
    write(&path, &settings.root)?;
    Ok(true)
}

/// Writes the consent, reads it back, and takes it out again if it did not arrive.
fn write(path: &Path, root: &Path) -> Result<(), Failure> {
    let failure = |e: String| {
        Failure::new(INTERNAL, "io", format!("write {}", path.display()))
            .cause(e)
            .hint("put `agent: {unattended: true}` into it by hand")
    };
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(failure(e.to_string())),
    };
    let text = with_consent(before.as_deref().unwrap_or_default());
    std::fs::write(path, text).map_err(|e| failure(e.to_string()))?;
    let arrived = load(root, Some(path), &[], &[]).is_ok_and(|loaded| loaded.config.agent.unattended);
    if arrived {
        return Ok(());
    }
    if let Some(before) = before {
        std::fs::write(path, before).map_err(|e| failure(e.to_string()))?;
    }
    Err(failure("its layout is not one that can be changed safely".into()))
}
