//! In a container: a pid namespace whose outer session has no number inside, with the program as its first process
//! and as a later one (P9, P10).

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::cli::project::{Project, wait_until};

/// Whether the system lets this user make namespaces; a skipped test says so.
fn possible() -> bool {
    let tried = unshare().arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !tried {
        let _ = writeln!(std::io::stderr(), "skipped: no user and pid namespaces here");
    }
    tried
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]);
    command
}

/// `before` the program and its arguments, inside.
fn inside(p: &Project, before: &[&str], args: &[&str]) -> Child {
    let program = p.command(args);
    let mut command = unshare();
    command.args(before).arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(k, v)| Some((k, v?))));
    command.current_dir(p.root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[track_caller]
fn expect(run: Child, code: i32) -> String {
    let output = run.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// As the first process of the namespace, and below a shell that is.
const PLACES: [&[&str]; 2] = [&[], &["sh", "-c", "\"$@\"; exit $?", "sh"]];

/// A turn's leftovers are ended before the next turn: a child in the session, one that left it, one that is deaf.
#[test]
fn the_tree_is_ended() {
    if !possible() {
        return;
    }
    for place in PLACES {
        let p = Project::new();
        let family = "sleep 300 & echo $! >> left; setsid sleep 300 & echo $! >> left; mkfifo never; \
                      setsid sh -c 'trap \"\" TERM; echo $$ >> left; read x < never' & \
                      until test $(wc -l < left) -eq 3; do sleep 0.02; done";
        p.prompt("supervisor", family);
        // A zombie would still count here: they are to be reaped too.
        p.prompt("main", "for pid in $(cat left); do test ! -e /proc/$pid || echo $pid >> lives; done");
        let said = expect(inside(&p, place, &["--no-git", "--once"]), 0);
        assert_eq!(p.read("lives"), "", "{said}");
        assert_eq!(said.matches("ended a process the agent left behind").count(), 3, "{said}");
    }
}

/// An interrupt from outside, through the control socket.
#[test]
fn interrupted() {
    if !possible() {
        return;
    }
    for place in PLACES {
        let p = Project::new();
        p.prompt("supervisor", "setsid sleep 300 & echo $! > child; wait");
        let run = inside(&p, place, &["--no-git", "--once"]);
        wait_until("the first turn", || p.read("child").ends_with('\n'));
        p.run(&["interrupt"]).expect(0);
        expect(run, 143);
        assert_eq!(p.brief(), "1 galph waiting-galph");
    }
}

/// `kill -9` of the program inside: the next start there ends its survivors first.
#[test]
fn survivors() {
    if !possible() {
        return;
    }
    let p = Project::new();
    let deaf = "setsid sh -c 'trap \"\" TERM; echo $$ > deaf; while :; do sleep 0.05; done' & wait";
    p.prompt(
        "supervisor",
        &format!(
            "test -e deaf && {{ test ! -e /proc/$(cat deaf) || echo lives >> sequence; exit 0; }}; {deaf}"
        ),
    );
    let script = "\"$@\" & until test -s deaf; do sleep 0.02; done; kill -9 $!; wait; \
                  test -e /proc/$(cat deaf) || exit 77; \"$@\"; exit $?";
    let said = expect(inside(&p, &["sh", "-c", script, "sh"], &["--no-git", "--once"]), 0);
    assert!(said.contains("ended a process of an earlier run"), "{said}");
    assert_eq!(p.sequence(), ["main"]);
}
