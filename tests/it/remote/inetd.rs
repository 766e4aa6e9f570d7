//! Servers that talk on their standard streams (`git daemon --inetd`, `sshd -i`), one process for
//! each connection, behind a listener of our own: no port is guessed and none is left behind.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Ends with the value.
pub struct Listener {
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Calls `serve` for each connection, each in a thread of its own.
    pub fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let (done, serve) = (Arc::clone(&over), Arc::new(serve));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(stream));
            }
        });
        Self { port, over, thread: Some(thread) }
    }

    /// One process of this command line for each connection.
    pub fn of_program(program: String, args: Vec<String>) -> Self {
        Self::start(move |stream| {
            let input = OwnedFd::from(stream.try_clone().unwrap());
            let output = OwnedFd::from(stream.try_clone().unwrap());
            let mut command = Command::new(&program);
            command.args(&args).stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::null());
            if let Ok(mut child) = command.spawn() {
                let _ = child.wait();
            }
            let _ = stream.shutdown(Shutdown::Both);
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
