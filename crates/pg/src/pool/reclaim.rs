//! Cleaning a connection whose user left, before anyone else may have it.
//!
//! A connection that cannot be cleaned in time is ended. tokio-postgres drains the answers to dropped
//! queries by itself and in order, so the answer to a rollback comes after all of them.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;

use super::Lease;

/// How long a cancel request may take, and then the session to heed it.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// What a user left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    /// A statement that may still be running, and that nobody wants any more.
    Running,
    /// A statement that must run to its end: a COMMIT was sent.
    Committing,
    /// An open transaction; everything sent was answered.
    Open,
    /// Nobody knows.
    Unknown,
}

/// Cleans the connection and gives it back, or ends it.
pub(super) async fn reclaim(lease: Lease, remains: Remains) {
    let connection = lease.connection();
    let clean = match remains {
        Remains::Running | Remains::Unknown => {
            // A plain client is mostly idle, and then a cancel would be for nothing.
            let idle = remains == Remains::Unknown
                && timeout(Duration::from_secs(1), roll_back_if_open(&connection.client)).await == Ok(true);
            idle || {
                let cancelled = async {
                    let token = connection.client.cancel_token();
                    lease.shared.options.cancel(&token, &connection.route).await.is_ok()
                        && roll_back_if_open(&connection.client).await
                };
                timeout(CANCEL_LIMIT, cancelled).await == Ok(true)
            }
        }
        // The server's statement_timeout bounds it.
        Remains::Committing => roll_back_if_open(&connection.client).await,
        Remains::Open => {
            timeout(CANCEL_LIMIT, connection.client.batch_execute("rollback")).await.is_ok_and(|r| r.is_ok())
        }
    };
    if clean {
        lease.give_back();
    } else {
        tracing::debug!(?remains, "a database connection could not be cleaned and is ended");
    }
}

/// Waits for all answers, and ends the transaction if one is open. Outside of one a bare `rollback` would
/// leave a warning in the server's log each time.
async fn roll_back_if_open(client: &Client) -> bool {
    match client.batch_execute("begin; rollback").await {
        Ok(()) => true,
        Err(error) => match error.code().map(|code| code.code()) {
            // It is in a failed transaction, or the cancel reached it only now.
            Some("25P02" | "57014") => client.batch_execute("rollback").await.is_ok(),
            _ => false,
        },
    }
}
