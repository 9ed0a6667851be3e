//! Fills the tables: every row of every table in one transaction, so that the example is there wholly or not.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio_postgres::Client;

use crate::copy::Loader;
use crate::world::World;
use crate::{Error, analytics, calls, crm, directory, inbox, notices};

/// How much data to make. The other tables follow in proportion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Rows of `vapi_calls`: none, or at least 20.
    pub calls: u64,
    /// Rows of `messages`.
    pub messages: u64,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { calls: 200_000, messages: 1_000_000 }
    }
}

/// How far the generator has come with one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table being filled.
    pub table: &'static str,
    /// How much of it is done, in steps.
    pub done: u64,
    /// Its steps; most make a row, some none.
    pub total: u64,
}

/// What the generator made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Tables and their rows, in the order in which they were filled.
    pub tables: Vec<(&'static str, u64)>,
}

impl Summary {
    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Fills the installed example's empty tables with a year that ends at `until`, and analyzes them.
///
/// The same scale and second make the same bytes. The connection must be outside a transaction and own the
/// tables. Dropping the future half-way leaves the transaction open: drop the connection with it.
pub async fn generate(
    client: &Client,
    scale: Scale,
    until: SystemTime,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Summary, Error> {
    let seconds = until.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let world = World::new(scale, i64::try_from(seconds).expect("a clock does not reach that far"));
    client.batch_execute("begin").await?;
    match fill(client, &world, progress).await {
        Ok(summary) => {
            client.batch_execute("commit").await?;
            client.batch_execute(include_str!("analyze.sql")).await?;
            Ok(summary)
        }
        Err(error) => {
            // The connection may be the very thing that failed; the first error is the one to report.
            let _ = client.batch_execute("rollback").await;
            Err(error)
        }
    }
}

async fn fill(
    client: &Client,
    world: &World,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Summary, Error> {
    if client.query_one(include_str!("holds_rows.sql"), &[]).await?.get(0) {
        return Err(Error::NotEmpty);
    }
    client.batch_execute(include_str!("truncate.sql")).await?;
    client.execute(include_str!("trust_foreign_keys.sql"), &[]).await?;
    let mut loader = Loader::new(client, progress);
    directory::load(&mut loader, world).await?;
    calls::load(&mut loader, world).await?;
    crm::load(&mut loader, world).await?;
    notices::load(&mut loader, world).await?;
    analytics::load(&mut loader, world).await?;
    inbox::load(&mut loader, world).await?;
    client.execute(include_str!("advance_identities.sql"), &[]).await?;
    Ok(loader.finish())
}
