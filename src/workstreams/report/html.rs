//! A report as one HTML page that needs nothing else: no script, no font, no network. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::facts::{Facts, StepFacts};
use super::markdown::markdown;
use crate::clock::duration;

/// More steps make no picture that a person could read.
const DRAWN: usize = 400;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;\
background:#fff;color:#1b1f24}table{border-collapse:collapse;width:100%}td,th{padding:.2em .6em;text-align:left;\
border-bottom:1px solid #ddd;vertical-align:top}pre{background:#f4f5f7;padding:.6em;overflow:auto}\
svg{max-width:100%;height:auto;overflow:visible}svg text{font:12px system-ui,sans-serif;fill:currentColor}\
.box{overflow-x:auto}.succeeded{fill:#2e9d5b}.failed{fill:#d1413a}.skipped{fill:#b5b9bf}.canceled{fill:#e09b3d}\
.running{fill:#3c7dd9}.pending,.ready{fill:#dfe3e8}.edge{stroke:#8a919b;fill:none}\
@media(prefers-color-scheme:dark){body{background:#15181c;color:#e6e8eb}td,th{border-color:#333}\
pre{background:#20242a}}";

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

pub fn html(facts: &Facts) -> String {
    let name = escape(facts.run.workstream_id.as_deref().unwrap_or("workstream"));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{name}: {state}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{name}: {state}</h1>\n",
        state = facts.run.state
    );
    let counts: Vec<String> = facts.counts().iter().map(|(state, n)| format!("{n} {state}")).collect();
    // Writing to a String cannot fail; so below.
    let _ = writeln!(out, "<p>run {} · {}</p>", escape(&facts.run.run_id), counts.join(", "));
    if let Some(error) = &facts.run.error {
        let _ = writeln!(out, "<p><b>{}</b></p>", escape(error));
    }
    if !facts.critical_path.is_empty() {
        let _ = writeln!(out, "<p>critical path: {}</p>", escape(&facts.critical_path.join(" → ")));
    }
    let _ = writeln!(out, "<h2>Timeline</h2>\n<div class=\"box\">{}</div>", gantt(facts));
    let _ = writeln!(out, "<h2>Graph</h2>\n<div class=\"box\">{}</div>", graph(&facts.steps));
    out.push_str(
        "<h2>Steps</h2>\n<table><tr><th>step<th>state<th>attempts<th>tool<th>time<th>cost<th>why</tr>\n",
    );
    for step in &facts.steps {
        let cost = step.cost().map_or_else(|| "-".into(), |c| format!("${c:.2}"));
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{cost}<td>{}</tr>",
            escape(&step.id),
            step.state,
            step.attempts.len(),
            escape(&step.tools()),
            if step.attempts.is_empty() { "-".into() } else { duration(step.took()) },
            escape(step.reason.as_deref().unwrap_or_default()),
        );
    }
    out.push_str("</table>\n");
    let whole = markdown(facts);
    if let Some(at) = whole.find("\n## Failures").or_else(|| whole.find("\n## Decisions")) {
        let _ =
            writeln!(out, "<h2>Failures, decisions, events</h2>\n<pre>{}</pre>", escape(whole[at..].trim()));
    }
    out.push_str("</body></html>\n");
    out
}

/// A bar for each attempt, in the order of their beginning.
fn gantt(facts: &Facts) -> String {
    const ROW: usize = 20;
    const LEFT: usize = 180;
    const WIDTH: i64 = 700;
    let (begin, end) = facts.span();
    let rows: Vec<&StepFacts> = facts.steps.iter().filter(|s| !s.attempts.is_empty()).collect();
    if rows.is_empty() {
        return "<p>nothing ran</p>".into();
    }
    let mut sorted = rows;
    sorted.sort_by_key(|s| s.attempts.first().map(|a| a.started_at));
    let more = sorted.len().saturating_sub(DRAWN);
    sorted.truncate(DRAWN);
    let height = ROW * sorted.len() + 30;
    let mut out =
        format!("<svg viewBox=\"0 0 900 {height}\" width=\"900\" height=\"{height}\" role=\"img\">");
    let x = |at: i64| (at.clamp(begin, end) - begin) * WIDTH / (end - begin);
    for (row, step) in sorted.iter().enumerate() {
        let y = row * ROW;
        let _ = write!(out, "<text x=\"0\" y=\"{}\">{}</text>", y + 14, escape(&short(&step.id)));
        for attempt in &step.attempts {
            let (from, to) = (x(attempt.started_at), x(attempt.ended_at.unwrap_or(end)));
            let left = i64::try_from(LEFT).unwrap_or(0) + from;
            let _ = write!(
                out,
                "<rect class=\"{}\" x=\"{left}\" y=\"{}\" width=\"{}\" height=\"14\"><title>{} {}: {}</title></rect>",
                attempt.state,
                y + 3,
                (to - from).max(2),
                escape(&step.id),
                attempt.number,
                escape(attempt.error.as_deref().unwrap_or(&attempt.state)),
            );
        }
    }
    let whole = Duration::from_millis(u64::try_from(end - begin).unwrap_or(0));
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">0</text><text x=\"880\" y=\"{y}\" text-anchor=\"end\">{}</text></svg>",
        duration(whole),
        y = height - 6
    );
    if more > 0 {
        let _ = write!(out, "<p>and {more} more</p>");
    }
    out
}

fn short(text: &str) -> String {
    if text.chars().count() <= 24 { text.to_owned() } else { text.chars().take(23).chain(['…']).collect() }
}

/// Columns by level, boxes by step.
fn graph(steps: &[StepFacts]) -> String {
    const COLUMN: usize = 210;
    const ROW: usize = 34;
    if steps.len() > DRAWN {
        return format!("<p>{} steps: too many for a picture</p>", steps.len());
    }
    let place: BTreeMap<&str, usize> = steps.iter().enumerate().map(|(at, s)| (s.id.as_str(), at)).collect();
    let mut level = vec![0usize; steps.len()];
    // As often as the longest way is long; the record of a run holds no cycle.
    for _ in 0..steps.len() {
        let mut changed = false;
        for (at, step) in steps.iter().enumerate() {
            let before = step.depends_on.iter().filter_map(|d| place.get(d.as_str()));
            let own = before.map(|d| level[*d] + 1).max().unwrap_or(0);
            changed |= own != level[at];
            level[at] = own;
        }
        if !changed {
            break;
        }
    }
    let mut filled = BTreeMap::new();
    let mut spots = Vec::with_capacity(steps.len());
    for own in &level {
        let row = filled.entry(*own).or_insert(0usize);
        spots.push((own * COLUMN, *row * ROW));
        *row += 1;
    }
    let width = (level.iter().max().copied().unwrap_or(0) + 1) * COLUMN;
    let height = filled.values().max().copied().unwrap_or(1) * ROW;
    let mut out =
        format!("<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">");
    for (at, step) in steps.iter().enumerate() {
        for other in step.depends_on.iter().filter_map(|d| place.get(d.as_str())) {
            let ((x1, y1), (x2, y2)) = (spots[*other], spots[at]);
            let _ = write!(
                out,
                "<path class=\"edge\" d=\"M{} {} C{} {} {} {} {x2} {}\"/>",
                x1 + 170,
                y1 + 13,
                x1 + 190,
                y1 + 13,
                x2.saturating_sub(20),
                y2 + 13,
                y2 + 13
            );
        }
    }
    for (step, (x, y)) in steps.iter().zip(&spots) {
        let _ = write!(
            out,
            "<rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"170\" height=\"26\" rx=\"4\" opacity=\".55\"><title>{}: {}</title></rect>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            step.state,
            escape(&step.id),
            step.state,
            x + 8,
            y + 17,
            escape(&short(&step.id))
        );
    }
    out.push_str("</svg>");
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
