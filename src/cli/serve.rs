//! `orchestrator serve`: the web page.

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The address to listen at; another than this machine's own lets others in who know the token
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: std::net::IpAddr,
    /// The port; 0: any that is free [default: 7357, or any if that is taken]
    #[arg(long)]
    pub port: Option<u16>,
    /// Open the page in a browser
    #[arg(long)]
    pub open: bool,
    /// Make another token: addresses that were printed before are void
    #[arg(long)]
    pub new_token: bool,
}

#[cfg(feature = "web")]
mod server;
#[cfg(feature = "web")]
pub(super) use server::serve;

#[cfg(not(feature = "web"))]
pub(super) fn serve(_: &super::args::Global, _: &ServeArgs) -> Result<u8, super::error::Failure> {
    Err(super::error::Failure::new(super::error::USAGE, "feature", "serve the page")
        .cause("this program was built without the web page")
        .hint("cargo install with its default features, or with --features web"))
}
