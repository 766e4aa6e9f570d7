//! After the last step: acceptance, and what the run comes to.

use std::sync::atomic::Ordering;

use super::Engine;
use crate::control::AttemptInfo;
use crate::event::Event;
use crate::supervise::StopReason;
use crate::workstreams::engine::finish::{Outcome, Report};
use crate::workstreams::engine::gate::{self, Found};
use crate::workstreams::engine::process::{Bench, Log};

impl Engine<'_> {
    pub(super) async fn finish(mut self) -> Report {
        let outcome = self.outcome().await;
        let took = self.ground.clock.mono().saturating_sub(self.began);
        let report = Report {
            run_id: self.ground.run_id.to_owned(),
            outcome,
            counts: self.progress.counts(),
            attempts: self.ran,
            took,
            cost_usd: self.cost_usd,
        };
        if !report.record(self.ground.book, self.exit_code) {
            let text = "the ledger did not take the end of this run".to_owned();
            self.ground.book.show(self.ground.book.place(), Event::Warning { text });
        }
        report
    }

    pub(super) async fn outcome(&mut self) -> Outcome {
        if let Some(fault) = self.fault.take() {
            return Outcome::Failed(format!("a mistake of the program: {fault}"));
        }
        if let Some(reason) = self.interrupted.clone() {
            let canceled = self.cancel.load(Ordering::SeqCst);
            return if canceled { Outcome::Canceled(reason) } else { Outcome::Interrupted(reason) };
        }
        if let Some(reason) = self.quarantined.take() {
            return Outcome::Quarantined(reason);
        }
        if let Some((name, limit, used)) = self.over_budget {
            return Outcome::Budget { name, limit, used };
        }
        if let Some(failure) = self.failure.clone().or_else(|| self.asked_to_stop.clone()) {
            return Outcome::Failed(failure);
        }
        self.acceptance().await
    }

    /// What must hold at the end.
    pub(super) async fn acceptance(&mut self) -> Outcome {
        let ground = self.ground;
        if self.spec.acceptance.is_empty() {
            return Outcome::Succeeded;
        }
        let path = ground.logs.join("acceptance.log");
        let opened = std::fs::create_dir_all(&ground.logs)
            .and_then(|()| std::fs::File::options().create(true).write(true).truncate(true).open(&path));
        let log = match opened {
            Ok(log) => log,
            Err(e) => return Outcome::Failed(format!("{}: {e}", path.display())),
        };
        let attempt = ground.ids.uuid();
        let info = AttemptInfo {
            id: attempt.clone(),
            role: "acceptance".into(),
            iteration: None,
            prompt: String::new(),
            agent: "-".into(),
        };
        let wish = self.stop.clone();
        let seen = self.board.begin(info, move |why| wish.ask(StopReason::because(why)));
        let hear = |event: Event| match event {
            Event::AttemptQuiet { .. } | Event::AttemptOutput { .. } => {
                ground.book.show(ground.book.place(), event);
            }
            other => ground.book.event(other),
        };
        let bench = Bench {
            setting: ground.setting,
            clock: &*ground.clock,
            run_id: ground.run_id,
            step: "acceptance",
            attempt: &attempt,
            stop: self.stop,
            seen: &seen,
            log: Log::Open(&log),
            env: vec![("ORCHESTRATOR_RUN_ID".into(), ground.run_id.to_owned())],
            hear: &hear,
        };
        for (number, own) in self.spec.acceptance.iter().enumerate() {
            let words = ground.setting.redactor.text(&own.words()).into_owned();
            let step = "acceptance".to_owned();
            match gate::look(own, number + 1, ground.catalog, &bench, &ground.clock).await {
                Found::Passed => hear(Event::GatePassed { step, gate: words }),
                Found::Failed(why) => {
                    hear(Event::GateFailed { step, gate: words.clone(), status: why.clone() });
                    return Outcome::Failed(format!("acceptance: {words}: {why}"));
                }
                Found::Interrupted(_) => {
                    let reason = self.stop.requested().unwrap_or_else(|| StopReason::because("interrupted"));
                    self.interrupted = Some(reason.clone());
                    let canceled = self.cancel.load(Ordering::SeqCst);
                    return if canceled { Outcome::Canceled(reason) } else { Outcome::Interrupted(reason) };
                }
            }
        }
        Outcome::Succeeded
    }
}
