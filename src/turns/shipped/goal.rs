//! The goal's template: told from a real goal, and filled in.

use super::texts::GOAL;

/// A line of its own in a goal that nobody has written yet. While it stands, no model is run.
pub const GOAL_MARKER: &str = "<!-- orchestrator: template -->";

/// Whether this goal is still the template.
pub fn goal_is_template(text: &str) -> bool {
    text.lines().any(|line| line.trim() == GOAL_MARKER)
}

/// The goal to write for a new project. With a goal's text it is no longer the template; `checks`,
/// if there are any, are the project's own commands, one a line under "How to check".
pub fn goal_with(goal: Option<&str>, checks: &[String]) -> String {
    // The goal last: it is free text, and may have headings of its own.
    let mut text = GOAL.to_owned();
    if !checks.is_empty() {
        let commands: Vec<String> = checks.iter().map(|check| format!("    {check}")).collect();
        text = with_section(&text, "How to check", &commands.join("\n"));
    }
    if let Some(goal) = goal {
        text = with_section(&without_marker(&text), "Goal", goal.trim());
    }
    text
}

/// The marker goes, and with it the line below it, which explains it.
fn without_marker(text: &str) -> String {
    match text.split_once(&format!("{GOAL_MARKER}\n")) {
        Some((before, rest)) => before.to_owned() + rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text.to_owned(),
    }
}

/// Replaces what stands between one `##` heading and the next; a text without it stays as it is.
fn with_section(text: &str, heading: &str, body: &str) -> String {
    let Some((before, rest)) = text.split_once(&format!("\n## {heading}\n")) else { return text.to_owned() };
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    format!("{before}\n## {heading}\n\n{body}\n{after}")
}
