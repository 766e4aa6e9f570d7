//! Puts the server together and holds it until a signal comes.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::args::Global;
use super::super::error::{Failure, INTERNAL};
use super::super::screen;
use super::super::setup::{Machine, Setup, setup_beside};
use super::super::{print, status};
use super::ServeArgs;
use crate::ledger::{FILE, Ledger, LedgerError};
use crate::sync::worktree::Repo;
use crate::turns::settings::Settings;
use crate::ui::web::{self, Door, Project, Site};
use crate::workstreams::engine::Saved;
use crate::workstreams::report::{self, Facts};

/// Where the page is, unless somebody else is there already.
const PORT: u16 = 7357;
/// Threads that read the ledger for requests; more wait their turn.
const READERS: usize = 4;
/// What is still being read when the program ends is not waited for.
const AT_ONCE: Duration = Duration::ZERO;

pub(in crate::cli) fn serve(global: &Global, args: &ServeArgs) -> Result<u8, Failure> {
    let Setup { settings, loaded } = setup_beside(global)?;
    let private = settings.private();
    let token = web::token(&private, args.new_token)
        .map_err(|e| Failure::new(INTERNAL, "io", "keep the token").cause(e.to_string()))?;
    if settings.options.git
        && let Ok(repo) = Repo::open(&settings.root, Machine::new().clock)
        && let Err(e) = repo.exclude_private()
    {
        say(&format!("warning: git would see .orchestrator/: {e}\n"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .build()
        .map_err(|e| Failure::new(INTERNAL, "io", "start the runtime").cause(e.to_string()))?;
    let code = runtime.block_on(async {
        let machine = Machine::listening()?;
        let listener = listen(args).await?;
        let bound = listener.local_addr().map_err(|e| taken(args, &e))?;
        let door = Door::new(token, bound);
        let url = door.url();
        let logs = vec![settings.root.join(&settings.config.logs_dir), private.clone()];
        let clock = machine.shared_clock();
        let project = Arc::new(Here { settings, root: loaded.root.clone() });
        let site = Site::new(&loaded.root, private.join(FILE), logs, door, clock, project)
            .map_err(|e| Failure::new(INTERNAL, "io", "start the readers").cause(e.to_string()))?;
        print(&format!("{url}\n"))?;
        warn(bound);
        if args.open {
            open(&url);
        }
        tokio::select! {
            reason = machine.stop.wait() => Ok(reason.exit_code()),
            ended = web::serve(listener, site) => match ended {
                Ok(()) => Ok(super::super::error::OK),
                Err(e) => Err(Failure::new(INTERNAL, "io", "serve the page").cause(e.to_string())),
            },
        }
    });
    runtime.shutdown_timeout(AT_ONCE);
    code
}

/// The port that was asked for, or the usual one, or any.
async fn listen(args: &ServeArgs) -> Result<TcpListener, Failure> {
    let at = |port| TcpListener::bind(SocketAddr::new(args.bind, port));
    let first = at(args.port.unwrap_or(PORT)).await;
    match (first, args.port) {
        (Err(e), None) if e.kind() == io::ErrorKind::AddrInUse => at(0).await.map_err(|e| taken(args, &e)),
        (first, _) => first.map_err(|e| taken(args, &e)),
    }
}

fn taken(args: &ServeArgs, error: &io::Error) -> Failure {
    let at = SocketAddr::new(args.bind, args.port.unwrap_or(PORT));
    Failure::new(INTERNAL, "io", format!("listen at {at}"))
        .cause(error.to_string())
        .hint("take any free port: orchestrator serve --port 0")
}

/// What it means that others can reach it.
fn warn(bound: SocketAddr) {
    if !bound.ip().is_loopback() {
        say(&format!(
            "warning: whoever reaches {bound} and knows the address sees everything agents print here, unencrypted; \
             safer is a tunnel: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE\n",
            port = bound.port()
        ));
    }
}

fn say(text: &str) {
    use io::Write as _;
    // Nobody may be there to hear it.
    let _ = screen::stderr().write_all(text.as_bytes());
}

fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(e) = command.spawn() {
        say(&format!("warning: {program} cannot be started: {e}\n"));
    }
}

/// What the page shows and only other rooms know.
struct Here {
    settings: Settings,
    root: std::path::PathBuf,
}

impl Project for Here {
    fn state(&self) -> Value {
        match status::now(&self.settings, &self.root) {
            Ok(value) => value,
            Err(failure) => {
                json!({"version": 1, "root": self.root, "status": null, "runs": [], "error": failure.json()})
            }
        }
    }

    fn report(&self, ledger: &Ledger, run_id: &str) -> Result<Option<Value>, LedgerError> {
        let spec = Saved::read(&self.settings.private(), run_id).ok();
        Ok(Facts::read(ledger, run_id, spec, &self.root)?.as_ref().map(report::json))
    }

    fn mask(&self, text: Vec<u8>) -> Vec<u8> {
        match self.settings.redactor.bytes(&text) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(masked) => masked,
        }
    }
}
