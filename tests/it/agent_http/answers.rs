//! Whole turns over each API.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::server::{Server, events, head, ok, send};
use super::{project, summary};

const KEY: &str = "sesame-open-0123456789";

fn chat() -> String {
    let delta = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
    let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 2, "cost": 0.25}});
    let list = events(&[delta("Hel"), delta("lo "), delta("there"), end, usage]);
    ok("text/event-stream", &format!(": keep-alive\n\n{list}data: [DONE]\n\n"))
}

fn responses() -> String {
    let delta = |text: &str| json!({"type": "response.output_text.delta", "delta": text});
    let usage = json!({"input_tokens": 40, "output_tokens": 2});
    let done = json!({"type": "response.completed", "response": {"status": "completed", "usage": usage}});
    let created = json!({"type": "response.created", "response": {"id": "resp_7"}});
    ok("text/event-stream", &events(&[created, delta("Hello"), delta(" there"), done]))
}

fn ollama() -> String {
    let line = |text: &str| json!({"message": {"content": text}, "done": false});
    let end = json!({"message": {"content": ""}, "done": true, "prompt_eval_count": 40, "eval_count": 2});
    let lines = [line("Hello"), line(" there"), end].map(|v| v.to_string());
    ok("application/x-ndjson", &(lines.join("\n") + "\n"))
}

/// A1: an iteration over each API: answer, tokens, cost, session; the key in its header and nowhere else.
#[test]
fn every_api_takes_whole_turns() {
    let cases: [(&str, &str, String); 3] = [
        ("openai-chat", "POST /v1/chat/completions", chat()),
        ("openai-responses", "POST /v1/responses", responses()),
        ("ollama", "POST /v1/api/chat", ollama()),
    ];
    for (api, line, answer) in cases {
        let server = Server::saying(answer);
        let mut p = project(&server.url, api, "");
        p.set("MODEL_ACCESS", KEY);
        p.set("HTTP_PROXY", "http://127.0.0.1:9");
        let ran = p.run(&["--once", "--no-git"]).expect(0);
        assert_eq!(p.brief(), "2 galph complete", "{api}");
        let asked = server.asked();
        assert_eq!(asked.len(), 2, "{api}");
        assert_eq!(asked[0].line, line);
        assert_eq!(asked[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        let body: Value = serde_json::from_str(&asked[1].body).unwrap();
        assert_eq!((&body["model"], &body["stream"]), (&json!("small-1"), &json!(true)));
        let prompt = body["input"].as_str().or(body["messages"][0]["content"].as_str()).unwrap();
        assert!(prompt.starts_with("# Context of this turn"), "{prompt}");
        assert!(prompt.ends_with("Say hello, main.\n"), "{prompt}");
        assert!(ran.out.contains("\nHello there\n"), "plain text, no records: {}", ran.out);
        assert!(!ran.out.contains('{'), "{}", ran.out);
        let told = summary(&p, "ralph");
        assert!(told.contains("## Final message\n\nHello there\n"), "{told}");
        let cost = if api == "openai-chat" { "$0.2500" } else { "unknown" };
        assert!(told.contains(&format!("input tokens 40, output tokens 2, cost {cost}\n")), "{told}");
        assert_eq!(told.contains("\nSession: resp_7\n"), api == "openai-responses", "{told}");
        let written =
            everything(&p.path("logs")) + &everything(&p.path(".orchestrator")) + &ran.out + &ran.err;
        assert!(written.contains("agent-http --api") && !written.contains(KEY), "{api}");
    }
}

fn everything(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&everything(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
        }
    }
    text
}

/// The answer is shown while it comes: the server goes on only once its first words were seen.
#[test]
fn the_answer_is_streamed() {
    let (seen, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |_, _, stream| {
        let delta = |text: &str| events(&[json!({"choices": [{"delta": {"content": text}}]})]);
        send(stream, &head("200 OK", "text/event-stream", ""));
        send(stream, &delta("The first part.\n\nThe "));
        let _ = wait.lock().unwrap().recv_timeout(std::time::Duration::from_secs(20));
        send(stream, &(delta("second part.") + "data: [DONE]\n\n"));
    });
    let p = project(&server.url, "openai-chat", "budget: {turns: 1}\n");
    p.write("orchestration.yaml", &p.read("orchestration.yaml").replace(", key_env: MODEL_ACCESS", ""));
    let mut child = p.start(&["--once", "--no-git"]);
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    for line in out.lines() {
        let line = line.unwrap();
        if line == "The first part." {
            seen.send(()).unwrap();
        }
        lines.push(line);
    }
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert!(lines.contains(&"The second part.".to_owned()), "{lines:?}");
    assert_eq!(server.asked()[0].header("authorization"), None, "no key, no header");
    assert!(summary(&p, "galph").contains("The first part.\n\nThe second part.\n"));
}

/// A2's limit of what a command line holds is none here; and a key in an answer is masked.
#[test]
fn a_long_prompt_goes_by_body() {
    let server = Server::start(|_, asked, stream| {
        let key = asked.header("authorization").unwrap_or_default().to_owned();
        let text = format!("{} bytes, {key}", asked.body.len());
        let whole = json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]});
        send(stream, &ok("application/json", &whole.to_string()));
    });
    let mut p = project(&server.url, "openai-chat", "");
    p.set("MODEL_ACCESS", KEY);
    p.write("prompts/main.md", &"word ".repeat(60_000));
    let ran = p.run(&["--once", "--no-git"]).expect(0);
    assert!(server.asked()[1].body.len() > 300_000);
    assert!(ran.out.contains(" bytes, Bearer ") && !ran.out.contains(KEY), "{}", ran.out);
}

/// T9: the answer of a model is what the router reads.
#[test]
fn a_model_answers_for_the_router() {
    let content = "reviewer.md";
    let whole = json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]});
    let server = Server::saying(ok("application/json", &whole.to_string()));
    let mut p = project(&server.url, "openai-chat", "router: {enabled: true, prompt: router.md}\n");
    p.set("MODEL_ACCESS", KEY);
    p.write("prompts/router.md", "Which?\n");
    let ran = p.run(&["--once", "--no-git", "--agent-role", "galph=shell", "--agent-role", "ralph=shell"]);
    // The embedded agent takes the turns: its prompts here hold no block but the reviewer's.
    assert_eq!(p.sequence(), ["reviewer"], "{}{}", ran.out, ran.err);
}
