//! Runs fake agents under the supervisor and looks at what is left.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use orchestrator::clock::SystemClock;
use orchestrator::supervise::{Activity, Kind, Outcome, OutputParser, RawLog, Request, Stop, Stream, run};
use serde_json::Value;

/// The fake agent, beside the test program.
pub fn fake_agent() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| example("fake-agent")).clone()
}

/// The program that supervises and nothing else.
pub fn host() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| example("supervise-host")).clone()
}

/// `cargo test` builds the examples; `cargo test --test it` does not, so what is missing is built here.
pub fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !path.exists() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--profile", "test", "--example", name, "--manifest-path", manifest])
            .output()
            .unwrap();
        assert!(path.exists(), "{}", String::from_utf8_lossy(&built.stderr));
    }
    path
}

/// How often a repeated test repeats: a tenth of the full count unless `ORCHESTRATOR_TEST_SCALE` (tenths) says
/// otherwise.
pub fn times(full: usize) -> usize {
    let tenths =
        std::env::var("ORCHESTRATOR_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (full * tenths).div_ceil(10)
}

/// A folder for one test, and requests that run in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
}

impl Drop for Bench {
    /// A failed test leaves nobody behind.
    fn drop(&mut self) {
        for (pid, _) in bearers(&format!("ORCHESTRATOR_PROJECT={}\0", self.dir.path().display())) {
            let _ = rustix::process::Pid::from_raw(pid)
                .map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
        }
    }
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
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn request(&self, script: &str) -> Request {
        let attempt = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let argv: Vec<OsString> = vec![fake_agent().into(), script.into()];
        Request::new(argv, self.dir.path().to_owned(), attempt)
    }

    /// With `raw.log` and `activity.jsonl`.
    pub fn with_logs(&self, script: &str) -> Request {
        let mut request = self.request(script);
        let file = File::create_new(self.path("raw.log")).unwrap();
        request.raw_log = Some(RawLog::file(file, 1 << 30));
        request.activity_log = Some(self.path("activity.jsonl"));
        request
    }

    /// The activity log, each line checked to be an object.
    pub fn activity(&self) -> Vec<Value> {
        self.text("activity.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The supervising program, not started yet.
    pub fn host(&self, script: &str, wishes: &[&str]) -> Command {
        let mut command = Command::new(host());
        command
            .arg(format!("agent={}", fake_agent().display()))
            .arg(format!("project={}", self.dir.path().display()))
            .arg(format!("script={script}"))
            .args(wishes)
            .stdin(Stdio::null());
        command
    }

    /// Waits until a file has so many lines.
    pub fn wait_lines(&self, name: &str, count: usize) {
        until(&format!("{count} lines in {name}"), || self.text(name).lines().count() >= count);
    }

    /// The pids that fake agents wrote to a file.
    pub fn pids(&self, name: &str) -> Vec<i32> {
        self.text(name).lines().filter_map(|line| line.parse().ok()).collect()
    }
}

/// Runs to the end, all facts kept.
pub async fn conduct(request: Request, stop: &Stop) -> (Outcome, Vec<Activity>) {
    let mut facts = Vec::new();
    let outcome =
        run(request, stop, &SystemClock, &mut |activity: &Activity| facts.push(activity.clone())).await;
    (outcome, facts)
}

/// Runs to the end with nobody to stop it.
pub async fn outcome_of(request: Request) -> Outcome {
    run(request, &Stop::new(), &SystemClock, &mut |_| {}).await
}

/// Milliseconds after the spawn at which the first such fact came.
pub fn offset(facts: &[Activity], which: impl Fn(&Kind) -> bool) -> Option<u64> {
    facts.iter().find(|activity| which(&activity.kind)).map(|activity| activity.offset_ms)
}

/// Processes that bear an attempt's mark and are no zombies.
pub fn marked(attempt: &str) -> Vec<String> {
    words_of(bearers(&format!("ORCHESTRATOR_ATTEMPT={attempt}\0")))
}

/// Processes that bear a project's mark and are no zombies.
pub fn of_project(project: &Path) -> Vec<String> {
    words_of(bearers(&format!("ORCHESTRATOR_PROJECT={}\0", project.display())))
}

fn words_of(bearers: Vec<(i32, String)>) -> Vec<String> {
    bearers.into_iter().map(|(pid, words)| format!("{pid} {words}")).collect()
}

fn bearers(needle: &str) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.windows(needle.len()).any(|window| window == needle.as_bytes()) {
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let pid = entry.file_name().to_string_lossy().parse().unwrap();
            found.push((pid, String::from_utf8_lossy(&words).into_owned()));
        }
    }
    found
}

/// Whether a process lives (a zombie does not).
pub fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap_or(0)..].starts_with(") Z"))
}

/// Waits for what another process is about to do.
pub fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(90), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A child's end, waited for, with its output.
pub fn finished(mut child: Child) -> Output {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().map(|mut out| out.read_to_end(&mut stdout));
    child.stderr.take().map(|mut err| err.read_to_end(&mut stderr));
    Output { status: child.wait().unwrap(), stdout, stderr }
}

/// A parser of a tiny protocol: JSON records with a `k` for their kind; everything else is output.
#[derive(Default)]
pub struct Records {
    pub finished: bool,
}

impl OutputParser for Records {
    fn line(&mut self, stream: Stream, line: &[u8], out: &mut Vec<Activity>) {
        let record: Value = match serde_json::from_slice(line) {
            Ok(record) if stream == Stream::Stdout => record,
            _ => return out.push(Activity::output(line)),
        };
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let kind = match record["k"].as_str() {
            Some("message") => Kind::Message { text: text("text") },
            Some("tool") => {
                Kind::ToolUse { id: text("id"), name: text("name"), input: record["input"].clone() }
            }
            Some("done") => Kind::ToolResult { id: text("id"), text: text("text"), is_error: false },
            Some("result") => Kind::Result {
                text: Some(text("text")),
                is_error: record["error"].as_bool().unwrap_or(false),
            },
            _ => return out.push(Activity::output(line)),
        };
        out.push(kind.into());
    }

    fn finish(&mut self, _out: &mut Vec<Activity>) {
        self.finished = true;
    }
}

/// Measures what this machine itself does to timed things: how late it wakes a thread, and how much of a CPU it gives
/// to one that works.
pub struct Lag {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Delay>,
}

/// What a busy machine adds.
#[derive(Debug, Clone, Copy)]
pub struct Delay {
    /// Milliseconds between the time to wake and waking, at most.
    late: u64,
    /// How much longer work takes than its CPU time; 1 where nobody else works.
    stretch: f64,
}

impl Lag {
    pub fn measure() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            const PAUSE: Duration = Duration::from_millis(10);
            const WORK: Duration = Duration::from_millis(5);
            let mut most = Duration::ZERO;
            let (mut worked, mut took) = (Duration::ZERO, Duration::ZERO);
            while !told.load(Ordering::Relaxed) {
                let start = Instant::now();
                std::thread::sleep(PAUSE);
                most = most.max(start.elapsed().saturating_sub(PAUSE));
                let (start, used) = (Instant::now(), cpu_time());
                while cpu_time().saturating_sub(used) < WORK {
                    std::hint::spin_loop();
                }
                worked += cpu_time().saturating_sub(used);
                took += start.elapsed();
            }
            let stretch = (took.as_secs_f64() / worked.as_secs_f64().max(1e-9)).max(1.0);
            Delay { late: u64::try_from(most.as_millis()).unwrap(), stretch }
        });
        Self { over, thread }
    }

    pub fn end(self) -> Delay {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Delay {
    /// Steps between two things that are timed: a timer, a signal, an end, a wait, a read, a message.
    const STEPS: u64 = 6;

    /// Milliseconds that this machine may take for what an idle one does in `time`.
    pub fn allows(self, time: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of a test")]
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let stretched = (time as f64 * self.stretch) as u64;
        stretched + self.late * Self::STEPS
    }
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Repeats a scenario that failed while this machine itself needed twice the `margin` that its limits leave: that
/// proves nothing of the program.
pub async fn unless_late(margin: Duration, scenario: impl AsyncFn() -> Result<(), String>) {
    let margin = u64::try_from(margin.as_millis()).unwrap();
    for _ in 0..50 {
        let lag = Lag::measure();
        let Err(text) = scenario().await else { return };
        let delay = lag.end();
        assert!(delay.allows(margin) >= 2 * margin, "{text} ({delay:?}, {margin} ms are allowed)");
    }
    panic!("this machine was late each time");
}
