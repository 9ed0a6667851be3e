//! What an index costs those who write: for each row that a statement writes, an entry in each index concerned.
//!
//! The planner does not count it. Measured, an entry takes about 1.2 µs in a b-tree and a quarter of that in BRIN;
//! an update that changes a column of an index can no longer leave the others alone (HOT), which costs an entry in
//! each of them. One unit of the planner's is taken for 4 µs, as sequential pages from memory are.

use crate::AdviceError;
use crate::index::{Index, Method};
use crate::pool::Pool;
use crate::workload::Statement;

/// In the planner's unit, for each row.
const BTREE_ENTRY: f64 = 0.3;
const BRIN_ENTRY: f64 = BTREE_ENTRY / 4.0;
/// Several entries for each value.
const GIN_ENTRY: f64 = BTREE_ENTRY * 6.0;
/// What an update loses that would have left all indexes alone.
const HOT_BROKEN: f64 = BTREE_ENTRY * 2.0;

/// By statement and candidate: what a call costs more.
pub(crate) async fn of(pool: &mut Pool<'_>) -> Result<Vec<Vec<f64>>, AdviceError> {
    let mut all = Vec::new();
    for statement in &pool.what_if.statements {
        let mut costs = vec![0.0; pool.candidates.len()];
        if let Ok(plan) = pool.what_if.shadow.plan(statement, &[], true).await? {
            let root = &plan.root;
            let text = |key: &str| root.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            if text("Node Type") == "ModifyTable" {
                let child = crate::plan::children(root).next();
                let rows = child.and_then(|child| child.get("Plan Rows")?.as_f64()).unwrap_or(1.0);
                for (cost, candidate) in costs.iter_mut().zip(&pool.candidates) {
                    if candidate.index.is_on(text("Schema"), text("Relation Name")) {
                        *cost = rows * entry(&candidate.index, text("Operation"), statement);
                    }
                }
            }
        }
        all.push(costs);
    }
    Ok(all)
}

fn entry(index: &Index, operation: &str, statement: &Statement) -> f64 {
    let cost = match index.method {
        Method::BTree => BTREE_ENTRY,
        Method::Brin => BRIN_ENTRY,
        Method::Gin => GIN_ENTRY,
    };
    match operation {
        "Insert" | "Merge" => cost,
        // Entries of rows that are gone are removed later, together.
        "Delete" => cost / 4.0,
        _ if sets_column_of(index, &statement.text) => cost + HOT_BROKEN,
        _ => 0.0,
    }
}

/// Whether an update assigns to a column that the index has. In doubt it does.
fn sets_column_of(index: &Index, text: &str) -> bool {
    let lower = text.to_lowercase();
    let assigned = lower.split_once(" set ").map_or(lower.as_str(), |(_, rest)| rest);
    let assigned = assigned.split(" where ").next().unwrap_or(assigned);
    let names = index.keys.iter().map(|key| key.text()).chain(index.include.iter().map(String::as_str));
    names.chain(index.predicate.as_deref()).any(|name| {
        let words = name.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        words
            .map(str::to_lowercase)
            .any(|word| assigned.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word))
    })
}
