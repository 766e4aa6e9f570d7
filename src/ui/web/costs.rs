//! Tokens and cost, attempt by attempt and in sums.

use serde::Serialize;

use super::answer::{Fault, text};
use super::routes::Query;
use super::site::Site;
use crate::ledger::AttemptRow;
use crate::ui::json;

/// What one attempt used. Unknown is null, never 0.
#[derive(Debug, Serialize)]
struct Point {
    attempt_id: String,
    run_id: String,
    step_id: String,
    role: Option<String>,
    agent: Option<String>,
    state: String,
    started_at: i64,
    ended_at: Option<i64>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cost_usd: Option<f64>,
}

/// What the attempts of a role or an agent used, as far as they say.
#[derive(Debug, Serialize)]
struct Sum {
    name: Option<String>,
    attempts: u64,
    /// How many of them say what they cost.
    priced: u64,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: f64,
}

#[derive(Debug, Serialize)]
struct Costs {
    version: u32,
    points: Vec<Point>,
    by_role: Vec<Sum>,
    by_agent: Vec<Sum>,
    /// Earlier attempts are left out.
    more: bool,
}

fn sums(points: &[Point], name: impl Fn(&Point) -> Option<String>) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for point in points {
        let own = name(point);
        let at = sums.iter().position(|sum| sum.name == own).unwrap_or_else(|| {
            let zero =
                Sum { name: own, attempts: 0, priced: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0.0 };
            sums.push(zero);
            sums.len() - 1
        });
        let sum = &mut sums[at];
        sum.attempts += 1;
        sum.priced += u64::from(point.cost_usd.is_some());
        sum.input_tokens += point.input_tokens.unwrap_or(0);
        sum.output_tokens += point.output_tokens.unwrap_or(0);
        sum.cost_usd += point.cost_usd.unwrap_or(0.0);
    }
    sums
}

fn point(row: AttemptRow) -> Point {
    Point {
        attempt_id: row.attempt_id,
        run_id: row.run_id,
        step_id: row.step_id,
        role: row.role,
        agent: row.agent.or(row.tool),
        state: row.state,
        started_at: row.started_at,
        ended_at: row.ended_at,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        cost_usd: row.cost_usd,
    }
}

impl Site {
    pub(super) fn costs(&self, query: &Query) -> Result<Vec<u8>, Fault> {
        let limit = query.limit(1000, 5000)?;
        let name = query.text("run");
        let mut rows = match self.open()? {
            None => Vec::new(),
            Some(ledger) => match name {
                Some(name) => {
                    let run_id = json::run_named(&ledger, &name)?;
                    json::attempts(&ledger, &run_id, 0, limit.saturating_add(1))?.attempts
                }
                None => ledger.attempts_lately(limit.saturating_add(1))?,
            },
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let over = rows.len().saturating_sub(most);
        rows.drain(..over);
        let points: Vec<Point> = rows.into_iter().map(point).collect();
        let by_role = sums(&points, |p| p.role.clone());
        let by_agent = sums(&points, |p| p.agent.clone());
        text(&Costs { version: 1, points, by_role, by_agent, more: over > 0 })
    }
}
