//! Builds and drops indexes while others work: CONCURRENTLY, never waiting long for a lock, trying again later and later.
//!
//! A build or a drop that is interrupted leaves an invalid index, which every write still pays for: it is dropped, in a loop.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::{Event, Told};
use crate::error::Error;

/// How often a lock is tried for.
const TRIES: u32 = 6;
/// How long the first try waits for it; each further one twice as long.
const WAIT_MS: u64 = 1000;
/// How long is waited between the first two tries, and so on.
const PAUSE_MS: u64 = 250;

/// Runs a statement that takes a lock, again and again until it gets it. `index` is what an aborted try leaves invalid.
pub(super) async fn patiently(
    client: &Client,
    sql: &str,
    index: Option<&str>,
    told: Told<'_>,
) -> Result<(), Error> {
    for tries in 1..=TRIES {
        let wait_ms = WAIT_MS << (tries - 1);
        client
            .batch_execute(&format!("set lock_timeout = {wait_ms}"))
            .await
            .map_err(Error::database("the lock's time limit was set"))?;
        let Err(error) = client.batch_execute(sql).await else { return Ok(()) };
        let is_lock = matches!(
            error.code(),
            Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::OBJECT_IN_USE)
        );
        if is_lock {
            told(Event::Waiting { what: sql, tries });
        }
        if let Some(index) = index {
            drop_invalid(client, index).await?;
        }
        if !is_lock {
            return Err(Error::Database { doing: "a change was made", source: error });
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS << (tries - 1))).await;
    }
    Err(Error::Locked { object: sql.to_owned(), tries: TRIES })
}

/// Drops the index as long as it is there and invalid. A valid one stays: it is somebody's.
pub(super) async fn drop_invalid(client: &Client, index: &str) -> Result<bool, Error> {
    let failed = Error::database("an invalid index was dropped");
    let drop = format!("drop index concurrently if exists {index}");
    let mut found = false;
    for tries in 0..TRIES {
        if state(client, index).await? != Found::Invalid {
            return Ok(found);
        }
        found = true;
        client.batch_execute(&format!("set lock_timeout = {}", WAIT_MS << tries)).await.map_err(&failed)?;
        match client.batch_execute(&drop).await {
            Err(error) if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) => return Err(failed(error)),
            _ => {}
        }
    }
    match state(client, index).await? {
        Found::Invalid => Err(Error::Locked { object: index.to_owned(), tries: TRIES }),
        _ => Ok(found),
    }
}

/// What bears an index's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Invalid,
    Valid,
}

/// Looks for it.
pub(super) async fn state(client: &Client, index: &str) -> Result<Found, Error> {
    let failed = Error::database("an index was looked for");
    let sql = include_str!("index_state.sql");
    let row = client.query_typed_one(sql, &[(&index, Type::TEXT)]).await.map_err(&failed)?;
    Ok(match row.try_get(0).map_err(&failed)? {
        None => Found::Nothing,
        Some(false) => Found::Invalid,
        Some(true) => Found::Valid,
    })
}
