//! The node's own connection, apart from the pool: a full pool must not stop the clock.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use pg::catalog::{self, Catalog};
use pg::schema;
use pg::{Lsn, RelationId, Snapshot, Xid};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::app::App;
use crate::changes::Ended;

/// How long one of the node's own statements may take before the connection is given up.
const STATEMENT_MAX: Duration = Duration::from_secs(10);

/// A connection for the node's own statements.
pub(crate) struct Control {
    client: Client,
}
