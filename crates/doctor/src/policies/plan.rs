//! Where in a plan a function runs: in a filter of the table's own scan, and so for every row, or before it, once.

use serde_json::Value;

/// The first of these functions that a filter of this table's scan calls, and that filter.
pub(super) fn per_row(plan: &Value, table: &str, functions: &[String]) -> Option<(String, String)> {
    let node = plan.get("Plan")?;
    search(node, table, functions)
}

fn search(node: &Value, table: &str, functions: &[String]) -> Option<(String, String)> {
    let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{}.{}", text("Schema"), text("Relation Name"));
    if unquoted(&name) == unquoted(table) {
        let filter = text("Filter");
        let called = functions.iter().find(|function| calls(filter, function));
        if let Some(function) = called {
            return Some((format!("{function}()"), filter.to_owned()));
        }
    }
    let children = node.get("Plans").and_then(Value::as_array).into_iter().flatten();
    // What a subplan reads is its own affair: it runs once where it is hashed or an InitPlan.
    let own = children.filter(|child| {
        let relationship = child.get("Parent Relationship").and_then(Value::as_str);
        !matches!(relationship, Some("InitPlan" | "SubPlan"))
    });
    own.into_iter().find_map(|child| search(child, table, functions))
}

/// Whether the condition calls the function: its name, not as the end of another, and an opening parenthesis.
fn calls(condition: &str, function: &str) -> bool {
    let called = format!("{function}(");
    condition.match_indices(&called).any(|(at, _)| {
        let before = condition[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

fn unquoted(name: &str) -> String {
    name.replace('"', "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scan(filter: &str) -> Value {
        json!({"Plan": {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "t", "Filter": filter,
            "Plans": [{"Parent Relationship": "SubPlan", "Schema": "public", "Relation Name": "t",
                "Filter": "(u = auth.uid())"}]}})
    }

    #[test]
    fn a_call_in_the_scans_own_filter_is_per_row_and_one_in_a_subplan_is_not() {
        let functions = ["auth.uid".to_owned()];
        assert!(per_row(&scan("(t.owner = auth.uid())"), "public.t", &functions).is_some());
        assert!(per_row(&scan("(t.owner = $0)"), "public.t", &functions).is_none());
        assert!(per_row(&scan("(t.owner = my_auth.uid())"), "public.t", &functions).is_none());
        assert!(per_row(&scan("(t.owner = auth.uid())"), "public.other", &functions).is_none());
    }
}
