//! Every byte of the small files turned once, and every length they can be cut to: read as something, or refused with
//! the name of the file, and left alone. No process is needed for that.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use orchestrator::config;
use orchestrator::ids::RoleId;
use orchestrator::oneshot::session::Folder;
use orchestrator::state::file;
use orchestrator::workstreams::batch::Saved;

use super::scale;
use crate::cli::project::Project;
use crate::oneshot::table::Table;

/// Reads the file after each damage. Gives how often it was, and how often it was refused.
fn campaign(path: &Path, mut read: impl FnMut() -> Result<(), String>) -> (usize, usize) {
    let good = fs::read(path).unwrap();
    // Long files: each k-th byte in the short form.
    let step = (good.len() / (600 * scale() as usize)).max(1);
    let (mut all, mut refused) = (0, 0);
    let mut judge = |bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        all += 1;
        if let Err(error) = read() {
            refused += 1;
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(error.contains(name.as_ref()), "{name} is not named: {error}");
            assert!(fs::read(path).unwrap() == bytes, "what was refused was written over");
        }
    };
    for at in (0..good.len()).step_by(step) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        judge(&bytes);
        judge(&good[..at]);
    }
    fs::write(path, good).unwrap();
    println!("{}: damaged {all} times, refused {refused} times", path.display());
    (all, refused)
}

fn text<T>(result: Result<T, impl std::fmt::Display>) -> Result<(), String> {
    result.map(|_| ()).map_err(|e| e.to_string())
}

/// T3.
#[test]
fn the_state_file() {
    let dir = tempfile::tempdir().unwrap();
    let roles = ["galph", "ralph"].map(|r| RoleId::parse(r).unwrap());
    let path = dir.path().join("state.json");
    for sample in ["001", "037", "064"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/states/{sample}.json"));
        fs::copy(from, &path).unwrap();
        let (all, refused) = campaign(&path, || text(file::read(&path, &roles, Timestamp::UNIX_EPOCH)));
        assert!(refused * 2 > all, "{refused} of {all}: every cut has to be refused");
    }
}

/// T33.
#[test]
fn the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(config::FILE_NAME);
    fs::write(&path, config::EXAMPLE_YAML).unwrap();
    campaign(&path, || text(config::load(dir.path(), None, &[], &[])));
}

/// O9.
#[test]
fn a_session() {
    let t = Table::new();
    t.run(&["a task"]).expect(0);
    let folder = t.folder();
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();
    let session = Folder::of(&t.project.root(), &id);
    session.load().unwrap();
    let (_, refused) = campaign(&folder.join("session.json"), || text(session.load()));
    assert!(refused > 100, "{refused}");
}

/// W2.
#[test]
fn a_batch() {
    let p = Project::new();
    p.write("tasks", "true\ntrue\n");
    p.run(&["batch", "--exec", "tasks"]).expect(0);
    let private = p.path(".orchestrator");
    let path = fs::read_dir(private.join("batch")).unwrap().next().unwrap().unwrap().path();
    let id = path.file_stem().unwrap().to_string_lossy().into_owned();
    assert!(Saved::read(&private, &id).unwrap().is_some());
    let (_, refused) = campaign(&path, || text(Saved::read(&private, &id)));
    assert!(refused > 100, "{refused}");
}
