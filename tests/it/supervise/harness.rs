//! Runs the fake agent under the supervisor and looks at what is left.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use orchestrator::clock::SystemClock;
use orchestrator::supervise::{Activity, Kind, Outcome, RawLog, Request, Stop, run};

/// The fake agent, beside the test program. `cargo test` builds it; `cargo test --test it` does not, so it is
/// built here if it is missing.
pub fn fake_agent() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let own = std::env::current_exe().unwrap();
        let path = own.parent().unwrap().parent().unwrap().join("examples/fake-agent");
        if !path.exists() {
            let cargo = Command::new(env!("CARGO"))
                .args(["build", "--example", "fake-agent", "--manifest-path"])
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
                .output()
                .unwrap();
            assert!(path.exists(), "{}", String::from_utf8_lossy(&cargo.stderr));
        }
        path
    };
    PATH.get_or_init(build).clone()
}

/// How often a repeated test repeats: a tenth of the full count unless `ORCHESTRATOR_TEST_SCALE` says otherwise.
pub fn times(full: usize) -> usize {
    let tenths =
        std::env::var("ORCHESTRATOR_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (full * tenths).div_ceil(10)
}

/// A folder for one test, and requests that run in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
}

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn request(&self, script: &str) -> Request {
        let attempt = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let argv: Vec<OsString> = vec![fake_agent().into(), script.into()];
        Request::new(argv, self.dir.path().to_owned(), attempt)
    }

    pub fn with_logs(&self, script: &str) -> Request {
        let mut request = self.request(script);
        let file = File::create_new(self.path("raw.log")).unwrap();
        request.raw_log = Some(RawLog { file, max_bytes: 1 << 30 });
        request.activity_log = Some(self.path("activity.jsonl"));
        request
    }

    /// The activity log, each line checked to be an object.
    pub fn activity(&self) -> Vec<serde_json::Value> {
        self.text("activity.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs to the end, all facts kept.
pub async fn conduct(request: Request, stop: &Stop) -> (Outcome, Vec<Kind>) {
    let mut facts = Vec::new();
    let outcome =
        run(request, stop, &SystemClock, &mut |activity: &Activity| facts.push(activity.kind.clone())).await;
    (outcome, facts)
}

/// Processes that bear an attempt's mark and are no zombies.
pub fn marked(attempt: &str) -> Vec<String> {
    let needle = format!("ORCHESTRATOR_ATTEMPT={attempt}\0");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.windows(needle.len()).any(|window| window == needle.as_bytes()) {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(format!("{} {}", entry.file_name().display(), String::from_utf8_lossy(&words)));
        }
    }
    found
}

/// Whether a process lives (a zombie does not).
pub fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap_or(0)..].starts_with(") Z"))
}

/// The pids that fake agents wrote to a file.
pub fn pids(file: &Path) -> Vec<i32> {
    fs::read_to_string(file).unwrap_or_default().lines().map(|line| line.parse().unwrap()).collect()
}
