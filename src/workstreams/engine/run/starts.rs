//! What starts now: the tool, the request, the record.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::Engine;
use crate::config::document;
use crate::control::AttemptInfo;
use crate::event::{Event, Place};
use crate::ledger::{Change, IllegalMove, NewAttempt, StepStart, StepState};
use crate::supervise::{Stop, StopReason};
use crate::workstreams::engine::request::{Request, Work};
use crate::workstreams::engine::setting::Setting;
use crate::workstreams::engine::step::{Ground, Start};
use crate::workstreams::engine::tools::{Entry, Tools};
use crate::workstreams::quarantine::Reason;
use crate::workstreams::routing::{Choice, Decision, Need};
use crate::workstreams::schedule::{Item, Shift};
use crate::workstreams::scope::Scope;
use crate::workstreams::spec::{Spec, Step, names_a_file};

/// What was decided for a step that is about to start.
#[derive(Default)]
struct Plan {
    decision: Option<Decision>,
    refused: Option<String>,
}

impl Engine<'_> {
    /// Everything that can start now.
    pub(super) fn starts(&mut self) -> Result<Vec<Start>, IllegalMove> {
        let mut starts = Vec::new();
        if self.level > 0 || self.over_budget.is_some() {
            return Ok(starts);
        }
        let mut fresh = false;
        while self.quarantined.is_none() {
            let mut plans: BTreeMap<usize, Plan> = BTreeMap::new();
            let (ground, spec, tools) = (self.ground, self.spec, self.tools);
            let desk = Desk { failed: &self.failed_tools, broken: &self.broken, refused: &self.refused };
            let now = ground.book.now_ms();
            let only = self.only;
            let mut admits = |step: usize| {
                if only.is_some_and(|only| only != step) {
                    return false;
                }
                if spec.steps[step].is_routed() && !std::mem::replace(&mut fresh, true) {
                    tools.refresh();
                }
                loop {
                    let plan = plan(step, ground, tools, &desk, now);
                    let choice = plan.decision.as_ref().map(|decision| &decision.choice);
                    match choice {
                        Some(Choice::Wait(_)) => return false,
                        // What is known of the tool is another thing now.
                        Some(Choice::Take(name)) if tools.enter(name, now) == Entry::Lost => continue,
                        _ => {}
                    }
                    plans.insert(step, plan);
                    return true;
                }
            };
            let Some((step, shift)) = self.schedule.next(&mut admits)? else { break };
            let plan = plans.remove(&step).unwrap_or_default();
            starts.push(self.start(step, plan, shift.as_ref()));
        }
        if let Some(text) = self.tools.trouble() {
            self.ground.book.event(Event::Warning { text });
        }
        Ok(starts)
    }

    fn start(&mut self, step: usize, plan: Plan, shift: Option<&Shift>) -> Start {
        let ground = self.ground;
        let own = &self.spec.steps[step];
        self.attempts[step] += 1;
        self.first_began[step].get_or_insert(ground.clock.mono());
        let Plan { decision, mut refused } = plan;
        let request = self.request(step, decision.as_ref(), &mut refused);
        let place = ground.place(&request.attempt);
        if let Some(decision) = &decision {
            self.tell_decision(own, decision, &request, &place);
            if let Choice::Nobody { error, open } = &decision.choice {
                refused.get_or_insert_with(|| error.clone());
                if *open {
                    let evidence = decision.candidates.iter().map(|(name, _)| name.clone()).collect();
                    let reason = format!("step {}: {error}", own.id);
                    self.quarantined.get_or_insert(Reason { reason, evidence });
                }
            }
        }
        let trial = decision.is_some() && self.begin_use(request.tool.as_deref(), &place);
        let log = ground.logs.join(format!("{}.{}.log", own.id, request.number));
        let words = ground.setting.redactor.text(&own.words()).into_owned();
        let from = if shift.is_some() { StepState::Ready } else { StepState::Running };
        self.record_start(own, &request, &log, &words, from);
        self.moved(step, StepState::Running, None);
        let stop = Stop::new();
        let wish = stop.clone();
        let info = AttemptInfo {
            id: request.attempt.clone(),
            role: own.id.clone(),
            iteration: None,
            prompt: words,
            agent: request.tool.clone().unwrap_or_else(|| "-".into()),
        };
        let seen = self.board.begin(info, move |why| wish.ask(StopReason::because(why)));
        self.stops.insert(step, stop.clone());
        self.note_neighbours(step);
        let facts = if own.python.is_some() || own.prompt.is_some() { self.facts(step) } else { Value::Null };
        let validate_with = decision.map(|d| d.validate_with).unwrap_or_default();
        Start { step, request, log, refused, validate_with, stop, seen, trial, facts }
    }

    fn request(&self, step: usize, decision: Option<&Decision>, refused: &mut Option<String>) -> Request {
        let ground = self.ground;
        let own = &self.spec.steps[step];
        let tool = decision.and_then(|d| d.chosen().map(str::to_owned));
        let work = work_of(own, ground.setting).unwrap_or_else(|why| {
            refused.get_or_insert(why);
            Work::Prompt(String::new())
        });
        let limit = tool.as_ref().and_then(|t| ground.catalog.get(t)).and_then(|(_, limit)| limit);
        let origin = match decision {
            Some(Decision { rule: Some(rule), .. }) => rule.clone(),
            Some(_) if own.tool.is_none() => "default".into(),
            _ => "step".into(),
        };
        Request {
            run: ground.run_id.to_owned(),
            step: own.id.clone(),
            attempt: ground.ids.uuid(),
            number: self.attempts_before[step] + self.attempts[step],
            kind: own.kind.clone(),
            tool,
            work,
            scope: own.files_scope.clone(),
            timeout_secs: own.timeout_secs.or(limit).map(|s| s.0.as_secs_f64()),
            env: own.env.clone(),
            origin,
        }
    }

    fn tell_decision(&self, own: &Step, decision: &Decision, request: &Request, place: &Place) {
        let book = self.ground.book;
        if let Some((rule, position)) = &decision.position {
            self.tools.set_position(rule, *position);
            let change = Change::Position { rule: rule.clone(), position: *position };
            book.change(change, place.clone(), None);
        }
        let event = Event::ToolRouted {
            step: own.id.clone(),
            rule: decision.rule.clone(),
            strategy: decision.strategy.to_owned(),
            candidates: decision.candidates.clone(),
            choice: request.tool.clone(),
        };
        book.event_at(place, event);
    }

    /// The use of a tool begins; true if it is the trial of its circuit.
    fn begin_use(&self, tool: Option<&str>, place: &Place) -> bool {
        let Some(name) = tool else { return false };
        let trial = self.tools.begin(name);
        if trial {
            self.ground.book.event_at(place, Event::BreakerHalfOpen { tool: name.to_owned() });
        }
        trial
    }

    fn record_start(&self, own: &Step, request: &Request, log: &Path, words: &str, from: StepState) {
        let ground = self.ground;
        let log = log.strip_prefix(&ground.setting.root).unwrap_or(log).to_string_lossy().into_owned();
        let event = Event::AttemptStarted {
            iteration: 0,
            role: own.id.clone(),
            prompt: words.to_owned(),
            agent: request.tool.clone().unwrap_or_else(|| "-".into()),
            log: log.clone(),
            step: own.id.clone(),
            turn_id: None,
        };
        let attempt = NewAttempt {
            attempt_id: request.attempt.clone(),
            run_id: ground.run_id.to_owned(),
            step_id: own.id.clone(),
            role: own.kind.clone(),
            agent: request.tool.clone(),
            tool: request.tool.clone(),
            prompt: Some(words.to_owned()),
            request: serde_json::to_value(request).ok(),
            log_path: Some(log),
            at: ground.book.now_ms(),
            event: event.clone(),
        };
        let change = Change::StartStep(StepStart { attempt, from });
        ground.book.change(change, ground.place(&request.attempt), Some(event));
    }

    /// Who runs at the same time: what one wrote may be another's.
    fn note_neighbours(&self, step: usize) {
        let mut beside = self.ground.beside.borrow_mut();
        let mut others: Vec<usize> = self.schedule.working().filter(|other| *other != step).collect();
        for other in &others {
            beside.entry(*other).or_default().push(step);
        }
        others.push(step);
        beside.insert(step, others);
    }

    /// What a function is told: its step, and what the steps before it left.
    fn facts(&self, step: usize) -> Value {
        let own = &self.spec.steps[step];
        let before: serde_json::Map<String, Value> = own
            .depends_on
            .iter()
            .filter_map(|name| Some((name.clone(), self.known.get(name)?.clone())))
            .collect();
        json!({
            "run": self.ground.run_id, "step": own.id, "kind": own.kind, "prompt": own.prompt,
            "files_scope": own.files_scope, "steps": before,
        })
    }
}

/// Steps that nothing tells apart when they wait share a lane.
pub(super) fn lanes(spec: &Spec, scopes: &[Option<Scope>]) -> (Vec<Item>, Vec<Option<Scope>>) {
    let mut of = BTreeMap::new();
    let mut lanes = Vec::new();
    let mut items = Vec::with_capacity(spec.steps.len());
    for (at, step) in spec.steps.iter().enumerate() {
        let routed =
            step.is_routed().then_some((&step.kind, &step.domain, step.risk, step.complexity, &step.tool));
        let lane = *of.entry((routed, step.oneshot.is_some(), &step.files_scope)).or_insert_with(|| {
            lanes.push(scopes[at].clone());
            lanes.len() - 1
        });
        items.push(Item { lane, on_failure: spec.on_failure(at) });
    }
    (items, lanes)
}

/// What earlier attempts say about the next one.
struct Desk<'e> {
    failed: &'e BTreeMap<usize, Vec<String>>,
    broken: &'e BTreeMap<usize, String>,
    refused: &'e BTreeMap<usize, (u32, Option<String>)>,
}

fn plan(step: usize, ground: &Ground<'_>, tools: &Tools, desk: &Desk<'_>, now: i64) -> Plan {
    if let Some(why) = desk.broken.get(&step) {
        return Plan { decision: None, refused: Some(why.clone()) };
    }
    let own = &ground.spec.steps[step];
    if !own.is_routed() {
        return Plan::default();
    }
    let again = desk.refused.get(&step).and_then(|(_, tool)| tool.as_deref());
    let limited = |name: &str| ground.limits.until(name, ground.catalog, ground.agents, now);
    let failed = desk.failed.get(&step).map_or(&[][..], Vec::as_slice);
    let need = Need { again, ..ground.catalog.need(own, failed) };
    Plan { decision: Some(tools.route(need, ground.catalog, now, &limited)), refused: None }
}

fn work_of(step: &Step, setting: &Setting) -> Result<Work, String> {
    let text = |text: &String| {
        let path = setting.root.join(text);
        if names_a_file(text) || (!text.contains(char::is_whitespace) && path.is_file()) {
            return document(&path).map_err(|e| format!("{text}: {e}"));
        }
        Ok(text.clone())
    };
    if let Some(argv) = &step.run {
        return Ok(Work::Argv(argv.clone()));
    }
    if let Some(line) = &step.shell {
        return Ok(Work::Shell(line.clone()));
    }
    if let Some(function) = &step.python {
        return Ok(Work::Python(function.clone()));
    }
    if let Some(task) = &step.oneshot {
        return text(task).map(Work::Oneshot);
    }
    step.prompt
        .as_ref()
        .map_or_else(|| Err("it does nothing".into()), |prompt| text(prompt).map(Work::Prompt))
}
