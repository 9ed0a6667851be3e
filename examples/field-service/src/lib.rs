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
mod replay;
mod rhythm;
mod workload;
mod world;

pub use demo::{DEMO_USERS, DemoUser, ORGANIZATIONS, Organization};
pub use generate::{Progress, Scale, Summary, generate};
pub use replay::{Asked, asked, workload_file};
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

/// What its developers added when it was tuned, in the order in which it is to be run: name and SQL. Functions that read
/// each table once, batches, a shared rate limit, a refreshed view, partitions: what no index mends. None of it is part
/// of the frozen example, and of indexes it brings only what its own tables need.
pub const TUNED: &[(&str, &str)] = &[
    ("01-names.sql", include_str!("../tuned/01-names.sql")),
    ("02-dashboard.sql", include_str!("../tuned/02-dashboard.sql")),
    ("03-crm.sql", include_str!("../tuned/03-crm.sql")),
    ("04-calls.sql", include_str!("../tuned/04-calls.sql")),
    ("05-rate-limits.sql", include_str!("../tuned/05-rate-limits.sql")),
    ("06-realtime-metrics.sql", include_str!("../tuned/06-realtime-metrics.sql")),
    ("07-monitoring.sql", include_str!("../tuned/07-monitoring.sql")),
    ("08-analytics.sql", include_str!("../tuned/08-analytics.sql")),
    ("09-webhooks.sql", include_str!("../tuned/09-webhooks.sql")),
];

/// Courant's configuration for the example.
pub const CONFIGURATION: &str = include_str!("../courant.toml");

/// What refreshes its materialized view by Courant's queue, whose tables must be there; not part of [`TUNED`].
const REFRESHING: &[(&str, &str)] = &[("10-refreshing.sql", include_str!("../tuned/10-refreshing.sql"))];

/// What belongs into Courant's configuration for that, behind [`CONFIGURATION`].
pub const REFRESHING_CONFIGURATION: &str = include_str!("../refreshing.toml");

/// Why the example could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the schema was refused; nothing of it was kept.
    #[error("the example's {file} was refused")]
    Schema {
        /// The file's name in [`SCHEMA`] or [`TUNED`].
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
    run(client, SCHEMA).await
}

/// Adds [`TUNED`] to an installed example: all of it or, on an error, none. Rows that are there stay.
///
/// The connection must be outside a transaction and own the tables.
pub async fn tune(client: &Client) -> Result<(), Error> {
    run(client, TUNED).await
}

/// Has the tuned example's materialized view refreshed by the queue of a node that has been configured with
/// [`REFRESHING_CONFIGURATION`] and has made the queue's tables.
pub async fn refresh_by_queue(client: &Client) -> Result<(), Error> {
    run(client, REFRESHING).await
}

async fn run(client: &Client, files: &[(&'static str, &str)]) -> Result<(), Error> {
    client.batch_execute("begin").await?;
    for (file, sql) in files {
        if let Err(source) = client.batch_execute(sql).await {
            // The connection may be the very thing that failed; the first error is the one to report.
            let _ = client.batch_execute("rollback").await;
            return Err(Error::Schema { file, source });
        }
    }
    client.batch_execute("commit").await?;
    Ok(())
}
