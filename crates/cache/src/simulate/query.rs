//! The requests of the simulation: what each answers, and what it says it read.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use pg::{Change, Datum, Interval, Read, RelationId, Rows, StreamColumn, StreamRelation, Tuple};

use super::database::{Database, Row, SLOTS, Set, TABLES, Write};
use crate::rules::{Rule, Rules};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// The row with this key.
    Key { table: usize, key: u8 },
    /// The rows with this `a`, by key.
    List { table: usize, a: u8 },
    /// The first of them, by `b`.
    Top { table: usize, a: u8 },
    /// Their keys, and nothing else of them.
    Keys { table: usize, a: u8 },
    /// The rows of whatever `a` with at least this `b`, and whether their `a` is known.
    From { table: usize, b: u8 },
    /// How many there are.
    Count { table: usize, a: u8 },
    /// How many rows have this `a` and this `b`.
    Pair { table: usize, a: u8, b: u8 },
    /// All rows.
    Whole { table: usize },
    /// A row of the first table and the rows of the second that have its `a`.
    Embed { key: u8 },
    /// All rows of whatever table the view reads.
    View,
}

/// An answer: the codes of its rows.
pub(super) type Rendered = u64;

impl Query {
    pub(super) fn all() -> Vec<Query> {
        let mut all = vec![Query::View];
        for key in 0..4 {
            all.push(Query::Embed { key });
        }
        for table in 0..TABLES {
            all.push(Query::Whole { table });
            all.extend((0..4).map(|key| Query::Key { table, key }));
            for a in 1..=2 {
                all.extend([Query::List { table, a }, Query::Top { table, a }, Query::Count { table, a }]);
                all.extend([Query::Keys { table, a }, Query::From { table, b: a }]);
                all.extend((1..=2).map(|b| Query::Pair { table, a, b }));
            }
        }
        all
    }

    /// Which tables it names, given what the view is taken to read.
    pub(super) fn reads_table(self, table: usize, view: usize) -> bool {
        match self {
            Query::Key { table: t, .. } | Query::List { table: t, .. } | Query::Top { table: t, .. } => {
                t == table
            }
            Query::Keys { table: t, .. } | Query::From { table: t, .. } => t == table,
            Query::Count { table: t, .. } | Query::Pair { table: t, .. } | Query::Whole { table: t } => {
                t == table
            }
            Query::Embed { .. } => true,
            Query::View => view == table,
        }
    }

    /// What the database answers under a snapshot that sees `seen`.
    pub(super) fn answer(self, database: &Database, seen: Set) -> Rendered {
        let rows = |table: usize| (0..SLOTS).filter_map(move |slot| database.row(table, slot, seen));
        match self {
            Query::Key { table, key } => render(rows(table).filter(|row| row.key == key)),
            Query::List { table, a } => render(rows(table).filter(|row| row.a == a)),
            Query::Top { table, a } => render(top(rows(table).filter(|row| row.a == a))),
            Query::Keys { table, a } => {
                render(rows(table).filter(|row| row.a == a).map(|row| Row { a: 0, b: 0, ..row }))
            }
            Query::From { table, b } => {
                render(rows(table).filter(|row| row.b >= b).map(|row| Row { a: row.a.min(1), b: 0, ..row }))
            }
            Query::Count { table, a } => rows(table).filter(|row| row.a == a).count() as u64,
            Query::Pair { table, a, b } => rows(table).filter(|row| row.a == a && row.b == b).count() as u64,
            Query::Whole { table } => render(rows(table)),
            Query::Embed { key } => {
                let Some(row) = rows(0).find(|row| row.key == key) else { return 0 };
                render(std::iter::once(row).chain(rows(1).filter(|inner| row.a != 0 && inner.a == row.a)))
            }
            Query::View => render(rows(database.view(seen))),
        }
    }

    /// What it read, as a plan would say that takes the view to read the table `view`.
    pub(super) fn reads(self, database: &Database, seen: Set, view: usize, rules: &Rules) -> Vec<Read> {
        let rows = |table: usize| (0..SLOTS).filter_map(move |slot| database.row(table, slot, seen));
        let keys = |table: usize, holds: &dyn Fn(&Row) -> bool| {
            rows(table).filter(|row| holds(row)).map(|row| row.key).collect::<Vec<u8>>()
        };
        match self {
            Query::Key { table, key } => vec![Read::Rows(equal(table, &COLUMNS.key, vec![values([key])]))],
            Query::List { table, a } => {
                let wanted = equal(table, &COLUMNS.a, vec![values([a])]);
                list(wanted, keys(table, &|row| row.a == a), rules)
            }
            Query::Top { table, a } => {
                let mut wanted = equal(table, &COLUMNS.a, vec![values([a])]);
                let shown = top(rows(table).filter(|row| row.a == a)).next();
                // What comes after the last row of a full page is no matter.
                wanted.within.extend(shown.map(|row| from(row.b)));
                list(wanted, shown.iter().map(|row| row.key).collect(), rules)
            }
            Query::Keys { table, a } => {
                let mut wanted = equal(table, &COLUMNS.a, vec![values([a])]);
                wanted.watched = Some(watched(&COLUMNS.key, &COLUMNS.a, rules));
                list(wanted, keys(table, &|row| row.a == a), rules)
            }
            Query::From { table, b } => {
                let mut wanted = Rows { within: vec![from(b)], ..Rows::all(relation_id(table)) };
                wanted.watched = Some(watched(&COLUMNS.key, &COLUMNS.a_b, rules));
                list(wanted, keys(table, &|row| row.b >= b), rules)
            }
            Query::Count { table, a } => vec![Read::Rows(equal(table, &COLUMNS.a, vec![values([a])]))],
            Query::Pair { table, a, b } => {
                vec![Read::Rows(equal(table, &COLUMNS.a_b, vec![values([a, b])]))]
            }
            Query::Whole { table } => vec![Read::Whole(relation_id(table))],
            Query::Embed { key } => {
                let mut reads = Query::Key { table: 0, key }.reads(database, seen, view, rules);
                if let Some(row) = rows(0).find(|row| row.key == key && row.a != 0) {
                    reads.extend(Query::List { table: 1, a: row.a }.reads(database, seen, view, rules));
                }
                reads
            }
            Query::View => vec![Read::Whole(relation_id(view))],
        }
    }
}

/// A list without an offset: rows that come to match, and the rows that it contains.
fn list(mut wanted: Rows, keys: Vec<u8>, rules: &Rules) -> Vec<Read> {
    let mut reads = Vec::new();
    if rules.on(Rule::ContainedKeys) && !keys.is_empty() {
        let keys = keys.into_iter().map(|key| values([key])).collect();
        let contained = Rows {
            watched: wanted.watched.clone(),
            ..Rows::with(wanted.relation, Arc::clone(&COLUMNS.key), keys)
        };
        reads.push(Read::Rows(contained));
    }
    wanted.old_matters = false;
    reads.push(Read::Rows(wanted));
    reads
}

/// Rows with at least this `b`.
fn from(b: u8) -> Interval {
    Interval { column: "b".into(), low: i64::from(b), high: i64::MAX }
}

/// The columns that are shown and those that are compared; the latter forgotten where the rule is off.
fn watched(shown: &[Box<str>], compared: &[Box<str>], rules: &Rules) -> Arc<[Box<str>]> {
    let compared = if rules.on(Rule::WatchedColumns) { compared } else { &[] };
    shown.iter().chain(compared).cloned().collect()
}

fn top(rows: impl Iterator<Item = Row>) -> impl Iterator<Item = Row> {
    rows.max_by_key(|row| (row.b, row.key)).into_iter()
}

fn render(rows: impl Iterator<Item = Row>) -> Rendered {
    let code = |row: Row| 1 + u64::from(row.key) + 8 * u64::from(row.a) + 32 * u64::from(row.b);
    rows.fold(0, |rendered, row| rendered << 7 | code(row))
}

pub(super) fn relation_id(table: usize) -> RelationId {
    RelationId(16_384 + table as u32)
}

struct Columns {
    a: Arc<[Box<str>]>,
    a_b: Arc<[Box<str>]>,
    key: Arc<[Box<str>]>,
}

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns {
    a: Arc::new(["a".into()]),
    a_b: Arc::new(["a".into(), "b".into()]),
    key: Arc::new(["key".into()]),
});

const DIGITS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

fn values<const N: usize>(values: [u8; N]) -> Box<[Box<str>]> {
    values.into_iter().map(|value| DIGITS[value as usize].into()).collect()
}

fn equal(table: usize, columns: &Arc<[Box<str>]>, values: Vec<Box<[Box<str>]>>) -> Rows {
    Rows::with(relation_id(table), Arc::clone(columns), values)
}

/// A table as the stream describes it, under the default identity or the full one.
pub(super) fn relation(table: usize, identity: u8) -> Arc<StreamRelation> {
    let column = |name: &str| StreamColumn {
        name: name.to_owned(),
        type_id: if name == "b" { 23 } else { 25 },
        key: identity == b'f' || name == "key",
    };
    Arc::new(StreamRelation {
        id: relation_id(table),
        schema: "public".to_owned(),
        name: format!("t{table}"),
        identity,
        columns: ["key", "b", "a"].into_iter().map(column).collect(),
    })
}

/// A write as the stream tells it.
pub(super) fn change(write: &Write, relations: &[Arc<StreamRelation>; TABLES]) -> Change {
    let Write::Row { table, old, new, untold, .. } = *write else {
        return match *write {
            Write::Truncate { table } => Change::Whole(relation_id(table)),
            _ => Change::Schema(RelationId(1)),
        };
    };
    let relation = Arc::clone(&relations[table]);
    let full = relation.identity == b'f';
    let old = match (old, new) {
        (Some(old), _) if full => Some(tuple(old, 0)),
        (Some(old), Some(new)) if old.key == new.key => None,
        (old, _) => old.map(|old| tuple(old, 3)),
    };
    Change::Row { relation, old, new: new.map(|new| tuple(new, untold)) }
}

fn tuple(row: Row, untold: u8) -> Tuple {
    let told = |value: u8| Datum::Text(Bytes::from_static(DIGITS[value as usize].as_bytes()));
    let a = if row.a == 0 { Datum::Null } else { told(row.a) };
    let unless = |bit: u8, datum: Datum| if untold & bit != 0 { Datum::Absent } else { datum };
    Tuple(Box::new([told(row.key), unless(2, told(row.b)), unless(1, a)]))
}
