//! A real pseudo-terminal with a program in a session of its own on it.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What a person sits at.
pub struct Terminal {
    pub keyboard: File,
    line: OwnedFd,
    pub name: String,
}

impl Terminal {
    pub fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(&name).unwrap().into();
        Self { keyboard: master.into(), line, name }
    }

    pub fn modes(&self) -> String {
        format!("{:?}", rustix::termios::tcgetattr(&self.line).unwrap().local_modes)
    }

    /// Every mode and special character.
    pub fn all_modes(&self) -> String {
        format!("{:?}", rustix::termios::tcgetattr(&self.line).unwrap())
    }

    /// The supervising program in a session of its own on this terminal. The shell stays in ours: a child of this
    /// process in another session would look like an orphan to the supervisors of other tests.
    pub fn start(&self, command: &Command) -> Child {
        let end = || Stdio::from(self.line.try_clone().unwrap());
        Command::new("sh")
            .args(["-c", "setsid --ctty --wait \"$@\"; exit $?", "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(command.get_current_dir().unwrap_or_else(|| Path::new(".")))
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap()
    }

    /// What is on the screen up to a word that will come.
    pub fn read_to(&mut self, word: &str) -> String {
        let mut said = String::new();
        while !said.contains(word) {
            let mut part = vec![0; 4096];
            let count = self.keyboard.read(&mut part).unwrap();
            said.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        said
    }
}
