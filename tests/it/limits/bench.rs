//! A loop of one project in this process: its clock stands still until a test moves it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use orchestrator::clock::{Clock, ManualClock};
use orchestrator::config::load;
use orchestrator::event::Event;
use orchestrator::ids::SeededIds;
use orchestrator::supervise::{Redactor, Stop};
use orchestrator::turns::engine::{self, Report, World};
use orchestrator::turns::settings::{Options, Settings};

use crate::cli::project::Project;

/// When every loop here begins.
pub const START: i64 = 1_800_000_000;

/// A record of the agents' own protocol, as a line of a shell script.
pub fn say(record: &str) -> String {
    format!("echo '{record}'")
}

/// Refuses, with or without the reset.
pub fn limited(resets_at: Option<i64>) -> String {
    let reset = resets_at.map_or_else(String::new, |at| format!(",\"resets_at\":{at}"));
    let record = format!("{{\"type\":\"rate_limit\",\"status\":\"rejected\",\"blocked\":true{reset}}}");
    format!("{}; {}", say(&record), say(r#"{"type":"result","is_error":true,"text":"try later"}"#))
}

pub fn used(input: u64, output: u64, cost: Option<f64>) -> String {
    let cost = cost.map_or_else(String::new, |c| format!(",\"cost_usd\":{c}"));
    say(&format!("{{\"type\":\"usage\",\"input_tokens\":{input},\"output_tokens\":{output}{cost}}}"))
}

/// An agent that is a shell script and speaks records.
pub fn agent(name: &str, script: &str, more: &str) -> String {
    let command = serde_json::json!(["sh", "-c", script]);
    format!("  {name}: {{command: {command}, output: ndjson, {more}}}\n")
}

pub struct Bench {
    pub project: Project,
    pub clock: Arc<ManualClock>,
    pub stop: Stop,
    pub loops: u64,
}

impl Bench {
    pub fn new(config: &str) -> Self {
        let project = Project::new();
        project.write("orchestration.yaml", config);
        let start = Timestamp::from_second(START).unwrap();
        Self { project, clock: Arc::new(ManualClock::at(start)), stop: Stop::new(), loops: 1 }
    }

    pub fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub fn advance(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// Runs the loop without git; `heed` hears every event at once. The report, and all events.
    pub fn run(&self, mut heed: impl FnMut(&Event)) -> (Report, Vec<Event>) {
        let root = self.project.root();
        let loaded = load(&root, None, &[], &[]).unwrap();
        let options = Options { loops: self.loops, git: false, ..Options::default() };
        let path = std::env::var_os("PATH").unwrap();
        let settings = Settings::new(loaded.root, loaded.config, options, Redactor::none(), path).unwrap();
        let ids = SeededIds::new(7);
        let mut events = Vec::new();
        let mut sink = |event: Event| {
            heed(&event);
            events.push(event);
        };
        let world = World { clock: self.clock.clone(), ids: &ids, stop: &self.stop, sink: &mut sink };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(engine::run(&settings, world)).unwrap();
        assert!(!private(&root).join("waiting.json").exists(), "nothing is left of a wait");
        (report, events)
    }
}

pub fn private(root: &Path) -> std::path::PathBuf {
    root.join(".orchestrator")
}

/// The words of each wait.
pub fn waits(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Waiting { why, .. } => Some(why.as_str()),
            _ => None,
        })
        .collect()
}

/// Who took over from whom.
pub fn fallbacks(events: &[Event]) -> Vec<String> {
    let words = |e: &Event| match e {
        Event::AgentFallback { from, to, reason, .. } => Some(format!("{from} → {to}: {reason}")),
        _ => None,
    };
    events.iter().filter_map(words).collect()
}
