//! How it stands, in a word that is read from across the room. Pure.

use super::choose;
use super::sight::{Book, Item, Live, Loop, Run, Shown, Sight, Standing, State, Tone, Turn};
use super::text::{ago, count, running, took};

/// The top of the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Mood {
    pub word: &'static str,
    pub tone: Tone,
    /// Who has the turn, or what it is about.
    pub who: String,
    /// For how long, or since when.
    pub time: String,
    /// What it does, and whether it is well; the most important first.
    pub facts: Vec<String>,
    /// The command that helps.
    pub next: Option<String>,
}

impl Mood {
    fn new(word: &'static str, tone: Tone, who: impl Into<String>) -> Self {
        Self { word, tone, who: who.into(), time: String::new(), facts: Vec::new(), next: None }
    }

    fn time(mut self, time: String) -> Self {
        self.time = time;
        self
    }

    fn fact(mut self, fact: impl Into<String>) -> Self {
        let fact = fact.into();
        if !fact.is_empty() {
            self.facts.push(fact);
        }
        self
    }

    fn next(mut self, command: &str) -> Self {
        self.next = Some(command.into());
        self
    }
}

pub fn of(sight: &Sight, now_ms: i64) -> Mood {
    let run = sight.shown.as_ref().and_then(|shown| sight.run(&shown.run_id));
    if let Some((live, shown)) = sight.live_shown().zip(sight.shown.as_ref()) {
        return of_live(sight, live, shown, now_ms);
    }
    if let Some(live) = sight.live.iter().find(|l| sight.run(&l.run_id).is_none()) {
        return Mood::new("STARTING", Tone::Active, format!("{} run", live.kind));
    }
    // What lives belongs to another run than the one that was chosen: the state is not its.
    let newest = run.is_none() || sight.runs.first().map(|r| &r.id) == run.map(|r| &r.id);
    match (&sight.turn, run) {
        (Turn::Of(state), run) if newest && run.is_none_or(|r| r.kind == "turns") => {
            of_loop(state, run, now_ms)
        }
        (_, Some(run)) => of_run(run, now_ms),
        (_, None) => nothing(sight),
    }
}

fn of_live(sight: &Sight, live: &Live, shown: &Shown, now_ms: i64) -> Mood {
    let working: Vec<&Item> = shown.items.iter().filter(|i| i.state == State::Running).collect();
    let stop = if live.stop_asked { "stops before the next turn" } else { "" };
    if live.mute {
        return Mood::new("NO ANSWER", Tone::Warning, format!("{} run", live.kind))
            .fact("it lives and does not answer");
    }
    let Some(first) = choose::item(&shown.items, None).filter(|i| i.state == State::Running) else {
        return waits(sight, live, shown, now_ms).fact(stop);
    };
    let seen = first.attempt_id.as_deref().and_then(|id| sight.live_attempt(id)).map(|(_, a)| a);
    let who = if working.len() > 1 { format!("{} at once", working.len()) } else { first.title.clone() };
    let time = running(first.took_ms(now_ms).unwrap_or(0));
    let ending = live.interrupted || seen.is_some_and(|a| a.interrupted);
    // The silence grows until the next look.
    let silent = seen.map(|a| a.silent_ms + (now_ms - sight.at_ms).max(0));
    let sign = silent.map_or_else(String::new, |ms| match ms {
        0..3000 => "speaking".into(),
        _ => format!("silent for {}", running(ms)),
    });
    let (word, tone) = match seen {
        _ if ending => ("ENDING", Tone::Warning),
        Some(a) if a.idle => ("SILENT", Tone::Warning),
        _ => ("WORKING", Tone::Active),
    };
    let mood =
        Mood::new(word, tone, who).time(time).fact(sign).fact(stop).fact(of_item(first)).fact(holder(sight));
    if word == "SILENT" { mood.next("i interrupts it") } else { mood }
}

/// Which iteration, prompt and agent.
fn of_item(item: &Item) -> String {
    let mut words = Vec::new();
    if let Some(iteration) = item.iteration.filter(|n| *n > 0) {
        words.push(format!("iteration {iteration}"));
    }
    words.extend([&item.agent, &item.prompt].into_iter().filter(|w| !w.is_empty() && *w != "-").cloned());
    words.join(" · ")
}

fn holder(sight: &Sight) -> String {
    let Turn::Of(state) = &sight.turn else { return String::new() };
    let Some(holder) = state.holder.as_ref().filter(|h| h.leased || !h.here) else { return String::new() };
    let place = if holder.here { "held here".to_owned() } else { format!("held by {}", holder.host) };
    if holder.leased { format!("{place}, lease {}", took(holder.lease_ms)) } else { place }
}

/// A live run that runs nothing.
fn waits(sight: &Sight, live: &Live, shown: &Shown, now_ms: i64) -> Mood {
    let why = shown.events.iter().rev().find(|e| e.text.contains(" waits: "));
    let newest = shown.events.iter().rev().find(|e| e.tone == Tone::Active || e.text.contains(" waits: "));
    let waiting = why.filter(|why| newest.is_some_and(|n| n.seq == why.seq));
    let time = |at: i64| running(now_ms - at);
    match (waiting, &sight.turn) {
        (Some(why), _) => {
            let (who, reason) = why.text.split_once(" waits: ").unwrap_or((&why.text, ""));
            Mood::new("WAITING", Tone::Plain, who).time(time(why.at_ms)).fact(reason)
        }
        (None, Turn::Of(state)) if live.kind == "turns" => {
            Mood::new("BETWEEN", Tone::Plain, format!("{}'s turn is next", state.actor))
                .time(time(state.updated_ms))
                .fact(format!("iteration {}", state.iteration))
        }
        _ => Mood::new("BETWEEN", Tone::Plain, format!("{} run", live.kind))
            .fact("nothing runs at this moment"),
    }
}

/// No loop is live here: what the state file says, and how the last run ended.
fn of_loop(state: &Loop, run: Option<&Run>, now_ms: i64) -> Mood {
    let when = ago(now_ms - state.updated_ms);
    let place = format!("iteration {} · {}'s turn", state.iteration, state.actor);
    let away = state.holder.as_ref().filter(|h| !h.here && state.standing == Standing::Running);
    if let Some(reason) = &state.exit {
        return Mood::new("STOPPED", Tone::Warning, "no loop takes another turn")
            .time(when)
            .fact(reason.clone())
            .fact(place)
            .next("orchestrator resume");
    }
    if let Some(holder) = away {
        return Mood::new("ELSEWHERE", Tone::Active, format!("{} on {}", state.actor, holder.host))
            .time(running(now_ms - state.updated_ms))
            .fact(place)
            .next("orchestrator status --remote");
    }
    match (state.standing, run.map(|r| r.state)) {
        (Standing::Running, _) | (_, Some(State::Lost)) => {
            Mood::new("LOST", Tone::Bad, format!("{}'s turn", state.actor))
                .time(when)
                .fact("the program was killed in the middle; the next start takes the turn again")
                .fact(format!("iteration {}", state.iteration))
                .next("orchestrator")
        }
        (Standing::Failed, _) => Mood::new("FAILED", Tone::Bad, format!("{}'s turn", state.actor))
            .time(when)
            .fact(run.and_then(|r| r.error.clone()).unwrap_or_default())
            .fact(format!("iteration {}", state.iteration))
            .next("orchestrator"),
        (_, Some(State::Failed | State::Canceled)) => {
            run.map_or_else(|| idle(&place, when), |run| of_run(run, now_ms)).fact(place)
        }
        (_, Some(State::Succeeded)) => Mood::new(
            "DONE",
            Tone::Good,
            run.map(|r| count(u64::try_from(r.attempts).unwrap_or(0), "turn")).unwrap_or_default(),
        )
        .time(when)
        .fact(format!("next: {}'s turn, iteration {}", state.actor, state.iteration))
        .next("orchestrator"),
        (_, None) => idle(&place, String::new()),
        _ => idle(&place, when),
    }
}

fn idle(place: &str, when: String) -> Mood {
    Mood::new("IDLE", Tone::Quiet, "nothing runs").time(when).fact(place).next("orchestrator --once")
}

fn of_run(run: &Run, now_ms: i64) -> Mood {
    let when = ago(now_ms - run.ended_ms.unwrap_or(run.began_ms));
    let what = format!("{} run", run.kind);
    let error = run.error.clone().unwrap_or_default();
    let spent = run.ended_ms.map_or_else(String::new, |end| format!("took {}", took(end - run.began_ms)));
    let resume = match run.kind.as_str() {
        "workstream" => Some(format!("orchestrator workstream resume {}", short(&run.id))),
        "batch" => Some(format!("orchestrator batch --resume {}", short(&run.id))),
        "turns" => Some("orchestrator".to_owned()),
        _ => None,
    };
    let interrupted = error.starts_with("interrupted");
    let (word, tone) = match run.state {
        State::Failed if interrupted => ("STOPPED", Tone::Warning),
        State::Succeeded => ("DONE", Tone::Good),
        State::Failed => ("FAILED", Tone::Bad),
        State::Canceled => ("STOPPED", Tone::Warning),
        State::Lost => ("LOST", Tone::Bad),
        State::Skipped | State::Waiting => ("PENDING", Tone::Quiet),
        State::Running => ("RUNNING", Tone::Active),
    };
    let mut mood = Mood::new(word, tone, what).time(when).fact(error).fact(spent);
    if matches!(run.state, State::Failed | State::Canceled | State::Lost) {
        mood.next = resume;
    }
    mood
}

fn nothing(sight: &Sight) -> Mood {
    match (&sight.book, &sight.turn) {
        (Book::Ill(why), _) => Mood::new("TROUBLE", Tone::Bad, "the ledger cannot be read")
            .fact(why.clone())
            .next("orchestrator doctor"),
        (_, Turn::Ill(why)) => Mood::new("TROUBLE", Tone::Bad, "the state file cannot be read")
            .fact(why.clone())
            .next("orchestrator doctor"),
        (_, Turn::Of(_) | Turn::Missing) => {
            let next = if sight.turn == Turn::Missing { "orchestrator init" } else { "orchestrator --once" };
            Mood::new("IDLE", Tone::Quiet, "nothing has run here yet")
                .fact("this screen fills when a run begins")
                .next(next)
        }
    }
}

/// The beginning of an id, as commands take it.
pub fn short(id: &str) -> String {
    // The first characters are a time: runs of one minute begin alike.
    id.chars().take(13).collect()
}
