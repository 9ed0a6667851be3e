//! A connection while it is lent.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::Statement;

use super::reclaim::{Remains, reclaim};
use super::{Connection, Shared};
use crate::Error;

/// A connection and the permit to use it. Dropped, it ends the connection at once: nothing is known of what
/// the server is doing on it.
pub(crate) struct Lease {
    connection: Option<Connection>,
    /// Whether it was used before.
    pub(crate) reused: bool,
    pub(super) shared: Arc<Shared>,
    since: Instant,
    // Declared last: the permit is free only once the connection is back or ended.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn new(
        connection: Connection,
        reused: bool,
        permit: OwnedSemaphorePermit,
        shared: Arc<Shared>,
    ) -> Lease {
        Lease { connection: Some(connection), reused, shared, since: Instant::now(), _permit: permit }
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it leaves the lease only when the lease ends")
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it leaves the lease only when the lease ends")
    }

    /// Gives the connection back, clean, for the next user.
    pub(crate) fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.put(connection);
        }
    }

    /// Has the connection cleaned in the background, and then given back; it counts as lent meanwhile.
    pub(crate) fn reclaim(self, remains: Remains) {
        let shared = self.shared.clone();
        shared.spawn(reclaim(self, remains));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abort();
        }
        self.shared.pace.returned(self.since.elapsed());
    }
}

/// A connection lent for the node's own statements. Dropped, it is given back once the server has answered
/// everything and any open transaction is rolled back.
pub struct PoolClient(Option<Lease>);

impl PoolClient {
    pub(super) fn new(lease: Lease) -> PoolClient {
        PoolClient(Some(lease))
    }

    /// Gives the connection back at once. For callers that have awaited every answer and left no
    /// transaction open, which saves the round trip that makes sure of it.
    pub fn release(mut self) {
        if let Some(lease) = self.0.take() {
            lease.give_back();
        }
    }

    /// The prepared form of a statement, kept with the connection.
    pub async fn prepared(&mut self, sql: &str) -> Result<Statement, Error> {
        let connection = self.0.as_mut().expect("it ends with the guard").connection_mut();
        if let Some(statement) = connection.statements.get(None, sql) {
            return Ok(statement);
        }
        let statement = connection.client.prepare(sql).await?;
        connection.statements.put(None, sql, statement.clone());
        Ok(statement)
    }
}

impl Deref for PoolClient {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &tokio_postgres::Client {
        &self.0.as_ref().expect("it ends with the guard").connection().client
    }
}

impl Drop for PoolClient {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            lease.reclaim(Remains::Unknown);
        }
    }
}
