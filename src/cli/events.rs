//! `orchestrator events`: the event stream, from any number on, and as it grows.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use strum::VariantNames;

use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::record::{find, open, when};
use super::record_args::EventsArgs;
use super::screen;
use super::setup::setup_beside;
use crate::config::did_you_mean;
use crate::event::Event;
use crate::ledger::{EventFilter, EventRow, Follower, Found, Ledger};

/// A wake-up that was missed costs at most this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn events(global: &Global, args: &EventsArgs) -> Result<u8, Failure> {
    let settings = setup_beside(global)?.settings;
    let ledger = open(&settings)?;
    known_kinds(&ledger, &args.kind)?;
    let mut filter = EventFilter { kinds: args.kind.clone(), ..EventFilter::default() };
    match args.run.as_deref().map(|given| find(&ledger, given)).transpose()? {
        None => {}
        Some(Found::Run(run_id)) => filter.run_id = Some(run_id),
        Some(Found::Attempt { run_id, attempt_id }) => {
            filter.run_id = Some(run_id);
            filter.attempt_id = Some(attempt_id);
        }
    }
    let mut follower = Follower::new(ledger, filter, args.since);
    let mut out = screen::stdout();
    let mut over = !args.follow;
    loop {
        let rows = follower.read()?;
        if rows.is_empty() {
            if over {
                return Ok(OK);
            }
            // What came between the last look and the end is read once more.
            over = follower.is_over()?;
            if !over {
                follower.wait(LOOK_AGAIN);
            }
            continue;
        }
        match print(&mut out, global, args.format, &rows) {
            Ok(()) => {}
            // `orchestrator events | head` is no failure.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(OK),
            Err(e) => return Err(Failure::new(INTERNAL, "io", "write to stdout").cause(e.to_string())),
        }
    }
}

/// A kind that neither this program nor one that wrote here knows is misspelt.
fn known_kinds(ledger: &Ledger, given: &[String]) -> Result<(), Failure> {
    for kind in given.iter().filter(|kind| !Event::VARIANTS.contains(&kind.as_str())) {
        let filter = EventFilter { kinds: vec![kind.clone()], ..EventFilter::default() };
        if ledger.events(&filter, 0, 1)?.0.is_empty() {
            let cause = format!("`{kind}` is no kind of event");
            let near = did_you_mean(kind, Event::VARIANTS);
            let failure = Failure::new(USAGE, "usage", "read --kind").cause(cause);
            return Err(
                failure.hint(near.unwrap_or_else(|| format!("one of {}", Event::VARIANTS.join(", "))))
            );
        }
    }
    Ok(())
}

fn print(out: &mut dyn Write, global: &Global, format: Format, rows: &[EventRow]) -> io::Result<()> {
    // Handed over whole: what is secret is found in whole texts.
    let mut text = String::new();
    for row in rows {
        if format == Format::Json {
            text.push_str(&serde_json::to_string(row)?);
            text.push('\n');
        } else {
            let _ =
                writeln!(text, "{:>6}  {}  {:<16}  {}", row.seq, when(global, row.at_ms), row.kind, row.data);
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}
