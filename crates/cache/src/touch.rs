//! What a change of a row means to the answers that read rows by value.
//!
//! Pure: a row of codes against the columns of a shape. The old row matters only to shapes that say so;
//! a value the log does not tell may be any value.

use std::sync::Arc;

use pg::{Change, RelationId, StreamRelation, Tuple};

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

/// A changed row, its values as codes.
#[derive(Debug)]
pub(crate) struct TouchedRow {
    pub(crate) relation: Arc<StreamRelation>,
    old: Option<Box<[Code]>>,
    new: Option<Box<[Code]>>,
}

/// Which answers of one shape a changed row makes old.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Those with one of these tags.
    Tags([Option<Tag>; 2]),
    /// All of them.
    All,
}

/// What is known of a row's values in a shape's columns.
enum Side {
    /// There is no row, or one of them is null, which no equality matches.
    Nothing,
    /// All of them.
    Tag(Tag),
    /// Not all of them.
    Unknown,
}

impl Touched {
    pub(crate) fn new(change: &Change, hashing: &Hashing) -> Touched {
        match change {
            Change::Row { relation, old, new } => {
                let codes = |row: &Tuple| row.0.iter().map(|datum| hashing.datum(datum)).collect();
                Touched::Row(TouchedRow {
                    relation: Arc::clone(relation),
                    old: old.as_ref().map(codes),
                    new: new.as_ref().map(codes),
                })
            }
            Change::Whole(relation) | Change::Schema(relation) => Touched::Whole(*relation),
        }
    }

    pub(crate) fn relation(&self) -> RelationId {
        match self {
            Touched::Row(row) => row.relation.id,
            Touched::Whole(relation) => *relation,
        }
    }

    /// The memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let columns = match self {
            Touched::Row(row) => [&row.old, &row.new].into_iter().flatten().map(|row| row.len()).sum(),
            Touched::Whole(_) => 0,
        };
        size_of::<Touched>() + columns * size_of::<Code>()
    }
}

/// Where a shape's columns stand in the rows of a relation; `None` for one that the log does not tell.
pub(crate) fn positions(relation: &StreamRelation, columns: &[Box<str>]) -> Box<[Option<usize>]> {
    columns.iter().map(|column| relation.position(column)).collect()
}

impl TouchedRow {
    /// Which answers of the shape with columns at `positions` this change makes old.
    pub(crate) fn touch(
        &self,
        positions: &[Option<usize>],
        old_matters: bool,
        hashing: &Hashing,
        rules: &Rules,
    ) -> Touch {
        let old_matters = old_matters && rules.on(Rule::OldValues);
        let old = if old_matters { self.old_side(positions, hashing) } else { Side::Nothing };
        let mut tags = [None, None];
        for (tag, side) in tags.iter_mut().zip([self.new_side(positions, hashing), old]) {
            match side {
                Side::Nothing => {}
                Side::Tag(known) => *tag = Some(known),
                Side::Unknown if rules.on(Rule::Wildcards) => return Touch::All,
                Side::Unknown => {}
            }
        }
        Touch::Tags(tags)
    }

    fn new_side(&self, positions: &[Option<usize>], hashing: &Hashing) -> Side {
        let Some(new) = &self.new else { return Side::Nothing };
        side(positions, hashing, |position| match (code(new, position), &self.old) {
            // Only an unchanged value is left out of a new row, so a full old row tells it.
            (Code::ABSENT, Some(old)) => code(old, position),
            (known, _) => known,
        })
    }

    fn old_side(&self, positions: &[Option<usize>], hashing: &Hashing) -> Side {
        match (&self.old, &self.new) {
            (Some(old), _) => side(positions, hashing, |position| code(old, position)),
            // Under a full identity an update always tells its old row: this is an insert.
            (None, Some(_)) if self.relation.identity == b'f' => Side::Nothing,
            // Under a key identity an update without an old row left the key as it was (and an insert,
            // which looks the same, had none).
            (None, Some(_)) if self.keeps(positions) => self.new_side(positions, hashing),
            _ => Side::Unknown,
        }
    }

    /// Whether all the columns belong to the key by which the log names old rows.
    fn keeps(&self, positions: &[Option<usize>]) -> bool {
        let key = |position: &Option<usize>| {
            position
                .is_some_and(|position| self.relation.columns.get(position).is_some_and(|column| column.key))
        };
        matches!(self.relation.identity, b'd' | b'i') && positions.iter().all(key)
    }
}

/// A row shorter than its relation tells too little: what it lacks may be anything.
fn code(row: &[Code], position: usize) -> Code {
    row.get(position).copied().unwrap_or(Code::ABSENT)
}

fn side(positions: &[Option<usize>], hashing: &Hashing, of: impl Fn(usize) -> Code) -> Side {
    let codes = || positions.iter().map(|position| position.map_or(Code::ABSENT, &of));
    if codes().any(|code| code == Code::NULL) {
        Side::Nothing
    } else if codes().any(|code| code == Code::ABSENT) {
        Side::Unknown
    } else {
        Side::Tag(hashing.tag(codes()))
    }
}

#[cfg(test)]
mod tests;
