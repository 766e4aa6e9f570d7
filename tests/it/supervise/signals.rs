//! P10: signals to the program.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::harness::{Bench, finished, of_project, until};
use super::terminal::Terminal;

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn start(bench: &Bench, script: &str, wishes: &[&str]) -> Child {
    bench.host(script, wishes).stdout(Stdio::piped()).spawn().unwrap()
}

/// The first signal interrupts: never a success, even of an agent that answers with one, and nobody is left.
#[test]
fn one_signal() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)] {
        let bench = Bench::new();
        let script = "fork { setsid; pid P; forever }; become 'trap \"exit 0\" TERM; echo up >> P; while :; do sleep 0.01; done'";
        let host = start(&bench, script, &[]);
        bench.wait_lines("P", 2);
        send(&host, signal);
        let output = finished(host);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("outcome interrupted"), "{said}");
        assert_eq!(of_project(bench.dir.path()), Vec::<String>::new());
    }
}

/// The second signal does not wait for the grace.
#[test]
fn two_signals() {
    let bench = Bench::new();
    let mut host = start(&bench, "ignore-term; pid P; forever", &["grace=60000"]);
    bench.wait_lines("P", 1);
    send(&host, Signal::INT);
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "sent 15"));
    let second = Instant::now();
    send(&host, Signal::INT);
    let said: Vec<String> = lines.collect();
    let status = host.wait().unwrap();
    assert!(second.elapsed() < Duration::from_secs(30), "{:?}", second.elapsed());
    assert_eq!(status.code(), Some(130));
    assert!(said.iter().any(|line| line.starts_with("outcome interrupted Signal(9)")), "{said:?}");
    assert_eq!(of_project(bench.dir.path()), Vec::<String>::new());
}

/// A program started to survive a hang-up does.
#[test]
fn nohup() {
    let bench = Bench::new();
    let inner = bench.host("pid P; wait-file go; print went on", &[]);
    let host = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bench.wait_lines("P", 1);
    send(&host, Signal::HUP);
    std::fs::write(bench.path("go"), "").unwrap();
    let output = finished(host);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Ctrl-C on a real terminal goes to the whole foreground group; the agent, which changed the terminal's modes, is
/// interrupted, and the modes are back.
#[test]
fn ctrl_c_on_a_terminal() {
    let bench = Bench::new();
    let mut terminal = Terminal::open();
    let before = terminal.modes();
    let script = format!("sh 'stty -echo -icanon < {}'; pid P; forever", terminal.name);
    let host = terminal.start(&bench.host(&script, &[]));
    bench.wait_lines("P", 1);
    until("other modes", || terminal.modes() != before);
    terminal.keyboard.write_all(b"\x03").unwrap();
    let output = finished(host);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(terminal.modes(), before);
    let said = terminal.read_to("elapsed_us");
    assert!(said.contains("outcome interrupted"), "{said}");
    assert_eq!(of_project(bench.dir.path()), Vec::<String>::new());
}
