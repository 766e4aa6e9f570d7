//! The table and the typed configuration say the same.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, ROOT, Shape, Standing, shape_at};
use super::*;

/// Values that a shape takes: as written, and as the typed configuration shows them.
fn samples(shape: Shape) -> Vec<(Value, Value)> {
    let same = |values: Vec<Value>| values.into_iter().map(|v| (v.clone(), v)).collect();
    match shape {
        Shape::One(Kind::Bool) => same(vec![json!(true), json!(false)]),
        Shape::One(Kind::Count | Kind::Code) => same(vec![json!(7)]),
        Shape::One(Kind::Number) => same(vec![json!(1.5)]),
        Shape::One(Kind::Text | Kind::Word) => same(vec![json!("some")]),
        Shape::One(Kind::Duration) => vec![(json!("2500ms"), json!(2.5)), (json!(70), json!(70))],
        Shape::One(Kind::Glob) => same(vec![json!("src/**")]),
        Shape::One(Kind::Extension) => vec![(json!(".csv"), json!("csv"))],
        Shape::One(Kind::Role) => same(vec![json!("galph")]),
        Shape::One(Kind::Choice(names)) => same(names.iter().map(|n| json!(n)).collect()),
        Shape::Argv => same(vec![json!(["make", "test"])]),
        Shape::Command => vec![(json!("make test"), json!(["make", "test"]))],
        Shape::List(inner) => samples(*inner).into_iter().map(|(a, b)| (json!([a]), json!([b]))).collect(),
        Shape::Table(inner) => {
            samples(*inner).into_iter().map(|(a, b)| (json!({"some": a}), json!({"some": b}))).collect()
        }
        Shape::Map(keys) => keys.iter().flat_map(|key| with_key(keys, key)).collect(),
    }
}

/// A mapping with this key and those it cannot be without.
fn with_key(keys: &[Key], key: &Key) -> Vec<(Value, Value)> {
    let is_tool = keys.iter().any(|k| k.name == "python");
    let needed = |k: &&Key| k.required || (is_tool && k.name == "agent" && !is_form(key.name));
    let mut base = (Map::new(), Map::new());
    for other in keys.iter().filter(|k| k.name != key.name).filter(needed) {
        let (written, shown) = samples_of(other).remove(0);
        base.0.insert(other.name.into(), written);
        base.1.insert(other.name.into(), shown);
    }
    let with = |(written, shown): (Value, Value)| {
        let mut both = base.clone();
        both.0.insert(key.name.into(), written);
        both.1.insert(key.name.into(), shown);
        (Value::Object(both.0), Value::Object(both.1))
    };
    samples_of(key).into_iter().map(with).collect()
}

/// A text that is an address, a status or a pointer where one is wanted.
fn samples_of(key: &Key) -> Vec<(Value, Value)> {
    match key.name {
        "url" => vec![(json!("http://h/v1"), json!("http://h/v1"))],
        "expect" => vec![(json!([204]), json!([204]))],
        "outputs" => vec![(json!({"some": "/a/0"}), json!({"some": "/a/0"}))],
        _ => samples(key.shape),
    }
}

fn is_form(name: &str) -> bool {
    ["agent", "run", "shell", "python", "http"].contains(&name)
}

fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|w| holds(w, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| holds(w, p))
        }
        (whole, part) => whole == part,
    }
}

#[test]
fn every_key_and_every_choice_reaches_the_typed_configuration() {
    let Shape::Map(keys) = ROOT else { panic!("the root is a mapping") };
    let mut count = 0;
    for key in keys.iter().filter(|k| k.standing != Standing::FlagOnly) {
        for (written, shown) in with_key(keys, key) {
            // JSON is YAML.
            let loaded = load_text(&written.to_string()).unwrap_or_else(|e| panic!("{written}: {e}"));
            let config = serde_json::to_value(&loaded.config).unwrap();
            assert!(holds(&config, &shown), "{written}");
            let line_one = loaded.effective().into_iter().filter(|k| k.source == Source::File { line: 1 });
            assert!(line_one.count() > 0, "{written} is not listed");
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn every_key_of_a_run_is_set_by_a_flag() {
    let Some(Shape::Map(keys)) = shape_at("run") else { panic!("run is a mapping") };
    for key in keys {
        let path = format!("run.{}", key.name);
        for (written, shown) in samples(key.shape) {
            let text = match &written {
                Value::String(text) => text.clone(),
                Value::Object(entry) => format!("some={}", entry["some"].as_str().unwrap()),
                other => other.to_string(),
            };
            let loaded = load_with("", &[], &[Override::flag("--x", &path, text)]).unwrap();
            let run = serde_json::to_value(&loaded.config.run).unwrap();
            assert_eq!(run[key.name], shown, "{path}");
        }
    }
}

#[test]
fn every_field_stands_in_the_table() {
    fn walk(path: &str, value: &Value) {
        let Value::Object(map) = value else { return };
        for (name, inner) in map {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            assert!(shape_at(&below).is_some(), "{below} is not in the table");
            walk(&below, inner);
        }
    }
    walk("", &serde_json::to_value(Config::default()).unwrap());
}

/// T32: every key that the contract names.
#[test]
fn every_key_of_the_contract_exists() {
    let named = "prompts_dir supervisor_prompt main_prompt reviewer_prompt state_file findings_file input_file \
        goal_file logs_dir tmp_dir prompt_context workflow.{name,review_every_n,steps} \
        router.{enabled,mode,prompt,review_every_n,allowlist} agent.{default,roles,prompts,order,unattended} agents \
        supervision.{idle_secs,inactivity_secs,tool_secs,timeout_secs,result_grace_secs,grace_secs,rate_limit,repeat,log_max_bytes,pty} \
        sync.{transport,lease_secs,margin_secs,lease_ref,poll_interval,takeover,retry_secs,retry_failed,network_timeout_secs,clock_skew_secs,message_suffix,heartbeat_secs} \
        auto_commit.work.{enabled,globs,extensions,max_file_mib,max_total_mib} \
        auto_commit.reports.{enabled,globs,extensions,max_file_mib,max_total_mib} \
        auto_commit.tracked.{enabled,globs,extensions,max_file_mib,max_total_mib} \
        auto_commit.docs.{enabled,globs,extensions,max_file_mib,max_total_mib} \
        auto_commit.state.{enabled,globs,extensions,max_file_mib,max_total_mib} \
        exit.{roles,checks} oneshot.{max_iterations,audit_retries,max_prompt_chars,checks,prompts} \
        workstream.{tools,routing} budget.{turns,wall_secs,tokens,cost_usd,no_progress_turns} \
        hooks.{turn_start,turn_end,turn_failed,waiting,takeover,fenced,run_ended,budget_reached}";
    for word in named.split_whitespace() {
        let (prefix, names) = word.split_once('{').unwrap_or((word, "}"));
        for name in names.trim_end_matches('}').split(',') {
            assert!(shape_at(&format!("{prefix}{name}")).is_some(), "{prefix}{name}");
        }
    }
    for (list, names) in [
        ("workflow.steps[]", "role prompt prompts scope checks on_check_fail engine limits"),
        (
            "agents.NAME",
            "command prompt model output pty success_codes resume recover fallback limits env unattended http",
        ),
        ("agents.NAME.limits", "inactivity_secs timeout_secs max_parallel"),
        ("agents.NAME.http", "url api model key_env"),
        ("workstream.tools.NAME", "agent run http kinds domains max_parallel timeout_secs safety"),
        ("workstream.tools.NAME.http", "url method headers body expect outputs redirect_hosts max_bytes"),
        ("workstream.routing[]", "id match from strategy validate_with required"),
    ] {
        for name in names.split(' ') {
            let path = format!("{list}.{name}");
            assert!(keys::all().iter().any(|(p, _)| *p == path), "{path}");
        }
    }
    for (old, new) in keys::ALIASES {
        assert!(shape_at(new).is_some() && shape_at(old).is_none(), "{old}");
    }
}

/// T22, T17, G10, G13, G15, P7 to P9, P13 and O2: the values of the contract.
#[test]
fn the_defaults_are_those_of_the_contract() {
    let c = Config::default();
    let caps = |g: &Group| format!("{} {} {}", g.enabled, g.max_file_mib, g.max_total_mib);
    assert_eq!(caps(&c.auto_commit.reports), "true 5 20");
    assert_eq!(c.auto_commit.reports.globs, ["plans/**/reports/**", "reports/**"]);
    assert_eq!(caps(&c.auto_commit.tracked), "true 32 100");
    assert_eq!(caps(&c.auto_commit.docs), "true 1 inf");
    assert!(c.auto_commit.work.enabled && c.auto_commit.state.enabled && !c.auto_commit.force_add_reports);
    let s = &c.supervision;
    let limits = [s.idle_secs, s.tool_secs, s.timeout_secs, s.result_grace_secs, s.grace_secs];
    assert_eq!(limits.map(|l| l.0.as_secs()), [30, 3600, 0, 10, 5]);
    assert_eq!((s.inactivity_secs, s.log_max_bytes), (None, 1 << 30));
    let y = &c.sync;
    let times = [
        y.lease_secs,
        y.margin_secs,
        y.poll_interval,
        y.retry_secs,
        y.network_timeout_secs,
        y.clock_skew_secs,
        y.heartbeat_secs,
    ];
    assert_eq!(times.map(|t| t.0.as_secs()), [600, 60, 5, 900, 60, 60, 600]);
    assert_eq!((y.takeover, y.transport, y.retry_failed), (Takeover::Auto, Transport::Auto, 0));
    assert_eq!((c.run.sync_loops, c.run.mode, c.oneshot.max_iterations), (20, Mode::Combined, 5));
    let steps: Vec<(String, String)> =
        c.steps().into_iter().map(|s| (s.role.unwrap().to_string(), s.prompt)).collect();
    assert_eq!(steps, [("galph", "supervisor.md"), ("ralph", "main.md")].map(|(a, b)| (a.into(), b.into())));
}
