//! An audit: the auditor's word, and the checks that must agree with it.

use super::play::{Part, trouble};
use super::{Engine, shown};
use crate::oneshot::error::OneshotError;
use crate::oneshot::fact::{Fact, Role};
use crate::oneshot::machine::Event;
use crate::oneshot::prompts::Texts;
use crate::oneshot::session::shortened_feedback;
use crate::oneshot::verdict::{Reading, Verdict, read};
use crate::supervise::ErrorKind;

/// What an audit came to.
enum Word {
    Read {
        verdict: Verdict,
        feedback: String,
        unclear: bool,
    },
    /// The auditor gave no word, however often it was asked.
    None(Event),
    Stopped,
}

/// What one auditor process came to.
enum Answer {
    Said(String),
    Broken(Event),
    Stopped,
}

impl Engine<'_> {
    pub(super) async fn audit(&mut self) -> Result<(), OneshotError> {
        let iteration = self.session.iteration;
        let checks = shown(&self.session.checks);
        let texts = Texts { session: &self.session.id, task: &self.session.task, checks: &checks };
        let blocks = self.templates.own_blocks(Role::Auditor, texts)?;
        let found = self.folder.read_result(iteration);
        let max = usize::try_from(self.settings.config.oneshot.max_prompt_chars).unwrap_or(usize::MAX);
        let prompt = self.templates.auditor(texts, &found, max)?;
        self.folder.write(&self.folder.prompt(Role::Auditor.name(), iteration), &prompt)?;
        self.follow(Event::Next)?;
        let (verdict, feedback, unclear) = match self.ask(&prompt, &blocks, max).await? {
            Word::Read { verdict, feedback, unclear } => (verdict, feedback, unclear),
            Word::None(event) => {
                self.follow(event)?;
                return Ok(());
            }
            Word::Stopped => return self.stop_now(),
        };
        let feedback = shortened_feedback(&feedback);
        self.world.observer.hear(&Fact::Verdict {
            session: &self.session,
            verdict,
            feedback: &feedback,
            unclear,
        });
        let (verdict, feedback) = if verdict == Verdict::Done && !self.session.checks.is_empty() {
            match self.evidence().await? {
                Some(failures) if !failures.is_empty() => (Verdict::Retry, shortened_feedback(&failures)),
                Some(_) => (verdict, feedback),
                None => return self.stop_now(),
            }
        } else {
            (verdict, feedback)
        };
        self.session.verdict = Some(verdict);
        self.session.note = None;
        self.session.feedback = Some(feedback).filter(|f| !f.is_empty());
        self.session.trouble = None;
        self.follow(match verdict {
            Verdict::Done => Event::Done,
            Verdict::Retry => Event::Retry,
            Verdict::Impossible => Event::Impossible,
        })?;
        Ok(())
    }

    fn stop_now(&mut self) -> Result<(), OneshotError> {
        let because = || crate::supervise::StopReason::because("interrupted");
        let reason = self.world.stop.requested().unwrap_or_else(because);
        self.interrupt(reason)
    }

    /// Asks until there is an answer; an unclear one is asked about once more.
    async fn ask(&mut self, prompt: &str, blocks: &str, max: usize) -> Result<Word, OneshotError> {
        let mut said = Answer::Broken(Event::Crash);
        for _ in 0..=self.settings.config.oneshot.audit_retries {
            said = self.once(prompt, blocks, "").await?;
            if !matches!(said, Answer::Broken(_)) {
                break;
            }
        }
        let first = match said {
            Answer::Said(text) => text,
            Answer::Broken(event) => return Ok(Word::None(event)),
            Answer::Stopped => return Ok(Word::Stopped),
        };
        if let Reading::Clear { verdict, feedback } = read(&first) {
            return Ok(Word::Read { verdict, feedback, unclear: false });
        }
        // The embedded agent runs the same blocks again and would say the same.
        if self.auditor.program.is_some() {
            let again = self.templates.again(&first, max)?;
            match self.once(&again, blocks, "again.").await? {
                Answer::Stopped => return Ok(Word::Stopped),
                Answer::Broken(_) => {}
                Answer::Said(text) => {
                    if let Reading::Clear { verdict, feedback } = read(&text) {
                        // The reasons stood in the first answer.
                        let reasons =
                            if first.trim().is_empty() { feedback } else { first.trim().to_owned() };
                        let feedback = if verdict == Verdict::Done { String::new() } else { reasons };
                        return Ok(Word::Read { verdict, feedback, unclear: false });
                    }
                }
            }
        }
        let feedback = if first.trim().is_empty() {
            "The auditor gave no verdict and said nothing. Hold your result against the task, point by point."
                .into()
        } else {
            first.trim().to_owned()
        };
        Ok(Word::Read { verdict: Verdict::Retry, feedback, unclear: true })
    }

    /// One auditor process and its last word.
    async fn once(&mut self, prompt: &str, blocks: &str, which: &str) -> Result<Answer, OneshotError> {
        let (iteration, role) = (self.session.iteration, Role::Auditor);
        let prompt_file = self.folder.path().join(format!("{}-{iteration}.{which}prompt.md", role.name()));
        self.folder.write(&prompt_file, prompt)?;
        let attempt = self.world.ids.uuid();
        let part = Part { role, attempt, prompt, blocks, prompt_file: &prompt_file };
        let (outcome, heard) = self.play(part).await?;
        // Whoever asked to stop does not want another try, whatever became of this one.
        if !outcome.succeeded() && self.world.stop.requested().is_some() {
            return Ok(Answer::Stopped);
        }
        if !outcome.succeeded() {
            let words = trouble(&outcome);
            self.warn(&format!("the auditor ended early: {words}"));
            self.session.trouble = Some(words);
            let silent = outcome.error_kind == ErrorKind::Inactivity;
            return Ok(Answer::Broken(if silent { Event::Inactivity } else { Event::Crash }));
        }
        let said = heard.last_word(prompt);
        self.folder.write(&self.folder.result(role.name(), iteration), &said)?;
        Ok(Answer::Said(said))
    }
}
