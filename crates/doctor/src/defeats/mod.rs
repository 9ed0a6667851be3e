//! Views and functions that keep an index from being used: a condition on what they return is applied after they have read
//! the whole table.
//!
//! Seen in the plan: one value of an indexed column is asked of the view, and of the table itself. Plans only; what is found
//! counts where a statement of the workload asks so, and is information where none does.

mod plan;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::checks::Remedy;
use crate::explain::{explain, literal};
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;
use crate::workload::{Statement, Workload, filters};

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 2] = [
    (
        "view-defeats-index",
        "Views that keep an index from being used",
        "A condition on a view reaches the table's index unless something in the view stands between: a window, a limit, a \
         grouping by other columns, a materialized WITH, or a column that is not passed on as it is. Then all rows are read, \
         and all but a few thrown away. Planned here with one value, once through the view and once without it.",
    ),
    (
        "function-defeats-index",
        "Functions that keep an index from being used",
        "A set-returning function in SQL becomes part of the query that calls it, conditions, order and limit included, if it \
         is STABLE or IMMUTABLE, not STRICT, not SECURITY DEFINER and sets nothing. Otherwise all it returns is computed \
         first, and filtered after.",
    ),
];

/// One value of a column, to be asked of a view and of the table.
struct Case {
    view: String,
    bare: String,
    column: String,
    table: String,
    rows: f64,
    value: String,
    view_type: String,
    table_type: String,
}

/// Plans a look-up through each view, and a call of each function that the planner cannot see into.
pub(crate) async fn examine(
    client: &Client,
    workload: &Workload,
) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let mut findings = views(client, workload).await?;
    findings.extend(functions(client, workload).await?);
    Ok(findings)
}

async fn views(client: &Client, workload: &Workload) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let mut findings = Vec::new();
    for row in client.query_typed(include_str!("views.sql"), &[]).await? {
        let case = Case {
            view: row.try_get(0)?,
            bare: row.try_get(1)?,
            column: row.try_get(2)?,
            table: row.try_get(3)?,
            rows: row.try_get(4)?,
            value: row.try_get(5)?,
            view_type: row.try_get(6)?,
            table_type: row.try_get(7)?,
        };
        let asked = |relation: &str, of: &str| {
            let (column, value) = (pg::identifier(&case.column), literal(&case.value));
            format!("select * from {relation} where {column} = {value}::{of}")
        };
        let direct = planned(client, &asked(&format!("only {}", case.table), &case.table_type)).await?;
        if !direct.is_some_and(|plan| plan::is_found(&plan, &case.table)) {
            continue;
        }
        let Some(through) = planned(client, &asked(&case.view, &case.view_type)).await? else { continue };
        if let Some(between) = plan::is_read_whole(&through, &case.table) {
            findings.push(view(&case, between, filters(workload, &case.bare, Some(&case.column))));
        }
    }
    Ok(findings)
}

fn view(case: &Case, between: &str, asked_by: Option<&Statement>) -> Finding {
    let Case { view, column, table, rows, .. } = case;
    Finding {
        id: format!("view-defeats-index:{view}.{column}"),
        severity: asked_by.map_or(Severity::Info, |_| Severity::Notice),
        object: format!("{view}.{column}"),
        summary: format!(
            "asked for one {column}, {view} reads all {rows:.0} rows of {table}: {between}{}",
            unseen(asked_by)
        ),
        evidence: json!({
            "table": table, "rows": rows, "between": between, "proof": "plan", "query": asked_by.map(|s| &s.text),
        }),
        fix_sql: None,
        undo_sql: None,
        remedy: Remedy::Manual,
        wins: vec![Kpi::P95, Kpi::P99, Kpi::NonIndex],
        points: 0.0,
    }
}

async fn functions(client: &Client, workload: &Workload) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let mut findings = Vec::new();
    for row in client.query_typed(include_str!("functions.sql"), &[]).await? {
        let (name, bare, call): (String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (why, lacks_only_stable): (String, bool) = (row.try_get(3)?, row.try_get(4)?);
        let (table, rows): (String, f64) = (row.try_get(5)?, row.try_get(6)?);
        let plan = planned(client, &format!("select * from {call}")).await?;
        if !plan.is_some_and(|plan| plan["Plan"]["Node Type"] == "Function Scan") {
            continue;
        }
        let asked_by = filters(workload, &bare, None);
        let alter =
            |volatility: &str| lacks_only_stable.then(|| format!("alter function {name} {volatility}"));
        findings.push(Finding {
            id: format!("function-defeats-index:{name}"),
            severity: asked_by.map_or(Severity::Info, |_| Severity::Notice),
            summary: format!(
                "what is asked of {name} is filtered after it has run, since {why}{}",
                unseen(asked_by)
            ),
            evidence: json!({
                "table": table, "rows": rows, "why": why, "proof": "plan", "query": asked_by.map(|s| &s.text),
            }),
            object: name.clone(),
            fix_sql: alter("stable"),
            undo_sql: alter("volatile"),
            remedy: Remedy::Named,
            wins: vec![Kpi::P95, Kpi::P99],
            points: 0.0,
        });
    }
    Ok(findings)
}

fn unseen(asked_by: Option<&Statement>) -> &'static str {
    if asked_by.is_some() { "" } else { "; no statement seen asks so" }
}

/// The plan, or none where the server refuses: the view may be none of this login's business.
async fn planned(client: &Client, sql: &str) -> Result<Option<Value>, tokio_postgres::Error> {
    match explain(client, "verbose", sql).await {
        Ok(plan) => Ok(Some(plan)),
        Err(error) if error.as_db_error().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}
