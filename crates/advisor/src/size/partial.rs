//! What share of a table a partial index would hold: asked of the planner, once for each condition.

use std::collections::HashMap;

use crate::AdviceError;
use crate::index::Index;
use crate::shadow::Shadow;
use crate::source::Table;
use crate::workload::Statement;
use pg::identifier;

/// What was asked already.
#[derive(Debug, Default)]
pub(crate) struct Selectivity {
    known: HashMap<(String, String, String), f64>,
}

impl Selectivity {
    /// The share of the rows that the index would hold; all of them where it has no condition.
    pub(crate) async fn of(
        &mut self,
        shadow: &mut Shadow,
        table: &Table,
        index: &Index,
    ) -> Result<f64, AdviceError> {
        let Some(predicate) = &index.predicate else { return Ok(1.0) };
        let key = (table.schema.clone(), table.name.clone(), predicate.clone());
        if let Some(share) = self.known.get(&key) {
            return Ok(*share);
        }
        let text = format!(
            "select from {}.{} where {predicate}",
            identifier(&table.schema),
            identifier(&table.name)
        );
        let statement = Statement::new(String::new(), text, 1.0, None);
        let share = match shadow.plan(&statement, &[], false).await? {
            Ok(plan) => scanned_rows(&plan.root) / table.tuples.max(1.0),
            // The index will be refused for the same reason.
            Err(_) => 1.0,
        };
        let share = share.clamp(0.0, 1.0);
        self.known.insert(key, share);
        Ok(share)
    }
}

/// The rows that come out at the top: of all workers, where there are any.
fn scanned_rows(root: &serde_json::Value) -> f64 {
    root.get("Plan Rows").and_then(serde_json::Value::as_f64).unwrap_or(0.0)
}
