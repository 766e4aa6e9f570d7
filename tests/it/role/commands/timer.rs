//! `setup cron|systemd` (T20): what is printed is run as a timer would.

use std::fs;
use std::process::{Command, Stdio};

use super::clones::Clones;

/// The command of a crontab line, as cron hands it to the shell.
fn command_of(line: &str) -> String {
    let mut fields = line.splitn(6, ' ');
    let command = fields.nth(5).unwrap();
    command.replace("\\%", "%")
}

/// With nothing but what cron gives: a short PATH, HOME, LOGNAME and `sh`, in the home folder.
#[test]
fn the_line_for_cron_takes_a_turn_with_crons_environment() {
    let clones = Clones::new("echo from-cron > input.md", "true");
    let odd = "it's 100% \"mine\" $HOME";
    clones.git("galph", &["clone", "-q", "../bare", &format!("../{odd}")]);
    let printed = clones.run(odd, &["setup", "cron", "--role", "galph", "--every", "10m"]).expect(0).out;
    let line = printed.lines().last().unwrap();
    assert!(line.starts_with("*/10 * * * * cd "), "{printed}");
    assert!(line.contains("--if-turn") && line.contains("--branch work"), "{printed}");
    assert!(!clones.top(odd).join("logs").exists(), "nothing is installed or made");
    let fire = || {
        let out = Command::new("env")
            .args(["-i", "PATH=/usr/bin:/bin", "LOGNAME=t", "SHELL=/bin/sh"])
            .arg(format!("HOME={}", clones.top("home").display()))
            .args(["/bin/sh", "-c", &command_of(line)])
            .current_dir(clones.top("home"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let log = fs::read_to_string(clones.top(odd).join("logs/timer-galph.log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert_eq!(said, "", "cron mails what is said");
        assert_eq!(out.status.code(), Some(0), "{log}");
        log
    };
    let log = fire();
    assert!(clones.subjects().iter().any(|s| s.contains("galph → next=ralph status=ok")), "{log}");
    let before = clones.subjects();
    let quiet = fire();
    assert_eq!((clones.subjects(), quiet), (before, log), "it is ralph's turn: nothing is done or said");
}

#[test]
fn what_no_timer_can_do_is_refused() {
    let clones = Clones::new("true", "true");
    let ran = clones.run("galph", &["setup", "cron", "--role", "galph", "--every", "7m"]).expect(2);
    assert!(
        ran.err.contains("error: write an entry for cron\ncause: cron knows parts of an hour"),
        "{}",
        ran.err
    );
    let ran = clones.run("galph", &["setup", "cron", "--role", "bob"]).expect(2);
    assert!(ran.err.contains("hint: one of galph, ralph"), "{}", ran.err);
    let value = clones.json("galph", &["setup", "cron", "--role", "galph", "--format", "json"], 0);
    assert_eq!((value["every_secs"].clone(), value["kind"].clone()), (300.into(), "cron".into()));
    assert!(value["entry"].as_str().unwrap().starts_with("*/5 * * * * "), "{value}");
}

/// The units say what they should; where systemd is installed, it is asked.
#[test]
fn the_units_for_systemd_are_complete() {
    let clones = Clones::new("true", "true");
    let value = clones.json(
        "galph",
        &["setup", "systemd", "--role", "ralph", "--every", "90s", "--format", "json"],
        0,
    );
    let folder = clones.top("units");
    fs::create_dir(&folder).unwrap();
    fs::create_dir(clones.top("galph").join("logs")).unwrap();
    let mut files = Vec::new();
    for file in value["files"].as_array().unwrap() {
        let (path, text) = (file["path"].as_str().unwrap(), file["text"].as_str().unwrap());
        let name = path.strip_prefix("~/.config/systemd/user/").unwrap();
        fs::write(folder.join(name), text).unwrap();
        files.push((folder.join(name), text.to_owned()));
    }
    assert!(files[0].1.contains("--if-turn --quiet --branch work\n"), "{}", files[0].1);
    assert!(files[1].1.contains("OnUnitInactiveSec=90s\n"), "{}", files[1].1);
    let Ok(out) = Command::new("systemd-analyze")
        .args(["verify", "--user", "--recursive-errors=no"])
        .args(files.iter().map(|(path, _)| path))
        .env("XDG_RUNTIME_DIR", clones.top("home"))
        .stdin(Stdio::null())
        .output()
    else {
        return;
    };
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let ours: Vec<&str> = said.lines().filter(|l| l.contains("orchestrator-")).collect();
    assert!(ours.is_empty(), "{said}");
}
