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
    /// Whether a row that *stops* having these values matters too.
    ///
    /// A list without an offset needs only new values for its predicate, because the keys of the rows it
    /// contains stand beside it; a count, an offset and the contained keys themselves need the old ones.
    /// Where the log does not tell an old value that is needed, every entry of this shape is dropped.
    pub old_matters: bool,
}
