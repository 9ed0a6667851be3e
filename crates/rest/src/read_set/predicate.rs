//! Predicates that every returned row satisfies: equalities, and intervals of values that have an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use pg::{Interval, Scale};

use crate::grammar::{Comparison, Quantifier, Test};
use crate::plan::Condition;

/// For each column compared, the canonical values it may have.
pub(super) type Equalities<'a> = BTreeMap<&'a str, Vec<Box<str>>>;

/// The columns and values of a read set.
pub(super) struct Chosen {
    pub(super) columns: Arc<[Box<str>]>,
    pub(super) values: Vec<Box<[Box<str>]>>,
}

/// The equalities among conditions that must all hold. Whatever stands under `or`, a negation or an embed
/// says nothing of every row, and is passed over.
pub(super) fn equalities(conditions: &[Condition]) -> Equalities<'_> {
    let mut found = Equalities::new();
    gather(conditions, &mut found);
    found
}

fn gather<'a>(conditions: &'a [Condition], found: &mut Equalities<'a>) {
    for condition in conditions {
        match condition {
            Condition::Tree { negated: false, any: false, children } => gather(children, found),
            Condition::Test { column, negated: false, test } if column.path.is_empty() => {
                let Some(canonical) = column.canonical else { continue };
                let Some(values) = values(test) else { continue };
                let values: Option<Vec<Box<str>>> =
                    values.iter().map(|value| canonical.of(value).map(Box::from)).collect();
                let Some(mut values) = values else { continue };
                values.sort_unstable();
                values.dedup();
                let known = found.entry(&column.name).or_insert_with(|| values.clone());
                if values.len() < known.len() {
                    *known = values;
                }
            }
            _ => {}
        }
    }
}

/// The intervals among conditions that must all hold, of columns whose equality is no equality of bytes or
/// that are compared by order.
pub(super) fn intervals(conditions: &[Condition]) -> Vec<Interval> {
    let mut found = BTreeMap::new();
    bound(conditions, &mut found);
    let interval = |(column, (low, high)): (&str, (i64, i64))| Interval { column: column.into(), low, high };
    found.into_iter().map(interval).collect()
}

fn bound<'a>(conditions: &'a [Condition], found: &mut BTreeMap<&'a str, (i64, i64)>) {
    for condition in conditions {
        match condition {
            Condition::Tree { negated: false, any: false, children } => bound(children, found),
            Condition::Test { column, negated: false, test } if column.path.is_empty() => {
                let Test::Compare { comparison, quantifier: None, value } = test else { continue };
                let Some(place) = Scale::of(column.type_id).and_then(|scale| scale.place(value)) else {
                    continue;
                };
                let (low, high) = match comparison {
                    Comparison::Greater | Comparison::GreaterEqual => (place, i64::MAX),
                    Comparison::Less | Comparison::LessEqual => (i64::MIN, place),
                    Comparison::Equal if column.canonical.is_none() => (place, place),
                    _ => continue,
                };
                let known = found.entry(&column.name).or_insert((i64::MIN, i64::MAX));
                *known = (known.0.max(low), known.1.min(high));
            }
            _ => {}
        }
    }
}

/// The values that a test compares with, each as the literal that PostgreSQL reads.
fn values(test: &Test) -> Option<Vec<&str>> {
    match test {
        Test::Compare { comparison: Comparison::Equal, quantifier: None, value } => Some(vec![value]),
        Test::Compare { comparison: Comparison::Equal, quantifier: Some(Quantifier::Any), value } => {
            simple_array(value)
        }
        Test::In(values) if !matches!(values.as_slice(), [only] if only.is_empty()) => {
            Some(values.iter().map(String::as_str).collect())
        }
        _ => None,
    }
}

/// The elements of an array's text, where nothing in it is quoted, nested, null or spaced.
fn simple_array(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.is_empty() || inner.contains(['{', '}', '"', '\\', ' ', '\t', '\n', '\r', '\x0b', '\x0c']) {
        return None;
    }
    let elements: Vec<&str> = inner.split(',').collect();
    let plain = elements.iter().all(|element| !element.is_empty() && !element.eq_ignore_ascii_case("null"));
    plain.then_some(elements)
}

/// The columns to compare: the identity where it is whole, else all; those with the most values are
/// dropped until their combinations are within the bound.
pub(super) fn choose(found: &Equalities<'_>, identity: Option<&[&str]>, rows_max: usize) -> Option<Chosen> {
    let mut chosen: Vec<(&str, &Vec<Box<str>>)> =
        found.iter().map(|(column, values)| (*column, values)).collect();
    let combinations = |chosen: &[(&str, &Vec<Box<str>>)]| {
        chosen.iter().fold(1_usize, |product, (_, values)| product.saturating_mul(values.len()))
    };
    if let Some(identity) = identity {
        let whole: Vec<_> = chosen.iter().copied().filter(|(column, _)| identity.contains(column)).collect();
        if combinations(&whole) <= rows_max {
            chosen = whole;
        }
    }
    while combinations(&chosen) > rows_max {
        let (largest, _) = chosen.iter().enumerate().max_by_key(|(_, (_, values))| values.len())?;
        chosen.remove(largest);
    }
    if chosen.is_empty() {
        return None;
    }
    let mut values: Vec<Vec<Box<str>>> = vec![Vec::new()];
    for (_, of_column) in &chosen {
        values = values
            .iter()
            .flat_map(|row| {
                of_column.iter().map(|value| row.iter().cloned().chain([value.clone()]).collect())
            })
            .collect();
    }
    Some(Chosen {
        columns: chosen.iter().map(|(column, _)| Box::from(*column)).collect(),
        values: values.into_iter().map(Vec::into_boxed_slice).collect(),
    })
}
