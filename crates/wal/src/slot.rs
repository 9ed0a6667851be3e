//! The replication commands: a temporary slot of our own, and streaming from it.
//!
//! A temporary slot dies with its connection, so an abandoned one never holds back WAL. These commands
//! have a grammar of their own without parameters, which is why their text is put together here and not
//! kept in `.sql` files. Never creates or alters a publication.

use std::time::Duration;

use pg::Lsn;
use pg::wire::{Wire, WireError};
use postgres_protocol::escape::escape_literal;

use crate::error::Error;
use crate::replication::start_copy;

/// The first and the last patience of an attempt to create a slot; see [`Slot::create`].
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENCE_MAX: Duration = Duration::from_secs(600);

const LOCK_NOT_AVAILABLE: &str = "55P03";

const UNDEFINED_OBJECT: &str = "42704";

/// Refuses a publication that does not exist.
///
/// Up to 17 the server itself refuses, though not before the first change; from 18 on it would stream
/// nothing for ever.
pub(crate) async fn publication_exists(wire: &mut Wire, publication: &str) -> Result<(), Error> {
    // Without the comment: the replication grammar of 14 takes for SQL only what begins with a word.
    let statement = include_str!("publication.sql").lines().filter(|line| !line.starts_with("--"));
    let query = statement.collect::<String>().replace(":publication", &escape_literal(publication));
    if wire.command(&query).await?.is_empty() {
        let message = format!("publication \"{publication}\" does not exist");
        return Err(Error::Refused { code: UNDEFINED_OBJECT.to_owned(), message });
    }
    Ok(())
}

/// A temporary logical replication slot.
pub(crate) struct Slot {
    pub(crate) name: String,
    /// Transactions that commit after it are in the stream.
    pub(crate) consistent_point: Lsn,
}

impl Slot {
    /// Creates it, which waits until each transaction that has written and is open now has ended.
    ///
    /// Cancelled by dropping the session. The server does not look at its socket while it waits for a
    /// transaction, and would keep the slot for as long as that takes; so it waits under a lock timeout,
    /// which makes it look up, and is told to try again. The timeout doubles, because an attempt that
    /// was broken off starts from nothing and might otherwise never be done.
    pub(crate) async fn create(wire: &mut Wire) -> Result<Slot, Error> {
        let name = format!("courant_{:016x}", rand::random::<u64>());
        // The grammar without parentheses: 14 knows no other, and later releases still accept it.
        let create = format!("CREATE_REPLICATION_SLOT {name} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT");
        let mut patience = PATIENCE;
        loop {
            wire.command(&format!("set lock_timeout = {}", patience.as_millis())).await?;
            match wire.command(&create).await {
                Ok(rows) => {
                    let row = rows.into_iter().next().unwrap_or_default();
                    let point = row.into_iter().nth(1).flatten().and_then(|text| text.parse().ok());
                    let consistent_point =
                        point.ok_or_else(|| Error::Protocol("a slot without a position".to_owned()))?;
                    return Ok(Slot { name, consistent_point });
                }
                Err(WireError::Refused(refusal)) if refusal.code == LOCK_NOT_AVAILABLE => {
                    patience = (patience * 2).min(PATIENCE_MAX);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins to stream what the publication publishes.
    ///
    /// Protocol version 2 with streaming sends a large transaction while it still runs, so that it is
    /// nearly caught up when it commits; 14 is the first release that has it.
    pub(crate) async fn start(&self, wire: &mut Wire, publication: &str) -> Result<(), Error> {
        wire.command("set lock_timeout = 0").await?;
        // A list of identifiers within a string.
        let literal = pg::identifier(publication).replace('\'', "''");
        let Slot { name, consistent_point } = self;
        let start = format!(
            "START_REPLICATION SLOT {name} LOGICAL {consistent_point} \
             (proto_version '2', publication_names '{literal}', messages 'true', streaming 'true')"
        );
        start_copy(wire, &start).await
    }
}
