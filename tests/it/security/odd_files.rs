//! A pipe, a device or a huge file where a text is expected: the program neither waits nor fills the memory; it names
//! the file, or goes on without it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use crate::cli::project::{Project, Ran, wait_until};

/// What stands in the place of a file. Holes: the disk is not filled.
#[derive(Debug, Clone, Copy)]
enum Odd {
    Pipe,
    /// Reads without an end.
    Device,
    Huge,
}

const ALL: [Odd; 3] = [Odd::Pipe, Odd::Device, Odd::Huge];

fn put(p: &Project, name: &str, odd: Odd) {
    let path = p.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    match odd {
        Odd::Pipe => assert!(p.sandboxed("mkfifo", &[name]).status().unwrap().success()),
        Odd::Device => symlink("/dev/zero", &path).unwrap(),
        Odd::Huge => File::create(&path).unwrap().set_len(3 << 30).unwrap(),
    }
}

/// With at most 2 GiB of address space, so that reading without an end is a failure here and not of the machine.
#[track_caller]
fn ran(p: &Project, args: &[&str]) -> Ran {
    let program = p.command(args);
    let mut words = vec!["-c", "ulimit -v 2097152; exec \"$@\"", "sh"];
    words.push(program.get_program().to_str().unwrap());
    words.extend(args);
    let mut command = p.sandboxed("sh", &words);
    command.stdout(File::create(p.path("../out")).unwrap()).stderr(File::create(p.path("../err")).unwrap());
    let mut child = command.spawn().unwrap();
    let mut code = None;
    wait_until(&format!("the end of {args:?}"), || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    let ran = Ran { code: code.unwrap().code().unwrap_or(-1), out: p.read("../out"), err: p.read("../err") };
    assert!((0..=7).contains(&ran.code) && !ran.err.contains("panicked"), "{args:?}: {ran:?}");
    ran
}

#[test]
fn a_prompt_that_is_no_file() {
    for odd in ALL {
        let p = Project::new();
        put(&p, "prompts/supervisor.md", odd);
        for args in [&["--once", "--no-git"][..], &["prompts", "show", "galph"]] {
            let ran = ran(&p, args);
            assert!(ran.code != 0 && ran.err.contains("supervisor.md"), "{odd:?} {args:?}: {ran:?}");
        }
        ran(&p, &["check"]);
        ran(&p, &["doctor", "--offline"]);
        assert!(p.sequence().is_empty());
    }
}

#[test]
fn a_configuration_that_is_no_file() {
    for odd in ALL {
        let p = Project::new();
        put(&p, "orchestration.yaml", odd);
        for args in [&["check"][..], &["--once", "--no-git"], &["status"], &["doctor", "--offline"]] {
            let ran = ran(&p, args);
            assert!(ran.code != 0 || args[0] == "status", "{odd:?} {args:?}: {ran:?}");
            assert!(
                format!("{}{}", ran.out, ran.err).contains("orchestration.yaml"),
                "{odd:?} {args:?}: {ran:?}"
            );
        }
        assert!(p.sequence().is_empty());
    }
}

/// T3: neither waited for nor replaced.
#[test]
fn a_state_that_is_no_file() {
    for odd in ALL {
        let p = Project::new();
        put(&p, "sync/state.json", odd);
        for args in [&["--once", "--no-git"][..], &["status"], &["stop"], &["check"]] {
            let ran = ran(&p, args);
            let said = format!("{}{}", ran.out, ran.err);
            assert!(ran.code != 0 && said.contains("state.json"), "{odd:?} {args:?}: {ran:?}");
        }
        assert!(p.sequence().is_empty());
        let there = p.path("sync/state.json").symlink_metadata().unwrap();
        assert!(!there.is_file() || there.len() == 3 << 30, "it was replaced");
    }
}

/// What prompts speak of and what templates are made of.
#[test]
fn documents_that_are_no_files() {
    for odd in ALL {
        let p = Project::new();
        p.config("oneshot: {prompts: {worker: worker.md}}\n");
        for name in ["docs/goal.md", "input.md", "worker.md"] {
            put(&p, name, odd);
        }
        ran(&p, &["--once", "--no-git"]).expect(0);
        ran(&p, &["check"]).says("worker.md");
        let oneshot = ran(&p, &["oneshot", "it"]);
        assert!(oneshot.code != 0 && oneshot.err.contains("worker.md"), "{odd:?}: {oneshot:?}");
        p.write("ws.yaml", "id: a\nsteps:\n- {id: one, prompt: worker.md}\n");
        let workstream = ran(&p, &["workstream", "run", "ws.yaml"]);
        assert!(workstream.code != 0, "{odd:?}: {workstream:?}");
    }
}
