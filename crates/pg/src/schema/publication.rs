//! Keeps the publication to exactly the tables that can be in it.
//!
//! Never `FOR ALL TABLES`: a table without identity would have its updates refused in the user's app, and
//! tables made later would join unseen. Where nothing has to change, nothing is written.

use std::collections::HashSet;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::{SchemaError, end};
use crate::RelationId;
use crate::catalog::{StoredTable, Unpublishable};

/// What [`sync_publication`] did. Tables are named `schema.name`, quoted as SQL wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationSync {
    /// The publication did not exist before.
    pub created: bool,
    /// The tables that are in it now, whole.
    pub published: HashSet<RelationId>,
    /// Tables that joined it. Entries made before they did are void: see the start barrier.
    pub added: Vec<String>,
    /// Tables that left it.
    pub removed: Vec<String>,
    /// Tables that stay out.
    pub refused: Vec<(String, Refused)>,
}

/// Why a table is not in the publication, or still is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What the catalog says of it.
    Unpublishable(Unpublishable),
    /// What the database said when it was to join or leave: it was locked, or changed hands meanwhile.
    Database(String),
}

/// Creates or alters the publication so that it holds exactly the publishable ones of these tables.
///
/// Runs a transaction of its own and takes ShareUpdateExclusiveLock on each table that joins or leaves, for
/// which it waits two seconds at most. Nodes that do so at the same time take turns.
pub async fn sync_publication(
    client: &Client,
    name: &str,
    tables: &[StoredTable],
) -> Result<PublicationSync, SchemaError> {
    client.batch_execute("begin").await?;
    let outcome = sync_in_transaction(client, name, tables).await;
    end(client, outcome).await
}

async fn sync_in_transaction(
    client: &Client,
    name: &str,
    tables: &[StoredTable],
) -> Result<PublicationSync, SchemaError> {
    client.query_typed(include_str!("lock.sql"), &[]).await?;
    client.batch_execute("set local lock_timeout = '2s'").await?;
    let mut done = PublicationSync { created: ensure(client, name).await?, ..PublicationSync::default() };
    let refusal = |table: &StoredTable| {
        let why = table.publishable.err()?;
        Some((format!("{}.{}", table.schema, table.name), Refused::Unpublishable(why)))
    };
    done.refused = tables.iter().filter_map(refusal).collect();
    let wanted: Vec<u32> = tables.iter().filter(|t| t.publishable.is_ok()).map(|table| table.id.0).collect();
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&name, Type::TEXT), (&wanted, Type::OID_ARRAY)];
    let entries = client.query_typed(include_str!("publication_tables.sql"), &parameters).await?;
    for entry in entries.iter().map(Entry::read) {
        entry?.bring_about(client, &mut done).await?;
    }
    Ok(done)
}

struct Entry {
    id: RelationId,
    name: String,
    published: bool,
    whole: bool,
    wanted: bool,
    addition: String,
    removal: String,
}

impl Entry {
    fn read(row: &Row) -> Result<Entry, tokio_postgres::Error> {
        Ok(Entry {
            id: RelationId(row.try_get(0)?),
            name: row.try_get(1)?,
            published: row.try_get(2)?,
            whole: row.try_get(3)?,
            wanted: row.try_get(4)?,
            addition: row.try_get(5)?,
            removal: row.try_get(6)?,
        })
    }

    /// Lets the table join, leave or, where only a part of it was published, join anew.
    async fn bring_about(self, client: &Client, done: &mut PublicationSync) -> Result<(), SchemaError> {
        if self.published && self.wanted && self.whole {
            done.published.insert(self.id);
            return Ok(());
        }
        if self.published {
            match attempt(client, &self.removal).await? {
                Ok(()) => done.removed.push(self.name.clone()),
                Err(why) => {
                    done.refused.push((self.name, Refused::Database(why)));
                    return Ok(());
                }
            }
        }
        if self.wanted {
            match attempt(client, &self.addition).await? {
                Ok(()) => {
                    done.published.insert(self.id);
                    done.added.push(self.name);
                }
                Err(why) => done.refused.push((self.name, Refused::Database(why))),
            }
        }
        Ok(())
    }
}

/// Makes sure that the publication exists and publishes every kind of change; true if it is new.
async fn ensure(client: &Client, name: &str) -> Result<bool, SchemaError> {
    let statements =
        client.query_typed_one(include_str!("publication_statements.sql"), &[(&name, Type::TEXT)]).await?;
    match client.query_typed_opt(include_str!("publication.sql"), &[(&name, Type::TEXT)]).await? {
        None => {
            client.batch_execute(statements.try_get(0)?).await?;
            Ok(true)
        }
        Some(row) if row.try_get(0)? => Err(SchemaError::ForAllTables(name.to_owned())),
        Some(row) => {
            if !row.try_get::<_, bool>(1)? {
                client.batch_execute(statements.try_get(1)?).await?;
            }
            Ok(false)
        }
    }
}

/// Runs one statement; a refusal by the database leaves the rest of the transaction alone.
async fn attempt(client: &Client, statement: &str) -> Result<Result<(), String>, SchemaError> {
    let guarded = format!("savepoint attempt; {statement}; release savepoint attempt");
    match client.batch_execute(&guarded).await {
        Ok(()) => Ok(Ok(())),
        Err(error) => match error.as_db_error() {
            Some(refusal) => {
                let why = refusal.message().to_owned();
                client.batch_execute("rollback to savepoint attempt").await?;
                Ok(Err(why))
            }
            None => Err(error.into()),
        },
    }
}
