//! Why an epoch of the cache ended: what `changes.rs` starts over from.

use std::time::Duration;

use cache::Doubt;

/// Why an epoch ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Told by a transaction of the stream, if that is how it was noticed.
    #[error("the schema changed")]
    Schema(Option<u32>),
    #[error("the change stream failed: {0}")]
    Stream(#[from] wal::Error),
    #[error("cannot connect: {0}")]
    Connect(#[from] pg::connect::ConnectError),
    #[error("the database could not be asked: {}", said(.0))]
    Database(#[from] tokio_postgres::Error),
    #[error("the database's side could not be set up: {0}")]
    Setup(#[from] pg::schema::SchemaError),
    #[error("the catalog could not be read: {0}")]
    Catalog(#[from] pg::catalog::LoadError),
    #[error("the database took longer than {} s to answer", .0.as_secs())]
    Slow(Duration),
    #[error("the database's {0} could not be read")]
    Unreadable(&'static str),
    #[error("not ready for a change stream")]
    NotReady,
}

/// What the server said, where it said something: the error by itself is only "db error".
fn said(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl Ended {
    /// What the cache is to doubt.
    pub(crate) fn doubt(&self) -> Doubt {
        match self {
            Ended::Schema(_) => Doubt::Schema,
            _ => Doubt::Stream,
        }
    }
}
