//! What the settings of a model, or a tool, behind HTTP must be: pure.

use super::model::{HttpAgent, HttpTool};

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

/// The same of a tool.
pub(super) fn tool_problems(http: &HttpTool) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let url = http.url.as_str();
    let mut say = |key: &str, text: String| out.push((key.to_owned(), text));
    match host(url) {
        // The mapping says that it is missing.
        _ if url.is_empty() => {}
        None => say("url", format!("is no address: `{url}`; it begins with http:// or https://")),
        Some(host) if host.contains('@') => {
            say("url", "holds a name or password: send them in a header, from a variable".into());
        }
        Some(host) if host.contains("${") => say("url", "has a variable as its host".into()),
        Some(_) => {}
    }
    let texts = http.headers.iter().map(|(name, value)| (format!("headers.{name}"), value));
    for (key, text) in texts.chain([("url".to_owned(), &http.url)]) {
        for part in text.split("${").skip(1) {
            let name = part.split_once('}').map(|(name, _)| name);
            if !name.is_some_and(is_variable) {
                say(&key, "has `${` without the name of a variable and `}`".into());
            }
        }
        if text.contains(['\r', '\n', '\0']) {
            say(&key, "holds a line end".into());
        }
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for name in http.headers.keys().filter(|name| name.is_empty() || !name.chars().all(token)) {
        say(&format!("headers.{name}"), "is no name of a header".into());
    }
    for name in http.headers.keys().filter(|name| OURS.iter().any(|own| name.eq_ignore_ascii_case(own))) {
        say(&format!("headers.{name}"), "is set by the program itself".into());
    }
    for (at, status) in http.expect.iter().enumerate().filter(|(_, s)| !(100..=599).contains(*s)) {
        say(&format!("expect[{at}]"), format!("is no status: {status}"));
    }
    for (name, _) in http.outputs.iter().filter(|(_, p)| !p.is_empty() && !p.starts_with('/')) {
        say(&format!("outputs.{name}"), "is no JSON pointer: it begins with `/`, or is empty for all".into());
    }
    if let Some(Err(e)) =
        http.body.as_deref().map(|body| minijinja::Environment::new().template_from_str(body).map(drop))
    {
        say("body", format!("is no template: {e}"));
    }
    if http.max_bytes.is_some_and(|most| most == 0 || most > LONGEST_ANSWER) {
        say("max_bytes", format!("is at least 1 and at most {LONGEST_ANSWER}"));
    }
    out
}

/// Headers that say how the request is carried.
const OURS: &[&str] = &["host", "content-length", "connection", "transfer-encoding"];
/// An answer is held in memory.
const LONGEST_ANSWER: u64 = 64 << 20;

/// The same of a tool's secrets.
pub(super) fn bares_a_secret(http: &HttpTool) -> bool {
    let plain = http.url.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    !http.variables().is_empty() && plain && !host(&http.url).is_some_and(is_loopback)
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

    /// W18: a tool's address, headers, statuses, template and pointers.
    #[test]
    fn tools() {
        let tool = HttpTool { url: "https://h.example.org/x?y=${TOKEN}".into(), ..HttpTool::default() };
        assert_eq!(tool_problems(&tool), []);
        assert_eq!(tool.variables(), ["TOKEN"]);
        assert!(!bares_a_secret(&tool));
        let wrong = HttpTool {
            url: "http://${HOST}/".into(),
            headers: [("X-Key", "${}"), ("Host", "x"), ("a b", "x\ny")]
                .map(|(n, v)| (n.into(), v.into()))
                .into(),
            body: Some("{{ prompt".into()),
            expect: vec![200, 99],
            outputs: [("a".to_owned(), "b".to_owned())].into(),
            max_bytes: Some(0),
            ..HttpTool::default()
        };
        let mut keys: Vec<String> = tool_problems(&wrong).into_iter().map(|(key, _)| key).collect();
        keys.sort();
        let expected = [
            "body",
            "expect[1]",
            "headers.Host",
            "headers.X-Key",
            "headers.a b",
            "headers.a b",
            "max_bytes",
            "outputs.a",
            "url",
        ];
        assert_eq!(keys, expected);
        assert!(bares_a_secret(&wrong));
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
