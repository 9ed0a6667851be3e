//! What can go wrong between a worker and the jobs' database.

use std::time::Duration;

use pg::DatabaseError;
use pg::connect::ConnectError;
use pg::schema::SchemaError;

/// Why the queue could not do what was asked. A job is never lost by it: what was claimed is given back by its lease.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No connection could be made. Try again later.
    #[error("cannot connect: {0}")]
    Connect(#[from] ConnectError),
    /// The connection was lost. Try again: whether the statement took effect is not known.
    #[error("the connection to the database was lost: {0}")]
    Lost(#[source] tokio_postgres::Error),
    /// The database refused, and said why.
    #[error("{0}")]
    Refused(#[source] Box<DatabaseError>),
    /// The database took longer than this. Try again later.
    #[error("the database took longer than {} s to answer", .0.as_secs())]
    Slow(Duration),
    /// The tables are not there and cannot be made.
    #[error("the queue's tables could not be made: {0}")]
    Schema(#[from] SchemaError),
    /// The role may not make them.
    #[error(
        "the role may not make or change the schema courant: grant it create on the database, or start courant once as \
             an administrator"
    )]
    NotInstalled,
    /// The process is about to end.
    #[error("the queue is stopping")]
    Stopping,
}

impl From<tokio_postgres::Error> for QueueError {
    fn from(error: tokio_postgres::Error) -> QueueError {
        match error.as_db_error() {
            // Shut down, crashed or terminated under us.
            Some(said) if said.code().code().starts_with("57P") => QueueError::Lost(error),
            Some(said) => QueueError::Refused(Box::new(DatabaseError::from(said))),
            None => QueueError::Lost(error),
        }
    }
}
