//! What is to be done, and what is refused, before anything is.

use serde::Serialize;
use tokio_postgres::Client;

use crate::checks::Remedy;
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::recommendation::MISSING_INDEX;
use crate::report::Report;

/// What is to be done.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The findings whose fixes are applied, in order.
    pub steps: Vec<Finding>,
    /// Those that are not, and why.
    pub refused: Vec<Refused>,
    /// Transactions that have been open for a minute: building an index waits for them.
    pub waits_for: Vec<String>,
}

/// A fix that is not applied.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The finding.
    pub finding: String,
    /// Why not, and how it would be.
    pub why: &'static str,
}

/// Makes the plan. `only` names checks, or findings by their whole ids; empty, everything is meant that can be undone and
/// changes nobody's rights.
pub async fn plan(client: &Client, report: &Report, only: &[String]) -> Result<Plan, Error> {
    if let Some(unknown) =
        only.iter().find(|name| !report.findings.iter().any(|finding| finding.is_called(name)))
    {
        return Err(Error::NoFinding(unknown.clone()));
    }
    let mut plan = Plan { steps: Vec::new(), refused: Vec::new(), waits_for: Vec::new() };
    for finding in report.findings.iter().filter(|finding| finding.fix_sql.is_some()) {
        let is_named = only.iter().any(|name| finding.is_called(name));
        if !only.is_empty() && !is_named {
            continue;
        }
        match refusal(finding, is_named, only.contains(&finding.id)) {
            Some(why) => plan.refused.push(Refused { finding: finding.id.clone(), why }),
            None if is_named || finding.severity > Severity::Info => plan.steps.push(finding.clone()),
            None => {}
        }
    }
    // What is built is measured before anything is dropped, and statistics are fresh by then. What the workload wants comes
    // before what a rule wants, which it often answers as well.
    plan.steps.sort_by(|a, b| rank(a).cmp(&rank(b)).then(saved(b).total_cmp(&saved(a))));
    let rows = client.query_typed(include_str!("long_transactions.sql"), &[]).await;
    for row in rows.map_err(Error::database("long transactions were looked for"))? {
        plan.waits_for.push(row.try_get(0).map_err(Error::database("long transactions were looked for"))?);
    }
    Ok(plan)
}

fn rank(finding: &Finding) -> u8 {
    match finding.remedy {
        Remedy::Maintenance => 0,
        Remedy::Setting | Remedy::Named => 1,
        Remedy::Index if finding.check() == MISSING_INDEX => 2,
        Remedy::Index => 3,
        Remedy::Reversible | Remedy::Manual => 4,
    }
}

/// What an advisor expects it to save: what saves most is built first, and the others are measured with it there.
fn saved(finding: &Finding) -> f64 {
    let cost = |key: &str| finding.evidence[key].as_f64().unwrap_or_default();
    cost("cost_before") - cost("cost_after")
}

fn refusal(finding: &Finding, is_named: bool, is_called_by_id: bool) -> Option<&'static str> {
    match finding.remedy {
        Remedy::Named if !is_named => Some("it changes who may do what: name it with --only"),
        Remedy::Manual if !is_called_by_id => Some(
            "it cannot be undone, or needs your judgement: do it yourself, or name its whole id with --only",
        ),
        _ => None,
    }
}
