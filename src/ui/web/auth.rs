//! Who is let in: pure.
//!
//! The token keeps strangers out. `Host` and `Origin` keep out pages of other sites that the user's own browser has
//! open: a name that was made to point here (DNS rebinding) shows in `Host`, a request of another page in `Origin`
//! or `Sec-Fetch-Site`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Method,
    Host,
    Origin,
    Token,
}

/// The one way in.
#[derive(Debug, Clone)]
pub struct Door {
    token: String,
    bound: SocketAddr,
}

impl Door {
    /// `token`: letters and digits. `bound`: where the server listens.
    pub fn new(token: String, bound: SocketAddr) -> Self {
        Self { token, bound }
    }

    /// The address to open.
    pub fn url(&self) -> String {
        let ip = match self.bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        format!("http://{ip}:{}/?token={}", self.bound.port(), self.token)
    }

    /// The cookie of this server: browsers keep cookies by host and not by port.
    fn cookie_name(&self) -> String {
        format!("orchestrator-{}", self.bound.port())
    }

    /// What a page is given, so that it need not repeat the token.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.token)
    }

    pub(super) fn admits(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if method != Method::GET && method != Method::HEAD {
            return Err(Refusal::Method);
        }
        let host = only(headers, &header::HOST).filter(|host| self.knows(host)).ok_or(Refusal::Host)?;
        if !same_origin(headers, host) {
            return Err(Refusal::Origin);
        }
        if self.shown(uri, headers).is_some_and(|shown| equal(shown.as_bytes(), self.token.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::Token)
        }
    }

    /// The token that is shown: in the address, as a bearer's, or as a cookie. The first that is there counts.
    fn shown<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let asked = uri.query().and_then(|q| q.split('&').find_map(|pair| pair.strip_prefix("token=")));
        let bearer = || {
            let words = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
            let (scheme, token) = words.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        };
        let name = self.cookie_name();
        let cookie = || {
            let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
            let mut pairs =
                all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(own, _)| *own == name).map(|(_, token)| token)
        };
        asked.or_else(bearer).or_else(cookie)
    }

    /// Whether a `Host` means this server: a number, or the one name that no stranger can point elsewhere.
    fn knows(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.bound.port()) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let bound = self.bound.ip();
        let local = bound.is_loopback() || bound.is_unspecified();
        match name.parse::<IpAddr>() {
            Ok(ip) => ip == bound || bound.is_unspecified() || (local && ip.is_loopback()),
            Err(_) => local && name.eq_ignore_ascii_case("localhost"),
        }
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).into_iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

/// `none` is a person who typed the address.
fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let origin = headers.get_all(header::ORIGIN).into_iter();
    let site = headers.get_all(&SITE).into_iter();
    let own = |origin: &[u8]| {
        origin.strip_prefix(b"http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_bytes()))
    };
    origin.map(HeaderValue::as_bytes).all(own)
        && site.map(HeaderValue::as_bytes).all(|v| v == b"same-origin" || v == b"none")
}

/// Takes the same time wherever the two differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y));
    // Kept from being made into a comparison that ends early.
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(door: &Door, uri: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        door.admits(&Method::GET, &uri.parse().unwrap(), &map)
    }

    fn door(bound: &str) -> Door {
        Door::new("abc123".into(), bound.parse().unwrap())
    }

    /// I7: the token protects every route, in each of its three forms.
    #[test]
    fn the_token_opens() {
        let door = door("127.0.0.1:7357");
        let host = ("host", "127.0.0.1:7357");
        for (uri, header) in [
            ("/?token=abc123", ("x", "y")),
            ("/?x=1&token=abc123", ("x", "y")),
            ("/", ("authorization", "Bearer abc123")),
            ("/", ("authorization", "bearer  abc123")),
            ("/", ("cookie", "a=b; orchestrator-7357=abc123")),
        ] {
            assert_eq!(asked(&door, uri, &[host, header]), Ok(()), "{uri} {header:?}");
        }
        for (uri, header) in [
            ("/", ("x", "y")),
            ("/?token=", ("x", "y")),
            ("/?token=abc12", ("x", "y")),
            ("/?token=abc1234", ("x", "y")),
            ("/?token=abd123", ("cookie", "orchestrator-7357=abc123")),
            ("/?xtoken=abc123", ("x", "y")),
            ("/", ("authorization", "Basic abc123")),
            ("/", ("cookie", "orchestrator-7358=abc123")),
        ] {
            assert_eq!(asked(&door, uri, &[host, header]), Err(Refusal::Token), "{uri} {header:?}");
        }
        let post = door.admits(&Method::POST, &"/?token=abc123".parse().unwrap(), &HeaderMap::new());
        assert_eq!(post, Err(Refusal::Method));
    }

    /// I7: a name that somebody pointed here, another port, another page.
    #[test]
    fn strangers_are_told_by_host_and_origin() {
        let local = door("127.0.0.1:7357");
        let uri = "/?token=abc123";
        for host in ["127.0.0.1:7357", "localhost:7357", "LOCALHOST:7357", "[::1]:7357"] {
            assert_eq!(asked(&local, uri, &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example:7357",
            "127.0.0.1:80",
            "127.0.0.1",
            "localhost",
            "10.0.0.1:7357",
            "localhost.evil.example:7357",
            "127.0.0.1:7357:7357",
            "",
        ] {
            assert_eq!(asked(&local, uri, &[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(asked(&local, uri, &[]), Err(Refusal::Host));
        let twice = [("host", "localhost:7357"), ("host", "localhost:7357")];
        assert_eq!(asked(&local, uri, &twice), Err(Refusal::Host));
        let wide = door("0.0.0.0:7357");
        assert_eq!(asked(&wide, uri, &[("host", "10.0.0.1:7357")]), Ok(()));
        assert_eq!(asked(&wide, uri, &[("host", "evil.example:7357")]), Err(Refusal::Host));
        let one = door("10.0.0.1:7357");
        assert_eq!(asked(&one, uri, &[("host", "10.0.0.1:7357")]), Ok(()));
        assert_eq!(asked(&one, uri, &[("host", "localhost:7357")]), Err(Refusal::Host));
        let host = ("host", "localhost:7357");
        for (name, value, fine) in [
            ("origin", "http://localhost:7357", true),
            ("origin", "http://127.0.0.1:7357", false),
            ("origin", "https://localhost:7357", false),
            ("origin", "http://localhost:7357.evil.example", false),
            ("origin", "null", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
        ] {
            let expected = if fine { Ok(()) } else { Err(Refusal::Origin) };
            assert_eq!(asked(&local, uri, &[host, (name, value)]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_address_can_be_opened() {
        assert_eq!(door("127.0.0.1:80").url(), "http://127.0.0.1:80/?token=abc123");
        assert_eq!(door("0.0.0.0:81").url(), "http://127.0.0.1:81/?token=abc123");
        assert_eq!(door("[::1]:82").url(), "http://[::1]:82/?token=abc123");
    }
}
