//! Looks for the work of a worker that ended early.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};

use super::{Engine, shown};
use crate::agents::blocks;
use crate::oneshot::error::OneshotError;
use crate::oneshot::fact::Role;
use crate::oneshot::machine::Event;
use crate::oneshot::prompts::Texts;
use crate::oneshot::recovery::{Evidence, judge, note};
use crate::oneshot::result::Heard;
use crate::oneshot::{changes, store};
use crate::supervise::Kind;

impl Engine<'_> {
    pub(super) fn recover(&mut self) -> Result<(), OneshotError> {
        let iteration = self.session.iteration;
        let prompt =
            self.folder.read(&self.folder.prompt(Role::Worker.name(), iteration)).unwrap_or_default();
        let mut heard = self.replayed()?;
        // Plain text has no final record: there the end of the process is all there is.
        let plain = self.worker.agent.output == "text";
        let mut finished = heard.finished() || plain && heard.completed() >= self.processes()?;
        if !finished {
            finished = self.search_store(&mut heard)?;
        }
        let changes = match self.session.run.as_ref().map(|run| &run.before) {
            None => changes::Changes::default(),
            Some(before) => changes::since(before, self.settings, &self.world.clock)?,
        };
        let evidence = Evidence { finished, said: heard.anything(), changes };
        let event = judge(&evidence);
        let trouble =
            self.session.trouble.clone().unwrap_or_else(|| "the program itself was ended meanwhile".into());
        match event {
            Event::ZombieSuccess => {
                self.warn("the work of the worker that ended early is there: it is audited");
                self.folder.write_result(iteration, &heard.result(&prompt).unwrap_or_default())?;
            }
            Event::ZombiePartial => {
                self.warn("the worker that ended early left a part of the work");
                let last = heard.result(&prompt).map(|found| found.text);
                self.session.note = Some(note(&trouble, last.as_deref(), &evidence.changes));
            }
            _ => {
                self.warn("the worker that ended early left nothing");
                self.session.note = Some(note(&trouble, None, &evidence.changes));
                self.session.trouble = Some(trouble);
            }
        }
        if let Some(run) = &mut self.session.run {
            run.salvaged = event != Event::ZombieDead;
        }
        self.follow(event)?;
        if std::mem::take(&mut self.cut) && event == Event::ZombieDead {
            self.follow(Event::Raise)?;
        }
        Ok(())
    }

    /// How many processes of a worker run must have ended well.
    fn processes(&self) -> Result<usize, OneshotError> {
        if self.worker.program.is_some() {
            return Ok(1);
        }
        let checks = shown(&self.session.checks);
        let texts = Texts { session: &self.session.id, task: &self.session.task, checks: &checks };
        let text = self.templates.own_blocks(Role::Worker, texts)?;
        Ok(blocks(&text).map_or(1, |list| list.len()))
    }

    /// What the last worker run said, from our own log.
    fn replayed(&self) -> Result<Heard, OneshotError> {
        let path = self.folder.activity_log();
        let io = |source| OneshotError::Io { path: path.clone(), source };
        let mut heard = Heard::default();
        let mut file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(heard),
            other => other.map_err(io)?,
        };
        let from = self.session.run.as_ref().map_or(0, |run| run.log_from);
        file.seek(SeekFrom::Start(from.min(file.metadata().map_err(io)?.len()))).map_err(io)?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(io)? == 0 {
                return Ok(heard);
            }
            // The last line of a killed program may be torn.
            let Ok(record) = serde_json::from_slice::<Value>(&line) else { continue };
            let ours = record["role"].as_str() == Some(Role::Worker.name())
                && record["iteration"].as_u64() == Some(self.session.iteration);
            if ours {
                heard.replay(&record);
            }
        }
    }

    /// What the agent itself wrote down of it; true if it had come to its end.
    fn search_store(&mut self, heard: &mut Heard) -> Result<bool, OneshotError> {
        let Some(id) = heard.session.clone() else { return Ok(false) };
        let Some(entry) = self.settings.store_of(&self.worker.agent.name) else { return Ok(false) };
        let files = store::locate(&entry, &id, self.settings.home.as_deref(), &self.settings.root);
        let Some(path) = files.first() else { return Ok(false) };
        let record = match store::read(path) {
            Ok(record) => record,
            Err(e) => {
                self.warn(&format!("the agent's own record could not be read: {}: {e}", path.display()));
                return Ok(false);
            }
        };
        let mut lines = Vec::new();
        for kind in record.kinds {
            if heard.knows(&kind) {
                continue;
            }
            heard.hear(&kind, None);
            lines.push(kind);
        }
        self.append(&lines)?;
        Ok(record.finished)
    }

    /// Puts what was found elsewhere into the activity log.
    fn append(&self, kinds: &[Kind]) -> Result<(), OneshotError> {
        if kinds.is_empty() {
            return Ok(());
        }
        let path = self.folder.activity_log();
        let io = |source| OneshotError::Io { path: path.clone(), source };
        let open = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = open.map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut end = [b'\n'];
        if size > 0 {
            file.read_exact_at(&mut end, size - 1).map_err(io)?;
        }
        let mut text = Vec::new();
        if end != *b"\n" {
            text.push(b'\n');
        }
        let now = self.world.clock.now().as_millisecond();
        for (at, kind) in kinds.iter().enumerate() {
            let data = match kind {
                Kind::Message { text } => json!({"text": text, "replayed": true}),
                Kind::ToolUse { id, name, input } => {
                    json!({"id": id, "name": name, "input": input, "replayed": true})
                }
                Kind::ToolResult { id, text, is_error } => {
                    json!({"id": id, "text": text, "is_error": is_error, "replayed": true})
                }
                _ => continue,
            };
            let line = json!({
                "seq": at + 1,
                "ts_ms": now,
                "run": self.session.id,
                "role": Role::Worker.name(),
                "iteration": self.session.iteration,
                "agent": self.worker.agent.name,
                "stream": null,
                "kind": kind.name(),
                "data": data,
            });
            text.extend_from_slice(line.to_string().as_bytes());
            text.push(b'\n');
        }
        // In one write: a killed program leaves whole lines, or one torn one that is passed over.
        file.write_all(&text).map_err(io)
    }
}
