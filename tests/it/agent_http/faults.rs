//! What a server can do wrong, and what becomes of the turn.

use serde_json::json;

use super::project;
use super::server::{Server, events, head, ok, send};
use crate::cli::project::{Project, Ran};

fn delta(text: &str) -> String {
    events(&[json!({"choices": [{"delta": {"content": text}}]})])
}

/// The turn fails, once, with this cause.
#[track_caller]
fn fails(p: &mut Project, cause: &str) -> Ran {
    p.set("MODEL_ACCESS", "sesame");
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains(cause), "{}", ran.err);
    assert_eq!(p.brief(), "1 galph failed");
    ran
}

#[test]
fn refusals_are_told_in_the_servers_words() {
    let error = json!({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}});
    let cases = [
        (
            head("401 Unauthorized", "application/json", "") + &error.to_string(),
            "401 Unauthorized: Incorrect API key",
        ),
        (
            head("500 Internal Server Error", "text/plain", "") + "boom\nmore",
            "500 Internal Server Error: boom\n",
        ),
        (head("404 Not Found", "text/html", ""), ": 404 Not Found\n"),
        (
            head("429 Too Many Requests", "application/json", "retry-after: 60\r\n")
                + &json!({"error": {"message": "no money left", "code": "insufficient_quota"}}).to_string(),
            "429 Too Many Requests: no money left",
        ),
    ];
    for (answer, cause) in cases {
        let server = Server::saying(answer);
        fails(&mut project(&server.url, "openai-chat", ""), cause);
        assert_eq!(server.asked().len(), 1, "no second try: {cause}");
    }
}

#[test]
fn an_answer_that_is_not_whole_fails_the_turn() {
    let limit = json!({"choices": [{"delta": {}, "finish_reason": "length"}]});
    let error = json!({"error": {"message": "the model fell over"}});
    let cases = [
        (ok("text/event-stream", &delta("half")), "the answer was cut off: the server closed the connection"),
        (
            head("200 OK", "text/event-stream", "content-length: 9000\r\n") + &delta("half"),
            "the answer was cut off: ",
        ),
        (
            ok("text/event-stream", &(delta("half") + &events(&[limit]))),
            "the answer is not whole: the token limit was reached",
        ),
        (ok("text/event-stream", &events(&[error])), "the model fell over"),
        (ok("text/html", "<html>a portal</html>"), "the answer was cut off"),
        ("nonsense\r\n\r\n".to_owned(), "127.0.0.1"),
    ];
    for (answer, cause) in cases {
        let server = Server::saying(answer);
        fails(&mut project(&server.url, "openai-chat", ""), cause);
    }
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let server = Server::start(|_, _, stream| {
        send(stream, &head("200 OK", "text/event-stream", ""));
        // Until the client has gone.
        let _ = std::io::Read::read(stream, &mut [0; 1]);
    });
    let mut p = project(&server.url, "openai-chat", "supervision: {inactivity_secs: 250ms}\n");
    let ran = fails(&mut p, "silent");
    assert!(ran.err.contains("agent local: "), "{}", ran.err);
}

#[test]
fn nobody_listens() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", server.local_addr().unwrap());
    drop(server);
    fails(&mut project(&url, "ollama", ""), "/v1/api/chat: ");
}

/// A key is not carried to where nobody sent it.
#[test]
fn redirects_are_not_followed() {
    let other = Server::saying(ok("text/event-stream", &delta("stolen")));
    let place = format!("location: {}/chat/completions\r\n", other.url);
    let server = Server::saying(head("307 Temporary Redirect", "text/plain", &place));
    fails(&mut project(&server.url, "openai-chat", ""), "307 Temporary Redirect");
    assert!(other.asked().is_empty());
}

#[test]
fn a_missing_key_is_named() {
    let server = Server::saying(ok("text/event-stream", &delta("hi")));
    let p = project(&server.url, "openai-chat", "");
    let ran = p.run(&["--once", "--no-git"]).expect(3);
    assert!(ran.err.contains("the variable MODEL_ACCESS is not set"), "{}", ran.err);
    assert!(server.asked().is_empty());
    let ran = p.run(&["check"]).expect(2);
    assert!(
        ran.err.contains("agent of galph, ralph: the variable MODEL_ACCESS, its key, is not set"),
        "{}",
        ran.err
    );
}

/// A6: a 429 with its reset is a structured record: another model takes the turn.
#[test]
fn a_rate_limited_server_is_replaced() {
    let full = json!({"error": {"message": "slow down", "code": "rate_limit_exceeded"}});
    let answer =
        head("429 Too Many Requests", "application/json", "retry-after: 3600\r\n") + &full.to_string();
    let server = Server::saying(answer);
    let second = Server::saying(ok("text/event-stream", &(delta("Hello") + "data: [DONE]\n\n")));
    let more = format!(
        "    fallback: [spare]\n  spare:\n    http: {{url: \"{}\", model: small-2}}\nsupervision: {{rate_limit: fallback}}\n",
        second.url
    );
    let mut p = project(&server.url, "openai-chat", &more);
    p.set("MODEL_ACCESS", "sesame");
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(
        ran.err.contains("notice: galph: spare takes the turn of local: rate limited until 20"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("notice: ralph: spare takes the turn of local: rate limited until 20"),
        "{}",
        ran.err
    );
    assert_eq!((server.asked().len(), second.asked().len()), (1, 2), "who stated a reset is not asked again");
}

/// What is wrong with the settings is said before anything runs, with its place.
#[test]
fn settings_are_checked() {
    let p = project("http://user:pass@127.0.0.1/v1", "openai-chat", "");
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(ran.err.contains("orchestration.yaml:4:"), "{}", ran.err);
    assert!(ran.err.contains("`agents.local.http.url` holds a name or password"), "{}", ran.err);
    p.write("orchestration.yaml", "agents: {m: {http: {key_env: K}}}\n");
    let ran = p.run(&["check"]).expect(2);
    for part in ["`agents.m.http` has no `url`", "`agents.m.http` has no `model`"] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    p.write("orchestration.yaml", "agents: {m: {http: {url: x, model: m, key_env: sk-1}}}\n");
    let ran = p.run(&["check"]).expect(2);
    for part in ["http.url` is no address", "http.key_env` is no name of a variable"] {
        assert!(ran.err.contains(part), "{}", ran.err);
    }
    p.write(
        "orchestration.yaml",
        "agent: {default: shell}\nagents: {m: {http: {url: 'http://h.example.org', model: m, key_env: K}}}\n",
    );
    let ran = p.run(&["check"]).expect(2);
    assert!(
        ran.out.contains("`agents.m.http` sends its key unencrypted to http://h.example.org"),
        "{}",
        ran.out
    );
}

/// A model is a model: it does not run on the goal's template.
#[test]
fn the_goal_must_be_written() {
    let p = project("http://127.0.0.1:9/v1", "openai-chat", "");
    std::fs::remove_file(p.path("docs/goal.md")).unwrap();
    p.run(&["init"]).expect(0);
    let ran = p.run(&["--once", "--no-git"]).expect(2);
    assert!(ran.err.contains("is still the template"), "{}", ran.err);
}
