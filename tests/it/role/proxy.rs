//! A bad network: a TCP proxy that can be told to refuse, delay, hang and cut short.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::remote::inetd::Listener;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Clear,
    /// Every connection is closed at once, those that are open too.
    Cut,
    /// Before every piece, each way.
    Delay(Duration),
    /// Nothing comes through, and nothing is closed.
    Hang,
    /// So many bytes of an answer, then the end.
    Truncate(usize),
}

struct Sky {
    weather: Mutex<Weather>,
    over: AtomicBool,
}

impl Sky {
    fn now(&self) -> Weather {
        if self.over.load(Ordering::SeqCst) { Weather::Cut } else { *self.weather.lock().unwrap() }
    }
}

pub struct Proxy {
    sky: Arc<Sky>,
    listener: Listener,
}

impl Proxy {
    /// To a server on this port of the loopback.
    pub fn to(port: u16) -> Self {
        let sky = Arc::new(Sky { weather: Mutex::new(Weather::Clear), over: AtomicBool::new(false) });
        let own = Arc::clone(&sky);
        let listener = Listener::start(move |near| {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
            let (near_in, far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let up = Arc::clone(&own);
            let asks = thread::spawn(move || pump(near_in, far_out, &up, false));
            pump(far, near, &own, true);
            let _ = asks.join();
        });
        Self { sky, listener }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/remote.git", self.listener.port)
    }

    pub fn set(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap() = weather;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.sky.over.store(true, Ordering::SeqCst);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, sky: &Sky, answers: bool) {
    // A cut ends connections on which nothing is said, too.
    let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
    let (mut piece, mut through) = (vec![0; 16 * 1024], 0);
    loop {
        let size = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(size) => size,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => 0,
            Err(_) => break,
        };
        while size > 0 && sky.now() == Weather::Hang {
            thread::sleep(Duration::from_millis(10));
        }
        let mut pass = size;
        match sky.now() {
            Weather::Cut => break,
            Weather::Delay(pause) if size > 0 => thread::sleep(pause),
            Weather::Truncate(most) if answers => pass = size.min(most.saturating_sub(through)),
            _ => {}
        }
        if to.write_all(&piece[..pass]).is_err() {
            break;
        }
        through += pass;
        if pass < size {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
