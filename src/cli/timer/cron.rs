//! A line for crontab: pure.

use std::time::Duration;

use super::{Entry, folder_of};

/// The line with what a person does with it.
pub(super) fn text(entry: &Entry, secrets: &[String]) -> Result<String, String> {
    let line = line(entry)?;
    let mut out = format!(
        "# {}'s turns in {}; put this line into the table that `crontab -e` opens\n",
        entry.role, entry.folder
    );
    for name in secrets {
        // What cron does not have, an agent does not get.
        out.push_str(&format!("# before it, a line with the value of {name}: {name}=…\n"));
    }
    Ok(format!("{out}{line}\n"))
}

/// One line: times, and a command for cron's `sh`, which has no more than HOME, LOGNAME and a short PATH.
pub(super) fn line(entry: &Entry) -> Result<String, String> {
    let quote =
        |text: &str| shlex::try_quote(text).map(std::borrow::Cow::into_owned).map_err(|e| e.to_string());
    let mut words = Vec::new();
    for (name, value) in &entry.vars {
        words.push(format!("{name}={}", quote(value)?));
    }
    words.push(quote(&entry.program)?);
    for arg in &entry.args {
        words.push(quote(arg)?);
    }
    let command = format!(
        "cd {} && mkdir -p {} && {} >> {} 2>&1",
        quote(&entry.folder)?,
        quote(&folder_of(&entry.log).to_string_lossy())?,
        words.join(" "),
        quote(&entry.log)?
    );
    // In a crontab a bare percent sign is the end of the command.
    Ok(format!("{} {}", times(entry.every)?, command.replace('%', "\\%")))
}

/// The five fields; cron counts from the full hour, so only parts of one come at even distances.
fn times(every: Duration) -> Result<String, String> {
    let secs = every.as_secs();
    let whole = |unit: u64| secs.is_multiple_of(unit) && every.subsec_nanos() == 0;
    let (minutes, hours) = (secs / 60, secs / 3600);
    match () {
        () if secs < 60 => Err("cron knows nothing shorter than a minute: --every 1m, or setup systemd".to_owned()),
        () if secs == 60 => Ok("* * * * *".to_owned()),
        () if whole(60) && minutes < 60 && 60 % minutes == 0 => Ok(format!("*/{minutes} * * * *")),
        () if secs == 3600 => Ok("0 * * * *".to_owned()),
        () if whole(3600) && hours < 24 && 24 % hours == 0 => Ok(format!("0 */{hours} * * *")),
        () if secs == 86_400 => Ok("0 0 * * *".to_owned()),
        () => Err(
            "cron knows parts of an hour or of a day: 1m 2m 3m 4m 5m 6m 10m 12m 15m 20m 30m 1h 2h 3h 4h 6h 8h 12h 24h"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_line_quotes_for_the_shell_and_for_cron() {
        let line = line(&example()).unwrap();
        assert_eq!(
            line,
            "*/5 * * * * cd \"/srv/it's 100\\% \"'$HOME' && mkdir -p /srv/logs && PATH=/usr/bin:/bin \
             '/opt/my tools/orchestrator' --role ralph --if-turn >> /srv/logs/timer-ralph.log 2>&1"
        );
    }

    #[test]
    fn times_are_what_cron_can_keep() {
        let cases = [
            (60, "* * * * *"),
            (120, "*/2 * * * *"),
            (1800, "*/30 * * * *"),
            (3600, "0 * * * *"),
            (21_600, "0 */6 * * *"),
            (86_400, "0 0 * * *"),
        ];
        for (secs, expected) in cases {
            assert_eq!(times(Duration::from_secs(secs)).unwrap(), expected);
        }
        for secs in [1, 59, 90, 420, 5400, 18_000, 172_800] {
            times(Duration::from_secs(secs)).unwrap_err();
        }
    }
}
