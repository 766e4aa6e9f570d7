//! A user's service and timer for systemd: pure.

use std::path::Path;

use super::{Entry, folder_of};

/// Both files, and the name they share.
pub(super) struct Units {
    name: String,
    log_folder: String,
    service: (String, String),
    timer: (String, String),
}

impl Units {
    pub(super) fn files(&self) -> [(String, String); 2] {
        [self.service.clone(), self.timer.clone()]
    }
}

pub(super) fn units(entry: &Entry) -> Result<Units, String> {
    if entry.every.as_secs() == 0 {
        return Err("a timer counts whole seconds: --every 1s at least".to_owned());
    }
    let name = unit_name(entry);
    let vars: String = entry
        .vars
        .iter()
        .map(|(n, v)| format!("Environment={}\n", quoted(&format!("{n}={v}"), false)))
        .collect();
    let command: Vec<String> =
        std::iter::once(&entry.program).chain(&entry.args).map(|word| quoted(word, true)).collect();
    let (folder, log) = (specifiers(&entry.folder), specifiers(&entry.log));
    // A turn lasts as long as it lasts; to stop it, the program ends its agent itself.
    let service = format!(
        "[Unit]\nDescription=orchestrator: {role}'s turn in {folder}\n\n[Service]\nType=oneshot\n\
         WorkingDirectory={folder}\n{vars}ExecStart={command}\nStandardOutput=append:{log}\n\
         StandardError=append:{log}\nTimeoutStartSec=infinity\nTimeoutStopSec=120\nKillMode=mixed\n",
        role = entry.role,
        command = command.join(" "),
    );
    let every = entry.every.as_secs();
    let timer = format!(
        "[Unit]\nDescription=orchestrator: looks for {role}'s turn in {folder}\n\n[Timer]\n\
         OnActiveSec=0\nOnUnitInactiveSec={every}s\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n",
        role = entry.role,
    );
    let path = |kind: &str| format!("~/.config/systemd/user/{name}.{kind}");
    Ok(Units {
        log_folder: folder_of(&entry.log).to_string_lossy().into_owned(),
        service: (path("service"), service),
        timer: (path("timer"), timer),
        name,
    })
}

pub(super) fn text(units: &Units, secrets: &[String]) -> String {
    let mut out = String::new();
    for (path, text) in units.files() {
        out.push_str(&format!("# {path}\n{text}\n"));
    }
    for name in secrets {
        out.push_str(&format!(
            "# the key {name} is missing there: systemctl --user edit {}.service\n",
            units.name
        ));
    }
    let folder = shlex::try_quote(&units.log_folder).unwrap_or_default();
    out.push_str(&format!(
        "# then: mkdir -p {folder}\n#       systemctl --user daemon-reload\n\
         #       systemctl --user enable --now {name}.timer\n\
         #       loginctl enable-linger    (to go on when nobody is logged in)\n",
        name = units.name
    ));
    out
}

/// `orchestrator-<project>-<role>`, of characters that a unit's name may have.
fn unit_name(entry: &Entry) -> String {
    let project = Path::new(&entry.folder).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let plain: String =
        project.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let plain: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let project = if plain.is_empty() { "project".to_owned() } else { plain.join("-") };
    format!("orchestrator-{project}-{}", entry.role)
}

/// A percent sign begins a specifier everywhere in a unit.
fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// One word of a command line or one assignment; only the former knows variables.
fn quoted(text: &str, command: bool) -> String {
    let text = specifiers(text).replace('\\', "\\\\").replace('"', "\\\"");
    let text = if command { text.replace('$', "$$") } else { text };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn units_quote_for_systemd() {
        let units = units(&example()).unwrap();
        let [(path, service), (_, timer)] = units.files();
        assert_eq!(path, "~/.config/systemd/user/orchestrator-it-s-100-HOME-ralph.service");
        for line in [
            "WorkingDirectory=/srv/it's 100%% $HOME\n",
            "Environment=PATH=/usr/bin:/bin\n",
            "ExecStart=\"/opt/my tools/orchestrator\" --role ralph --if-turn\n",
            "StandardOutput=append:/srv/logs/timer-ralph.log\n",
        ] {
            assert!(service.contains(line), "{line} in {service}");
        }
        assert!(timer.contains("OnUnitInactiveSec=300s\n"), "{timer}");
        assert_eq!(quoted("a$b\"c%", true), "\"a$$b\\\"c%%\"");
        assert_eq!(quoted("A=a$b c", false), "\"A=a$b c\"");
    }
}
