//! The model stub as a process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running stub; it ends with its standard input.
pub struct Stub {
    child: Child,
    pub url: String,
    requests: PathBuf,
}

/// `cargo test` builds the examples; `cargo test --test it` does not, so what is missing is built here.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples/model-stub");
    if !path.exists() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let args = ["build", "--profile", "test", "--example", "model-stub", "--manifest-path", manifest];
        let built = Command::new(env!("CARGO")).args(args).output().unwrap();
        assert!(path.exists(), "{}", String::from_utf8_lossy(&built.stderr));
    }
    path
}

impl Stub {
    /// Gives these answers, the last one for ever, and keeps what it was asked in `requests`.
    pub fn start(requests: &Path, replies: &[&str]) -> Self {
        std::fs::create_dir_all(requests).unwrap();
        let mut child = Command::new(program())
            .arg("--requests")
            .arg(requests)
            .args(replies)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned(), requests: requests.to_owned() }
    }

    /// Everything that was asked, as it came over the wire.
    pub fn asked(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.requests).unwrap().map(|e| e.unwrap().path());
        files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
