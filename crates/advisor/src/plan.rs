//! A plan, as `EXPLAIN (FORMAT JSON)` tells it.

use serde_json::Value;

use crate::shadow::IndexId;

/// What hypothetical indexes are called in the shadow; their number follows.
pub(crate) const HYPOTHETICAL: &str = "courant_hypothetical_";

/// A plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// In the planner's unit.
    pub(crate) cost: f64,
    /// The hypothetical indexes that it uses, in order, each once.
    pub(crate) used: Vec<IndexId>,
    /// The tree.
    pub(crate) root: Value,
}

impl Plan {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Result<Plan, &'static str> {
        Plan::named(text, |name| name.strip_prefix(HYPOTHETICAL)?.parse().ok().map(IndexId))
    }

    /// Reads it, where hypothetical indexes are called otherwise.
    pub(crate) fn named(text: &str, id: impl Fn(&str) -> Option<IndexId>) -> Result<Plan, &'static str> {
        let mut all: Value = serde_json::from_str(text).map_err(|_| "the plan is no JSON")?;
        let root = all.get_mut(0).and_then(|first| first.get_mut("Plan")).map(Value::take);
        let root = root.ok_or("there is no plan in it")?;
        let cost = root.get("Total Cost").and_then(Value::as_f64).ok_or("the plan has no cost")?;
        let mut used = Vec::new();
        visit(&root, &mut |node| {
            used.extend(node.get("Index Name").and_then(Value::as_str).and_then(&id));
        });
        used.sort_unstable();
        used.dedup();
        Ok(Plan { cost, used, root })
    }
}

/// Calls it for a node and all below.
pub(crate) fn visit<'a>(node: &'a Value, call: &mut impl FnMut(&'a Value)) {
    call(node);
    for child in children(node) {
        visit(child, call);
    }
}

/// The nodes right below.
pub(crate) fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node.get("Plans").and_then(Value::as_array).into_iter().flatten()
}
