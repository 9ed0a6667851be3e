//! What a change of a row means to the answers that read rows by value.
//!
//! Pure: a row's old and new version against the columns of a shape. The old one matters only to shapes that
//! say so; a value the log does not tell may be any value, and lies within every interval.

use std::sync::Arc;

use pg::{Change, Datum, RelationId, Scale, StreamRelation, Tuple};

use crate::read_set::{Range, Shape};
use crate::rules::{Rule, Rules};
use crate::tag::{Code, Hashing, Tag};

/// A change as the index and the log understand it.
#[derive(Debug)]
pub(crate) enum Touched {
    /// One row.
    Row(TouchedRow),
    /// Any row of the relation.
    Whole(RelationId),
}

/// A changed row, its values as codes and places.
#[derive(Debug)]
pub(crate) struct TouchedRow {
    pub(crate) relation: Arc<StreamRelation>,
    old: Option<Box<[Value]>>,
    new: Option<Box<[Value]>>,
    /// By column, whether the new version is known to have the old one's value; empty where one is not told.
    unchanged: Box<[bool]>,
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
struct Value {
    code: Code,
    /// Where it stands on its type's scale; [`NOWHERE`] where that is not known.
    place: i64,
}

/// No place. The one value that stands here is taken for unknown too.
const NOWHERE: i64 = i64::MIN;

/// Which answers of one shape a changed row makes old.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Those with one of these tags, if that version lies within their ranges.
    Tags([Option<(Tag, Version)>; 2]),
    /// All of them.
    All,
}

/// A version of a changed row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Old,
    New,
}

/// What is known of a version's values in a shape's columns.
enum Side {
    /// There is no row, or one of them is null, which no equality matches.
    Nothing,
    /// All of them.
    Tag(Tag),
    /// Not all of them.
    Unknown,
}

/// Where a shape's columns stand in the rows of a relation; `None` for one that the log does not tell.
#[derive(Debug)]
pub(crate) struct Positions {
    columns: Box<[Option<usize>]>,
    ranged: Box<[Option<usize>]>,
    watched: Option<Box<[Option<usize>]>>,
}

impl Positions {
    pub(crate) fn of(relation: &StreamRelation, shape: &Shape) -> Positions {
        let of = |columns: &[Box<str>]| columns.iter().map(|column| relation.position(column)).collect();
        Positions {
            columns: of(&shape.columns),
            ranged: of(&shape.ranged),
            watched: shape.watched.as_deref().map(of),
        }
    }
}

impl Touched {
    pub(crate) fn new(change: &Change, hashing: &Hashing) -> Touched {
        let (relation, old, new) = match change {
            Change::Row { relation, old, new } => (relation, old.as_ref(), new.as_ref()),
            Change::Whole(relation) | Change::Schema(relation) => return Touched::Whole(*relation),
        };
        let values = |row: &Tuple| {
            let scales = relation.columns.iter().map(|column| Scale::of(column.type_id));
            let scales = scales.chain(std::iter::repeat(None));
            row.0.iter().zip(scales).map(|(datum, scale)| Value::of(datum, scale, hashing)).collect()
        };
        let unchanged = match (old, new) {
            (Some(old), Some(new)) => {
                old.0.iter().zip(&new.0).map(|(old, new)| is_unchanged(old, new)).collect()
            }
            _ => Box::default(),
        };
        let (old, new) = (old.map(values), new.map(values));
        Touched::Row(TouchedRow { relation: Arc::clone(relation), old, new, unchanged })
    }

    pub(crate) fn relation(&self) -> RelationId {
        match self {
            Touched::Row(row) => row.relation.id,
            Touched::Whole(relation) => *relation,
        }
    }

    /// The memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let values = match self {
            Touched::Row(row) => {
                let values: usize = [&row.old, &row.new].into_iter().flatten().map(|row| row.len()).sum();
                values * size_of::<Value>() + row.unchanged.len()
            }
            Touched::Whole(_) => 0,
        };
        size_of::<Touched>() + values
    }
}

/// Only a value that is the same is left out of a new row.
fn is_unchanged(old: &Datum, new: &Datum) -> bool {
    *new == Datum::Absent || *old != Datum::Absent && old == new
}

impl Value {
    const ABSENT: Value = Value { code: Code::ABSENT, place: NOWHERE };

    fn of(datum: &Datum, scale: Option<Scale>, hashing: &Hashing) -> Value {
        let place = match (datum, scale) {
            (Datum::Text(text), Some(scale)) => {
                std::str::from_utf8(text).ok().and_then(|text| scale.place(text)).unwrap_or(NOWHERE)
            }
            _ => NOWHERE,
        };
        Value { code: hashing.datum(datum), place }
    }
}

impl TouchedRow {
    /// Which answers of a shape whose columns stand at `positions` this change makes old.
    pub(crate) fn touch(
        &self,
        positions: &Positions,
        old_matters: bool,
        hashing: &Hashing,
        rules: &Rules,
    ) -> Touch {
        let mut tags = [None, None];
        if self.spares(positions) {
            return Touch::Tags(tags);
        }
        let old_matters = old_matters && rules.on(Rule::OldValues);
        let versions = [Some(Version::New), old_matters.then_some(Version::Old)];
        for (tag, version) in tags.iter_mut().zip(versions) {
            let Some(version) = version else { continue };
            match self.side(version, positions, hashing) {
                Side::Nothing => {}
                Side::Tag(known) => *tag = Some((known, version)),
                Side::Unknown if rules.on(Rule::Wildcards) => return Touch::All,
                Side::Unknown => {}
            }
        }
        Touch::Tags(tags)
    }

    /// Whether a version may lie within the ranges of an answer, in the order of the shape's ranged columns.
    pub(crate) fn is_within(
        &self,
        version: Version,
        positions: &Positions,
        ranges: &[Range],
        rules: &Rules,
    ) -> bool {
        positions.ranged.iter().zip(ranges).all(|(position, range)| {
            let place = position.map_or(NOWHERE, |position| self.value(version, position).place);
            match place {
                NOWHERE => rules.on(Rule::Wildcards),
                // Rows that compare equal to the last one of a page may stand before it.
                _ if rules.on(Rule::IntervalEnds) => range.low <= place && place <= range.high,
                _ => range.low < place && place < range.high,
            }
        })
    }

    /// Whether the change is known to leave all that was looked at as it was.
    fn spares(&self, positions: &Positions) -> bool {
        let same = |position: &Option<usize>| {
            position.is_some_and(|position| self.unchanged.get(position).copied().unwrap_or(false))
        };
        positions.watched.as_ref().is_some_and(|watched| watched.iter().all(same))
            && !self.unchanged.is_empty()
    }

    fn side(&self, version: Version, positions: &Positions, hashing: &Hashing) -> Side {
        match version {
            Version::New if self.new.is_none() => return Side::Nothing,
            // Under a full identity an update always tells its old row: this is an insert.
            Version::Old if self.old.is_none() && self.new.is_some() && self.relation.identity == b'f' => {
                return Side::Nothing;
            }
            Version::Old if self.old.is_none() && self.new.is_none() => return Side::Unknown,
            Version::New | Version::Old => {}
        }
        let codes = || {
            positions
                .columns
                .iter()
                .map(|position| position.map_or(Code::ABSENT, |position| self.value(version, position).code))
        };
        if codes().any(|code| code == Code::NULL) {
            Side::Nothing
        } else if codes().any(|code| code == Code::ABSENT) {
            Side::Unknown
        } else {
            Side::Tag(hashing.tag(codes()))
        }
    }

    fn value(&self, version: Version, position: usize) -> Value {
        // A row shorter than its relation tells too little: what it lacks may be anything.
        let of = |row: &Option<Box<[Value]>>| {
            row.as_ref().and_then(|row| row.get(position).copied()).unwrap_or(Value::ABSENT)
        };
        match version {
            // Only an unchanged value is left out of a new row, so a full old row tells it.
            Version::New if of(&self.new).code == Code::ABSENT => of(&self.old),
            Version::New => of(&self.new),
            // Under a key identity an update without an old row left the key as it was (and an insert,
            // which looks the same, had none).
            Version::Old if self.old.is_none() && self.is_key(position) => self.value(Version::New, position),
            Version::Old => of(&self.old),
        }
    }

    /// Whether a column belongs to the key by which the log names old rows.
    fn is_key(&self, position: usize) -> bool {
        matches!(self.relation.identity, b'd' | b'i')
            && self.relation.columns.get(position).is_some_and(|column| column.key)
    }
}

#[cfg(test)]
mod tests;
