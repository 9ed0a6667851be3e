//! The statements that the database is asked: from pg_stat_statements, from sampled sessions, or from a file.
//!
//! Knows how often they run and how long they take, and what that says: slow statements, and loops that ask for one row at
//! a time. Never runs any of them.

mod advisable;
mod file;
mod heuristic;
mod representative;
mod statistics;
mod summaries;
pub(crate) mod text;
mod verdicts;

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

pub use advisable::advisable;
pub use file::{FileError, Probe, parse};
pub use heuristic::heuristic;
pub(crate) use representative::representatives;
pub(crate) use statistics::read_statistics;
pub(crate) use summaries::EXPLANATIONS as OF_SUMMARIES;
pub(crate) use verdicts::{EXPLANATIONS, findings};

use crate::kpi::normal;

/// How often running statements are looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);
/// Statements that a report lists.
const HEAVIEST: usize = 20;

/// Where the statements come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The extension's counters.
    PgStatStatements,
    /// Sessions that were seen at work.
    Sampled,
}

/// A statement and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The server's number for it, or none where it was sampled.
    pub id: Option<i64>,
    /// Its text, with `$1` for constants.
    pub text: String,
    /// How often it ran; 0 where that is not known.
    pub calls: f64,
    /// How long it took in all.
    pub total_ms: f64,
    /// How long it took on the average.
    pub mean_ms: f64,
    /// By how much that varies.
    pub deviation_ms: f64,
    /// Rows returned or changed, in all.
    pub rows: f64,
    /// Whom it ran as.
    pub role: Option<String>,
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) source: Source,
    pub(crate) statements: Vec<Statement>,
}

impl Workload {
    pub(crate) fn calls(&self) -> f64 {
        self.statements.iter().map(|statement| statement.calls).sum()
    }

    pub(crate) fn total_ms(&self) -> f64 {
        self.statements.iter().map(|statement| statement.total_ms).sum()
    }

    /// The latency that this share of the calls stays under, if each statement's latencies are spread log-normally.
    pub(crate) fn percentile_ms(&self, share: f64) -> Option<f64> {
        let parts: Vec<(f64, f64, f64)> =
            self.statements.iter().filter(|s| s.calls > 0.0).map(spread).collect();
        let calls: f64 = parts.iter().map(|(calls, ..)| calls).sum();
        if calls <= 0.0 {
            return None;
        }
        let below = |log_ms: f64| {
            parts.iter().map(|(calls, mu, sigma)| calls * normal((log_ms - mu) / sigma)).sum::<f64>() / calls
        };
        // From a microsecond to eleven days.
        let (mut low, mut high) = (1e-3_f64.ln(), 1e9_f64.ln());
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if below(middle) < share { low = middle } else { high = middle }
        }
        Some(high.exp())
    }
}

/// Calls, and the mean and deviation of the logarithm of the latency.
fn spread(statement: &Statement) -> (f64, f64, f64) {
    let mean = statement.mean_ms.max(1e-3);
    let variance = (1.0 + (statement.deviation_ms / mean).powi(2)).ln();
    (statement.calls, mean.ln() - variance / 2.0, variance.sqrt().max(0.01))
}

/// The statements that take most of the time.
pub(crate) fn heaviest(workload: &Workload) -> Vec<Statement> {
    let mut statements: Vec<Statement> = workload.statements.clone();
    statements.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
    statements.truncate(HEAVIEST);
    statements
}

/// The heaviest statement that reads from this relation or function, by its bare name, under a condition on the column (or
/// any condition at all). By its words: an equality with a value, as an app writes it.
pub(crate) fn filters<'a>(workload: &'a Workload, name: &str, column: Option<&str>) -> Option<&'a Statement> {
    let asks = |statement: &&Statement| {
        let all: Vec<text::Part<'_>> = text::parts(&statement.text).map(|(_, part)| part).collect();
        let is = |part: text::Part<'_>, name: &str| {
            representative::identifier(part).is_some_and(|word| word == name)
        };
        let is_compared = all
            .windows(2)
            .any(|w| matches!(w[1], text::Part::Symbol("=")) && column.is_none_or(|column| is(w[0], column)));
        text::reads(&statement.text) && is_compared && all.iter().any(|part| is(*part, name))
    };
    workload.statements.iter().find(asks)
}

/// The columns that a statement sets equal to values, where it only reads, and the names that may be their tables'.
pub(crate) fn compared_at_once(sql: &str) -> (Vec<String>, Vec<String>) {
    if !text::reads(sql) {
        return (Vec::new(), Vec::new());
    }
    let all: Vec<(usize, text::Part<'_>)> = text::parts(sql).collect();
    let mut columns = heuristic::compared(&all);
    columns.sort_unstable();
    columns.dedup();
    (columns, representative::words(&all))
}

/// Watches what other sessions run, for so long: who is seen at work often, works long.
pub(crate) async fn sample(client: &Client, span: Duration) -> Result<Workload, tokio_postgres::Error> {
    let mut seen: HashMap<String, f64> = HashMap::new();
    let rounds = (span.as_millis() / SAMPLE_INTERVAL.as_millis()).max(1);
    for _ in 0..rounds {
        for row in client.query_typed(include_str!("activity.sql"), &[]).await? {
            *seen.entry(row.try_get(0)?).or_default() += SAMPLE_INTERVAL.as_secs_f64() * 1e3;
        }
        tokio::time::sleep(SAMPLE_INTERVAL).await;
    }
    let statement = |(text, total_ms)| Statement {
        id: None,
        text,
        calls: 0.0,
        total_ms,
        mean_ms: 0.0,
        deviation_ms: 0.0,
        rows: 0.0,
        role: None,
    };
    Ok(Workload { source: Source::Sampled, statements: seen.into_iter().map(statement).collect() })
}

#[cfg(test)]
mod tests;
