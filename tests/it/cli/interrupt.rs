//! The control socket of a live run (supervision.md P18): `interrupt`, `status` and `stop` through it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output};

use rustix::process::{Pid, Signal, kill_process};

use super::project::{Project, wait_until};
use crate::supervise::{fake_agent, lives};

/// A run whose first turn waits with a child that left the session; `deaf`: that ignores SIGTERM.
fn waiting(deaf: bool) -> (Project, Child) {
    let p = Project::new();
    let trap = if deaf { "trap '' TERM; " } else { "" };
    p.prompt(
        "supervisor",
        &format!(
            "{trap}setsid sleep 300 & echo $! > child; while test ! -e go -a -e prompts; do sleep 0.02; done"
        ),
    );
    let run = p.start(&["--no-git", "--once"]);
    wait_until("the first turn", || p.read("child").ends_with('\n'));
    (p, run)
}

fn socket(p: &Project) -> PathBuf {
    let folder = fs::read_dir(p.path(".orchestrator/run")).unwrap();
    let all: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn ask(p: &Project, line: &str) -> serde_json::Value {
    let mut stream = UnixStream::connect(socket(p)).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).unwrap();
    serde_json::from_str(&reply).unwrap()
}

fn pid_in(p: &Project, file: &str) -> i32 {
    p.read(file).trim().parse().unwrap()
}

fn ended_as_interrupted(p: &Project, run: Child) -> Output {
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(p.brief(), "1 galph waiting-galph");
    assert!(!lives(pid_in(p, "child")), "the agent's child lives");
    assert_eq!(fs::read_dir(p.path(".orchestrator/run")).unwrap().count(), 0, "the socket is left");
    output
}

/// P18: the only live run needs no name; its turn is interrupted, never a success, and its tree is gone.
#[test]
fn the_only_run() {
    let (p, run) = waiting(false);
    let mode = socket(&p).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let status = p.run(&["status"]).expect(0).out;
    assert!(status.contains("(turns, pid ") && status.contains("(galph shell, pid "), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&p.run(&["status", "--format", "json"]).expect(0).out).unwrap();
    assert_eq!(json["runs"][0]["pid"], run.id());
    let attempt = &json["runs"][0]["attempts"][0];
    assert_eq!((&attempt["role"], &attempt["prompt"]), (&"galph".into(), &"supervisor.md".into()));
    let said = p.run(&["interrupt"]).expect(0).out;
    assert!(said.starts_with("run ") && said.ends_with(" is being interrupted\n"), "{said}");
    let output = ended_as_interrupted(&p, run);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("interrupted (orchestrator interrupt)"), "{text}");
    let nobody = p.run(&["interrupt"]).expect(2);
    assert_eq!(nobody.err, "error: interrupt a run\ncause: no run is live here\n");
    assert!(p.run(&["interrupt", "--all"]).expect(2).err.contains("no run is live here"));
}

/// An attempt is named by the beginning of its id; a wrong name tells who is there, and ends nobody.
#[test]
fn an_attempt_by_name() {
    let (p, run) = waiting(false);
    let wrong = p.run(&["interrupt", "nobody"]).expect(2).err;
    assert!(wrong.contains("no live run or attempt is called `nobody`\ncause: live: run "), "{wrong}");
    let id = ask(&p, "{\"command\":\"status\"}\n")["status"]["attempts"][0]["id"].clone();
    let id = id.as_str().unwrap();
    assert!(wrong.contains(&format!("live: attempt {id} (galph shell")), "{wrong}");
    let said = p.run(&["interrupt", id]).expect(0).out;
    assert_eq!(said, format!("attempt {id} is being interrupted\n"));
    ended_as_interrupted(&p, run);
}

/// Asked again it never becomes the second Ctrl-C, which kills; a Ctrl-C after it does.
#[test]
fn asking_twice_is_asking_once() {
    let (p, run) = waiting(true);
    p.run(&["interrupt"]).expect(0);
    wait_until("the first request", || {
        ask(&p, "{\"command\":\"status\"}\n")["status"]["interrupted"] == true
    });
    assert!(p.run(&["interrupt", "--all"]).expect(0).out.ends_with("is being interrupted already\n"));
    assert_eq!(ask(&p, "{\"command\":\"interrupt\"}\n")["already"], true);
    let start = std::time::Instant::now();
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    ended_as_interrupted(&p, run);
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
}

/// P18: whatever clients do, the loop goes on.
#[test]
fn bad_clients_do_not_disturb_the_loop() {
    let (p, run) = waiting(false);
    let path = socket(&p);
    let connect = || UnixStream::connect(&path).unwrap();
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut half = connect();
        half.write_all(b"{\"command\":\"inter").unwrap();
        held.push(half);
        let mut gone = connect();
        let _ = gone.write_all(b"{\"command\":\"status\"}\n");
        drop(gone);
        let mut flood = connect();
        let _ = flood.write_all(&vec![b'x'; 1 << 20]);
        held.push(flood);
    }
    let mut garbage = connect();
    let _ = garbage.write_all(b"\0\xff\n[[[[\n{\"command\":\"interrupt\",\"attempt\":7}\n");
    let _ = garbage.shutdown(std::net::Shutdown::Write);
    let mut said = String::new();
    let _ = garbage.read_to_string(&mut said);
    assert!(!said.contains("\"ok\":true"), "{said}");
    p.write("go", "");
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(p.sequence(), ["main"]);
    drop(held);
}

/// P18: a path too long for a socket is served from the runtime folder; without one the run goes on and says so.
#[test]
fn a_long_path() {
    let mut p = Project::new();
    let deep = "d".repeat(100);
    let script =
        "```sh run\necho x >> sequence; while test ! -e go -a -e prompts; do sleep 0.02; done\n```\n";
    for name in ["supervisor", "main"] {
        p.write(&format!("{deep}/prompts/{name}.md"), script);
    }
    p.write(&format!("{deep}/orchestration.yaml"), "agent: {default: shell}\n");
    let first = p.start(&["-C", &deep, "--no-git", "--once"]);
    wait_until("the first turn", || !p.read(&format!("{deep}/sequence")).is_empty());
    assert!(p.run(&["-C", &deep, "interrupt"]).expect(2).err.contains("no run is live here"));
    p.write(&format!("{deep}/go"), "");
    let output = first.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("too long") && err.contains("XDG_RUNTIME_DIR"), "{err}");

    fs::remove_file(p.path(&format!("{deep}/go"))).unwrap();
    let runtime = tempfile::tempdir().unwrap();
    p.set("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap());
    let second = p.start(&["-C", &deep, "--no-git", "--once"]);
    wait_until("its turn", || p.read(&format!("{deep}/sequence")).lines().count() == 3);
    p.run(&["-C", &deep, "interrupt"]).expect(0);
    assert_eq!(second.wait_with_output().unwrap().status.code(), Some(143));
    assert_eq!(fs::read_dir(runtime.path().join("orchestrator")).unwrap().count(), 0);
}

/// What a killed run left is no live run, and the next start removes it.
#[test]
fn a_dead_socket() {
    let (p, mut run) = waiting(false);
    kill_process(Pid::from_child(&run), Signal::KILL).unwrap();
    run.wait().unwrap();
    let dead = socket(&p);
    assert!(p.run(&["interrupt"]).expect(2).err.contains("no run is live here"));
    p.write("go", "");
    p.run(&["--no-git", "--once"]).expect(0);
    assert!(!dead.exists() && fs::read_dir(p.path(".orchestrator/run")).unwrap().count() == 0);
}

/// `stop` reaches a loop in its pause between iterations at once.
#[test]
fn stop_ends_a_pause() {
    let p = Project::new();
    let run = p.start(&["--no-git", "--poll-interval", "600"]);
    wait_until("the pause", || p.sequence().len() == 2 && p.brief() == "2 galph complete");
    p.run(&["stop", "--reason", "lunch"]).expect(0);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((p.sequence().len(), p.state()["exit_reason"].clone()), (2, "lunch".into()));
}

/// P18: another user is refused even where the file would let him.
#[test]
fn only_the_same_user() {
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "skipped: only root can try it as another user");
        return;
    }
    let (p, run) = waiting(false);
    let path = socket(&p);
    let open = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    path.ancestors().take(5).for_each(open);
    let agent = p.path("stranger");
    fs::copy(fake_agent(), &agent).unwrap();
    open(&agent);
    let mut stranger = Command::new(&agent);
    stranger.uid(65534).gid(65534).args(["ask", path.to_str().unwrap(), "'{\"command\":\"interrupt\"}'"]);
    let output = stranger.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\"ok\":false") && said.contains("not your run"), "{output:?}");
    p.write("go", "");
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
}
