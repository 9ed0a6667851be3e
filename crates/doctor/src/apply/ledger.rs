//! The ledger in the schema courant: what was applied, how to take it back, what was measured.
//!
//! A row is committed as `applying` before its change begins. One doctor at a time works in a database: an advisory lock,
//! which the server lets go of with the session, says who.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::index::{self, Found, patiently};
use super::{Event, Told};
use crate::error::Error;

/// How often the lock is tried for: a killed run's session takes a moment to be noticed.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// A row of the ledger.
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) finding: String,
    pub(super) undo_sql: Option<String>,
    pub(super) index_name: Option<String>,
}

/// Makes the ledger where there is none, and cleans up what a killed run left half done.
pub(super) async fn open(client: &Client, told: Told<'_>) -> Result<(), Error> {
    let failed = Error::database("the ledger was opened");
    client.batch_execute(include_str!("session.sql")).await.map_err(&failed)?;
    let version =
        "select current_setting('server_version_num')::int4 as version, pg_is_in_recovery() as standby";
    let row = client.query_typed_one(version, &[]).await.map_err(&failed)?;
    if row.try_get("standby").map_err(&failed)? {
        return Err(Error::Standby);
    }
    if row.try_get::<_, i32>("version").map_err(&failed)? >= 140_000 {
        // A server whose client was killed notices while it builds, and not only when it has something to say.
        client.batch_execute("set client_connection_check_interval = '500ms'").await.map_err(&failed)?;
    }
    lock(client).await?;
    pg::schema::install_schema(client).await?;
    recover(client, told).await
}

async fn lock(client: &Client) -> Result<(), Error> {
    let failed = Error::database("the ledger was locked");
    for _ in 0..LOCK_TRIES {
        let row = client.query_typed_one(include_str!("ledger_lock.sql"), &[]).await.map_err(&failed)?;
        if row.try_get(0).map_err(&failed)? {
            return Ok(());
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(Error::Busy)
}

/// Takes back whatever was being applied when its run was killed.
async fn recover(client: &Client, told: Told<'_>) -> Result<(), Error> {
    for entry in entries(client, "applying").await? {
        take_back(client, &entry, told).await?;
        end(client, entry.id, "taken back", &Value::Null).await?;
        told(Event::Recovered(&entry.finding));
    }
    Ok(())
}

/// Runs what takes an entry back. Does nothing where it was taken back already.
pub(super) async fn take_back(client: &Client, entry: &Entry, told: Told<'_>) -> Result<(), Error> {
    if let Some(index) = &entry.index_name {
        index::drop_invalid(client, index).await?;
        drop_leftovers(client, index).await?;
    }
    match (&entry.undo_sql, &entry.index_name) {
        (None, _) => Ok(()),
        // What bears the name is there already.
        (Some(undo), Some(index))
            if !undo.starts_with("drop ") && index::state(client, index).await? == Found::Valid =>
        {
            Ok(())
        }
        (Some(undo), index) => patiently(client, undo, index.as_deref(), told).await,
    }
}

/// What REINDEX CONCURRENTLY leaves beside an index when it is interrupted.
async fn drop_leftovers(client: &Client, index: &str) -> Result<(), Error> {
    let failed = Error::database("leftovers were looked for");
    let rows =
        client.query_typed(include_str!("leftovers.sql"), &[(&index, Type::TEXT)]).await.map_err(&failed)?;
    for row in rows {
        let leftover: String = row.try_get(0).map_err(&failed)?;
        index::drop_invalid(client, &leftover).await?;
    }
    Ok(())
}

/// Entries in this state, the latest first.
pub(super) async fn entries(client: &Client, state: &str) -> Result<Vec<Entry>, Error> {
    let failed = Error::database("the ledger was read");
    let rows = client
        .query_typed(include_str!("ledger_read.sql"), &[(&state, Type::TEXT)])
        .await
        .map_err(&failed)?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Entry {
            id: row.try_get(0)?,
            finding: row.try_get(1)?,
            undo_sql: row.try_get(2)?,
            index_name: row.try_get(3)?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(&failed)
}

/// Says that a change begins.
pub(super) async fn begin(
    client: &Client,
    finding: &str,
    fix_sql: &str,
    undo_sql: Option<&str>,
    index_name: Option<&str>,
) -> Result<Entry, Error> {
    let failed = Error::database("the ledger was written");
    let parameters: [(&(dyn ToSql + Sync), Type); 4] =
        [(&finding, Type::TEXT), (&fix_sql, Type::TEXT), (&undo_sql, Type::TEXT), (&index_name, Type::TEXT)];
    let row = client.query_typed_one(include_str!("ledger_begin.sql"), &parameters).await.map_err(&failed)?;
    Ok(Entry {
        id: row.try_get(0).map_err(&failed)?,
        finding: finding.to_owned(),
        undo_sql: undo_sql.map(str::to_owned),
        index_name: index_name.map(str::to_owned),
    })
}

/// Says what became of it.
pub(super) async fn end(client: &Client, id: i64, state: &str, measured: &Value) -> Result<(), Error> {
    let measured = measured.to_string();
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&id, Type::INT8), (&state, Type::TEXT), (&measured, Type::TEXT)];
    client
        .query_typed(include_str!("ledger_end.sql"), &parameters)
        .await
        .map(|_| ())
        .map_err(Error::database("the ledger was written"))
}
