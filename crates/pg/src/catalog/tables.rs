//! The tables of which the change stream can tell.

use std::collections::HashMap;

use super::source::{Source, SourceRelation};
use super::storage;
use super::{Column, RelationId};
use crate::Canonical;

/// An ordinary table, in whatever schema: policies, views and functions read tables that requests cannot name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTable {
    /// Its object identifier.
    pub id: RelationId,
    /// The schema's name.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The owner's name.
    pub owner: String,
    /// Whether this session's role may put it into a publication, which takes the owner's rights.
    pub may_publish: bool,
    /// The columns by which the log names an old row; see [`super::Relation::identity`].
    pub identity: Vec<String>,
    /// A unique index that could serve as `REPLICA IDENTITY USING INDEX`, for a table without identity.
    pub identity_candidate: Option<String>,
    /// Whether it belongs into the publication, or why not.
    pub publishable: Result<(), Unpublishable>,
}

/// Why a table stays out of the publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// Its updates and deletes would fail: PostgreSQL refuses those of a published table without identity.
    #[error("it has no replica identity, so its updates would fail once it is published")]
    NoIdentity,
    /// The log does not tell of it.
    #[error("it is unlogged, so the log does not tell of its changes")]
    Unlogged,
    /// This session's role has not the rights of its owner.
    #[error("only its owner may publish it")]
    NotOwner,
}

/// Every table that outlives its session, outside the system's schemas and Courant's own; by schema and name.
pub(super) fn all(source: &Source) -> Vec<StoredTable> {
    let ours =
        |table: &SourceRelation| storage::is_system(&table.schema) || table.schema == crate::schema::NAME;
    let listed = |table: &SourceRelation| table.kind == b'r' && table.persistence != b't' && !ours(table);
    let mut tables: Vec<StoredTable> = source
        .relations
        .iter()
        .filter(|(_, table)| listed(table))
        .map(|(id, t)| stored(source, *id, t))
        .collect();
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    tables
}

fn stored(source: &Source, id: RelationId, table: &SourceRelation) -> StoredTable {
    let identity = storage::identity(source, id, table);
    let publishable = match table.persistence {
        b'u' => Err(Unpublishable::Unlogged),
        _ if identity.is_empty() => Err(Unpublishable::NoIdentity),
        _ if !table.mine => Err(Unpublishable::NotOwner),
        _ => Ok(()),
    };
    let keys = source.keys.get(&id).into_iter().flatten();
    let candidate = keys
        .filter(|key| key.immediate)
        .find(|key| storage::names(source, id, &key.columns, |c| c.not_null && !c.generated).is_some());
    StoredTable {
        id,
        schema: table.schema.clone(),
        name: table.name.clone(),
        owner: table.owner.clone(),
        may_publish: table.mine,
        identity_candidate: candidate.filter(|_| identity.is_empty()).map(|key| key.index.clone()),
        identity,
        publishable,
    }
}

/// A relation's columns. A column has a canonical form only if it has it wherever rows are stored.
pub(super) fn columns(source: &Source, id: RelationId) -> Vec<Column> {
    let leaves = storage::stored_in(source, id);
    let stored: Vec<HashMap<&str, Option<Canonical>>> = leaves
        .iter()
        .filter(|leaf| **leaf != id)
        .map(|leaf| {
            source.columns.get(leaf).into_iter().flatten().map(|c| (c.name.as_str(), c.canonical())).collect()
        })
        .collect();
    let column = |column: &super::source::SourceColumn| Column {
        name: column.name.clone(),
        type_id: column.type_id,
        type_name: column.type_name.clone(),
        nullable: !column.not_null,
        has_default: column.has_default,
        default: column.default.clone(),
        canonical: column
            .canonical()
            .filter(|form| stored.iter().all(|leaf| leaf.get(column.name.as_str()) == Some(&Some(*form)))),
        representation: None,
    };
    source.columns.get(&id).into_iter().flatten().map(column).collect()
}

impl super::source::SourceColumn {
    fn canonical(&self) -> Option<Canonical> {
        if self.generated {
            return None;
        }
        match self.type_id {
            20 | 21 | 23 => Some(Canonical::Integer),
            2950 => Some(Canonical::Uuid),
            16 => Some(Canonical::Boolean),
            25 | 1043 if self.deterministic => Some(Canonical::Text),
            _ if self.type_kind == b'e' => Some(Canonical::Label),
            _ => None,
        }
    }
}
