//! Row-level security, proved from the plan: whether a policy's functions run once or for every row.
//!
//! Takes each role that a policy is for, plans a read of the table as that role, and looks where the functions are. Plans
//! only, unless running was allowed: then what it costs is measured. A role that the login may not take is named among the limits.

mod cost;
mod plan;
mod rewrite;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::checks::Remedy;
use crate::explain::explain;
use crate::finding::{Finding, Limit, Severity};
use crate::kpi::Kpi;

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 1] = [(
    "policy-per-row",
    "Policies evaluated for every row",
    "A function in a policy that does not depend on the row, like the one that says who asks, runs for every row unless it \
     stands in a scalar subquery, where the planner runs it once. Seen in the plan, as the role itself.",
)];

/// The most pairs of table and role that are planned.
const PLANS_MAX: usize = 500;

/// A table, one of its policies, and a role that the policy is for.
struct Case {
    table: String,
    policy: String,
    role: String,
    rows: f64,
    using: Option<String>,
    /// Functions in the condition that may differ from one transaction to the next, and not from row to row.
    functions: Vec<String>,
}

/// Plans a read of each table that has policies, as each of their roles.
pub(crate) async fn examine(
    client: &Client,
    may_run: bool,
    limits: &mut Vec<Limit>,
) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let mut cases = Vec::new();
    for row in client.query_typed(include_str!("policies.sql"), &[]).await? {
        cases.push(Case {
            table: row.try_get(0)?,
            policy: row.try_get(1)?,
            role: row.try_get(2)?,
            rows: row.try_get(3)?,
            using: row.try_get(4)?,
            functions: row.try_get(5)?,
        });
    }
    if cases.len() > PLANS_MAX {
        let why = format!("{} of {} tables and roles were planned", PLANS_MAX, cases.len());
        limits.push(Limit { what: "policies".to_owned(), why });
        cases.truncate(PLANS_MAX);
    }
    let mut refused = BTreeSet::new();
    let mut findings: Vec<Finding> = Vec::new();
    for case in &cases {
        match planned(client, case).await {
            Ok(plan) => {
                let finding = judge(case, &plan);
                // One finding for a policy, whoever it was planned for.
                let finding = finding.filter(|new| !findings.iter().any(|known| known.id == new.id));
                let Some(mut finding) = finding else { continue };
                if may_run {
                    weigh(client, case, &mut finding).await?;
                }
                findings.push(finding);
            }
            Err(error) if error.as_db_error().is_some() => {
                client.batch_execute("rollback").await?;
                refused.insert(case.role.clone());
            }
            Err(error) => return Err(error),
        }
    }
    if !refused.is_empty() {
        let roles = refused.into_iter().collect::<Vec<_>>().join(", ");
        let what = format!("policies as {roles}");
        let why = "this login may not take that role, or its plan failed: grant the role to it".to_owned();
        limits.push(Limit { what, why });
    }
    Ok(findings)
}

/// Adds what the policy costs, measured.
async fn weigh(client: &Client, case: &Case, finding: &mut Finding) -> Result<(), tokio_postgres::Error> {
    let once = case.using.as_deref().and_then(|using| rewrite::once(using, &case.functions));
    let Some(measured) = cost::measured(client, case, once.as_deref()).await? else { return Ok(()) };
    let who = if case.role.is_empty() { "PUBLIC" } else { &case.role };
    if let Some(ms) = measured["as_role_ms"].as_f64() {
        finding.summary.push_str(&format!("; counting its rows as {who} took {ms:.1} ms"));
    }
    if let (Some(now), Some(once)) = (measured["condition_ms"].as_f64(), measured["once_ms"].as_f64()) {
        finding.summary.push_str(&format!(
            ", of the condition alone {now:.1} ms, and {once:.1} ms with the call made once"
        ));
    }
    if let Some(ms) = measured["gave_up_after_ms"].as_u64() {
        finding.summary.push_str(&format!("; counting its rows as {who} was given up after {ms} ms"));
    }
    finding.evidence["measured"] = measured;
    Ok(())
}

/// Begins a transaction with claims of nobody, as the role or as the login itself.
fn begin(case: &Case, as_role: bool) -> String {
    let become_role = match case.role.as_str() {
        // PUBLIC is no role to take; whoever asks is one of it.
        role if as_role && !role.is_empty() => format!("set local role {};", pg::identifier(role)),
        _ => String::new(),
    };
    format!("begin; {} {become_role}", include_str!("nobody.sql"))
}

/// The plan of a read of the whole table, as the role, with claims of nobody.
async fn planned(client: &Client, case: &Case) -> Result<Value, tokio_postgres::Error> {
    client.batch_execute(&begin(case, true)).await?;
    let plan = explain(client, "verbose", &format!("select * from only {}", case.table)).await?;
    client.batch_execute("rollback").await?;
    Ok(plan)
}

fn judge(case: &Case, plan: &Value) -> Option<Finding> {
    let (name, filter) = plan::per_row(plan, &case.table, &case.functions)?;
    let fix = case.using.as_deref().and_then(|using| rewrite::once(using, &case.functions));
    let alter = |condition: &str| {
        format!("alter policy {} on {} using ({condition})", pg::identifier(&case.policy), case.table)
    };
    Some(Finding {
        id: format!("policy-per-row:{}.{}", case.table, case.policy),
        severity: if case.rows >= 100_000.0 { Severity::Warning } else { Severity::Notice },
        object: format!("{}.{}", case.table, case.policy),
        summary: format!("the policy {} runs {name} for each row of {}", case.policy, case.table),
        evidence: json!({ "role": case.role, "rows": case.rows, "filter": filter, "proof": "plan" }),
        undo_sql: fix.as_ref().and(case.using.as_deref()).map(alter),
        fix_sql: fix.as_deref().map(alter),
        remedy: Remedy::Named,
        wins: vec![Kpi::P50, Kpi::P95],
        points: 0.0,
    })
}
