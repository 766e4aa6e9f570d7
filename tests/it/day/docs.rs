//! The guide as a newcomer follows it, and the list of suites.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::cli::project::Project;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The shell blocks of a page that are marked to be run.
fn marked(text: &str) -> Vec<String> {
    let blocks = text.split("<!-- run -->\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The blocks of a page one after the other, in an empty folder, as they stand there.
fn follow(page: &str) -> (Project, String) {
    let text = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
    let blocks = marked(&text);
    assert!(!blocks.is_empty(), "{page} has {} blocks", blocks.len());
    let mut p = Project::new();
    fs::remove_dir_all(p.root()).unwrap();
    fs::create_dir_all(p.root()).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_orchestrator")).parent().unwrap().display().to_string();
    p.set("PATH", &format!("{bin}:{}", std::env::var("PATH").unwrap()));
    let mut out = String::new();
    for block in blocks {
        let ran = p.sandboxed("sh", &["-euc", &block]).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let err = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{page}:\n{block}\n\nsaid:\n{said}{err}");
        out.push_str(&said);
    }
    (p, out)
}

#[test]
fn getting_started_works_as_it_stands() {
    let (p, out) = follow("docs/getting-started.md");
    assert_eq!(p.brief(), "2 galph complete");
    assert!(p.read("candidates.txt").starts_with("2\n3\n"));
    assert!(out.contains("iter 1 ralph main.md shell ok"), "{out}");
    assert!(out.contains("[SYNC i=2] actor=ralph → next=galph status=ok"), "{out}");
}

#[test]
fn the_readme_works_as_it_stands() {
    let (p, out) = follow("README.md");
    assert!(p.read("docs/goal.md").contains("a small todo app"));
    assert!(out.contains("iter 1 galph supervisor.md auto"), "{out}");
}

/// The suites there are: modules of `it`, the other test programs, the benches, and the unit tests.
fn suites() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/it/main.rs")).unwrap();
    let modules = text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let mut all: BTreeSet<String> = modules.map(|name| format!("it {name}")).collect();
    for entry in fs::read_dir(Path::new(ROOT).join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name != "it" && (path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").exists()) {
            all.insert(name);
        }
    }
    for entry in fs::read_dir(Path::new(ROOT).join("benches")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "rs") {
            all.insert(format!("bench {}", path.file_stem().unwrap().to_string_lossy()));
        }
    }
    all.insert("lib".to_owned());
    all
}

/// `docs/testing.md` has a row for every suite, and no other.
#[test]
fn every_suite_is_described() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/testing.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let described: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(described, suites());
}
