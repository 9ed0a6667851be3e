//! Migrations of a part of Courant that brings its own tables, and only where it is used.
//!
//! They stand beside the numbered ones of the schema itself, in the same schema and behind the same lock, and are
//! counted for each part apart: a database that does without the part never sees them.

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::install::{attempt, install};
use super::{SchemaError, end};

/// Brings the schema and then this part's tables up to date. False where the role may not.
///
/// Runs transactions of its own. Nodes that start together take turns. Changes nothing where nothing is missing, so
/// a login without rights can follow an administrator who did it before.
pub async fn install_part(client: &Client, part: &str, migrations: &[&str]) -> Result<bool, SchemaError> {
    if !install(client).await?.schema {
        return Ok(false);
    }
    client.batch_execute("begin").await?;
    let outcome = install_in_transaction(client, part, migrations).await;
    end(client, outcome).await
}

async fn install_in_transaction(
    client: &Client,
    part: &str,
    migrations: &[&str],
) -> Result<bool, SchemaError> {
    client.query_typed(include_str!("lock.sql"), &[]).await?;
    let named: [(&(dyn ToSql + Sync), Type); 1] = [(&part, Type::TEXT)];
    let listed = client.query_typed_one(include_str!("part_listed.sql"), &[]).await?.try_get::<_, bool>(0)?;
    let applied = match listed {
        true => {
            client.query_typed_one(include_str!("part_applied.sql"), &named).await?.try_get::<_, i32>(0)?
        }
        false => 0,
    };
    let known = usize::try_from(applied).unwrap_or(usize::MAX);
    let pending = migrations.get(known..).ok_or(SchemaError::TooNew(applied))?;
    if pending.is_empty() {
        return Ok(true);
    }
    let migrating = async {
        if !listed {
            client.batch_execute(include_str!("part_list.sql")).await?;
        }
        for migration in pending {
            client.batch_execute(migration).await?;
            client.query_typed(include_str!("part_count.sql"), &named).await?;
        }
        Ok(())
    };
    attempt(client, migrating).await
}
