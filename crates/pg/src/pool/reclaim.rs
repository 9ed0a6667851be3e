//! Cleaning a connection whose user left, before anyone else may have it.
//!
//! A connection that cannot be cleaned in time is ended.

use std::time::Duration;

use tokio::time::timeout;

use super::Lease;
use crate::connect::ConnectOptions;
use crate::pool::Connection;
use crate::wire::Standing;

/// How long a cancel request may take, and then the session to heed it.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// What a user who left thinks of what the server may still be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    /// Nobody wants it any more.
    Unwanted,
    /// It must run to its end: a commit was sent.
    Committing,
}

/// Cleans the connection and gives it back, or ends it.
pub(super) async fn reclaim(mut lease: Lease, remains: Remains) {
    let shared = lease.shared.clone();
    let connection = lease.connection_mut();
    let clean = match remains {
        Remains::Unwanted => {
            timeout(CANCEL_LIMIT, cancelled(connection, &shared.options)).await.unwrap_or(false)
        }
        // The server's statement_timeout bounds it.
        Remains::Committing => rested(connection).await,
    };
    if clean {
        lease.give_back();
    } else {
        tracing::debug!(?remains, "a database connection could not be cleaned and is ended");
    }
}

async fn cancelled(connection: &mut Connection, options: &ConnectOptions) -> bool {
    if !connection.wire.owes() {
        return rested(connection).await;
    }
    options.cancel(connection.wire.cancel_key(), &connection.route).await.is_ok()
        && rested(connection).await
        // The answer to the next command comes after the cancel was heeded or found nothing to do.
        && connection.wire.command("").await.is_ok()
}

/// Waits for all answers, and ends the transaction if one is open.
async fn rested(connection: &mut Connection) -> bool {
    match connection.wire.settle().await {
        Ok(Standing::Idle) => true,
        Ok(Standing::Open) => connection.wire.command("rollback").await.is_ok(),
        Err(_) => false,
    }
}
