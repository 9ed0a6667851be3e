//! `pg_statistic`, rebuilt from what the view `pg_stats` shows.
//!
//! The view hides the operators and collations that a slot was made with. They are those of the column's type, since
//! ANALYZE takes no others.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::AdviceError;
use crate::session::{Fields, Session, literal};
use crate::source::Statistics;

/// Rows written in one command.
const BATCH: usize = 200;
/// Slots in a row of `pg_statistic`.
const SLOTS: usize = 5;

/// Kinds of slots, as `pg_statistic.h` numbers them.
const COMMON_VALUES: u8 = 1;
const HISTOGRAM: u8 = 2;
const CORRELATION: u8 = 3;
const COMMON_ELEMENTS: u8 = 4;
const ELEMENT_COUNTS: u8 = 5;

/// A column of the shadow's.
struct Place {
    relation: u32,
    number: i32,
    data_type: u32,
    collation: u32,
    equal: u32,
    less: u32,
    element: u32,
    element_equal: u32,
}

/// One slot.
struct Slot<'a> {
    kind: u8,
    operator: u32,
    collation: u32,
    numbers: Option<&'a str>,
    /// The values and the type of each.
    values: Option<(&'a str, u32)>,
}

/// Copies them all; what is not in the shadow is left out.
pub(super) async fn copy(session: &mut Session, all: &[Statistics]) -> Result<(), AdviceError> {
    let rows = session.rows("look at the shadow's columns", include_str!("columns.sql")).await?;
    let mut places = HashMap::new();
    for row in &rows {
        places.insert((row.text(0), row.text(1), row.text(2)), place(row)?);
    }
    for batch in all.chunks(BATCH) {
        let mut commands = String::new();
        for known in batch {
            let name = (known.schema.as_str(), known.relation.as_str(), known.column.as_str());
            if let Some(place) = places.get(&name) {
                commands.push_str(&insert(place, known));
            }
        }
        if session.attempt("copy statistics", &commands).await?.is_ok() {
            continue;
        }
        // One value that cannot be read here (of a type that is missing) must not cost the others theirs.
        for command in commands.split_inclusive(";\n") {
            let _refused = session.attempt("copy statistics", command).await?;
        }
    }
    Ok(())
}

fn place(row: &Fields) -> Result<Place, AdviceError> {
    Ok(Place {
        relation: row.number(3)?,
        number: row.number(4)?,
        data_type: row.number(5)?,
        collation: row.number(6)?,
        equal: row.number(7)?,
        less: row.number(8)?,
        element: row.number(9)?,
        element_equal: row.number(10)?,
    })
}

fn slots<'a>(place: &Place, known: &'a Statistics) -> Vec<Slot<'a>> {
    let slot = |kind, operator, numbers, values| Slot {
        kind,
        operator,
        collation: place.collation,
        numbers,
        values,
    };
    let numbers = |text: &'a Option<String>| text.as_deref();
    let own = |text: &'a Option<String>| text.as_deref().map(|text| (text, place.data_type));
    let elements = known.elements.as_deref().map(|text| (text, place.element));
    let mut slots = Vec::new();
    if known.common_values.is_some() {
        let frequencies = numbers(&known.common_frequencies);
        slots.push(slot(COMMON_VALUES, place.equal, frequencies, own(&known.common_values)));
    }
    if known.histogram.is_some() {
        slots.push(slot(HISTOGRAM, place.less, None, own(&known.histogram)));
    }
    if let Some(correlation) = numbers(&known.correlation) {
        slots.push(slot(CORRELATION, place.less, Some(correlation), None));
    }
    if elements.is_some() {
        slots.push(slot(COMMON_ELEMENTS, place.element_equal, numbers(&known.element_frequencies), elements));
    }
    if let Some(counts) = numbers(&known.element_counts) {
        slots.push(slot(ELEMENT_COUNTS, place.element_equal, Some(counts), None));
    }
    slots.truncate(SLOTS);
    slots
}

/// The statement that writes a column's row.
fn insert(place: &Place, known: &Statistics) -> String {
    let slots = slots(place, known);
    let mut columns = [String::new(), String::new(), String::new(), String::new(), String::new()];
    for number in 0..SLOTS {
        let slot = slots.get(number);
        let _ = write!(columns[0], ", {}", slot.map_or(0, |slot| slot.kind));
        let _ = write!(columns[1], ", {}", slot.map_or(0, |slot| slot.operator));
        let _ = write!(columns[2], ", {}", slot.map_or(0, |slot| slot.collation));
        let numbers = slot.and_then(|slot| slot.numbers).map(|text| match text.starts_with('{') {
            true => literal(text),
            false => literal(&format!("{{{text}}}")),
        });
        let _ = write!(columns[3], ", {}::real[]", numbers.as_deref().unwrap_or("null"));
        let values = slot.and_then(|slot| slot.values);
        let values = values.map(|(text, kind)| format!("array_in({}, {kind}, -1)", literal(text)));
        let _ = write!(columns[4], ", {}", values.as_deref().unwrap_or("null"));
    }
    format!(
        "insert into pg_statistic select {}, {}, {}, {}, {}, {}{};\n",
        place.relation,
        place.number,
        known.inherited,
        known.null_fraction,
        known.width as i64,
        known.distinct,
        columns.concat()
    )
}
