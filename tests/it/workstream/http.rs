//! Tools behind HTTP, on loopback (W18).

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{events, report, run, said, states};
use crate::agent_http::server::{Server, head, ok, send};
use crate::cli::project::{Project, wait_until};

const SECRET: &str = "open-sesame-4711";

/// A project with one tool `hook`: its address, and more keys of it.
fn project(url: &str, more: &str) -> Project {
    let mut p = Project::new();
    p.set("HOOK_PASS", SECRET);
    p.config(&format!(
        "workstream:\n  quarantine: {{same_error: 0}}\n  tools:\n    hook: {{http: {{url: \"{url}\"{more}}}}}\n"
    ));
    p
}

fn one(more: &str) -> String {
    format!("id: x\nsteps: [{{id: a, tool: hook, prompt: say hi{more}}}]\n")
}

/// The words of the only step's last attempt.
fn error(p: &Project) -> String {
    let report = report(p);
    let attempts = report["steps"][0]["attempts"].as_array().unwrap();
    attempts.last().unwrap()["error"].as_str().unwrap_or_default().to_owned()
}

/// All that lies in the private folder and the logs, as text.
fn everything(p: &Project) -> String {
    let mut text = String::new();
    let mut folders = vec![p.path(".orchestrator"), p.path("logs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                text.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    text
}

/// Template, headers and secret reach the server; its answer comes back as result and outputs; the secret is nowhere.
#[test]
fn a_request_and_its_answer() {
    let server = Server::start(|_, asked, stream| {
        let pass = asked.header("x-pass").unwrap_or("-").to_owned();
        let body = json!({"items": [{"title": "first"}, {"title": "second"}], "ok": true, "pass": pass});
        send(stream, &ok("application/json", &body.to_string()));
    });
    let p = project(
        &server.url,
        ", method: PUT, headers: {X-Pass: 'Bearer ${HOOK_PASS}'}, body: '{\"text\": {{ prompt | tojson }}, \"of\": \"{{ step }}\", \"n\": {{ steps.first.result | tojson }}}', outputs: {title: /items/1/title}",
    );
    p.write("n.py", "def n(ask):\n    return {'n': [1]}\n");
    let text = "id: x\nsteps:
  - {id: first, python: 'n:n'}
  - {id: a, depends_on: [first], tool: hook, prompt: say \"hi\", outputs: {title: out/t.txt, response: out/all.json}}
  - {id: yes, depends_on: [a], when: \"steps.a.result.ok and steps.a.outputs.title == 'second'\", run: ['true']}
  - {id: no, depends_on: [a], when: 'not steps.a.result.ok', run: ['false']}
";
    run(&p, text, 0);
    assert_eq!(states(&p), ["first succeeded", "a succeeded", "yes succeeded", "no skipped"]);
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, "PUT /v1"));
    assert_eq!(asked[0].body, "{\"text\": \"say \\\"hi\\\"\", \"of\": \"a\", \"n\": {\"n\":[1]}}");
    assert_eq!(asked[0].header("x-pass"), Some("Bearer open-sesame-4711"));
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!(p.read("out/t.txt"), "second");
    // The file is the user's; what the program itself keeps and shows is masked.
    assert!(p.read("out/all.json").contains(SECRET));
    assert!(!everything(&p).contains(SECRET), "the secret was kept");
    let told = p.run(&["report", "last"]).expect(0).out + &p.run(&["events", "last"]).expect(0).out;
    assert!(!told.contains(SECRET) && told.contains("first"), "{told}");
}

/// What another try may mend is tried again, what it would not is not; `expect` says what a success is.
#[test]
fn statuses() {
    let server = Server::start(|number, _, stream| {
        let status = ["503 Service Unavailable", "429 Too Many Requests", "200 OK"][number.min(3) - 1];
        send(stream, &(head(status, "text/plain", "") + "come later\n"));
    });
    let p = project(&server.url, "");
    p.write("orchestration.yaml", &(p.read("orchestration.yaml") + "supervision: {rate_limit: fail}\n"));
    run(&p, &one(", retry: {attempts: 3, backoff: none}"), 0);
    assert_eq!(server.asked().len(), 3);
    assert_eq!(server.asked()[0].header("content-type"), Some("text/plain; charset=utf-8"));
    let first = report(&p)["steps"][0]["attempts"][0]["error"].as_str().unwrap().to_owned();
    assert!(first.ends_with("503 Service Unavailable: come later"), "{first}");

    let server = Server::saying(head("404 Not Found", "text/plain", "") + "no such hook");
    let p = project(&server.url, "");
    run(&p, &one(", retry: {attempts: 3, backoff: none}"), 3);
    assert_eq!(server.asked().len(), 1, "a wrong request stays wrong");
    assert!(error(&p).ends_with("404 Not Found: no such hook"), "{}", error(&p));
    let listed = p.run(&["tools"]).expect(0).out;
    assert!(listed.contains("hook  closed     1 run, 0 % good"), "a failing result counts: {listed}");

    let p = project(&server.url, ", expect: [404]");
    run(&p, &one(""), 0);
    let server = Server::saying(ok("text/plain", "fine"));
    run(&project(&server.url, ", expect: [201]"), &one(""), 3);
}

/// A redirect stays with its host, unless another is named; secrets never go along.
#[test]
fn redirects() {
    let other = Server::saying(ok("text/plain", "elsewhere"));
    let place = other.url.replace("127.0.0.1", "localhost");
    let target = place.clone();
    let server = Server::start(move |_, asked, stream| {
        let text = match asked.line.as_str() {
            "POST /v1" => head("307 Temporary Redirect", "text/plain", "location: /next?x=1\r\n"),
            "POST /next?x=1" => head("303 See Other", "text/plain", "location: seen\r\n"),
            "POST /away" => head("308 Permanent Redirect", "text/plain", &format!("location: {target}\r\n")),
            "POST /round" => head("307 Temporary Redirect", "text/plain", "location: /round\r\n"),
            _ => ok("text/plain", "arrived"),
        };
        send(stream, &text);
    });
    let key = ", headers: {x-key: '${HOOK_PASS}', x-plain: p}";
    run(&project(&server.url, key), &one(""), 0);
    let lines: Vec<String> = server.asked().iter().map(|a| a.line.clone()).collect();
    assert_eq!(lines, ["POST /v1", "POST /next?x=1", "GET /seen"]);
    assert_eq!((server.asked()[1].body.as_str(), server.asked()[2].body.as_str()), ("say hi", ""));
    assert_eq!(server.asked()[2].header("x-key"), Some(SECRET));

    let away = server.url.replace("/v1", "/away");
    let p = project(&away, key);
    run(&p, &one(", retry: {attempts: 3, backoff: none}"), 3);
    assert!(error(&p).contains("it is redirected to localhost:"), "{}", error(&p));
    assert!(other.asked().is_empty());
    let p = project(&away, &format!("{key}, redirect_hosts: [localhost]"));
    run(&p, &one(""), 0);
    let asked = other.asked();
    assert_eq!((asked[0].body.as_str(), asked[0].header("x-plain")), ("say hi", Some("p")));
    assert_eq!(asked[0].header("x-key"), None, "a secret is meant for one host");
    let p = project(&server.url.replace("/v1", "/round"), "");
    run(&p, &one(""), 3);
    assert!(error(&p).contains("more than 5 redirects"), "{}", error(&p));
}

/// Answers that are too long, cut off, never come, or are not what an output needs.
#[test]
fn what_a_server_can_do_wrong() {
    let long = Server::saying(ok("text/plain", &"x".repeat(2000)));
    let p = project(&long.url, ", max_bytes: 1999");
    run(&p, &one(", outputs: {response: out.txt}"), 3);
    assert!(error(&p).contains("longer than max_bytes (1999)"), "{}", error(&p));
    assert!(!p.path("out.txt").exists());
    run(&project(&long.url, ", max_bytes: 2000"), &one(""), 0);

    let cut = Server::saying(head("200 OK", "text/plain", "content-length: 900\r\n") + "half");
    let p = project(&cut.url, "");
    run(&p, &one(""), 3);
    assert!(error(&p).contains("the answer was cut off: "), "{}", error(&p));

    let p = project(&long.url, ", outputs: {title: /title}");
    run(&p, &one(", outputs: {title: t.txt}"), 3);
    assert!(error(&p).contains("the answer is no JSON, and an output is a part of it"), "{}", error(&p));

    let silent = Server::start(|_, _, stream| {
        // Until the client has gone.
        let _ = std::io::Read::read(stream, &mut [0; 1]);
    });
    let p = project(&silent.url, "");
    run(&p, &one(", timeout_secs: 0.3"), 3);
    assert!(error(&p).contains("(timeout)"), "{}", error(&p));

    let p = project(&long.url, ", headers: {x: '${NOBODY_SET_THIS}'}");
    let before = long.asked().len();
    run(&p, &one(", retry: {attempts: 3, backoff: none}"), 3);
    assert!(error(&p).contains("the variable NOBODY_SET_THIS is not set"), "{}", error(&p));
    let p = project(&long.url, ", body: '{{ stepz }}'");
    run(&p, &one(""), 3);
    assert!(error(&p).contains("the body's template: "), "{}", error(&p));
    assert_eq!(long.asked().len(), before, "nothing was sent");
}

/// Ctrl-C ends a request at once, and leaves no process.
#[test]
fn an_interrupt_ends_it() {
    let server = Server::start(|_, _, stream| {
        send(stream, &head("200 OK", "text/plain", ""));
        let _ = std::io::Read::read(stream, &mut [0; 1]);
    });
    let p = project(&server.url, "");
    p.write("ws.yaml", &one(""));
    let child = p.start(&["workstream", "run", "ws.yaml"]);
    wait_until("the request", || !server.asked().is_empty());
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(states(&p), ["a canceled"]);
    let left = crate::supervise::of_project(&p.root());
    assert!(left.is_empty(), "{left:?}");
    assert!(p.run(&["tools"]).expect(0).out.contains("hook  closed"), "it says nothing about the tool");
}

/// A server can be a gate; one that asks for patience is waited for (A6).
#[test]
fn gates_and_patience() {
    let server = Server::start(|number, asked, stream| {
        let text = match (number, asked.line.as_str()) {
            (1, _) => head("429 Too Many Requests", "text/plain", "retry-after: 1\r\n"),
            (_, "POST /v1") => ok("text/plain", "made"),
            _ => head("500 Internal Server Error", "text/plain", "") + "not yet",
        };
        send(stream, &text);
    });
    let p = project(&server.url, "");
    let more =
        format!("    probe: {{http: {{url: \"{}\", method: GET}}}}\n", server.url.replace("/v1", "/probe"));
    p.write("orchestration.yaml", &(p.read("orchestration.yaml") + &more));
    let text = "id: x\nsteps: [{id: a, tool: hook, prompt: say hi, gates: [{tool: probe}]}]\n";
    let end = run(&p, text, 3);
    assert!(end["error"].as_str().unwrap().contains("gate tool probe: GET "), "{end}");
    assert!(end["error"].as_str().unwrap().contains("500 Internal Server Error: not yet"), "{end}");
    let kinds: Vec<String> = events(&p).iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.iter().filter(|k| *k == "waiting").count(), 1, "{kinds:?}");
    let lines: Vec<String> = server.asked().iter().map(|a| a.line.clone()).collect();
    assert_eq!(lines, ["POST /v1", "POST /v1", "GET /probe"]);
}

/// W6: everything that is wrong with the settings, with lines, before anything runs.
#[test]
fn settings_are_checked() {
    let p = project("ftp://h/", ", body: '{{ x', expect: [99]");
    p.write("ws.yaml", &one(""));
    let refused = p.run(&["workstream", "run", "ws.yaml"]).expect(2).err;
    for part in ["http.url` is no address", "http.body` is no template", "http.expect[0]` is no status: 99"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(refused.contains("orchestration.yaml:5:"), "{refused}");
    p.config("workstream: {tools: {hook: {http: {method: get}, run: [x]}}}\n");
    let refused = p.run(&["check"]).expect(2).err;
    for part in ["expected one of GET, HEAD, POST, PUT, PATCH, DELETE", "has no `url`"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let p = project("http://hook.example.org/", ", headers: {x: '${HOOK_PASS}'}");
    p.run(&["check"])
        .expect(0)
        .says("`workstream.tools.hook.http` sends a secret unencrypted to http://hook");
    assert_eq!(said(&p.run(&["tools", "--format", "json"]).expect(0))["tools"][0]["name"], "hook");
}
