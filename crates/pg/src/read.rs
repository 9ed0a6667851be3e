//! What an answer read, in the terms in which the log tells of changes.

use std::sync::Arc;

use crate::RelationId;

/// One part of a read set: a change that may touch it makes the answer old.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// Any row of the relation.
    Whole(RelationId),
    /// The rows with certain values, present or not.
    Rows(Rows),
}

impl Read {
    /// The relation that is read.
    pub fn relation(&self) -> RelationId {
        match self {
            Read::Whole(relation) => *relation,
            Read::Rows(rows) => rows.relation,
        }
    }
}

/// The rows of a relation that have one of `values` in `columns`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rows {
    /// The relation.
    pub relation: RelationId,
    /// The columns compared, by name, ascending.
    pub columns: Arc<[Box<str>]>,
    /// For each wanted row, a value per column, each in the canonical form of its type.
    pub values: Vec<Box<[Box<str>]>>,
    /// Of those rows only the ones matter whose values lie within all of these.
    pub within: Vec<Interval>,
    /// Whether a row that *stops* having these values matters too.
    ///
    /// A list without an offset needs only new values for its predicate, because the keys of the rows it
    /// contains stand beside it; a count, an offset and the contained keys themselves need the old ones.
    /// Where the log does not tell an old value that is needed, every entry of this shape is dropped.
    pub old_matters: bool,
    /// The columns that were looked at at all: an update that is known to change none of them is no matter.
    /// `None` where that may be any.
    pub watched: Option<Arc<[Box<str>]>>,
}

/// Values of a column from one place to another, both included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The column, of a type with a [`crate::Scale`].
    pub column: Box<str>,
    /// The first place on that scale.
    pub low: i64,
    /// The last one.
    pub high: i64,
}

impl Rows {
    /// The rows with these values, whichever columns change, however they leave.
    pub fn with(relation: RelationId, columns: Arc<[Box<str>]>, values: Vec<Box<[Box<str>]>>) -> Rows {
        Rows { relation, columns, values, within: Vec::new(), old_matters: true, watched: None }
    }

    /// Every row there is; to be narrowed by an interval or by columns.
    pub fn all(relation: RelationId) -> Rows {
        Rows::with(relation, Arc::new([]), vec![Box::default()])
    }
}
