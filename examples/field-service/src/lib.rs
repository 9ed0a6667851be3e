//! The example app: the calls, inbox and customers of two field-service companies in Quebec, as the app was
//! before anyone tuned it.
//!
//! Holds its schema, a generator of its data and the workload that its pages send. Never improves on itself:
//! what others measure against must not move. The data comes from arithmetic on row numbers and from the
//! moment it shall end at, and from nothing else: equal inputs make equal bytes.

mod analytics;
mod calls;
mod copy;
mod crm;
mod demo;
mod dialogue;
mod directory;
mod generate;
mod inbox;
mod names;
mod notices;
mod random;
mod rhythm;
mod workload;
mod world;

pub use demo::{DEMO_USERS, DemoUser, ORGANIZATIONS, Organization};
pub use generate::{Progress, Scale, Summary, generate};
pub use workload::{Draw, PAGES, Statement, draws, statements};

use tokio_postgres::Client;

/// The schema's files in the order in which they are to be run: name and SQL.
pub const SCHEMA: &[(&str, &str)] = &[
    ("01-roles.sql", include_str!("../schema/01-roles.sql")),
    ("02-tables.sql", include_str!("../schema/02-tables.sql")),
    ("03-claims.sql", include_str!("../schema/03-claims.sql")),
    ("04-views.sql", include_str!("../schema/04-views.sql")),
    ("05-functions.sql", include_str!("../schema/05-functions.sql")),
    ("06-policies.sql", include_str!("../schema/06-policies.sql")),
];

/// Courant's configuration for the example.
pub const CONFIGURATION: &str = include_str!("../courant.toml");

/// Why the example could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the schema was refused; nothing of it was kept.
    #[error("the example's {file} was refused")]
    Schema {
        /// The file's name in [`SCHEMA`].
        file: &'static str,
        /// What the database said.
        source: tokio_postgres::Error,
    },
    /// The example's tables hold rows already, which the generator does not replace.
    #[error("the example's tables already hold rows")]
    NotEmpty,
    /// The rows of a table could not be loaded; nothing was kept.
    #[error("the example's table {table} could not be loaded")]
    Load {
        /// The table's name.
        table: &'static str,
        /// What the database said.
        source: tokio_postgres::Error,
    },
    /// The database did not answer.
    #[error("the database refused a command while the example was set up")]
    Database(#[from] tokio_postgres::Error),
}

/// Creates the example's roles, tables, views, functions and policies: all of them or, on an error, none.
///
/// The connection must be outside a transaction, in an empty database, and may create roles.
pub async fn install(client: &Client) -> Result<(), Error> {
    client.batch_execute("begin").await?;
    for (file, sql) in SCHEMA {
        if let Err(source) = client.batch_execute(sql).await {
            // The connection may be the very thing that failed; the first error is the one to report.
            let _ = client.batch_execute("rollback").await;
            return Err(Error::Schema { file, source });
        }
    }
    client.batch_execute("commit").await?;
    Ok(())
}
