//! Which indexes could serve a statement: equality first, then one range or an order, then what is carried along.
//!
//! Generous, because the planner is asked about each: what it never uses costs a moment, what is not here is never
//! found.

use std::collections::{BTreeSet, HashMap};

use crate::condition::Comparison;
use crate::index::{Index, Key, Method};
use crate::scans::Scan;
use crate::size::SizeModel;
use crate::source::{Column, Table};

/// Keys of an index.
const WIDTH_MAX: usize = 3;
/// Columns of one scan that are combined with one another.
const COMBINED_MAX: usize = 5;
/// Columns that are tried as a third key after the same two.
const THIRD_MAX: usize = 2;
/// Columns that are carried along.
const INCLUDED_MAX: usize = 10;
/// Tables with fewer pages are read whole at no cost worth mentioning.
const PAGES_MIN: u64 = 8;
/// A constant that more rows have than this makes no partial index worth having.
const COMMON_MAX: f64 = 0.5;
/// A range over a column that follows the order of rows by this much may use BRIN.
const CORRELATED_MIN: f64 = 0.9;
/// Pages from which BRIN is worth a thought.
const BRIN_PAGES_MIN: u64 = 1000;

/// What may be proposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Whether the budget is counted as HypoPG does: then only what it can simulate.
    pub(crate) model: SizeModel,
    /// Whether `pg_trgm` is there.
    pub(crate) trigrams: bool,
}

/// The indexes that could serve this scan.
pub(crate) fn candidates(scan: &Scan, table: &Table, scope: Scope) -> Vec<Index> {
    if table.pages < PAGES_MIN {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    for keys in key_lists(scan, table) {
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let plain = Index::over(&table.schema, &table.name, &names);
        let partial = partials(&plain, scan, table, scope);
        for index in partial.into_iter().chain([plain]) {
            found.extend(covering(&index, scan, table));
            found.insert(index);
        }
    }
    // HypoPG refuses some of these, and of the others it takes conditions and expressions to be about the statement's
    // first table, so that they are found useless anywhere else: a budget shared with it is spent without them.
    if scope.model != SizeModel::HypoPg {
        found.extend(expressions(scan, table));
        found.extend(special(scan, table, scope));
    }
    found.into_iter().collect()
}

fn sortable(table: &Table, name: &str) -> bool {
    table.column(name).is_some_and(|column| column.sortable)
}

/// Lists of keys, each of no more than three columns but for whole orders.
fn key_lists(scan: &Scan, table: &Table) -> BTreeSet<Vec<String>> {
    let usable = |list: &[String]| -> Vec<String> {
        list.iter().filter(|name| sortable(table, name)).cloned().collect()
    };
    let (equal, joined, range) = (usable(&scan.equal), usable(&scan.joined), usable(&scan.range));
    let mut combined: Vec<String> = Vec::new();
    for name in equal.iter().chain(&joined).chain(&range).chain(&usable(&scan.prefixes)) {
        if !combined.contains(name) {
            combined.push(name.clone());
        }
    }
    combined.truncate(COMBINED_MAX);
    let mut lists = BTreeSet::new();
    for first in &combined {
        lists.insert(vec![first.clone()]);
        for second in combined.iter().filter(|second| *second != first) {
            lists.insert(vec![first.clone(), second.clone()]);
            // What stands third mostly filters: it makes little difference which of many it is.
            let third = combined.iter().filter(|third| *third != first && *third != second);
            lists.extend(
                third.take(THIRD_MAX).map(|third| vec![first.clone(), second.clone(), third.clone()]),
            );
        }
    }
    for sort in &scan.sorts {
        let sort: Vec<String> =
            sort.iter().take_while(|name| sortable(table, name)).take(WIDTH_MAX).cloned().collect();
        if sort.is_empty() {
            continue;
        }
        lists.insert(sort.clone());
        // Equality first leaves the rest of the index in order.
        for before in (1..=equal.len().min(2)).flat_map(|many| equal.windows(many)) {
            let rest = sort.iter().filter(|name| !before.contains(name));
            lists.insert(before.iter().chain(rest).take(WIDTH_MAX + 1).cloned().collect());
        }
    }
    lists
}

/// The index with everything carried along that the statement needs.
fn covering(index: &Index, scan: &Scan, table: &Table) -> Option<Index> {
    let is_key = |name: &str| index.keys.iter().any(|key| key.column() == Some(name));
    let include: Vec<String> = scan.needed.iter().filter(|name| !is_key(name)).cloned().collect();
    let fits = (1..=INCLUDED_MAX).contains(&include.len())
        && include.iter().all(|name| table.column(name).is_some_and(carried));
    fits.then(|| Index { include, ..index.clone() })
}

/// A value that is long makes an index as large as the table, and too long a one cannot be in it at all.
fn carried(column: &Column) -> bool {
    column.length > 0 || column.statistics.as_ref().is_some_and(|known| known.width < 200.0)
}

/// The index over those rows alone that have a constant that few have.
fn partials(index: &Index, scan: &Scan, table: &Table, scope: Scope) -> Vec<Index> {
    let mut found = Vec::new();
    if scope.model == SizeModel::HypoPg {
        return found;
    }
    for (column, condition) in &scan.constants {
        let rare = table.column(column).and_then(|column| column.statistics.as_ref()).is_some_and(|known| {
            let few = known.distinct > 0.0 && known.distinct <= 100.0;
            few && largest(known.common_frequencies.as_deref()) < 1.0 && (1.0 / known.distinct) <= COMMON_MAX
        });
        let is_key = index.keys.iter().any(|key| key.column() == Some(column));
        if rare && (!is_key || index.keys.len() == 1) && scan.equal.contains(column) {
            found.push(Index { predicate: Some(format!("({condition})")), ..index.clone() });
        }
    }
    found
}

/// The largest number of an array's text.
fn largest(array: Option<&str>) -> f64 {
    let numbers = array.unwrap_or_default().trim_matches(['{', '}']).split(',');
    numbers.filter_map(|text| text.parse::<f64>().ok()).fold(0.0, f64::max)
}

fn expressions(scan: &Scan, table: &Table) -> Vec<Index> {
    let comparable = |how: &Comparison| matches!(how, Comparison::Equal | Comparison::Range);
    let kept = scan.expressions.iter().filter(|(_, how)| comparable(how));
    kept.map(|(expression, _)| {
        let mut index = Index::over(&table.schema, &table.name, &[]);
        index.keys = vec![Key::Expression(expression.clone())];
        index
    })
    .collect()
}

/// BRIN, GIN and operator classes.
fn special(scan: &Scan, table: &Table, scope: Scope) -> Vec<Index> {
    let over = |column: &str, method, class: Option<&str>| {
        let mut index = Index::over(&table.schema, &table.name, &[column]);
        index.method = method;
        index.operator_class = class.map(str::to_owned);
        index
    };
    let mut found = Vec::new();
    for column in scan.range.iter().chain(&scan.equal).filter(|_| table.pages >= BRIN_PAGES_MIN) {
        let known = table.column(column).and_then(|column| column.statistics.as_ref());
        let correlation = known.and_then(|known| known.correlation.as_deref()?.parse::<f64>().ok());
        if correlation.is_some_and(|correlation| correlation.abs() >= CORRELATED_MIN) {
            found.push(over(column, Method::Brin, None));
        }
    }
    found.extend(scan.contains.iter().map(|column| over(column, Method::Gin, None)));
    let texts = |column: &&String| table.column(column).is_some_and(|column| column.category == 'S');
    if scope.trigrams {
        found.extend(
            scan.patterns.iter().filter(texts).map(|column| over(column, Method::Gin, Some("gin_trgm_ops"))),
        );
    }
    for column in scan.prefixes.iter().filter(texts) {
        found.push(over(column, Method::BTree, Some("text_pattern_ops")));
    }
    found
}

/// Two indexes of one table as one that serves the statements of both, where one's keys begin the other's.
pub(crate) fn merged(one: &Index, other: &Index) -> Option<Index> {
    let alike = one.is_on(&other.schema, &other.table)
        && one.method == Method::BTree
        && other.method == Method::BTree
        && one.predicate == other.predicate
        && one.operator_class == other.operator_class;
    let (longer, shorter) = if one.keys.len() >= other.keys.len() { (one, other) } else { (other, one) };
    if !alike || !longer.keys.starts_with(&shorter.keys) {
        return None;
    }
    let mut include: BTreeSet<&String> = longer.include.iter().chain(&shorter.include).collect();
    include.retain(|name| !longer.keys.iter().any(|key| key.column() == Some(name)));
    let include: Vec<String> = include.into_iter().cloned().collect();
    let both = Index { include, ..longer.clone() };
    (both.include.len() <= INCLUDED_MAX + 2 && both != *one && both != *other).then_some(both)
}

/// What could serve a statement with these scans, each once.
pub(crate) fn of_statement(
    scans: &[Scan],
    tables: &HashMap<(&str, &str), &Table>,
    scope: Scope,
) -> Vec<Index> {
    let mut all = BTreeSet::new();
    for scan in scans {
        if let Some(table) = tables.get(&(scan.schema.as_str(), scan.table.as_str())) {
            all.extend(candidates(scan, table, scope));
        }
    }
    all.into_iter().collect()
}
