//! What the change stream tells: one committed transaction at a time.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Lsn, RelationId};

/// A committed transaction, in commit order.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The low 32 bits of its id, as the log carries them (see [`crate::Xid::widen`]).
    pub xid: u32,
    /// Where its commit record ends: every change up to here has been told.
    pub end: Lsn,
    /// What it did, in order.
    pub changes: Vec<Change>,
    /// The logical messages it emitted (`pg_logical_emit_message(true, …)`).
    pub messages: Vec<Message>,
}

/// A logical message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Says whose message it is.
    pub prefix: String,
    /// Free content.
    pub content: Bytes,
}

/// One change of one relation.
#[derive(Clone, Debug)]
pub enum Change {
    /// A row was inserted (`new`), deleted (`old`) or updated (`new`, and `old` where the replica
    /// identity provides it).
    Row {
        /// The relation as the stream described it when the change was made.
        relation: Arc<StreamRelation>,
        /// The old row: whole under `REPLICA IDENTITY FULL`, else the identity's columns, else absent.
        old: Option<Tuple>,
        /// The new row; absent for a delete.
        new: Option<Tuple>,
    },
    /// Any row may have changed: a `TRUNCATE`, or more changes in one transaction than are kept.
    Whole(RelationId),
    /// The relation's columns or identity are no longer what they were: plans made before are void.
    Schema(RelationId),
}

/// A relation as pgoutput describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRelation {
    /// Its object identifier.
    pub id: RelationId,
    /// The schema's name.
    pub schema: String,
    /// The relation's name.
    pub name: String,
    /// `pg_class.relreplident`: `d`, `n`, `f` or `i`.
    pub identity: u8,
    /// The published columns, in the order of every tuple.
    pub columns: Box<[StreamColumn]>,
}

impl StreamRelation {
    /// The position of a column in this relation's tuples.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }
}

/// A column as pgoutput describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamColumn {
    /// Its name.
    pub name: String,
    /// `pg_type.oid`.
    pub type_id: u32,
    /// Whether it belongs to the replica identity.
    pub key: bool,
}

/// The values of one row, a datum per column of its [`StreamRelation`].
///
/// In an old row that holds only the identity, the other columns are [`Datum::Absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple(pub Box<[Datum]>);

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// SQL null.
    Null,
    /// The value as the type's output function prints it.
    Text(Bytes),
    /// Not told: an unchanged out-of-line (TOAST) value, or a column outside the identity.
    Absent,
}
