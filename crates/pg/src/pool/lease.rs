//! A connection while it is lent.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

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
        // Whatever the server is doing on it, nobody listens any more.
        drop(self.connection.take());
        self.shared.pace.returned(self.since.elapsed());
    }
}

/// A connection lent for the node's own commands. Dropped, it is given back once the server has answered
/// everything and any open transaction is rolled back.
pub struct PoolClient(Option<Lease>);

impl PoolClient {
    pub(super) fn new(lease: Lease) -> PoolClient {
        PoolClient(Some(lease))
    }

    /// Runs one or more commands as plain text and returns their rows, each as its columns' text.
    pub async fn command(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let lease = self.0.as_mut().expect("it ends with the guard");
        Ok(lease.connection_mut().wire.command(sql).await?)
    }
}

impl Drop for PoolClient {
    fn drop(&mut self) {
        let Some(mut lease) = self.0.take() else { return };
        if lease.connection_mut().wire.is_at_rest() {
            lease.give_back();
        } else {
            lease.reclaim(Remains::Unwanted);
        }
    }
}
