//! Makes and removes Courant's schema and event triggers.
//!
//! Migrations are numbered, applied in order and never changed once released. The event triggers are no
//! migration: they take rights that may be granted later, so each start tries again until they stand.

use std::borrow::Cow;

use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::audit::remove_role;
use super::{SchemaError, end};

const MIGRATIONS: [&str; 3] = [
    include_str!("migration_0001.sql"),
    include_str!("migration_0002.sql"),
    include_str!("migration_0003.sql"),
];

pub(super) const EVENT_TRIGGERS: &str = include_str!("event_triggers.sql");

/// What stands in the database after [`install`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The schema, brought up to this version. Otherwise the role may not create one.
    pub schema: bool,
    /// The event triggers, which tell of schema changes at once. Otherwise the role may not create them.
    pub event_triggers: bool,
}

/// What [`uninstall`] found and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The schema with its tables and functions.
    pub schema: bool,
    /// The event triggers.
    pub event_triggers: bool,
    /// The publication.
    pub publication: bool,
    /// The audit log's role, which belongs to the whole server.
    pub audit_role: bool,
    /// Why that role is still there.
    pub audit_role_stays: Option<String>,
}

/// Brings the schema and the event triggers up to this version, as far as the role's rights go.
///
/// Runs a transaction of its own. Nodes that start together take turns.
pub async fn install(client: &Client) -> Result<Installed, SchemaError> {
    client.batch_execute("begin").await?;
    let outcome = install_in_transaction(client).await;
    end(client, outcome).await
}

/// Brings the schema alone up to this version, for commands that keep tables in it and follow no changes.
///
/// Runs a transaction of its own. The error says so where the role may not.
pub async fn install_schema(client: &Client) -> Result<(), SchemaError> {
    client.batch_execute("begin").await?;
    let migrated = async {
        let state = locked_state(client).await?;
        migrate(client, state.ours).await
    };
    let outcome = migrated.await;
    end(client, outcome).await
}

/// Takes the turn of those who change the schema, and looks whose it is.
async fn locked_state(client: &Client) -> Result<State, SchemaError> {
    client.query_typed(include_str!("lock.sql"), &[]).await?;
    let state = State::read(client).await?;
    if state.schema && !state.ours { Err(SchemaError::NotOurs) } else { Ok(state) }
}

async fn install_in_transaction(client: &Client) -> Result<Installed, SchemaError> {
    let state = locked_state(client).await?;
    let schema = attempt(client, migrate(client, state.ours)).await?;
    let triggers = async { Ok(client.batch_execute(EVENT_TRIGGERS).await?) };
    let event_triggers = state.triggers || (schema && attempt(client, triggers).await?);
    Ok(Installed { schema, event_triggers })
}

async fn migrate(client: &Client, exists: bool) -> Result<(), SchemaError> {
    let applied = match exists {
        true => client.query_typed_one(include_str!("migrated.sql"), &[]).await?.try_get::<_, i32>(0)?,
        false => 0,
    };
    let known = usize::try_from(applied).unwrap_or(usize::MAX);
    let pending = MIGRATIONS.get(known..).ok_or(SchemaError::TooNew(applied))?;
    if pending.is_empty() {
        return Ok(());
    }
    let version = client.query_typed_one(include_str!("version.sql"), &[]).await?.try_get::<_, i32>(0)?;
    for migration in pending {
        client.batch_execute(&for_server(migration, version)).await?;
    }
    Ok(())
}

/// The migration as this server takes it: the doctor treats PostgreSQL 13, which knows no body that is an expression
/// (`return …`), only one that is a text.
fn for_server(migration: &'static str, version: i32) -> Cow<'static, str> {
    const BODY: &str = "\nstable\nreturn ";
    let parted = migration.split_once(BODY).filter(|_| version < 140_000);
    let Some((before, (body, after))) =
        parted.and_then(|(before, rest)| Some((before, rest.split_once(';')?)))
    else {
        return Cow::Borrowed(migration);
    };
    Cow::Owned(format!("{before}\nstable\nas $body$ select {body} $body$;{after}"))
}

/// Whether the work was done; where the role may not do it, the transaction goes on without.
pub(super) async fn attempt(
    client: &Client,
    work: impl Future<Output = Result<(), SchemaError>>,
) -> Result<bool, SchemaError> {
    client.batch_execute("savepoint attempt").await?;
    match work.await {
        Ok(()) => {
            client.batch_execute("release savepoint attempt").await?;
            Ok(true)
        }
        Err(SchemaError::NotPermitted(why)) => {
            tracing::debug!(why, "done without");
            client.batch_execute("rollback to savepoint attempt").await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Removes every trace: event triggers, schema, publication and the audit log's role. Does nothing where there is none, and leaves a
/// schema alone that Courant did not make.
pub async fn uninstall(client: &Client, publication: &str) -> Result<Removed, SchemaError> {
    client.batch_execute("begin").await?;
    let outcome = uninstall_in_transaction(client, publication).await;
    end(client, outcome).await
}

async fn uninstall_in_transaction(client: &Client, publication: &str) -> Result<Removed, SchemaError> {
    client.query_typed(include_str!("lock.sql"), &[]).await?;
    let state = State::read(client).await?;
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&publication, Type::TEXT), (&state.ours, Type::BOOL)];
    let rows = client.query_typed(include_str!("removal.sql"), &parameters).await?;
    let mut removed = Removed::default();
    for row in rows {
        match row.try_get(0)? {
            "publication" => removed.publication = true,
            "schema" => removed.schema = true,
            _ => removed.event_triggers = true,
        }
        client.batch_execute(row.try_get(1)?).await?;
    }
    (removed.audit_role, removed.audit_role_stays) = remove_role(client).await?;
    Ok(removed)
}

struct State {
    schema: bool,
    ours: bool,
    triggers: bool,
}

impl State {
    async fn read(client: &Client) -> Result<State, SchemaError> {
        let row = client.query_typed_one(include_str!("state.sql"), &[]).await?;
        Ok(State { schema: row.try_get(0)?, ours: row.try_get(1)?, triggers: row.try_get(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_gets_the_same_function_with_a_body_that_it_can_read() {
        let [old, new] = [130_000, 140_000].map(|version| for_server(MIGRATIONS[1], version));
        assert_eq!(new, MIGRATIONS[1]);
        assert!(old.contains("as $body$ select pg_catalog.sha256(") && !old.contains("\nreturn "), "{old}");
        assert!(old.contains("'UTF8')) $body$;\n"), "{old}");
        for number in [0, 2] {
            assert_eq!(for_server(MIGRATIONS[number], 130_000), MIGRATIONS[number]);
        }
    }
}
