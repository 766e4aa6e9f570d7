//! What time a web server says it is: for whoever wonders whether this machine's clock is right.

use std::time::Duration;

/// Seconds since the epoch by the `Date` of any answer of `url`, a refusal too; none without one. No login is sent.
#[cfg(feature = "http")]
pub(super) fn ask(url: &str, patience: Duration) -> Option<i64> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(patience))
        .user_agent(concat!("orchestrator/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let answer = agent.head(without_login(url)).call().ok()?;
    read(answer.headers().get("date")?.to_str().ok()?)
}

/// A build without `http` asks nobody.
#[cfg(not(feature = "http"))]
pub(super) fn ask(_: &str, _: Duration) -> Option<i64> {
    None
}

#[cfg(any(feature = "http", test))]
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
#[cfg(any(feature = "http", test))]
fn read(date: &str) -> Option<i64> {
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_servers() {
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(read("yesterday"), None);
        assert_eq!(without_login("https://a:b@h:1/x@y"), "https://h:1/x@y");
        assert_eq!(without_login("https://h/x"), "https://h/x");
    }
}
