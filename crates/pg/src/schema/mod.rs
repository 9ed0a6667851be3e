//! Courant's own traces in the user's database: its schema, two event triggers, the publication, and a role where
//! there is an audit log.
//!
//! [`install`] makes them as far as the role may, [`install_schema`] the schema alone, [`sync_publication`] keeps
//! the publication to the tables that can be in it, [`readiness`] says what is missing and how to enable it,
//! [`uninstall`] removes everything.
//! Never alters an object that Courant did not make: the user's tables and their replica identities stay
//! as they are. Input is a connection and the catalog.

mod audit;
mod install;
mod part;
mod publication;
mod readiness;

pub use audit::{AUDIT_ROLE, enable_audit};
pub use install::{Installed, Removed, install, install_schema, uninstall};
pub use part::install_part;
pub use publication::{PublicationSync, Refused, sync_publication};
pub use readiness::{Missing, Readiness, readiness};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// The schema's name.
pub const NAME: &str = "courant";

/// The prefix of the logical message that tells of a schema change; its content is the command's tag.
pub const MESSAGE_PREFIX: &str = "courant.schema";

/// Why the database's side could not be set up or removed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A schema of that name exists and Courant did not make it.
    #[error(
        "the schema \"courant\" exists already and is not Courant's: rename it, or drop it if it is empty"
    )]
    NotOurs,
    /// A later version of Courant was here.
    #[error(
        "the schema \"courant\" was made by a later version (migration {0}): use that version or `courant uninstall`"
    )]
    TooNew(i32),
    /// The publication covers all tables, which Courant never touches.
    #[error("the publication \"{0}\" is FOR ALL TABLES: drop it, or configure another name")]
    ForAllTables(String),
    /// The role lacks a right.
    #[error("the role may not do this: {0}")]
    NotPermitted(String),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for SchemaError {
    fn from(error: tokio_postgres::Error) -> SchemaError {
        match error.as_db_error() {
            Some(refusal) if refusal.code() == &SqlState::INSUFFICIENT_PRIVILEGE => {
                SchemaError::NotPermitted(refusal.message().to_owned())
            }
            _ => SchemaError::Database(error),
        }
    }
}

/// Ends the transaction that the caller began: by commit, or after an error by rollback.
async fn end<T, E: From<tokio_postgres::Error>>(client: &Client, outcome: Result<T, E>) -> Result<T, E> {
    match outcome {
        Ok(value) => {
            client.batch_execute("commit").await?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one that says what happened.
            _ = client.batch_execute("rollback").await;
            Err(error)
        }
    }
}
