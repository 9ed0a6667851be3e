//! The queue's tables and functions, in Courant's schema.
//!
//! Migrations of their own, made only where a queue is configured, and never changed once released.

use tokio_postgres::Client;

use crate::QueueError;

const MIGRATIONS: [&str; 4] = [
    include_str!("schema/migration_0001.sql"),
    include_str!("schema/migration_0002.sql"),
    include_str!("schema/migration_0003.sql"),
    include_str!("schema/migration_0004.sql"),
];

/// Those of webhooks, made only where one is configured.
const WEBHOOK_MIGRATIONS: [&str; 1] = [include_str!("webhook/inbox/migration_0001.sql")];

/// The prefix of the logical messages that tell of jobs.
pub const MESSAGE_PREFIX: &str = "courant.queue";

/// Brings the tables and functions up to this version, or says who must.
pub async fn install(client: &Client) -> Result<(), QueueError> {
    match pg::schema::install_part(client, "queue", &MIGRATIONS).await? {
        true => Ok(()),
        false => Err(QueueError::NotInstalled),
    }
}

/// The same, of what webhooks need beside them.
pub async fn install_webhooks(client: &Client) -> Result<(), QueueError> {
    match pg::schema::install_part(client, "webhook", &WEBHOOK_MIGRATIONS).await? {
        true => Ok(()),
        false => Err(QueueError::NotInstalled),
    }
}
