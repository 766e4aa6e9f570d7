//! A report as one HTML page that needs nothing else: no script, no font, no network. Pure.

use std::fmt::Write as _;

use super::facts::{AttemptFacts, Facts, StepFacts};
use super::markdown::{span, when};
use super::picture::{gantt, graph};
use crate::clock::duration;

/// The look of the web page, and what only a report has.
const STYLE: &str = concat!(include_str!("../../ui/web/page/style.css"), include_str!("page.css"));

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters have no meaning here, and some browsers stop at them.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// What a state looks like: the tone of its colour, and a sign, so that neither is needed alone.
pub(super) fn tone(state: &str) -> (&'static str, &'static str) {
    match state {
        "succeeded" => ("good", "✓"),
        "failed" => ("bad", "✗"),
        "running" => ("run", "●"),
        "canceled" => ("warn", "■"),
        "quarantined" => ("odd", "◆"),
        _ => ("idle", "○"),
    }
}

fn state(word: &str) -> String {
    let (tone, sign) = tone(word);
    format!("<span class=\"state\" data-tone=\"{tone}\">{sign} {}</span>", escape(word))
}

pub fn html(facts: &Facts) -> String {
    let name = escape(facts.name());
    let run = &facts.run;
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{name}: {word}</title>\
         <style>{STYLE}</style></head><body>\n<main class=\"sheet\">\n\
         <header class=\"title\"><h1>{name}</h1><div class=\"top\">{}<span class=\"dim\">run {}</span></div></header>\n",
        state(&run.state),
        escape(&run.run_id),
        word = escape(&run.state),
    );
    if let Some(error) = &run.error {
        // Writing to a String cannot fail; so below.
        let _ = writeln!(out, "<p class=\"note bad\">{}</p>", escape(error));
    }
    section(&mut out, "Outcome", &outcome(facts));
    section(&mut out, "Timeline", &gantt(facts));
    if facts.steps.iter().any(|step| !step.depends_on.is_empty()) {
        section(&mut out, "Graph", &format!("<div class=\"drawing\">{}</div>", graph(&facts.steps)));
    }
    section(&mut out, plural(facts), &steps(facts));
    section(&mut out, "Failures", &failures(facts));
    section(&mut out, "Decisions", &decisions(facts));
    section(&mut out, "Events", &events(facts));
    out.push_str("</main></body></html>\n");
    out
}

fn plural(facts: &Facts) -> &'static str {
    match facts.step_word() {
        "turn" => "Turns",
        "task" => "Tasks",
        _ => "Steps",
    }
}

/// What has nothing to say is left out.
fn section(out: &mut String, head: &str, body: &str) {
    if !body.is_empty() {
        let _ = writeln!(out, "<section class=\"card\"><h2>{head}</h2>\n{body}</section>");
    }
}

fn outcome(facts: &Facts) -> String {
    let run = &facts.run;
    let counts: Vec<String> = facts.counts().iter().map(|(state, n)| format!("{n} {state}")).collect();
    let tokens = run.input_tokens.zip(run.output_tokens).map(|(i, o)| format!("{i} in, {o} out"));
    let path = Some(facts.critical_path.join(" → ")).filter(|path| !path.is_empty());
    let list = [
        ("kind", Some(run.kind.clone())),
        (plural(facts), Some(counts.join(", ")).filter(|text| !text.is_empty())),
        ("began", run.started_at.map(when)),
        ("took", run.started_at.map(|begin| span(begin, run.ended_at)).filter(|took| took != "-")),
        ("cost", run.cost_usd.map(|usd| format!("${usd:.2}"))),
        ("tokens", tokens),
        ("after", run.parent_run_id.clone()),
        ("critical path", path),
    ];
    let mut out = String::from("<dl class=\"facts\">");
    for (name, value) in list {
        if let Some(value) = value {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
        }
    }
    out.push_str("</dl>\n");
    out
}

fn steps(facts: &Facts) -> String {
    if facts.steps.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<table><thead><tr><th>{}</th><th>state</th><th class=\"num\">attempts</th><th>by</th>\
         <th class=\"num\">time</th><th class=\"num\">cost</th><th>why</th></tr></thead><tbody>\n",
        facts.step_word()
    );
    for step in &facts.steps {
        let cost = step.cost().map_or_else(|| "-".into(), |c| format!("${c:.2}"));
        let _ = writeln!(
            out,
            "<tr><td>{}{}</td><td>{}</td><td class=\"num\">{}</td><td>{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{cost}</td><td>{}</td></tr>",
            escape(&step.id),
            step.kind.as_ref().map_or_else(String::new, |kind| format!(
                " <span class=\"dim small\">{}</span>",
                escape(kind)
            )),
            state(&step.state),
            step.attempts.len(),
            escape(&step.tools()),
            if step.attempts.is_empty() { "-".into() } else { duration(step.took()) },
            escape(step.reason.as_deref().unwrap_or_default()),
        );
    }
    out.push_str("</tbody></table>\n");
    out
}

fn failures(facts: &Facts) -> String {
    let all = facts.steps.iter().flat_map(|s| s.attempts.iter().map(move |a| (s, a)));
    let mut out = String::new();
    for (step, attempt) in all.filter(|(_, a)| a.state == "failed") {
        fault(&mut out, step, attempt);
    }
    out
}

fn fault(out: &mut String, step: &StepFacts, attempt: &AttemptFacts) {
    let error = attempt.error.as_deref().unwrap_or("no reason is known");
    let _ = write!(
        out,
        "<div class=\"fault\"><h3>{} attempt {}</h3><p>{}</p>",
        escape(&step.id),
        attempt.number,
        escape(error)
    );
    if let Some(log) = &attempt.log_path {
        let _ = write!(out, "<p class=\"dim small\">{}</p>", escape(log));
    }
    if !attempt.excerpt.is_empty() {
        let _ = write!(out, "<pre class=\"excerpt\">{}</pre>", escape(&attempt.excerpt.join("\n")));
    }
    out.push_str("</div>\n");
}

fn decisions(facts: &Facts) -> String {
    if facts.decisions.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<table><thead><tr><th>{}</th><th>choice</th><th>rule</th><th>how</th><th>dropped</th></tr></thead><tbody>\n",
        facts.step_word()
    );
    for decision in &facts.decisions {
        let dropped: Vec<String> = decision
            .candidates
            .iter()
            .filter_map(|(name, why)| Some(format!("{name}: {}", why.as_ref()?)))
            .collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&decision.step),
            escape(decision.choice.as_deref().unwrap_or("nobody")),
            escape(decision.rule.as_deref().unwrap_or("no rule")),
            escape(&decision.strategy),
            escape(&dropped.join("; "))
        );
    }
    out.push_str("</tbody></table>\n");
    out
}

fn events(facts: &Facts) -> String {
    if facts.events.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"told\">\n");
    for told in &facts.events {
        let _ = writeln!(
            out,
            "<li><span class=\"dim\">{}</span><span>{}</span></li>",
            when(told.at_ms),
            escape(&told.text)
        );
    }
    out.push_str("</ul>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escape("<script>'\"&\u{1b}"), "&lt;script&gt;&#39;&quot;&amp;\u{fffd}");
    }
}
