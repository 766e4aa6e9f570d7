//! The texts of Linux' process table, read without touching it.

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub pid: i32,
    pub state: u8,
    pub ppid: i32,
    pub pgrp: i32,
    pub session: i32,
    /// It is on its way out and no signal reaches it any more.
    pub exiting: bool,
    /// CPU time of the process and of its reaped children, in clock ticks.
    pub ticks: u64,
    /// Start time after boot in clock ticks: with the pid it names a process for good.
    pub start: u64,
}

/// Reads a stat line. The command name in it may hold blanks and parentheses.
pub(super) fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', text)?;
    let close = memchr::memrchr(b')', text)?;
    let pid = number(text.get(..open)?.trim_ascii())?;
    let mut fields = text.get(close + 1..)?.split(|b| *b == b' ').filter(|f| !f.is_empty());
    let state = *fields.next()?.first()?;
    let rest: Vec<&[u8]> = fields.take(19).collect();
    let signed = |at: usize| rest.get(at).and_then(|f| number(f));
    let wide = |at: usize| {
        rest.get(at)
            .and_then(|f| std::str::from_utf8(f.trim_ascii()).ok())
            .and_then(|f| f.parse::<u64>().ok())
    };
    Some(Stat {
        pid,
        state,
        ppid: signed(0)?,
        pgrp: signed(1)?,
        session: signed(2)?,
        exiting: wide(5)? & 4 != 0,
        ticks: wide(10)? + wide(11)? + wide(12)? + wide(13)?,
        start: wide(18)?,
    })
}

/// Reads a list of pids.
pub(super) fn parse_pids(text: &[u8]) -> Vec<i32> {
    text.split(u8::is_ascii_whitespace).filter_map(number).collect()
}

/// The value of a variable in an environment block.
pub(super) fn variable<'a>(environ: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environ
        .split(|b| *b == 0)
        .find_map(|entry| entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")))
}

/// The words of a command line, for messages.
pub(super) fn words(cmdline: &[u8]) -> Vec<String> {
    cmdline
        .split(|b| *b == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// The signals named by the `SigIgn` mask of `/proc/PID/status`.
pub(super) fn ignored(status: &str) -> Vec<i32> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    (1..=64).filter(|signal| mask & (1 << (signal - 1)) != 0).collect()
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_may_look_like_fields() {
        let line = b"77 (a) R 1 (b) S 5 77 76 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 9876 1 2 3";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.pid, stat.state, stat.ppid, stat.pgrp, stat.session), (77, b'S', 5, 77, 76));
        assert_eq!((stat.ticks, stat.start, stat.exiting), (100, 9876, false));
        let exiting = b"77 (a) R 5 77 76 0 -1 4194564 1 2 3 4 10 20 30 40 20 0 1 0 9876 1 2 3";
        assert!(parse_stat(exiting).unwrap().exiting);
        assert_eq!(parse_stat(b"77 (cut S 5"), None);
        assert_eq!(parse_stat(b"77 (cut) S 5 77"), None);
    }

    #[test]
    fn environments_and_lists() {
        let block = b"A=1\0ORCHESTRATOR_ATTEMPT=x=y\0B=\0";
        assert_eq!(variable(block, "ORCHESTRATOR_ATTEMPT"), Some(b"x=y".as_slice()));
        assert_eq!(variable(block, "B"), Some(b"".as_slice()));
        assert_eq!(variable(block, "ORCHESTRATOR"), None);
        assert_eq!(parse_pids(b"12 7 \n"), [12, 7]);
        assert_eq!(words(b"sh\0-c\0exit 1\0"), ["sh", "-c", "exit 1"]);
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001003\n"), [1, 2, 13]);
    }
}
