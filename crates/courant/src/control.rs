//! The node's own connection, apart from the pool: a full pool must not stop the clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use pg::catalog::{self, Catalog};
use pg::connect::{ConnectError, ConnectOptions};
use pg::{Lsn, Snapshot, Xid, identifier};
use rest::RootFunction;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::ended::Ended;

/// How long one of the node's own statements may take before the connection is given up.
const STATEMENT_MAX: Duration = Duration::from_secs(10);

/// How often to look whether a transaction has become visible.
const VISIBLE_INTERVAL: Duration = Duration::from_millis(5);

/// Where the primary stands.
pub(crate) struct Position {
    /// Where the next record of the log will be written.
    pub(crate) inserted: Lsn,
    /// Up to where the log cannot be lost, and is sent.
    pub(crate) flushed: Lsn,
    pub(crate) snapshot: Snapshot,
}

/// A connection for the node's own statements.
pub(crate) struct Control {
    /// The connection, for the parts of `pg` that ask their own questions.
    pub(crate) client: Client,
}

impl Control {
    /// Connects; the task that drives the connection is among `tasks`.
    pub(crate) async fn connect(
        options: &ConnectOptions,
        tasks: &TaskTracker,
    ) -> Result<Control, ConnectError> {
        let (client, connection) = options.connect().await?;
        tasks.spawn(async move {
            // Whoever uses the connection hears of its end.
            let _ = connection.await;
        });
        Ok(Control { client })
    }

    /// Refuses a server that is too old; warns of names in the configuration that the database does not know.
    pub(crate) async fn check(&self, config: &Config, database: &str) -> anyhow::Result<()> {
        let (role, schemas) = (&config.database.anon_role, &config.database.schemas);
        let row = within(self.client.query_one(include_str!("sql/start.sql"), &[role, schemas])).await?;
        if !row.get::<_, bool>("supported") {
            let version: &str = row.get("version");
            anyhow::bail!("{database} is PostgreSQL {version}: Courant needs 14 or later");
        }
        let (name, login): (&str, &str) = (row.get("role"), row.get("login"));
        match (role, row.get("role_exists"), row.get("may_take_on")) {
            (Some(_), false, _) => tracing::warn!(
                "the role {name} (database.anon_role) does not exist, and requests without a token fail: \
                 create role {name} nologin; grant {name} to {login};"
            ),
            (Some(_), true, false) => tracing::warn!(
                "{login} may not take on the role {name} (database.anon_role), and requests without a token fail: \
                 grant {name} to {login};"
            ),
            _ => {}
        }
        for schema in row.get::<_, Vec<&str>>("schemas_missing") {
            tracing::warn!(
                "the schema {schema} (database.schemas) does not exist: create it, or correct the name"
            );
        }
        Ok(())
    }

    /// What the database says of the configuration: settings `pgrst.*` of these names, after the function has set them.
    pub(crate) async fn configuration(
        &self,
        names: &[String],
        pre_config: Option<&RootFunction>,
    ) -> Result<BTreeMap<String, String>, Ended> {
        within(self.client.batch_execute("begin read only")).await?;
        if let Some(RootFunction { schema, name }) = pre_config {
            let schema = schema.as_ref().map(|schema| format!("{}.", identifier(schema))).unwrap_or_default();
            within(self.client.batch_execute(&format!("select {schema}{}()", identifier(name)))).await?;
        }
        let rows = within(self.client.query(include_str!("sql/configuration.sql"), &[&names])).await?;
        within(self.client.batch_execute("commit")).await?;
        Ok(rows.iter().map(|row| (row.get("name"), row.get("value"))).collect())
    }

    /// How far the log has been written, and who can be seen to have committed.
    pub(crate) async fn position(&self) -> Result<Position, Ended> {
        let row = within(self.client.query_one(include_str!("sql/position.sql"), &[])).await?;
        let inserted = row.get::<_, &str>("position").parse();
        let flushed = row.get::<_, &str>("flushed").parse();
        let snapshot = row.get::<_, &str>("snapshot").parse();
        match (inserted, flushed, snapshot) {
            (Ok(inserted), Ok(flushed), Ok(snapshot)) => Ok(Position { inserted, flushed, snapshot }),
            _ => Err(Ended::Unreadable("position")),
        }
    }

    /// Waits until new snapshots see a transaction that the log has told of, by its low 32 bits.
    pub(crate) async fn until_visible(&self, transaction: u32) -> Result<(), Ended> {
        loop {
            let Position { snapshot, .. } = self.position().await?;
            if snapshot.sees(Xid::widen(transaction, snapshot.xmax)) {
                return Ok(());
            }
            // Usually microseconds; as long as a synchronous standby is away.
            sleep(VISIBLE_INTERVAL).await;
        }
    }

    /// Assigns a transaction id: every one assigned before it is below it.
    pub(crate) async fn assign_xid(&self) -> Result<Xid, Ended> {
        let row = within(self.client.query_one(include_str!("sql/assign_xid.sql"), &[])).await?;
        let xid = row.get::<_, &str>("xid").parse().map_err(|_| Ended::Unreadable("transaction id"))?;
        Ok(Xid(xid))
    }

    /// Commits something tiny, which flushes the log up to here.
    pub(crate) async fn nudge(&self) -> Result<(), Ended> {
        within(self.client.query_one(include_str!("sql/nudge.sql"), &[])).await?;
        Ok(())
    }

    /// Changes with whatever plans and authorization rest on.
    pub(crate) async fn fingerprint(&self) -> Result<u64, Ended> {
        within(catalog::fingerprint(&self.client)).await
    }

    /// The catalog as it is now.
    pub(crate) async fn catalog(&self, schemas: &[String]) -> Result<Catalog, Ended> {
        within(catalog::load(&self.client, schemas)).await
    }
}

/// Gives up a statement that takes too long: its connection is as good as lost.
pub(crate) async fn within<T, E>(statement: impl Future<Output = Result<T, E>>) -> Result<T, Ended>
where
    Ended: From<E>,
{
    match timeout(STATEMENT_MAX, statement).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Ended::Slow(STATEMENT_MAX)),
    }
}
