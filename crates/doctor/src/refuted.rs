//! What `apply` tried and took back: it was measured, so for a month it is told and no longer counted.
//!
//! Reads the ledger, where there is one.

use tokio_postgres::Client;

use crate::finding::{Finding, Severity};

/// Lowers the findings whose fixes were measured and did not help.
pub(crate) async fn lower(client: &Client, findings: &mut [Finding]) -> Result<(), tokio_postgres::Error> {
    let is_there = client.query_typed_one(include_str!("ledger_exists.sql"), &[]).await?;
    if !is_there.try_get::<_, bool>(0)? {
        return Ok(());
    }
    for row in client.query_typed(include_str!("refuted.sql"), &[]).await? {
        let (id, why, day): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        for finding in findings.iter_mut().filter(|finding| finding.id == id) {
            finding.severity = Severity::Info;
            finding.summary = format!("{}; tried on {day} and taken back: {why}", finding.summary);
        }
    }
    Ok(())
}
