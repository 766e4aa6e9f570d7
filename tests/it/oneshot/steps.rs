//! The engine driven one action at a time, as an embedder would.

use std::sync::Arc;

use orchestrator::agents::Table as Agents;
use orchestrator::clock::SystemClock;
use orchestrator::config::{Limits, load};
use orchestrator::ids::SystemIds;
use orchestrator::oneshot::machine::State;
use orchestrator::oneshot::{Engine, Fact, Settings, World};
use orchestrator::supervise::{Redactor, Stop};

use super::table::Table;

/// Every step ends in a state that is on the disk, and every fact is told after it is true.
#[test]
fn one_action_at_a_time() {
    let t = Table::new();
    let root = t.project.root();
    t.project.write("work.sh", "cat > /dev/null; echo worked");
    t.project
        .write("audit.sh", "cat > /dev/null; test -e again && echo DONE || { touch again; echo RETRY; }");
    t.project.config(
        "agents: {w: {command: [sh, work.sh]}, a: {command: [sh, audit.sh]}}\n\
         oneshot: {worker_agent: w, auditor_agent: a}\n",
    );
    let loaded = load(&root, None, &[], &[]).unwrap();
    let settings = Settings {
        table: Agents::new(&loaded.config.agents),
        git: false,
        root: root.clone(),
        config: loaded.config,
        redactor: Arc::new(Redactor::none()),
        path: std::env::var_os("PATH").unwrap(),
        home: None,
        env: Vec::new(),
        limits: Limits::default(),
    };
    let stop = Stop::new();
    let mut moves = Vec::new();
    let mut states = Vec::new();
    let mut observer = |fact: &Fact<'_>| {
        if let Fact::Moved { session, to, .. } = fact {
            let saved = std::fs::read_to_string(
                root.join(".orchestrator/oneshot").join(&session.id).join("session.json"),
            );
            let saved: serde_json::Value = serde_json::from_str(&saved.unwrap()).unwrap();
            assert_eq!(saved["state"]["name"], to.name(), "told before it was saved");
            moves.push(to.name());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world =
            World { clock: Arc::new(SystemClock), ids: &SystemIds, stop: &stop, observer: &mut observer };
        let mut engine = Engine::create(&settings, world, "it").unwrap();
        assert_eq!(engine.session().state, State::Created);
        while engine.step().await.unwrap().is_none() {
            states.push(engine.session().state.name());
        }
        assert_eq!(engine.result(), "worked");
    });
    assert_eq!(states, ["audit-pending", "reiteration-pending", "audit-pending"]);
    assert_eq!(
        moves.join(" "),
        "worker-executing audit-pending auditor-executing reiteration-pending worker-executing audit-pending \
         auditor-executing completed"
    );
}
