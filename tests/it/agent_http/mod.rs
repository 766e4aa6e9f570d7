//! Models behind HTTP, on loopback (agents.md A1).

mod answers;
mod faults;
pub mod server;

use crate::cli::project::Project;

/// A project whose only agent is a model behind this address.
fn project(url: &str, api: &str, more: &str) -> Project {
    let p = Project::new();
    for name in ["supervisor", "main"] {
        p.write(&format!("prompts/{name}.md"), &format!("Say hello, {name}.\n"));
    }
    p.write("docs/goal.md", "# Goal\n\nA greeting.\n");
    p.write(
        "orchestration.yaml",
        &format!(
            "agent: {{default: local}}\nagents:\n  local:\n    http: {{url: \"{url}\", api: {api}, model: small-1, key_env: MODEL_ACCESS}}\n{more}"
        ),
    );
    p
}

/// The text of the only summary of this role.
fn summary(p: &Project, role: &str) -> String {
    let folder = p.path(&format!("logs/local/{role}-summaries"));
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    std::fs::read_to_string(file.path()).unwrap()
}
