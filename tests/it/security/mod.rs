//! What the world may try, by the table of `docs/security.md`; most of its tests stand where the matter is.

mod argv;
mod odd_files;
mod places;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::cli::project::Project;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Sets the title, erases the screen, writes the clipboard, goes back over a line.
const HOSTILE: &str = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}]52;c;cHduZWQ=\u{7}\u{8}\u{9b}1A";

#[track_caller]
fn tame(what: &str, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        rest = &rest[at + 1..];
        let numbers =
            rest.strip_prefix('[').map(|r| r.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        assert!(numbers.is_some_and(|r| r.starts_with('m')), "{what} steers the terminal: {text:?}");
    }
    let wild = |c: char| c.is_control() && !['\n', '\t', '\r', '\u{1b}'].contains(&c);
    assert!(!text.chars().any(wild), "{what} has a control character: {text:?}");
}

/// A state file from a peer and the words of an agent, shown where colours are wanted.
#[test]
fn nothing_that_is_shown_steers_the_terminal() {
    let mut p = Project::new();
    p.set("CLICOLOR_FORCE", "1");
    p.prompt("main", "printf '\\033]0;pwned\\007\\033[2Jwords\\n'; echo main >> sequence");
    let ran = p.run(&["--once", "--no-git", "--verbose"]).expect(0);
    assert!(format!("{}{}", ran.out, ran.err).contains("words"), "{ran:?}");
    tame("a turn", &ran.out);
    tame("a turn", &ran.err);
    let mut state = p.state();
    state["exit"] = true.into();
    state["exit_reason"] = HOSTILE.into();
    state["last_prompt"] = HOSTILE.into();
    p.write("sync/state.json", &state.to_string());
    for args in [
        &["status"][..],
        &["status", "--oneline"],
        &["--once", "--no-git"],
        &["logs"],
        &["history"],
        &["doctor"],
    ] {
        let ran = p.run(args);
        tame(&args.join(" "), &ran.out);
        tame(&args.join(" "), &ran.err);
    }
    p.write("orchestration.yaml", "\"\\e]0;pwned\\a\": 1\nagent: {default: \"\\e[2J\"}\n");
    let ran = p.run(&["check"]).expect(2);
    tame("check", &ran.err);
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        }
        found.push(path);
    }
}

/// What agents print and are told is nobody else's: whoever is not the user cannot read it, whatever the umask.
#[test]
fn records_are_the_users_own() {
    let p = Project::new();
    p.write("tasks", "echo a\n");
    p.write("ws.yaml", "id: a\nsteps:\n- {id: one, shell: echo a}\n");
    p.run(&["--once", "--no-git"]).expect(0);
    p.run(&["batch", "--exec", "tasks"]).expect(0);
    p.run(&["workstream", "run", "ws.yaml"]).expect(0);
    let mut all = Vec::new();
    files(&p.path(".orchestrator"), &mut all);
    files(&p.path("logs"), &mut all);
    assert!(all.iter().any(|path| path.ends_with("ledger.db")), "{all:?}");
    // A folder that others cannot enter hides what lies in it.
    let open = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o077 != 0;
    let shown = |path: &&PathBuf| {
        path.is_file() && open(path) && path.ancestors().skip(1).take_while(|a| *a != p.root()).all(open)
    };
    let readable: Vec<&PathBuf> = all.iter().filter(shown).collect();
    assert!(readable.is_empty(), "others can read {readable:#?}");
}

/// T8: a prompt that is a link out of the folder is not run, and not shown.
#[test]
fn a_prompt_behind_a_link_is_refused() {
    let p = Project::new();
    p.write("secret.md", "```sh run\necho pwned > pwned\n```\n");
    fs::remove_file(p.path("prompts/supervisor.md")).unwrap();
    symlink("../secret.md", p.path("prompts/supervisor.md")).unwrap();
    let ran = p.run(&["--once", "--no-git"]);
    assert!(ran.code != 0 && ran.err.contains("link out of the prompts folder"), "{ran:?}");
    assert!(!p.path("pwned").exists());
}

/// T33: what would grow is refused before it does.
#[test]
fn a_bomb_of_aliases_is_refused() {
    let p = Project::new();
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let before = char::from(b'a' + n - 1);
        let name = char::from(b'a' + n);
        let many = format!("*{before}, ").repeat(8);
        let line = format!("{name}: &{name} [{many}*{before}]\n");
        bomb.push_str(&line);
    }
    p.write("orchestration.yaml", &bomb);
    p.run(&["check"]).expect(2).says("anchors are not supported");
    p.config("");
    p.write("ws.yaml", &bomb);
    p.run(&["workstream", "run", "ws.yaml"]).expect(2).says("anchors are not supported");
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|e| e == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The page names tests that there are.
#[test]
fn every_threat_has_its_test() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/security.md")).unwrap();
    let mut all = String::new();
    sources(&Path::new(ROOT).join("tests"), &mut all);
    sources(&Path::new(ROOT).join("src"), &mut all);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let mut named = 0;
    for row in rows.iter().filter(|row| !row.contains("---") && !row.contains("| threat")) {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(all.contains(&format!("fn {name}(")), "there is no test `{name}`: {row}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
