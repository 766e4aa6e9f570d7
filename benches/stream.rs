//! What supervision costs, beside what a user would do without it, in one run: `cargo bench --bench stream`, or
//! one part of it: `cargo bench --bench stream -- bytes`.
//!
//! - bytes: the same file through `cat FILE | tee LOG > /dev/null` and through `run` with a raw log, with and
//!   without a parser and an activity log;
//! - spawn: `/bin/true` through the standard library and through `run`, with 0, 10 and 100 MiB resident;
//! - silence: the CPU time of 200 children that say nothing.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use orchestrator::clock::SystemClock;
use orchestrator::supervise::{
    Activity, Kind, Outcome, OutputParser, RawLog, Redactor, Request, Stop, StopReason, Stream, run,
};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// A program makes it once.
static REDACTOR: LazyLock<Arc<Redactor>> =
    LazyLock::new(|| Arc::new(Redactor::from_env(std::env::vars_os())));

const ROUNDS: usize = 5;
const VOLUME: usize = 512 << 20;
const SPAWNS: u32 = 500;

struct Records;

impl OutputParser for Records {
    fn line(&mut self, _stream: Stream, line: &[u8], out: &mut Vec<Activity>) {
        match serde_json::from_slice::<serde_json::Value>(line) {
            Ok(record) => {
                let text = record["text"].as_str().unwrap_or_default().to_owned();
                out.push(Kind::Message { text }.into());
            }
            Err(_) => out.push(Activity::output(line)),
        }
    }

    fn finish(&mut self, _out: &mut Vec<Activity>) {}
}

fn main() -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let folder = tempfile::tempdir()?;
        let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
        let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
        if wanted("spawn") {
            spawning(folder.path()).await?;
        }
        if wanted("silence") {
            silence(folder.path()).await?;
        }
        if wanted("bytes") {
            bytes(folder.path()).await?;
        }
        Ok(())
    })
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn request(words: &[&str], folder: &Path) -> Request {
    let argv: Vec<OsString> = words.iter().map(Into::into).collect();
    let mut request = Request::new(argv, folder.to_owned(), "bench".into());
    request.redactor = Arc::clone(&REDACTOR);
    request
}

async fn go(request: Request) -> Outcome {
    run(request, &Stop::new(), &SystemClock, &mut |_| {}).await
}

async fn spawning(folder: &Path) -> Done<()> {
    for ballast in [0usize, 10, 100] {
        let kept = vec![1u8; ballast << 20];
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        let (mut bare_cpu, mut our_cpu) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..SPAWNS {
            let (start, cpu) = (Instant::now(), cpu_time());
            Command::new("/bin/true").stdin(Stdio::null()).status()?;
            bare.push(start.elapsed());
            bare_cpu += cpu_time().saturating_sub(cpu);
            let (start, cpu) = (Instant::now(), cpu_time());
            go(request(&["/bin/true"], folder)).await;
            ours.push(start.elapsed());
            our_cpu += cpu_time().saturating_sub(cpu);
        }
        let (bare, ours) = (median(bare), median(ours));
        say(&format!(
            "spawn+wait, {ballast:3} MiB ballast: standard library {bare:?} (CPU {:?}), run {ours:?} (CPU {:?}), {:.2}x",
            bare_cpu / SPAWNS,
            our_cpu / SPAWNS,
            ours.as_secs_f64() / bare.as_secs_f64(),
        ));
        std::hint::black_box(kept);
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn silence(folder: &Path) -> Done<()> {
    let stop = Stop::new();
    let mut tasks = Vec::new();
    for _ in 0..200 {
        let (request, stop) = (request(&["sleep", "1000"], folder), stop.clone());
        tasks.push(tokio::task::spawn_local(
            async move { run(request, &stop, &SystemClock, &mut |_| {}).await },
        ));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, start) = (cpu_time(), Instant::now());
    // Long enough for a heartbeat of each.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let used = cpu_time().saturating_sub(before);
    let percent = 100.0 * used.as_secs_f64() / start.elapsed().as_secs_f64();
    say(&format!("200 silent children: {percent:.3} % of one CPU"));
    let start = Instant::now();
    stop.trigger(StopReason::because("enough"));
    for task in tasks {
        task.await?;
    }
    say(&format!("200 children ended in {:?}", start.elapsed()));
    Ok(())
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time on the wall, and CPU time of this program and of the children it has waited for: what other programs on the
/// machine change little.
struct Watch {
    wall: Instant,
    cpu: Duration,
}

struct Best {
    wall: Duration,
    cpu: Duration,
}

impl Default for Best {
    fn default() -> Self {
        Self { wall: Duration::MAX, cpu: Duration::MAX }
    }
}

impl Watch {
    fn start() -> Done<Self> {
        Ok(Self { wall: Instant::now(), cpu: all_cpu_time()? })
    }
}

impl Best {
    fn take(&mut self, watch: &Watch) -> Done<()> {
        self.wall = self.wall.min(watch.wall.elapsed());
        self.cpu = self.cpu.min(all_cpu_time()?.saturating_sub(watch.cpu));
        Ok(())
    }
}

/// Own CPU time, and that of children as the process table counts it.
fn all_cpu_time() -> Done<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Ok(cpu_time() + Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

async fn bytes(folder: &Path) -> Done<()> {
    let input = folder.join("input");
    let line = format!("{{\"type\":\"message\",\"text\":\"{:.<91}\"}}\n", "lorem ipsum ".repeat(7));
    assert_eq!(line.len(), 120);
    let mut file = BufWriter::new(File::create(&input)?);
    for _ in 0..VOLUME / line.len() {
        file.write_all(line.as_bytes())?;
    }
    file.into_inner()?.sync_all()?;
    let volume = input.metadata()?.len();
    let shown = input.to_string_lossy().into_owned();
    let log = folder.join("log");
    let (mut tee, mut raw, mut typed) = (Best::default(), Best::default(), Best::default());
    for _ in 0..ROUNDS {
        let watch = Watch::start()?;
        let script = format!("cat '{shown}' | tee '{}' > /dev/null", log.display());
        Command::new("sh").args(["-c", &script]).status()?;
        tee.take(&watch)?;
        std::fs::remove_file(&log)?;

        let mut wish = request(&["cat", &shown], folder);
        wish.raw_log = Some(RawLog::file(File::create_new(&log)?, 1 << 40));
        let watch = Watch::start()?;
        let outcome = go(wish).await;
        raw.take(&watch)?;
        assert_eq!((outcome.stdout_bytes, log.metadata()?.len()), (volume, volume));
        std::fs::remove_file(&log)?;

        let activity = folder.join("activity");
        let mut wish = request(&["cat", &shown], folder);
        wish.raw_log = Some(RawLog::file(File::create_new(&log)?, 1 << 40));
        wish.activity_log = Some(activity.clone());
        wish.limits.log_max_bytes = 1 << 40;
        wish.parser = Some(Box::new(Records));
        let watch = Watch::start()?;
        go(wish).await;
        typed.take(&watch)?;
        std::fs::remove_file(&log)?;
        std::fs::remove_file(&activity)?;
    }
    let megabytes = f64::from(u32::try_from(volume / 1_000_000)?);
    let report = |name: &str, best: &Best| {
        let rate = |time: Duration| megabytes / time.as_secs_f64();
        say(&format!(
            "{name} {:6.0} MB/s, {:.2} of tee; by CPU time {:6.0} MB/s, {:.2} of tee",
            rate(best.wall),
            tee.wall.as_secs_f64() / best.wall.as_secs_f64(),
            rate(best.cpu),
            tee.cpu.as_secs_f64() / best.cpu.as_secs_f64(),
        ));
    };
    report("cat | tee:               ", &tee);
    report("run, raw log:            ", &raw);
    report("run, parser and two logs:", &typed);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    say(&format!("peak resident, ballast of 100 MiB included: {peak}"));
    Ok(())
}
