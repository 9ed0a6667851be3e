//! PostgreSQL, for every other part: connections and sessions, the catalog, and the nouns that all
//! consumers of the change stream share.
//!
//! Never knows HTTP. Input comes from a PostgreSQL server and from the caller's configuration.

pub mod catalog;
mod change;
pub mod cluster;
pub mod connect;
mod error;
mod identifier;
mod lsn;
mod pool;
mod read;
mod row;
mod scale;
pub mod schema;
pub mod session;
mod snapshot;
mod statement;
mod value;
pub mod wire;

pub use change::{Change, Datum, Message, StreamColumn, StreamRelation, Transaction, Tuple};
pub use error::{DatabaseError, Error};
pub use identifier::identifier;
pub use lsn::{Lsn, ParseLsnError};
pub use pool::{Pool, PoolClient, PoolLimits, PoolStatus};
pub use read::{Interval, Read, Rows};
pub use row::{DecodeError, Row};
pub use scale::Scale;
pub use snapshot::{ParseSnapshotError, Snapshot, Xid};
pub use statement::{Parameter, Statement};
pub use value::Canonical;

/// The object identifier of a relation (`pg_class.oid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub u32);
