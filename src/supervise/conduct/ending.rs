//! The last part of conducting a child: ending it, its family, and the record.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::Interest;

use super::Conduct;
use crate::supervise::activity::{Kind, Leak};
use crate::supervise::course::{Cause, Response};
use crate::supervise::judge::judge;
use crate::supervise::kin;
use crate::supervise::outcome::Exit;
use crate::supervise::owner::{Ending, Life};
use crate::supervise::pipeline::Pipeline;
use crate::supervise::procfs::Stat;
use crate::supervise::stop::{SIGKILL, SIGTERM};
use crate::supervise::streams::Source;
use crate::supervise::table;
use crate::supervise::tree::{self, Handle};

/// More than a pipe can have held when the child ended: what still comes is somebody else's.
const LEFT_IN_PIPE: usize = 4 << 20;

/// A family that changes faster than it can be looked at is awaited by time.
const MOST_LOOKS: usize = 20;

impl Conduct<'_> {
    pub(super) fn end_leader(&mut self, signal: Signal) -> Response {
        let reason = match self.course.cause() {
            Cause::Stop(text) | Cause::Inactivity(text) | Cause::Timeout(text) => text.clone(),
            Cause::ResultGrace => "the result is in, the process stayed".to_owned(),
            Cause::Own => "it has to end".to_owned(),
        };
        self.say(Kind::Terminate { signal: number(signal), reason });
        // Found before the leader can lose them.
        let family = self.kin.living();
        let leader = &self.events.running.leader;
        // On its way out before the signal could work: its exit status will say whether it did. The look after the
        // signal closes the gap between the look before it and the signal.
        let before = leader.on_its_way_out();
        leader.signal_group(signal);
        if !self.signalled && (before || leader.on_its_way_out()) {
            self.course.may_be_first();
        }
        self.signalled = true;
        let leader = leader.pid();
        for member in family.iter().filter(|member| member.pgrp != leader) {
            signal_member(member, signal);
        }
        if signal == Signal::TERM {
            // A stopped process would not hear of it.
            self.events.running.leader.signal_group(Signal::CONT);
        }
        self.course.sent(self.clock.awake());
        Response::Nothing
    }

    pub(super) fn end_family(&mut self, signal: Signal, now: Duration) -> Response {
        let links: Vec<String> =
            self.events.running.sources.iter().flatten().filter_map(Source::link).collect();
        let mut living = self.kin.left();
        if living.is_empty() && !links.is_empty() {
            living = kin::holders(&links);
        }
        if *self.course.cause() == Cause::Own {
            self.report_leaks(&living, &links);
        }
        self.events.running.leader.signal_group(signal);
        for member in &living {
            signal_member(member, signal);
        }
        self.course.sent(self.clock.awake());
        self.kin.remember(&living);
        self.look();
        // Those that are left have their signal; they are looked for again when they are gone.
        if self.left == 0 { self.family_left(now) } else { Response::Nothing }
    }

    fn report_leaks(&mut self, living: &[Stat], links: &[String]) {
        for member in living {
            if self.leaked.iter().any(|leak| leak.pid == member.pid) {
                continue;
            }
            let leak = Leak {
                pid: member.pid,
                argv: table::words_of(member.pid),
                held_output: table::holds(member.pid, links),
                alive: false,
            };
            self.leaked.push(leak.clone());
            self.say(Kind::Leak(leak));
        }
    }

    /// Finds who is left of the family and has their end told.
    pub(super) fn look(&mut self) {
        for _ in 0..MOST_LOOKS {
            let living = self.kin.left();
            self.left = living.len();
            self.events.family = living
                .iter()
                .filter_map(|member| Handle::open(member.pid, member.start))
                .filter_map(|handle| tree::watched(handle.into(), Interest::READABLE).ok())
                .collect();
            // Who ended between the two lines above may have started somebody else.
            if self.events.family.len() == living.len() {
                break;
            }
        }
    }

    pub(super) fn family_left(&mut self, now: Duration) -> Response {
        if !self.events.ended {
            return Response::Nothing;
        }
        let open = self.events.running.sources.iter().any(Option::is_some);
        self.course.family(self.left, open, now)
    }

    pub(super) fn close(&mut self, source: usize) {
        if let Some(ended) = self.events.running.sources[source].take() {
            let stamp = self.life.stamp(self.clock);
            self.pipeline.end(ended.stream, stamp, self.sink);
        }
    }

    pub(super) fn finish(mut self) -> (Pipeline, Life, Ending) {
        self.drain();
        let stamp = self.life.stamp(self.clock);
        self.pipeline.finish_parser(stamp, self.sink);
        if !self.course.leaves_family() {
            // Where there is no process table this is all that ends a family that closed its streams.
            self.events.running.leader.signal_group(Signal::KILL);
        }
        self.events.running.leader.reap();
        if self.left > 0 && !self.course.leaves_family() {
            for member in self.kin.left() {
                let leak = Leak {
                    pid: member.pid,
                    argv: table::words_of(member.pid),
                    held_output: false,
                    alive: true,
                };
                self.leaked.retain(|known| known.pid != leak.pid);
                self.leaked.push(leak.clone());
                self.say(Kind::Leak(leak));
            }
        }
        let exit = self.course.exit().unwrap_or(Exit::None);
        let result = self.pipeline.facts().result.as_ref().map(|(text, error)| (text.as_deref(), *error));
        let judged = judge(self.course.cause(), exit, &self.success_codes, result);
        self.life.follow(judged.edge, self.clock);
        let ending = Ending { exit, kind: judged.kind, error: judged.error, leaked: self.leaked };
        (self.pipeline, self.life, ending)
    }

    /// What lies in streams that somebody else keeps open.
    fn drain(&mut self) {
        for source in 0..self.events.running.sources.len() {
            let mut left = LEFT_IN_PIPE;
            while let Some(reader) = &self.events.running.sources[source]
                && let Some(count) = reader.read_ready(&mut self.events.buffer)
                && left >= count
            {
                left -= count;
                let stamp = self.life.stamp(self.clock);
                self.pipeline.read(reader.stream, &self.events.buffer[..count], stamp, self.sink);
            }
            self.close(source);
        }
    }
}

fn signal_member(member: &Stat, signal: Signal) {
    if let Some(handle) = Handle::open(member.pid, member.start) {
        handle.signal(signal);
    }
}

fn number(signal: Signal) -> i32 {
    if signal == Signal::KILL { SIGKILL } else { SIGTERM }
}
