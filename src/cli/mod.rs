//! The command line: arguments in, exit code out. One file per command; exit codes and hints only
//! in [`error`].

mod again;
mod agent_http;
mod agents;
mod agents_test;
mod args;
mod audit;
mod batch;
mod batch_args;
mod branch;
mod check;
mod config;
mod consent;
mod demo;
mod doctor;
pub mod error;
mod events;
mod export;
mod gc;
mod handoff;
mod history;
mod init;
mod interrupt;
mod io_hint;
mod lately;
mod live;
mod logs;
mod oneshot;
mod prompts;
mod recap;
mod record;
mod record_args;
mod remote;
mod report;
mod role;
mod role_args;
mod route;
mod run;
mod schema;
mod screen;
mod serve;
mod setup;
mod shell;
mod show;
mod status;
mod stop;
mod stream;
mod sync_end;
mod takeover;
mod test_commands;
mod timer;
mod tool_http;
mod tools;
mod watch;
mod workstream;

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod reference_tests;

use std::ffi::OsString;
use std::io::Write;

use clap::{CommandFactory, FromArgMatches};

use self::args::{Cli, Command, PromptsCommand, RouteCommand};
use self::error::{Failure, OK, USAGE};

/// Parses the process's arguments, runs the command, reports, and returns the exit code.
pub fn main() -> u8 {
    let args: Vec<OsString> = std::env::args_os().collect();
    let matches = match Cli::command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(e) => {
            // Help and version are results, not errors.
            let code = if e.use_stderr() { USAGE } else { OK };
            let _ = e.print();
            return code;
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return USAGE;
        }
    };
    cli.global.apply_colour();
    let result = args::misplaced_loop_option(&matches).map_or_else(|| dispatch(&cli), Err);
    match result {
        Ok(code) => code,
        Err(failure) => {
            let mut err = screen::stderr();
            let _ = err.write_all(failure.text().as_bytes());
            failure.code
        }
    }
}

fn dispatch(cli: &Cli) -> Result<u8, Failure> {
    setup::enter(&cli.global)?;
    setup::diagnostics(&cli.global)?;
    let global = &cli.global;
    match &cli.command {
        None => run::run(global, &cli.run),
        Some(Command::Run(args)) => run::run(global, args),
        Some(Command::Demo) => demo::demo(global),
        Some(Command::Init(args)) => init::init(global, args),
        Some(Command::Check(args)) => check::check(global, args),
        Some(Command::Doctor(args)) => doctor::doctor(global, args),
        Some(Command::Config(args)) => config::config(global, args),
        Some(Command::Route(args)) => match &args.command {
            None => route::route(global, args, false),
            Some(RouteCommand::Explain) => route::route(global, args, true),
            Some(RouteCommand::Simulate { turns }) => route::simulate(global, *turns, args.format),
        },
        Some(Command::Prompts(args)) => match &args.command {
            PromptsCommand::Show { role } => prompts::show(global, role),
        },
        Some(Command::Stop(args)) => stop::stop(global, args),
        Some(Command::Resume(args)) => stop::resume(global, args),
        Some(Command::Batch(args)) => batch::batch(global, args),
        Some(Command::Workstream(args)) => workstream::workstream(global, args),
        Some(Command::Tools(args)) => tools::tools(global, args),
        Some(Command::Report(args)) => report::report(global, args),
        Some(Command::Interrupt(args)) => interrupt::interrupt(global, args),
        Some(Command::Status(args)) if args.remote => remote::status(global, args),
        Some(Command::Status(args)) => status::status(global, args),
        Some(Command::Watch) => watch::watch(global),
        Some(Command::Logs(args)) => logs::logs(global, args),
        Some(Command::Schema) => schema::schema(),
        Some(Command::Completions(args)) => shell::completions(args),
        Some(Command::Man(args)) => shell::man(args),
        Some(Command::Oneshot(args)) => oneshot::oneshot(global, args),
        Some(Command::Agents(args)) => agents::agents(global, args),
        Some(Command::ToolHttp) => tool_http::tool_http(),
        Some(Command::AgentHttp(args)) => agent_http::agent_http(args),
        Some(Command::History(args)) => history::history(global, args),
        Some(Command::Show(args)) => show::show(global, args),
        Some(Command::Events(args)) => events::events(global, args),
        Some(Command::Export(args)) => export::export(global, args),
        Some(Command::Gc(args)) => gc::gc(global, args),
        Some(Command::Audit(args)) => audit::audit(global, args),
        Some(Command::Recap(args)) => recap::recap(global, args),
        Some(Command::Handoff(args)) => handoff::handoff(global, args),
        Some(Command::Serve(args)) => serve::serve(global, args),
        Some(Command::Setup(args)) => timer::timer(global, args),
        Some(Command::Takeover(args)) => takeover::takeover(global, args),
    }
}

/// Prints a result on stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = screen::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `orchestrator … | head` is no failure.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(error::INTERNAL, "io", "write to stdout").cause(e.to_string()))
        }
        _ => Ok(()),
    }
}
