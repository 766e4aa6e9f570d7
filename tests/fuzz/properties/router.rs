use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use orchestrator::ids::RoleId;
use orchestrator::turns::prompt_name::{normalise, resolve};
use orchestrator::turns::router::{Mode, Rules, check, read_answer};
use orchestrator::turns::workflow::{OnCheckFail, Step, Workflow};
use tempfile::TempDir;

static PLACE: OnceLock<Option<TempDir>> = OnceLock::new();

/// Prompts, and links that lead out of their folder.
fn place() -> Option<PathBuf> {
    let make = || {
        let dir = tempfile::tempdir().ok()?;
        let prompts = dir.path().join("prompts");
        fs::create_dir_all(prompts.join("sub")).ok()?;
        fs::create_dir_all(dir.path().join("outside")).ok()?;
        for file in ["prompts/main.md", "prompts/sub/deep.md", "outside/secret.md", "secret.md"] {
            fs::write(dir.path().join(file), "x").ok()?;
        }
        symlink("../secret.md", prompts.join("out.md")).ok()?;
        symlink("../outside", prompts.join("link")).ok()?;
        Some(dir)
    };
    Some(PLACE.get_or_init(make).as_ref()?.path().join("prompts"))
}

/// An answer names one prompt inside the folder, or nothing runs.
pub fn router(data: &[u8]) {
    let answer = String::from_utf8_lossy(data);
    let Some(folder) = place() else { return };
    for prompts_dir in ["prompts", "./prompts/", "", "a/b"] {
        let rules = Rules {
            enabled: true,
            mode: Mode::RouterOnly,
            prompts_dir: prompts_dir.into(),
            ..Rules::default()
        };
        match read_answer(&rules, &answer) {
            Ok(choice) => {
                inside(&choice.prompt, &folder);
                assert_eq!(
                    normalise(&choice.prompt, "").as_deref(),
                    Ok(choice.prompt.as_str()),
                    "not normal"
                );
                allowed(&rules, &choice);
            }
            Err(error) => super::printable(&error.to_string()),
        }
    }
    if let Ok(name) = normalise(&answer, "prompts") {
        inside(&name, &folder);
    }
}

fn inside(name: &str, folder: &Path) {
    assert!(!name.starts_with('/') && name.to_lowercase().ends_with(".md"), "{name:?}");
    assert!(name.split('/').all(|part| !part.is_empty() && part != ".."), "{name:?}");
    super::printable(name);
    if let (Ok(path), Ok(home)) = (resolve(folder, name), folder.canonicalize()) {
        assert!(path.starts_with(&home), "{name:?} is {}", path.display());
    }
}

/// T10: what a role may not run is refused, whoever chose it.
fn allowed(rules: &Rules, choice: &orchestrator::turns::router::Choice) {
    let Ok(role) = RoleId::parse("galph") else { return };
    let step = Step {
        role: role.clone(),
        prompt: "main.md".into(),
        prompts: vec!["sub/deep.md".into()],
        checks: Vec::new(),
        on_check_fail: OnCheckFail::default(),
        scope: Vec::new(),
    };
    let Ok(workflow) = Workflow::new(vec![step], "reviewer.md".into()) else { return };
    let taken = check(&workflow, rules, &role, choice).is_ok();
    assert_eq!(taken, ["main.md", "sub/deep.md", "reviewer.md"].contains(&choice.prompt.as_str()));
}
