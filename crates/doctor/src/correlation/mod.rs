//! Columns whose values go together, where the planner takes them for independent and expects far too few rows.
//!
//! Looks at pairs that a statement of the workload compares at once. Reads a sample of the table's pages, and only where
//! running statements was allowed: nothing but rows tells which values go together.

use std::collections::BTreeSet;

use serde_json::json;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::checks::Remedy;
use crate::explain::{explain, literal};
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;
use crate::workload::{Statement, Workload, compared_at_once};

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 1] = [(
    "correlated-columns",
    "Columns that mislead the planner together",
    "The planner multiplies the shares of two conditions as if their columns had nothing to do with each other. Where a city \
     implies its country it expects far too few rows, and chooses nested loops that take for ever. Extended statistics tell it \
     what goes together. Seen in a sample of the table, and in the planner's own estimate.",
)];

/// Pairs that are looked at.
const PAIRS_MAX: usize = 50;
/// Rows of a sample, about as many as ANALYZE takes.
const SAMPLE_ROWS: f64 = 30_000.0;
/// So many times more rows than expected mislead,
const FACTOR: f64 = 10.0;
/// from so many rows on.
const ROWS_MIN: f64 = 500.0;

/// Two columns of a table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    table: String,
    schema: String,
    name: String,
    columns: [String; 2],
    types: [String; 2],
}

/// The values that are seen together most often, and on how many of so many rows.
struct Together {
    values: [String; 2],
    seen: f64,
    of: f64,
}

/// Samples what the heaviest statements compare at once.
pub(crate) async fn examine(
    client: &Client,
    workload: &Workload,
) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let mut known = BTreeSet::new();
    let mut findings = Vec::new();
    for statement in &workload.statements {
        let (columns, words) = compared_at_once(&statement.text);
        if columns.len() < 2 {
            continue;
        }
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&columns, Type::TEXT_ARRAY), (&words, Type::TEXT_ARRAY)];
        for row in client.query_typed(include_str!("pairs.sql"), &parameters).await? {
            let rows: f64 = row.try_get(3)?;
            let pair = Pair {
                table: row.try_get(0)?,
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                columns: [row.try_get(4)?, row.try_get(5)?],
                types: [row.try_get(6)?, row.try_get(7)?],
            };
            if known.len() >= PAIRS_MAX || !known.insert(pair.clone()) {
                continue;
            }
            match look(client, &pair, rows, statement).await {
                Ok(found) => findings.extend(found),
                // The table may be another's, or slow to read.
                Err(error) if error.as_db_error().is_some() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(findings)
}

async fn look(
    client: &Client,
    pair: &Pair,
    rows: f64,
    statement: &Statement,
) -> Result<Option<Finding>, tokio_postgres::Error> {
    let Some(Together { values, seen, of }) = sample(client, pair, rows).await? else { return Ok(None) };
    let [a, b] = pair.columns.each_ref().map(|name| pg::identifier(name));
    let [x, y] = [0, 1].map(|at| format!("{}::{}", literal(&values[at]), pair.types[at]));
    let asked = format!("select 1 from only {} where {a} = {x} and {b} = {y}", pair.table);
    let plan = explain(client, "verbose", &asked).await?;
    let expected = plan["Plan"]["Plan Rows"].as_f64().unwrap_or_default().max(1.0);
    let there = rows * seen / of;
    if there < ROWS_MIN || there < FACTOR * expected {
        return Ok(None);
    }
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(18)
            .collect()
    };
    let name = format!(
        "{}.{}_{}_{}_stats",
        pg::identifier(&pair.schema),
        plain(&pair.name),
        plain(&pair.columns[0]),
        plain(&pair.columns[1])
    );
    let object = format!("{}.{}+{}", pair.table, pair.columns[0], pair.columns[1]);
    Ok(Some(Finding {
        id: format!("correlated-columns:{object}"),
        severity: Severity::Notice,
        summary: format!(
            "{} and {} of {} go together: {expected:.0} rows are expected where about {there:.0} are",
            pair.columns[0], pair.columns[1], pair.table
        ),
        object,
        evidence: json!({
            "table": pair.table, "columns": pair.columns, "values": values, "expected_rows": expected,
            "sampled_rows": of, "seen": seen, "estimated_rows": there, "query": statement.text, "proof": "sample",
        }),
        fix_sql: Some(format!(
            "create statistics {name} (dependencies, mcv) on {a}, {b} from {0};\nanalyze {0}",
            pair.table
        )),
        undo_sql: Some(format!("drop statistics if exists {name}")),
        remedy: Remedy::Setting,
        wins: vec![Kpi::P95, Kpi::P99],
        points: 0.0,
    }))
}

/// What is seen together most often in a share of the table's pages.
async fn sample(client: &Client, pair: &Pair, rows: f64) -> Result<Option<Together>, tokio_postgres::Error> {
    let [a, b] = pair.columns.each_ref().map(|name| pg::identifier(name));
    let percent = (100.0 * SAMPLE_ROWS / rows).clamp(0.0001, 100.0);
    let sql = format!(
        "select s.a, s.b, count(*), sum(count(*)) over () from (select {a}::text as a, {b}::text as b from only {} \
         tablesample system ({percent}) repeatable (1)) s where s.a is not null and s.b is not null group by 1, 2 order by 3 \
         desc, 1, 2 limit 1",
        pair.table
    );
    let messages = client.simple_query(&sql).await?;
    Ok(messages.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else { return None };
        let number = |at: usize| row.get(at)?.parse::<f64>().ok();
        Some(Together {
            values: [row.get(0)?.to_owned(), row.get(1)?.to_owned()],
            seen: number(2)?,
            of: number(3)?,
        })
    }))
}
