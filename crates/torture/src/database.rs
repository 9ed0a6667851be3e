//! PostgreSQL: a primary and, where asked for, a synchronous standby; how they die and take over.
//!
//! Never loses a transaction that was acknowledged while it was to be synchronous: the ledger checks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pg::cluster::{Binaries, Cluster, ClusterSettings};
use tokio::task::block_in_place;
use tokio_postgres::Client;

use crate::backup;
use crate::ledger::RowKey;
use crate::world::connect;

/// How long a standby may take to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and its directory if that goes with it.
#[derive(Debug)]
struct Server {
    cluster: Cluster,
    directory: Option<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cluster.kill();
        if let Some(directory) = &self.directory {
            // Nothing can be done here about a leftover.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// The primary, and its standby.
#[derive(Debug)]
pub(crate) struct Database {
    primary: Server,
    standby: Option<Server>,
    directory: PathBuf,
    made: u32,
}

impl Database {
    /// A primary with the schema. Standbys will be made in `directory`.
    pub(crate) async fn start(directory: &Path) -> anyhow::Result<Database> {
        let cluster = block_in_place(|| Cluster::for_test_with("torture", settings()));
        let primary = Server { cluster, directory: None };
        let database = Database { primary, standby: None, directory: directory.to_owned(), made: 0 };
        database.client().await?.batch_execute(include_str!("sql/schema.sql")).await?;
        Ok(database)
    }

    pub(crate) fn binaries(&self) -> &Binaries {
        self.primary.cluster.binaries()
    }

    pub(crate) fn uri(&self) -> String {
        self.primary.cluster.uri("postgres")
    }

    pub(crate) fn port(&self) -> u16 {
        self.primary.cluster.port()
    }

    pub(crate) fn has_standby(&self) -> bool {
        self.standby.is_some()
    }

    /// A connection to the primary.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        connect(&self.uri()).await
    }

    /// The versions that the database holds.
    pub(crate) async fn held(&self) -> anyhow::Result<Vec<(RowKey, i64)>> {
        const TABLES: [&str; 6] = ["items", "groups", "labels", "docs", "scratch", "visits"];
        let rows = self.client().await?.query(include_str!("sql/versions.sql"), &[]).await?;
        let key = |row: &tokio_postgres::Row| {
            let name: &str = row.get(0);
            let table = TABLES.into_iter().find(|table| *table == name)?;
            Some(((table, row.get(1)), row.get(2)))
        };
        Ok(rows.iter().filter_map(key).collect())
    }

    /// Kills the primary (`SIGKILL`) and lets it recover.
    pub(crate) async fn crash(&mut self) -> anyhow::Result<()> {
        block_in_place(|| {
            self.primary.cluster.kill();
            self.primary.cluster.restart()
        })?;
        self.settle().await
    }

    /// Kills the primary; the standby takes its place.
    pub(crate) async fn promote(&mut self) -> anyhow::Result<()> {
        let standby = self.standby.take().context("there is no standby to promote")?;
        block_in_place(|| self.primary.cluster.kill());
        let client = connect(&standby.cluster.uri("postgres")).await?;
        client.query_one("select pg_promote(true, 60)", &[]).await?;
        // The old one goes here, with its data.
        self.primary = standby;
        let alone = "alter system reset synchronous_standby_names";
        client.batch_execute(alone).await?;
        client.batch_execute("select pg_reload_conf()").await?;
        self.settle().await
    }

    /// Ends what was prepared by connections that are gone.
    async fn settle(&self) -> anyhow::Result<()> {
        let client = self.client().await?;
        for row in client.query("select gid from pg_prepared_xacts", &[]).await? {
            client.batch_execute(&format!("rollback prepared '{}'", row.get::<_, &str>(0))).await?;
        }
        Ok(())
    }

    /// Makes a standby from the running primary and waits until commits wait for it.
    pub(crate) async fn make_standby(&mut self) -> anyhow::Result<()> {
        self.made += 1;
        let directory = self.directory.join(format!("standby-{}", self.made));
        let cluster = self.copy(&directory).await?;
        self.standby = Some(Server { cluster, directory: Some(directory) });
        let client = self.client().await?;
        client.batch_execute("alter system set synchronous_standby_names = 'standby'").await?;
        client.batch_execute("select pg_reload_conf()").await?;
        let began = Instant::now();
        let synced = "select 1 from pg_stat_replication where sync_state = 'sync'";
        while client.query(synced, &[]).await?.is_empty() {
            ensure!(began.elapsed() < PATIENCE, "the standby never became synchronous");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Backends that were told of it late have acknowledged without it: what they wrote must be there too.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let position: String =
            client.query_one("select pg_current_wal_insert_lsn()::text", &[]).await?.get(0);
        let caught_up = format!("select 1 from pg_stat_replication where flush_lsn >= '{position}'");
        while client.query(&caught_up, &[]).await?.is_empty() {
            ensure!(began.elapsed() < PATIENCE, "the standby never caught up");
            // The tail of the log may wait for a commit to flush it.
            client.batch_execute("select pg_logical_emit_message(true, 'torture', '')").await?;
        }
        Ok(())
    }

    async fn copy(&self, directory: &Path) -> anyhow::Result<Cluster> {
        let source = &self.primary.cluster;
        let (from, to) = (source.directory().join("data"), directory.join("data"));
        backup::copy(&self.client().await?, self.binaries().version(), &from, &to).await?;
        let primary = format!(
            "host={} port={} user=postgres application_name=standby",
            source.sockets().display(),
            source.port()
        );
        let settings = settings().with("primary_conninfo", &primary);
        Ok(block_in_place(|| Cluster::start(self.binaries(), directory, settings))?)
    }

    /// The standby stops where it stands: commits wait for it.
    pub(crate) fn pause_standby(&self) {
        if let Some(standby) = &self.standby {
            standby.cluster.pause();
        }
    }

    /// The standby goes on.
    pub(crate) fn resume_standby(&self) {
        if let Some(standby) = &self.standby {
            standby.cluster.resume();
        }
    }

    /// The whole primary stops where it stands.
    pub(crate) fn pause(&self) {
        self.primary.cluster.pause();
    }

    /// The primary goes on.
    pub(crate) fn resume(&self) {
        self.primary.cluster.resume();
    }
}

fn settings() -> ClusterSettings {
    ClusterSettings::for_tests()
        .with("max_prepared_transactions", "20")
        .with("logical_decoding_work_mem", "64kB")
        .with("deadlock_timeout", "100ms")
        .with("wal_retrieve_retry_interval", "100ms")
        .with("wal_keep_size", "512MB")
        .with_tcp(&["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"])
}
