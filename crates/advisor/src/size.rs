//! How large an index would be.
//!
//! Two models. Courant's own follows what `CREATE INDEX` writes: equal keys are kept once with a list of rows
//! (deduplication, `nbtdedup.c`), pages are filled to 90 %, tuples are aligned. HypoPG's is here to compare budgets
//! with tools that use it: it knows no deduplication and adds a fifth for bloat.

mod partial;

pub(crate) use partial::Selectivity;

use crate::index::{Index, Key, Method};
use crate::source::{Column, Table};

/// Which model tells sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizeModel {
    /// What `CREATE INDEX` would write.
    #[default]
    Real,
    /// What HypoPG says.
    HypoPg,
}

/// Bytes in a page.
pub(crate) const PAGE_BYTES: u64 = 8192;
const PAGE: f64 = PAGE_BYTES as f64;
/// A page's header, and what a b-tree keeps at its end.
const PAGE_HEADER: f64 = 24.0;
const PAGE_SPECIAL: f64 = 16.0;
/// `IndexTupleData` and the pointer to it.
const TUPLE_HEADER: f64 = 8.0;
const POINTER: f64 = 4.0;
/// A row's address in a list of rows.
const ADDRESS: f64 = 6.0;
/// The longest tuple with a list that is made when an index is built: a tenth of a page, aligned.
const LIST_BYTES_MAX: f64 = 808.0;
/// The width of a value of which nothing is known.
const UNKNOWN_WIDTH: f64 = 32.0;

/// The pages of an index that holds this share of the table's rows.
pub(crate) fn pages(model: SizeModel, table: &Table, index: &Index, share: f64) -> u64 {
    let tuples = (table.tuples * share).max(0.0);
    let pages = match (index.method, model) {
        (Method::BTree, SizeModel::HypoPg) => return hypopg(table, index, tuples),
        (Method::BTree, SizeModel::Real) => btree(table, index, tuples),
        (Method::Brin, _) => brin(table, index),
        (Method::Gin, _) => gin(table, index, tuples),
    };
    pages.ceil().max(2.0) as u64
}

/// Width of a key or a carried column, as PostgreSQL's statistics have it.
fn width(table: &Table, key: &Key) -> f64 {
    match key {
        Key::Column(name) => table.column(name).map_or(UNKNOWN_WIDTH, column_width),
        // As wide as the columns it is made of, which is right for lower(), and wrong for most others.
        Key::Expression(text) => {
            let inside = table.columns.iter().filter(|column| text.contains(column.name.as_str()));
            inside.map(column_width).fold(0.0, f64::max).clamp(4.0, UNKNOWN_WIDTH)
        }
    }
}

fn column_width(column: &Column) -> f64 {
    match (column.length, &column.statistics) {
        (length, _) if length > 0 => f64::from(length),
        (_, Some(known)) => known.width,
        _ => UNKNOWN_WIDTH,
    }
}

fn aligned(bytes: f64, to: f64) -> f64 {
    (bytes / to).ceil() * to
}

/// HypoPG 1.x: the widths as they are, a header and a pointer for each column, and 30 % more.
fn hypopg(table: &Table, index: &Index, tuples: f64) -> u64 {
    // What HypoPG takes for an expression that it does not know.
    const EXPRESSION_WIDTH: f64 = 50.0;
    let of_key = |key: &Key| match key {
        Key::Expression(text) if !text.starts_with("lower(") && !text.starts_with("upper(") => {
            EXPRESSION_WIDTH
        }
        key => width(table, key),
    };
    let keys: f64 = index.keys.iter().map(of_key).sum();
    let carried: f64 = index.include.iter().map(|name| width(table, &Key::Column(name.clone()))).sum();
    let columns = (index.keys.len() + index.include.len()) as f64;
    let line = keys + carried + TUPLE_HEADER * columns + aligned(POINTER * columns, 8.0);
    let usable = PAGE - PAGE_HEADER - PAGE_SPECIAL;
    ((tuples * line * 1.3 / usable) as u64).max(1)
}

/// How many levels stand above the leaves of a b-tree of so many pages.
pub(crate) fn height(model: SizeModel, pages: u64) -> u32 {
    // A key above the leaves is cut to what tells its neighbours apart: some 20 bytes and its pointer.
    const FANOUT: u64 = 280;
    if model == SizeModel::HypoPg {
        // It leaves the height at -1, and a descent is then free.
        return u32::MAX;
    }
    let (mut level, mut reach) = (0, 1);
    while reach < pages.saturating_sub(1) {
        reach *= FANOUT;
        level += 1;
    }
    level
}

/// The bytes of a tuple with one row.
fn tuple_bytes(table: &Table, index: &Index) -> f64 {
    let columns = index.keys.iter().map(|key| (key.column(), width(table, key)));
    let carried =
        index.include.iter().map(|name| (Some(name.as_str()), width(table, &Key::Column(name.clone()))));
    let mut bytes = 0.0;
    let mut any_null = 1.0;
    for (name, width) in columns.chain(carried) {
        let column = name.and_then(|name| table.column(name));
        let null =
            column.and_then(|column| column.statistics.as_ref()).map_or(0.0, |known| known.null_fraction);
        any_null *= 1.0 - null;
        // Short values of varying length are not aligned.
        let align = column.filter(|column| column.length > 0).map_or(1.0, |column| f64::from(column.align));
        bytes = aligned(bytes, align) + width * (1.0 - null);
    }
    // With a null, a bitmap follows the header, which is aligned.
    let header = TUPLE_HEADER + 8.0 * (1.0 - any_null);
    aligned(header + bytes, 8.0)
}

/// The values of these keys that differ, among so many rows, were the columns independent.
fn distinct(table: &Table, index: &Index, tuples: f64) -> f64 {
    let mut combinations = 1.0;
    for key in &index.keys {
        let column = key.column().and_then(|name| table.column(name));
        let known = column.and_then(|column| column.statistics.as_ref()).map(|known| known.distinct);
        combinations *= match known {
            Some(share) if share < 0.0 => (-share * table.tuples).max(1.0),
            Some(number) if number > 0.0 => number,
            _ => table.tuples.sqrt().max(1.0),
        };
    }
    if index.keys.len() == 1 && tuples >= table.tuples * 0.999 {
        return combinations.clamp(1.0, tuples.max(1.0));
    }
    // As many of the combinations as so many rows, drawn at random, would meet.
    let met = combinations * (1.0 - (-tuples / combinations).exp());
    if combinations > 1e6 * tuples.max(1.0) { tuples.max(1.0) } else { met.clamp(1.0, tuples.max(1.0)) }
}

fn btree(table: &Table, index: &Index, tuples: f64) -> f64 {
    let single = tuple_bytes(table, index);
    let deduplicates = index.include.is_empty()
        && index.keys.iter().all(|key| {
            key.column().and_then(|name| table.column(name)).is_none_or(|column| column.deduplicates)
        });
    let leaves = if deduplicates {
        let values = distinct(table, index, tuples);
        values * bytes_of_group(single, tuples / values)
    } else {
        tuples * (single + POINTER)
    };
    // The high key stands on every leaf; a tenth is left free.
    let usable = PAGE * 0.9 - PAGE_HEADER - PAGE_SPECIAL - single;
    let leaf_pages = (leaves / usable.max(PAGE / 4.0)).ceil();
    let above = (leaf_pages * (single.min(32.0) + POINTER) / (PAGE * 0.7)).ceil();
    1.0 + leaf_pages + if leaf_pages > 1.0 { above } else { 0.0 }
}

/// The bytes of all tuples of a value that so many rows have on average.
fn bytes_of_group(single: f64, rows: f64) -> f64 {
    let of = |rows: f64| {
        if rows < 1.5 {
            return single + POINTER;
        }
        let most = ((LIST_BYTES_MAX - single) / ADDRESS).floor().max(2.0);
        let full = (rows / most).floor();
        let left = rows - full * most;
        let part = if left < 0.5 { 0.0 } else { aligned(single + ADDRESS * left, 8.0) + POINTER };
        full * (aligned(single + ADDRESS * most, 8.0) + POINTER) + part
    };
    if rows >= 20.0 || rows <= 1.000_001 {
        return of(rows);
    }
    // Few rows on average: some values have one, some several (Poisson, without those that have none).
    // The mean of what is left is `rows` where the rate solves rate / (1 - exp(-rate)) = rows.
    let mut rate = rows;
    for _ in 0..50 {
        rate = rows * (1.0 - (-rate).exp());
    }
    let mut chance = rate * (-rate).exp() / (1.0 - (-rate).exp()).max(1e-9);
    let mut expected = 0.0;
    for number in 1..80 {
        expected += chance * of(f64::from(number));
        chance *= rate / f64::from(number + 1);
    }
    expected
}

/// A summary for each 128 pages of the table.
fn brin(table: &Table, index: &Index) -> f64 {
    let ranges = (table.pages as f64 / 128.0).ceil();
    let keys: f64 = index.keys.iter().map(|key| 2.0 * width(table, key)).sum();
    3.0 + (ranges * (aligned(8.0 + keys, 8.0) + POINTER) / (PAGE - PAGE_HEADER)).ceil()
}

/// An address of two bytes or so for each part of each value; a text has a trigram for each letter or so.
fn gin(table: &Table, index: &Index, tuples: f64) -> f64 {
    let parts: f64 = index
        .keys
        .iter()
        .map(|key| {
            let width = width(table, key);
            if index.operator_class.is_some() { width * 0.8 } else { (width / 12.0).max(1.0) }
        })
        .sum();
    2.0 + tuples * parts * 2.0 / (PAGE * 0.8) + (tuples * parts).sqrt() * 24.0 / PAGE
}

#[cfg(test)]
mod tests;
