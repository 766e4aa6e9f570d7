//! The page of `serve` in a real headless browser (interface.md I7 to I10): node drives chromium, where both are
//! installed; else it says `skipped` and passes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use orchestrator::clock::SystemClock;
use orchestrator::event::{Event, Place};
use orchestrator::ledger::{Ledger, Options, Record, Writer};

use crate::cli::project::{Project, wait_until};

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");
/// Events of the run that must stay smooth.
const MANY: usize = 10_000;

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |f| f.join(name))).find(|file| file.is_file())
}

/// A run with many events, as the ledger keeps them.
fn flood(p: &Project) {
    p.run(&["--once", "--no-git"]).expect(0);
    let path = p.path(".orchestrator/ledger.db");
    let ledger = Ledger::open_existing(&path).unwrap();
    let run = ledger.runs(orchestrator::ledger::RunFilter::default(), 1).unwrap().remove(0);
    let attempt = ledger.attempts(&run.run_id, 0, 1).unwrap().remove(0);
    let before = ledger.last_seq().unwrap();
    let writer = Writer::start(Options { path, clock: Arc::new(SystemClock), mask: None }).unwrap();
    let place = Place::run(run.run_id).attempt(attempt.attempt_id);
    for number in 0..MANY {
        let event = match number % 4 {
            0 => Event::AttemptWarning { role: "galph".into(), text: format!("warning {number}") },
            1 => Event::AttemptOutput {
                role: "galph".into(),
                text: format!("wide {} {number}\n", "w".repeat(400)),
            },
            _ => Event::AttemptOutput { role: "galph".into(), text: format!("line {number}\n") },
        };
        writer.event(Record { place: place.clone(), at: attempt.started_at, event });
        // What a slow disk cannot take would be dropped.
        if (number + 1) % 1000 == 0 {
            let written = before + i64::try_from(number + 1).unwrap();
            wait_until("the events in the ledger", || ledger.last_seq().unwrap() >= written);
        }
    }
    assert!(writer.close(Duration::from_secs(60)), "the events were not written");
}

/// All cases in one browser: starting it costs more than most of them.
/// `ORCHESTRATOR_BROWSER_CASES="hostile phone"` runs these alone.
#[test]
fn the_page_in_a_browser() {
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
    let node = program(&["node"]);
    let modules = Path::new(DRIVER).join("node_modules/playwright-core").exists();
    let (Some(chromium), Some(node), true) = (chromium, node, modules && cfg!(feature = "web")) else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the page in a browser needs chromium, node and `npm ci --prefix tests/browser`"
        );
        return;
    };
    let p = Project::new();
    flood(&p);
    let root = p.root();
    let mut command = Command::new(node);
    command.env_clear().current_dir(DRIVER).arg("main.mjs").stdin(Stdio::null());
    let cases = std::env::var("ORCHESTRATOR_BROWSER_CASES").unwrap_or_default();
    command.args(cases.split_whitespace());
    for name in ["PATH", "ORCHESTRATOR_PICTURES"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    let work = root.parent().unwrap();
    command.env("HOME", work.join("home")).env("ORCHESTRATOR_WORK", work);
    command.env("ORCHESTRATOR_PROGRAM", env!("CARGO_BIN_EXE_orchestrator"));
    command.env("ORCHESTRATOR_CHROMIUM", chromium);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let _ = writeln!(std::io::stderr(), "{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
