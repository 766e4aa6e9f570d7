//! A program that behaves as badly as a test wants an agent to behave.
//!
//! The script is the arguments joined by blanks, else the variable `FAKE_AGENT`, else (with `--script FILE` as the
//! first arguments) a file. Commands are separated by `;` or line ends; `#` begins a comment line. Words are
//! separated by blanks; `'…'` is taken as it stands, `"…"` and bare words know `\n \r \t \0 \\ \" \xNN`. A block
//! is a script in braces.
//!
//! | command | effect |
//! | --- | --- |
//! | `print WORD…` / `say WORD…` | to stdout, with / without a line end |
//! | `err WORD…` / `errsay WORD…` | the same to stderr |
//! | `spam BYTES [stdout\|stderr\|both] [WIDTH]` | lines of `WIDTH` (120) bytes, exactly so many bytes per stream |
//! | `raw FILE` | a file's bytes to stdout |
//! | `sleep MS`, `forever` | wait |
//! | `burn MS` | spend CPU time |
//! | `read` / `echo-stdin` / `count-stdin` | stdin to its end: drop it, print it, print its length |
//! | `write FILE TEXT` / `append FILE TEXT` | with a line end; folders are made |
//! | `wait-file FILE` | until it exists |
//! | `commit MESSAGE` | `git add -A`, `git commit` |
//! | `git WORD…` / `sh TEXT` | run it; a failure ends the agent with its status |
//! | `become TEXT` | go on as this shell script, in the same process |
//! | `env NAME` / `cwd` / `args` / `tty` | print a variable (or `-`), the folder, the arguments, what stdout is |
//! | `pid FILE` | append `PID` |
//! | `fork { … }` / `child { … }` | run the block in another process; go on at once / wait for it |
//! | `setsid` | leave session and group |
//! | `quiet` | stdout and stderr to `/dev/null` from here on |
//! | `wipe { … }` | become a process without environment |
//! | `ignore-term` | SIGTERM is ignored from here on |
//! | `repeat N { … }` | again and again |
//! | `claude-init ID`, `claude-text T`, `claude-tool ID NAME JSON`, `claude-tool-done ID T`, `claude-result T`, `claude-error T`, `claude-limit EPOCH` | records of `claude-stream-json` |
//! | `codex-start ID`, `codex-text T`, `codex-done`, `codex-failed T` | records of `codex-json` |
//! | `ask SOCKET TEXT` | say a line to a socket, print the answer |
//! | `exit N` / `signal N` | end |

mod script;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use script::{Item, next_item};

type Done = Result<(), Box<dyn std::error::Error>>;

fn main() {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let text = match args.as_slice() {
        [flag, file, ..] if flag == "--script" => fs::read(file).unwrap_or_else(|e| fail(&e)),
        [] => std::env::var_os("FAKE_AGENT").unwrap_or_default().into_encoded_bytes(),
        words => words.join(&OsString::from(" ")).into_encoded_bytes(),
    };
    if let Err(error) = run(&text) {
        fail(&*error);
    }
}

fn fail(error: &dyn std::fmt::Display) -> ! {
    let _ = writeln!(io::stderr(), "fake-agent: {error}");
    exit(99)
}

fn run(text: &[u8]) -> Done {
    let mut rest = text;
    while let Some((item, after)) = next_item(rest)? {
        rest = after;
        perform(&item, rest)?;
    }
    Ok(())
}

fn perform(item: &Item, rest: &[u8]) -> Done {
    let name = String::from_utf8_lossy(item.words.first().map_or(b"", Vec::as_slice)).into_owned();
    let words = item.words.get(1..).unwrap_or_default();
    match name.as_str() {
        "print" => put(&mut io::stdout(), words, "\n"),
        "say" => put(&mut io::stdout(), words, ""),
        "err" => put(&mut io::stderr(), words, "\n"),
        "errsay" => put(&mut io::stderr(), words, ""),
        "spam" => spam(words),
        "raw" => Ok(io::stdout().write_all(&fs::read(path(words, 0)?)?)?),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(words, 0)?));
            Ok(())
        }
        "forever" => loop {
            std::thread::park();
        },
        "burn" => {
            burn(Duration::from_millis(number(words, 0)?));
            Ok(())
        }
        "read" | "echo-stdin" | "count-stdin" => stdin(&name),
        "write" | "append" => write_file(&name, words),
        "wait-file" => {
            while !path(words, 0)?.exists() {
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        }
        "commit" => {
            let message = text(words, 0)?;
            program(Command::new("git").args(["add", "-A"]))?;
            program(Command::new("git").args(["commit", "-q", "-m", &message]))
        }
        "git" => program(Command::new("git").args((0..words.len()).map_while(|at| text(words, at).ok()))),
        "sh" => program(Command::new("sh").args(["-c", &text(words, 0)?])),
        "become" => Err(Command::new("sh").args(["-c", &text(words, 0)?]).exec().into()),
        "env" => line(&std::env::var(text(words, 0)?).unwrap_or_else(|_| "-".to_owned())),
        "cwd" => line(&std::env::current_dir()?.to_string_lossy()),
        "args" => line(&format!("{:?}", std::env::args().collect::<Vec<_>>())),
        "tty" => tty(),
        "pid" => {
            let mut file = OpenOptions::new().append(true).create(true).open(path(words, 0)?)?;
            put(&mut file, &[std::process::id().to_string().into_bytes()], "\n")
        }
        "fork" => {
            drop(copy(&item.block).spawn()?);
            Ok(())
        }
        "child" => program(&mut copy(&item.block)),
        "wipe" => Err(copy(&item.block).env_clear().exec().into()),
        "ignore-term" => {
            let own = std::env::current_exe()?;
            Err(Command::new("sh")
                .args(["-c", "trap '' TERM; exec \"$@\"", "sh"])
                .arg(own)
                .arg(os(rest))
                .exec()
                .into())
        }
        "ask" => {
            let mut stream = std::os::unix::net::UnixStream::connect(path(words, 0)?)?;
            put(&mut stream, &[text(words, 1)?.into_bytes()], "\n")?;
            stream.shutdown(std::net::Shutdown::Write)?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            put(&mut io::stdout(), &[answer], "")
        }
        "setsid" => {
            rustix::process::setsid()?;
            Ok(())
        }
        "quiet" => {
            let null = OpenOptions::new().write(true).open("/dev/null")?;
            rustix::stdio::dup2_stdout(&null)?;
            rustix::stdio::dup2_stderr(&null)?;
            Ok(())
        }
        "repeat" => (0..number(words, 0)?).try_for_each(|_| run(&item.block)),
        "exit" => exit(i32::try_from(number(words, 0)?)?),
        "signal" => {
            let signal = rustix::process::Signal::from_named_raw(i32::try_from(number(words, 0)?)?);
            rustix::process::kill_process(rustix::process::getpid(), signal.ok_or("no such signal")?)?;
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        _ => record(&name, words),
    }
}

/// Records of the agents' output protocols.
fn record(name: &str, words: &[Vec<u8>]) -> Done {
    let quoted = |at| text(words, at).map(|t| quote(&t));
    let claude_message = |role: &str, content: &str| {
        format!("{{\"type\":\"{role}\",\"message\":{{\"role\":\"{role}\",\"content\":[{content}]}}}}")
    };
    let result = |is_error: bool, text: &str| {
        format!(
            "{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":{is_error},\"result\":{text},\
             \"total_cost_usd\":0.25,\"usage\":{{\"input_tokens\":10,\"output_tokens\":5,\
             \"cache_read_input_tokens\":3}}}}"
        )
    };
    let item = |text: &str| {
        format!(
            "{{\"type\":\"item.completed\",\"item\":{{\"id\":\"i\",\"type\":\"agent_message\",\"text\":{text}}}}}"
        )
    };
    let record = match name {
        "claude-init" => {
            format!("{{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":{}}}", quoted(0)?)
        }
        "claude-text" => {
            claude_message("assistant", &format!("{{\"type\":\"text\",\"text\":{}}}", quoted(0)?))
        }
        "claude-tool" => {
            let input = text(words, 2)?;
            let use_ = format!(
                "{{\"type\":\"tool_use\",\"id\":{},\"name\":{},\"input\":{input}}}",
                quoted(0)?,
                quoted(1)?
            );
            claude_message("assistant", &use_)
        }
        "claude-tool-done" => {
            let done = format!(
                "{{\"type\":\"tool_result\",\"tool_use_id\":{},\"content\":{}}}",
                quoted(0)?,
                quoted(1)?
            );
            claude_message("user", &done)
        }
        "claude-result" => result(false, &quoted(0)?),
        "claude-error" => result(true, &quoted(0)?),
        "claude-limit" => format!(
            "{{\"type\":\"rate_limit_event\",\"rate_limit_info\":{{\"status\":\"rejected\",\"resetsAt\":{}}}}}",
            number(words, 0)?
        ),
        "codex-start" => format!("{{\"type\":\"thread.started\",\"thread_id\":{}}}", quoted(0)?),
        "codex-text" => item(&quoted(0)?),
        "codex-done" => "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":10,\
             \"cached_input_tokens\":3,\"output_tokens\":5}}"
            .to_owned(),
        "codex-failed" => format!("{{\"type\":\"turn.failed\",\"error\":{{\"message\":{}}}}}", quoted(0)?),
        unknown => return Err(format!("unknown command `{unknown}`").into()),
    };
    line(&record)
}

/// Unbuffered on purpose: a test decides what one write is.
fn put(out: &mut dyn Write, words: &[Vec<u8>], end: &str) -> Done {
    let mut bytes = words.join(&b' ');
    bytes.extend_from_slice(end.as_bytes());
    out.write_all(&bytes)?;
    Ok(out.flush()?)
}

fn line(text: &str) -> Done {
    put(&mut io::stdout(), &[text.as_bytes().to_vec()], "\n")
}

fn spam(words: &[Vec<u8>]) -> Done {
    let total: u64 = number(words, 0)?;
    let which = text(words, 1).unwrap_or_else(|_| "stdout".to_owned());
    let width = usize::try_from(number(words, 2).unwrap_or(120))?.max(1);
    let mut block = Vec::new();
    while block.len() < 64 * 1024 {
        block.resize(block.len() + width - 1, b'x');
        block.push(b'\n');
    }
    let write = |out: &mut dyn Write| -> io::Result<()> {
        let mut left = total;
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            out.write_all(&block[..count])?;
            left -= count as u64;
        }
        out.flush()
    };
    std::thread::scope(|scope| {
        let err = scope.spawn(|| if which == "stdout" { Ok(()) } else { write(&mut raw_fd(2)) });
        if which != "stderr" {
            write(&mut raw_fd(1))?;
        }
        err.join().unwrap_or(Ok(()))
    })?;
    Ok(())
}

/// A standard stream without a buffer in between.
fn raw_fd(fd: i32) -> File {
    let opened = if fd == 1 {
        rustix::io::dup(rustix::stdio::stdout())
    } else {
        rustix::io::dup(rustix::stdio::stderr())
    };
    opened.map_or_else(|e| fail(&e), File::from)
}

fn burn(time: Duration) {
    let start = Instant::now();
    let mut n = 0u64;
    while start.elapsed() < time {
        n = std::hint::black_box(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

fn stdin(what: &str) -> Done {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    match what {
        "echo-stdin" => put(&mut io::stdout(), &[bytes], ""),
        "count-stdin" => line(&bytes.len().to_string()),
        _ => Ok(()),
    }
}

fn write_file(how: &str, words: &[Vec<u8>]) -> Done {
    let file = path(words, 0)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = if how == "write" {
        File::create(file)?
    } else {
        OpenOptions::new().append(true).create(true).open(file)?
    };
    put(&mut file, words.get(1..).unwrap_or_default(), "\n")
}

fn tty() -> Done {
    if !io::stdout().is_terminal() {
        return line("no terminal");
    }
    let size = rustix::termios::tcgetwinsize(io::stdout())?;
    line(&format!(
        "terminal {}x{} {} stderr={}",
        size.ws_col,
        size.ws_row,
        std::env::var("TERM").unwrap_or_default(),
        io::stderr().is_terminal()
    ))
}

fn program(command: &mut Command) -> Done {
    let status = command.status()?;
    if status.success() { Ok(()) } else { exit(status.code().unwrap_or(98)) }
}

/// This program with another script.
fn copy(script: &[u8]) -> Command {
    let own = std::env::current_exe().unwrap_or_else(|e| fail(&e));
    let mut command = Command::new(own);
    command.arg(os(script));
    command
}

fn os(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

fn path(words: &[Vec<u8>], at: usize) -> Result<&Path, String> {
    use std::os::unix::ffi::OsStrExt;
    let word = words.get(at).ok_or("a file name is missing")?;
    Ok(Path::new(std::ffi::OsStr::from_bytes(word)))
}

fn text(words: &[Vec<u8>], at: usize) -> Result<String, String> {
    words
        .get(at)
        .map(|w| String::from_utf8_lossy(w).into_owned())
        .ok_or_else(|| "a word is missing".to_owned())
}

fn number(words: &[Vec<u8>], at: usize) -> Result<u64, String> {
    text(words, at)?.parse().map_err(|_| "a number is missing".to_owned())
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => out.extend(format!("\\u{:04x}", c as u32).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
