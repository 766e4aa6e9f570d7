//! A program that does nothing but supervise fake agents: what tests kill, signal, measure and put on a terminal.
//!
//! Arguments are `name=value`: `agent` (the fake agent), `script`, `project`, and optionally `raw`, `activity`,
//! `inactivity`, `grace` (milliseconds), `children` (that many at once), `runs` (one after another), `ballast`
//! (MiB kept in memory), `sweep=1` (end survivors first); or `screen=panic` alone (take the terminal and panic). Prints one line per thing that happened; ends with 130 or
//! 143 after a signal, 1 after a failure.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use orchestrator::clock::SystemClock;
use orchestrator::ids::{Ids, SystemIds};
use orchestrator::supervise::{Kind, Outcome, RawLog, Redactor, Request, Stop, run, sweep_survivors};

struct Wishes(HashMap<String, String>);

impl Wishes {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.text(name).parse().unwrap_or(default)
    }

    fn request(&self) -> std::io::Result<Request> {
        let argv: Vec<OsString> = vec![self.text("agent").into(), self.text("script").into()];
        let project = PathBuf::from(self.text("project"));
        let mut request = Request::new(argv, project, SystemIds.uuid());
        request.redactor = Redactor::from_env(std::env::vars_os()).into();
        request.limits.inactivity = Duration::from_millis(self.number("inactivity", 900_000));
        request.limits.grace = Duration::from_millis(self.number("grace", 5000));
        if !self.text("raw").is_empty() {
            let file = File::create(self.text("raw"))?;
            request.raw_log = Some(RawLog::file(file, self.number("cap", 1 << 30)));
        }
        if !self.text("activity").is_empty() {
            request.activity_log = Some(self.text("activity").into());
            request.limits.log_max_bytes = self.number("cap", 1 << 30);
        }
        Ok(request)
    }
}

fn say(text: &str) {
    // Whoever started this may be gone, which must not end it.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn main() -> ExitCode {
    let words = std::env::args().skip(1);
    let wishes = Wishes(words.filter_map(|w| w.split_once('=').map(|(n, v)| (n.into(), v.into()))).collect());
    #[cfg(feature = "tui")]
    if wishes.text("screen") == "panic" {
        let screen = orchestrator::ui::tui::Screen::enter();
        panic!("on the screen: {}", screen.is_ok());
    }
    let ballast = vec![1u8; usize::try_from(wishes.number("ballast", 0)).unwrap_or(0) << 20];
    if wishes.number("sweep", 0) == 1 {
        for killed in sweep_survivors(&PathBuf::from(wishes.text("project")), &SystemClock) {
            say(&format!("survivor {} alive={}", killed.pid, killed.alive));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let code = match runtime {
        Ok(runtime) => {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, conduct(wishes)).unwrap_or_else(|error| {
                say(&format!("error {error}"));
                ExitCode::from(98)
            })
        }
        Err(_) => ExitCode::from(99),
    };
    std::hint::black_box(ballast);
    code
}

async fn conduct(wishes: Wishes) -> std::io::Result<ExitCode> {
    let stop = Stop::install_signals()?;
    let started = Instant::now();
    let mut outcomes = Vec::new();
    for _ in 0..wishes.number("runs", 1) {
        let mut tasks = Vec::new();
        for _ in 0..wishes.number("children", 1) {
            let (request, stop) = (wishes.request()?, stop.clone());
            tasks.push(tokio::task::spawn_local(async move {
                run(request, &stop, &SystemClock, &mut |activity| match &activity.kind {
                    Kind::Spawn { pid, .. } => say(&format!("spawned {pid}")),
                    Kind::Terminate { signal, .. } => say(&format!("sent {signal}")),
                    Kind::Warning { text } => say(&format!("warning {text}")),
                    _ => {}
                })
                .await
            }));
        }
        for task in tasks {
            outcomes.extend(task.await);
        }
    }
    report(&outcomes, started.elapsed());
    let code = match stop.requested() {
        Some(reason) => reason.exit_code(),
        None => u8::from(!outcomes.iter().all(Outcome::succeeded)),
    };
    Ok(ExitCode::from(code))
}

fn report(outcomes: &[Outcome], elapsed: Duration) {
    for outcome in outcomes.iter().take(4) {
        say(&format!(
            "outcome {} {:?} stdout={} stderr={} {:?}",
            outcome.error_kind.name(),
            outcome.exit,
            outcome.stdout_bytes,
            outcome.stderr_bytes,
            outcome.last_lines
        ));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    say(&format!("peak {peak}"));
    say(&format!("elapsed_us {}", elapsed.as_micros()));
}
