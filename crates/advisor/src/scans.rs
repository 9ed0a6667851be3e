//! What a statement does with each table it reads, taken from its plan: compared, joined, sorted and needed columns.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::condition::{ColumnRef, Comparison, Fact, columns_in, facts};
use crate::plan::children;
use crate::source::Table;

/// Where a plan says what rows must be like.
const CONDITIONS: [&str; 6] =
    ["Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter"];
/// Where it says in which order rows are wanted.
const ORDERS: [&str; 3] = ["Sort Key", "Group Key", "Presorted Key"];

/// What a statement does with one table, at one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    pub(crate) schema: String,
    pub(crate) table: String,
    /// Every column that the statement needs of it.
    pub(crate) needed: BTreeSet<String>,
    pub(crate) equal: Vec<String>,
    pub(crate) joined: Vec<String>,
    pub(crate) range: Vec<String>,
    /// Orders that rows are wanted in, or grouped by.
    pub(crate) sorts: Vec<Vec<String>>,
    /// Conditions that hold of every row wanted, and compare one column with a constant.
    pub(crate) constants: Vec<(String, String)>,
    pub(crate) expressions: Vec<(String, Comparison)>,
    pub(crate) patterns: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) contains: Vec<String>,
}

/// The scans of a plan that was told with `VERBOSE`.
pub(crate) fn scans(root: &Value, tables: &HashMap<(&str, &str), &Table>) -> Vec<Scan> {
    let mut found: BTreeMap<String, Scan> = BTreeMap::new();
    find(root, &mut found);
    gather(root, true, tables, &mut found);
    found
        .into_values()
        .filter(|scan| tables.contains_key(&(scan.schema.as_str(), scan.table.as_str())))
        .collect()
}

fn text<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Value::as_str)
}

fn find(node: &Value, found: &mut BTreeMap<String, Scan>) {
    if let (Some(table), Some(schema), Some(alias)) =
        (text(node, "Relation Name"), text(node, "Schema"), text(node, "Alias"))
    {
        let scan = found.entry(alias.to_owned()).or_default();
        (scan.schema, scan.table) = (schema.to_owned(), table.to_owned());
    }
    for child in children(node) {
        find(child, found);
    }
}

fn gather(
    node: &Value,
    top: bool,
    tables: &HashMap<(&str, &str), &Table>,
    found: &mut BTreeMap<String, Scan>,
) {
    for key in CONDITIONS {
        if let Some(condition) = text(node, key) {
            for fact in facts(condition) {
                note(fact, found);
            }
            need(condition, found);
        }
    }
    for key in ORDERS {
        let keys: Vec<&str> =
            node.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        order(&keys, found);
        keys.iter().for_each(|key| need(key, found));
    }
    let output = node.get("Output").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let table = text(node, "Schema").zip(text(node, "Relation Name")).and_then(|name| tables.get(&name));
    // A scan may hand on whole rows because that is cheaper than to choose among columns.
    let whole = table.is_some_and(|table| output.len() >= table.columns.len());
    if top || !whole {
        output.iter().filter_map(Value::as_str).for_each(|item| need(item, found));
        extremes(output, found);
    }
    let passes =
        text(node, "Node Type").is_some_and(|kind| matches!(kind, "Gather" | "Gather Merge" | "Limit"));
    for child in children(node) {
        gather(child, top && passes, tables, found);
    }
}

fn need(text: &str, found: &mut BTreeMap<String, Scan>) {
    for ColumnRef { alias, column } in columns_in(text) {
        if let Some(scan) = found.get_mut(&alias) {
            scan.needed.insert(column);
        }
    }
}

fn add(list: &mut Vec<String>, column: String) {
    if !list.contains(&column) {
        list.push(column);
    }
}

fn note(fact: Fact, found: &mut BTreeMap<String, Scan>) {
    match fact {
        Fact::Join(one, other) => {
            for ColumnRef { alias, column } in [one, other] {
                if let Some(scan) = found.get_mut(&alias) {
                    add(&mut scan.joined, column);
                }
            }
        }
        Fact::Expression { alias, expression, how } => {
            if let Some(scan) = found.get_mut(&alias) {
                scan.expressions.push((expression, how));
            }
        }
        Fact::Column { column: ColumnRef { alias, column }, how, text, constant } => {
            let Some(scan) = found.get_mut(&alias) else { return };
            let list = match how {
                Comparison::Equal | Comparison::Null => &mut scan.equal,
                Comparison::Range => &mut scan.range,
                Comparison::Prefix => &mut scan.prefixes,
                Comparison::Pattern => &mut scan.patterns,
                Comparison::Contains => &mut scan.contains,
            };
            add(list, column.clone());
            if constant && matches!(how, Comparison::Equal | Comparison::Null | Comparison::Range) {
                scan.constants.push((column, text));
            }
        }
    }
}

/// The columns of the first scan in a list of keys, as far as they are plain columns of it.
fn order(keys: &[&str], found: &mut BTreeMap<String, Scan>) {
    let mut columns: Vec<ColumnRef> = Vec::new();
    for key in keys {
        let key =
            key.trim_end_matches(" NULLS FIRST").trim_end_matches(" NULLS LAST").trim_end_matches(" DESC");
        let mut named = columns_in(key);
        let (Some(column), None) = (named.next(), named.next()) else { break };
        let plain = !key.contains(['(', ' ']) || key.ends_with('"');
        if !plain || columns.first().is_some_and(|first| first.alias != column.alias) {
            break;
        }
        columns.push(column);
    }
    let Some(scan) = columns.first().and_then(|first| found.get_mut(&first.alias)) else { return };
    let names: Vec<String> = columns.into_iter().map(|column| column.column).collect();
    if !scan.sorts.contains(&names) {
        scan.sorts.push(names);
    }
}

/// `min(x)` and `max(x)` are the ends of an order.
fn extremes(output: &[Value], found: &mut BTreeMap<String, Scan>) {
    for item in output.iter().filter_map(Value::as_str) {
        let inside = item.strip_prefix("min(").or_else(|| item.strip_prefix("max("));
        if let Some(inside) = inside.and_then(|rest| rest.strip_suffix(')')) {
            order(&[inside], found);
        }
    }
}
