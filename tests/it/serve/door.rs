//! Who is let in.

use super::Served;
use crate::cli::project::Project;

/// I7: without the token nothing is said, whatever is asked for.
#[test]
fn every_address_needs_the_token() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let s = Served::start(&p);
    let host = format!("Host: {}", s.host());
    for path in [
        "/",
        "/api/v1/state",
        "/api/v1/stream",
        "/api/v1/attempts/x/log",
        "/nowhere",
        "/?token=",
        "/?token=0",
    ] {
        for header in ["X: y", "Authorization: Bearer 0123456789abcdef0123456789abcdef", "Cookie: a=b"] {
            let answer = s.ask("GET", path, &[&host, header]);
            assert_eq!(answer.status, 401, "{path} {header}");
            assert!(answer.text().starts_with("the token is missing or wrong"), "{}", answer.text());
            assert!(!answer.text().contains(&s.token) && answer.header("set-cookie").is_empty());
        }
    }
    let query = format!("/api/v1/state?token={}", s.token);
    assert_eq!(s.ask("GET", &query, &[&host]).status, 200);
    assert_eq!(s.get("/api/v1/state").status, 200);
    let token = std::fs::metadata(p.path(".orchestrator/serve.token")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&token.permissions()) & 0o777, 0o600);
}

/// I7: the printed address gives a cookie that opens the rest, and a page that is whole.
#[test]
fn the_page_and_its_cookie() {
    let p = Project::new();
    let s = Served::start(&p);
    let host = format!("Host: {}", s.host());
    let page = s.ask("GET", &format!("/?token={}", s.token), &[&host]);
    assert_eq!(page.status, 200);
    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(cookie.starts_with(&format!("orchestrator-{}=", s.port)), "{cookie}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(page.header(name), value);
    }
    assert!(page.text().contains("<script>") && page.body.len() < 300 * 1024);
    assert!(!page.text().contains(&s.token));
    let cookie = format!("Cookie: other=1; {}", cookie.split(';').next().unwrap());
    for path in ["/", "/api/v1/state", "/api/v1/runs"] {
        assert_eq!(s.ask("GET", path, &[&host, &cookie]).status, 200, "{path}");
    }
}

/// I7: other names for this machine, other pages, other methods.
#[test]
fn strangers_are_refused() {
    let p = Project::new();
    let s = Served::start(&p);
    let bearer = format!("Authorization: Bearer {}", s.token);
    let host = format!("Host: {}", s.host());
    for other in ["Host: evil.example", "Host: 127.0.0.1", "Host: 127.0.0.1:1", "X: no host"] {
        let answer = s.ask("GET", "/api/v1/state", &[other, &bearer]);
        // Without any `Host` the request is none.
        assert!([400, 403].contains(&answer.status), "{other}: {}", answer.status);
    }
    assert_eq!(s.ask("GET", "/", &[&format!("Host: localhost:{}", s.port), &bearer]).status, 200);
    for other in [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        let answer = s.ask("GET", "/api/v1/state", &[&host, &bearer, other]);
        assert_eq!(answer.status, 403, "{other}");
        assert!(answer.text().starts_with("another site asks"), "{}", answer.text());
    }
    let own = format!("Origin: http://{}", s.host());
    for fine in [own.as_str(), "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"] {
        assert_eq!(s.ask("GET", "/api/v1/state", &[&host, &bearer, fine]).status, 200, "{fine}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = s.ask(method, "/api/v1/state", &[&host, &bearer]);
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    let head = s.ask("HEAD", "/api/v1/state", &[&host, &bearer]);
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// I12: ids and paths from outside find nothing but runs and attempts.
#[test]
fn hostile_names_find_nothing() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let s = Served::start(&p);
    let long = "a".repeat(5000);
    for id in [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%00",
        "'%20or%201=1--",
        "%25",
        "_",
        "<script>",
        "%ff%fe",
        "%F0%9F%92%A3",
        "0199aaaa-0000-7000-8000-000000000000",
        &long,
    ] {
        for path in [
            "runs/ID",
            "runs/ID/steps",
            "runs/ID/events",
            "runs/ID/attempts",
            "attempts/ID",
            "attempts/ID/log",
        ] {
            let answer = s.get(&format!("/api/v1/{}", path.replace("ID", id)));
            assert!([400, 404].contains(&answer.status), "{path} {id}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("root:"), "{}", answer.text());
        }
    }
    for path in
        ["/../../etc/passwd", "/api/v1/../../x", "//etc/passwd", "/page/app.js", "/api/v1/runs/", "/api/v1"]
    {
        assert_eq!(s.get(path).status, 404, "{path}");
    }
    for query in
        ["runs?limit=x", "runs?limit=0", "runs?kind=x", "runs?state=x", "events?after=x", "stream?after=x"]
    {
        let answer = s.get(&format!("/api/v1/{query}"));
        assert_eq!(answer.status, 400, "{query}");
        let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()));
    }
    assert_eq!(s.get("/api/v1/stream?run=nobody").status, 404);
    assert_eq!(s.json("runs?text=%27%20or%201=1--")["runs"].as_array().unwrap().len(), 0);
}
