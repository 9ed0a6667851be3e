//! Reads the audit log straight from the database, for `courant audit verify` and `tail`. Never changes anything.

use std::pin::pin;

use anyhow::{Context as _, Result, bail};
use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::chain::{Ends, Finding, Head, Link, Walk};

/// What a walk along the whole chain found.
pub(super) struct Verified {
    pub(super) rows: i64,
    /// The numbers between which they are, and the hash of the last.
    pub(super) ends: Option<Ends>,
    /// Entries that nobody has linked yet: the chain says nothing of them.
    pub(super) waiting: i64,
    pub(super) finding: Option<Finding>,
}

/// Walks along the chain in one snapshot.
pub(super) async fn verify(client: &Client, head: Option<Head>) -> Result<Verified> {
    client.batch_execute("begin isolation level repeatable read read only").await?;
    let row = client.query_typed(include_str!("ends.sql"), &[]).await?;
    let row = row.first().context("the database told nothing of the audit log")?;
    let waiting = row.try_get(0)?;
    let Some(first_seq) = row.try_get::<_, Option<i64>>(1)? else {
        return Ok(Verified { rows: 0, ends: None, waiting, finding: Some(Finding::Unended) });
    };
    let (first_previous, last_seq, last_hash) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
    let ends = Ends { first_seq, first_previous, last_seq, last_hash };
    if let Some(head) = head.as_ref().filter(|head| head.seq < first_seq) {
        bail!("row {} of --head was pruned: the chain begins with row {first_seq}", head.seq);
    }
    let mut walk = Walk::new(ends.clone(), head);
    let finding = walk_along(client, &mut walk).await?;
    client.batch_execute("rollback").await?;
    Ok(Verified { rows: walk.rows(), ends: Some(ends), waiting, finding })
}

async fn walk_along(client: &Client, walk: &mut Walk) -> Result<Option<Finding>> {
    // As a stream: a log may be longer than memory.
    let none = std::iter::empty::<(i64, Type)>();
    let mut rows = pin!(client.query_typed_raw(include_str!("chain.sql"), none).await?);
    while let Some(row) = rows.try_next().await? {
        if let Err(found) = walk.step(&link(&row)?) {
            let after = rows.try_next().await?.map(|row| link(&row)).transpose()?;
            return Ok(Some(walk.explain(found, after.as_ref())));
        }
    }
    Ok(walk.end().err())
}

/// The chain's rows behind that number, the oldest first, as far as there are so many; before the first time the
/// latest.
pub(super) async fn behind(client: &Client, seq: Option<i64>, limit: i64) -> Result<Vec<Link>> {
    let limit: (&(dyn ToSql + Sync), Type) = (&limit, Type::INT8);
    let found = match &seq {
        None => client.query_typed(include_str!("latest.sql"), &[limit]).await?,
        Some(seq) => client.query_typed(include_str!("next.sql"), &[limit, (seq, Type::INT8)]).await?,
    };
    found.iter().map(link).collect()
}

fn link(row: &Row) -> Result<Link> {
    Ok(Link {
        seq: row.try_get(0)?,
        entry: row.try_get(1)?,
        previous: row.try_get(2)?,
        hash: row.try_get(3)?,
    })
}
