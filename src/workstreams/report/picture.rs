//! The drawings of a report: bars over time, boxes and arrows. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::facts::{Facts, StepFacts};
use super::html::{escape, tone};
use crate::clock::duration;

/// More steps make no picture that a person could read.
const DRAWN: usize = 400;

/// A row for each step, a bar for each attempt, in the order of their beginning.
pub(super) fn gantt(facts: &Facts) -> String {
    let (begin, end) = facts.span();
    let mut rows: Vec<&StepFacts> = facts.steps.iter().filter(|s| !s.attempts.is_empty()).collect();
    if rows.is_empty() {
        return "<p class=\"dim\">nothing ran</p>\n".into();
    }
    rows.sort_by_key(|s| s.attempts.first().map(|a| a.started_at));
    let more = rows.len().saturating_sub(DRAWN);
    rows.truncate(DRAWN);
    let mut out = String::from("<div class=\"gantt\">\n");
    for step in rows {
        // Writing to a String cannot fail; so below.
        let _ = write!(
            out,
            "<div class=\"row\"><span class=\"name\" title=\"{id}\">{id}</span><span class=\"track\">",
            id = escape(&step.id)
        );
        for attempt in &step.attempts {
            let (from, to) = (attempt.started_at, attempt.ended_at.unwrap_or(end));
            let _ = write!(
                out,
                "<span class=\"piece\" data-tone=\"{}\" style=\"left:{}%;width:{}%\" title=\"{} {}: {}\"></span>",
                tone(&attempt.state).0,
                percent(from - begin, end - begin),
                percent(to - from, end - begin),
                escape(&step.id),
                attempt.number,
                escape(attempt.error.as_deref().unwrap_or(&attempt.state)),
            );
        }
        let _ = writeln!(out, "</span><span class=\"num\">{}</span></div>", duration(step.took()));
    }
    let whole = Duration::from_millis(u64::try_from(end - begin).unwrap_or(0));
    let _ = writeln!(
        out,
        "<div class=\"row dim\"><span></span><span>0</span><span class=\"num\">{}</span></div></div>",
        duration(whole)
    );
    if more > 0 {
        let _ = writeln!(out, "<p class=\"dim\">and {more} more</p>");
    }
    out
}

/// Tenths are enough for a screen.
fn percent(part: i64, whole: i64) -> String {
    let thousandths = part.clamp(0, whole).saturating_mul(1000) / whole.max(1);
    format!("{}.{}", thousandths / 10, thousandths % 10)
}

fn short(text: &str) -> String {
    if text.chars().count() <= 24 { text.to_owned() } else { text.chars().take(23).chain(['…']).collect() }
}

/// Columns by level, boxes by step.
pub(super) fn graph(steps: &[StepFacts]) -> String {
    const COLUMN: usize = 210;
    const ROW: usize = 34;
    if steps.len() > DRAWN {
        return format!("<p class=\"dim\">{} steps: too many for a picture</p>", steps.len());
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
        spots.push((own * COLUMN + 1, *row * ROW + 1));
        *row += 1;
    }
    let width = (level.iter().max().copied().unwrap_or(0) + 1) * COLUMN;
    let height = filled.values().max().copied().unwrap_or(1) * ROW;
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"what depends on what\">"
    );
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
        let (tone, sign) = tone(&step.state);
        let _ = write!(
            out,
            "<g class=\"node\" data-tone=\"{tone}\"><title>{}: {}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"170\" height=\"26\" rx=\"4\"/>\
             <text x=\"{}\" y=\"{}\">{sign} {}</text></g>",
            escape(&step.id),
            escape(&step.state),
            x + 8,
            y + 17,
            escape(&short(&step.id))
        );
    }
    out.push_str("</svg>");
    out
}
