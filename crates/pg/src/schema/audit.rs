//! The audit log's role: may add entries to the log and have them linked, and can neither read, change nor remove any.
//!
//! The log's tables and functions are a migration. The role is not, because it is made only where the log is turned
//! on, and belongs to the whole server: several databases may share it. Whoever owns the schema can do what he likes
//! with the log, so it proves most where that is not the node's login.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::install::attempt;
use super::{SchemaError, end};

/// The role's name.
pub const AUDIT_ROLE: &str = "courant_audit";

/// Makes the role and lets `login`, or else the connection's own, take it on. The schema must be installed.
///
/// Runs a transaction of its own. Changes nothing where nothing is missing, so a login without rights can follow an
/// administrator who did it before.
pub async fn enable_audit(client: &Client, login: Option<&str>) -> Result<(), SchemaError> {
    client.batch_execute("begin").await?;
    let outcome = enable_in_transaction(client, login).await;
    end(client, outcome).await
}

async fn enable_in_transaction(client: &Client, login: Option<&str>) -> Result<(), SchemaError> {
    client.query_typed(include_str!("lock.sql"), &[]).await?;
    let state = client.query_typed_one(include_str!("audit_state.sql"), &[]).await?;
    if !state.try_get::<_, bool>(0)? {
        client.batch_execute(include_str!("audit_role.sql")).await?;
    }
    if !state.try_get::<_, bool>(1)? {
        client.batch_execute(include_str!("audit_grants.sql")).await?;
    }
    // Tried and not looked up: what membership allows differs between versions.
    let taking = async { Ok(client.batch_execute("set local role courant_audit; reset role").await?) };
    if login.is_some() || !attempt(client, taking).await? {
        client.batch_execute(&granting(client, login).await?).await?;
    }
    Ok(())
}

async fn granting(client: &Client, login: Option<&str>) -> Result<String, SchemaError> {
    let sql = "select format('grant courant_audit to %I', coalesce($1, session_user))";
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&login, Type::TEXT)];
    Ok(client.query_typed_one(sql, &parameters).await?.try_get(0)?)
}

/// Removes the role, if Courant made it and no other database needs it. Says why it stays, where it does.
pub(super) async fn remove_role(client: &Client) -> Result<(bool, Option<String>), SchemaError> {
    let ours = client.query_typed_one(include_str!("audit_removal.sql"), &[]).await?.try_get::<_, bool>(0)?;
    if !ours {
        return Ok((false, None));
    }
    client.batch_execute("savepoint removal").await?;
    match client.batch_execute("drop role courant_audit").await {
        Ok(()) => Ok((true, None)),
        Err(error) => {
            let stays = match error.as_db_error() {
                Some(said) if said.code() == &SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
                    said.detail().unwrap_or(said.message()).to_owned()
                }
                Some(said) if said.code() == &SqlState::INSUFFICIENT_PRIVILEGE => said.message().to_owned(),
                _ => return Err(error.into()),
            };
            client.batch_execute("rollback to savepoint removal").await?;
            Ok((false, Some(stays)))
        }
    }
}
