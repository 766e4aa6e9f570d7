//! `orchestrator watch`: the terminal view (interface.md I6).

use super::args::Global;
use super::error::{Failure, USAGE};

/// What does nearly the same without a terminal of its own.
const REMEDY: &str = "orchestrator status --watch";

#[cfg(not(feature = "tui"))]
pub(super) fn watch(_global: &Global) -> Result<u8, Failure> {
    Err(Failure::new(USAGE, "not_built", "show the terminal view")
        .cause("this program was built without it (feature `tui`)")
        .hint(REMEDY))
}

#[cfg(feature = "tui")]
pub(super) use shown::watch;

#[cfg(feature = "tui")]
mod shown {
    use std::path::Path;
    use std::sync::mpsc::{Sender, channel};
    use std::thread;

    use jiff::tz::TimeZone;
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    use super::super::error::INTERNAL;
    use super::super::setup::{Setup, runtime, setup_beside};
    use super::{Failure, Global, REMEDY, USAGE};
    use crate::clock::{Clock, SystemClock, iso_seconds};
    use crate::control::{Request, client};
    use crate::turns::lock::LoopLock;
    use crate::turns::stop_request::StopRequest;
    use crate::ui::tui::{Input, Leave, Places, Watch, is_terminal};

    pub(in crate::cli) fn watch(global: &Global) -> Result<u8, Failure> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if !is_terminal() || dumb {
            let why = if dumb {
                "TERM names no terminal that can be drawn on"
            } else {
                "standard input or output is no terminal"
            };
            return Err(Failure::new(USAGE, "no_terminal", "show the terminal view").cause(why).hint(REMEDY));
        }
        let Setup { settings, .. } = setup_beside(global)?;
        let redactor = settings.redactor.clone();
        let root = settings.root.clone();
        let colour = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
        let watch = Watch {
            places: Places {
                root: settings.root.clone(),
                private: settings.private(),
                state: settings.state_path(),
                roles: settings.roles(),
            },
            zone: if global.utc { TimeZone::UTC } else { TimeZone::system() },
            colour,
            mask: Box::new(move |text| redactor.text(text).into_owned()),
            stop: Box::new(move |socket, kind| stop(&root, socket, kind)),
        };
        let (send, receive) = channel();
        signals(send.clone())?;
        crate::ui::tui::watch(watch, (send, receive)).map_err(|e| {
            let what = match e {
                Leave::Io(_) => "draw on the terminal",
                Leave::Broken => "go on with the terminal view",
            };
            Failure::new(INTERNAL, "io", what).cause(e.to_string())
        })
    }

    /// What ends the view from outside, and what gave its terminal to somebody else for a while.
    fn signals(send: Sender<Input>) -> Result<(), Failure> {
        let failed =
            |e: std::io::Error| Failure::new(INTERNAL, "io", "listen to signals").cause(e.to_string());
        let runtime = runtime()?;
        let within = runtime.enter();
        let listen = |own: Signal| signal(SignalKind::from_raw(own.as_raw())).map_err(failed);
        let (mut term, mut hangup) = (listen(Signal::TERM)?, listen(Signal::HUP)?);
        let (mut int, mut cont) = (listen(Signal::INT)?, listen(Signal::CONT)?);
        drop(within);
        let listening = thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                loop {
                    let input = tokio::select! {
                        _ = term.recv() => Input::Quit(143),
                        _ = hangup.recv() => Input::Quit(143),
                        _ = int.recv() => Input::Quit(130),
                        _ = cont.recv() => Input::Redraw,
                    };
                    if send.send(input).is_err() {
                        return;
                    }
                }
            });
        });
        listening.map(|_| ()).map_err(failed)
    }

    /// What `orchestrator stop` does to a live run. The request of a loop lies on disk, so that it holds even if the loop
    /// cannot be told now.
    fn stop(root: &Path, socket: &Path, kind: &str) -> Result<String, String> {
        let request =
            StopRequest { reason: None, at: iso_seconds(SystemClock.now()), role: None, turn_id: None };
        let is_loop = kind == "turns" && !LoopLock::live(root).is_empty();
        if is_loop {
            request.leave(root).map_err(|e| e.to_string())?;
        }
        match client::ask(socket, &Request::Stop { reason: None, turn_id: None }) {
            Ok(reply) if reply.ok => {}
            Ok(reply) => return Err(reply.error.unwrap_or_else(|| "it was refused".into())),
            Err(_) if is_loop => {}
            Err(e) => return Err(e.to_string()),
        }
        Ok(if is_loop { "the loop stops after this turn".into() } else { "nothing further is begun".into() })
    }
}
