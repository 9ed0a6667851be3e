//! In a plan: whether rows of a table are found through an index, or read whole, and what stands above that.

use serde_json::Value;

/// What may stand between a condition and a scan, by the plan's word for it.
const BETWEEN: [(&str, &str); 8] = [
    ("WindowAgg", "a window function stands between"),
    ("Limit", "a LIMIT stands between"),
    ("CTE Scan", "a materialized WITH stands between"),
    ("Aggregate", "a grouping by other columns stands between"),
    ("Unique", "a DISTINCT stands between"),
    ("Function Scan", "a function stands between"),
    ("Append", "a UNION stands between"),
    ("SetOp", "a set operation stands between"),
];

/// Whether every scan of the table goes to its rows by an index's condition.
pub(super) fn is_found(plan: &Value, table: &str) -> bool {
    let mut scans = Vec::new();
    collect(&plan["Plan"], table, &mut Vec::new(), &mut scans);
    !scans.is_empty() && scans.iter().all(|scan| scan.by_condition)
}

/// What stands between a condition and this table's scan, where no scan of it goes by a condition.
pub(super) fn is_read_whole(plan: &Value, table: &str) -> Option<&'static str> {
    let mut scans = Vec::new();
    collect(&plan["Plan"], table, &mut Vec::new(), &mut scans);
    if scans.is_empty() || scans.iter().any(|scan| scan.by_condition) {
        return None;
    }
    let above = |name: &str| scans[0].above.iter().any(|known| known == name);
    let named = BETWEEN.iter().find(|(node, _)| above(node)).map(|(_, said)| *said);
    Some(named.unwrap_or("the column is not passed on as it is stored"))
}

/// A scan of the table, and the nodes above it.
struct Scan {
    by_condition: bool,
    above: Vec<String>,
}

fn collect(node: &Value, table: &str, above: &mut Vec<String>, scans: &mut Vec<Scan>) {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    if format!("{}.{}", text("Schema"), text("Relation Name")) == table.replace('"', "") {
        // A bitmap's condition is repeated in the heap's own node.
        let by_condition =
            ["Index Cond", "Recheck Cond", "TID Cond"].iter().any(|key| node.get(*key).is_some());
        scans.push(Scan { by_condition, above: above.clone() });
    }
    above.push(text("Node Type").to_owned());
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, table, above, scans);
    }
    above.pop();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_between_is_named() {
        let scan = json!({"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "t"});
        let plan = json!({"Plan": {"Node Type": "Subquery Scan", "Plans": [{"Node Type": "WindowAgg", "Plans": [scan]}]}});
        assert_eq!(is_read_whole(&plan, "public.t"), Some("a window function stands between"));
        assert_eq!(is_read_whole(&plan, "public.u"), None);
        let found = json!({"Plan": {"Node Type": "Index Scan", "Schema": "public", "Relation Name": "t", "Index Cond": "(a = 1)"}});
        assert!(is_found(&found, "public.t") && is_read_whole(&found, "public.t").is_none());
    }
}
