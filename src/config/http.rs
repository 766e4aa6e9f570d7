//! What the settings of a model behind HTTP must be: pure.

use super::model::HttpAgent;

/// Each wrong key, and what is wrong with it.
pub(super) fn problems(http: &HttpAgent) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    if let Some(url) = http.url.as_deref() {
        match host(url) {
            None => out.push(("url", format!("is no address: `{url}`; it begins with http:// or https://"))),
            // The address stands in the process table and in logs.
            Some(host) if host.contains('@') => {
                out.push(("url", "holds a name or password: name a variable in `key_env` instead".into()));
            }
            Some(_) if url.contains(['?', '#']) => {
                out.push(("url", "has a query: it is the base address, to which a path is added".into()));
            }
            Some(_) => {}
        }
    }
    if let Some(name) = http.key_env.as_deref()
        && !is_variable(name)
    {
        let text = "is no name of a variable: it names the variable that holds the key, not the key";
        out.push(("key_env", text.into()));
    }
    out
}

/// A key goes over the network as plain text.
pub(super) fn bares_its_key(http: &HttpAgent) -> bool {
    let url = http.url.as_deref().unwrap_or_default();
    let plain = url.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    http.key_env.is_some() && plain && !host(url).is_some_and(is_loopback)
}

/// Host and port of an address.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let known = ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (known && !host.is_empty() && !url.contains(char::is_whitespace)).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    let head = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    head && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(url: &str, key: Option<&str>) -> HttpAgent {
        HttpAgent {
            url: Some(url.into()),
            model: Some("m".into()),
            key_env: key.map(str::to_owned),
            ..HttpAgent::default()
        }
    }

    fn wrong(url: &str, key: Option<&str>) -> Vec<&'static str> {
        problems(&http(url, key)).into_iter().map(|(key, _)| key).collect()
    }

    /// A1: the key comes from the environment, never from the address or the settings.
    #[test]
    fn addresses_and_keys() {
        for good in ["http://127.0.0.1:11434/v1", "https://models.example.org", "HTTPS://[::1]:8/v1/"] {
            assert_eq!(wrong(good, Some("MY_KEY")), [""; 0], "{good}");
        }
        for bad in
            ["", "127.0.0.1:80", "ftp://h/", "http:///v1", "http://h h/", "https://u:p@h/", "http://h/v1?k=s"]
        {
            assert_eq!(wrong(bad, None), ["url"], "{bad}");
        }
        assert_eq!(wrong("http://h", Some("sk-123")), ["key_env"]);
    }

    #[test]
    fn a_bare_key_is_seen() {
        assert!(bares_its_key(&http("http://h.example.org/v1", Some("K"))));
        for fine in
            ["https://h.example.org", "http://localhost:1/v1", "http://127.9.9.9", "http://[::1]:80/x"]
        {
            assert!(!bares_its_key(&http(fine, Some("K"))), "{fine}");
        }
        assert!(!bares_its_key(&http("http://h.example.org", None)));
    }
}
