//! What the tests ask of a private cluster: connections, addresses, databases with a schema of their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pg::catalog::{Catalog, Function, Relation, load};
use pg::cluster::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

/// A cluster that trusts everyone, over TCP too.
pub(crate) fn trusting() -> Cluster {
    Cluster::for_test_with("trusting", ClusterSettings::for_tests().with_tcp(&["host all all all trust"]))
}

/// The connection string of the superuser, over TCP.
pub(crate) fn url(cluster: &Cluster) -> String {
    format!("postgresql://postgres@127.0.0.1:{}/postgres", cluster.port())
}

pub(crate) async fn connect(uri: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection as that role, through the socket.
pub(crate) async fn connect_as(cluster: &Cluster, role: &str, database: &str) -> Client {
    let mut config: tokio_postgres::Config = cluster.uri(database).parse().unwrap();
    let (client, connection) = config.user(role).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn superuser(cluster: &Cluster) -> Client {
    connect(&cluster.uri("postgres")).await
}

/// Runs statements as superuser.
pub(crate) async fn execute(cluster: &Cluster, sql: &str) {
    superuser(cluster).await.batch_execute(sql).await.unwrap();
}

/// The cluster that tests share unless they change what all databases have in common.
pub(crate) fn shared() -> &'static Cluster {
    // Never dropped: its keeper stops it once this process is gone.
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::for_test("shared"))
}

/// A new database, made with this DDL, and a superuser's connection to it.
pub(crate) async fn database(cluster: &Cluster, ddl: &str) -> (Client, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let client = superuser(cluster).await;
    // The template is copied by one session at a time.
    client.batch_execute("select pg_advisory_lock(1)").await.unwrap();
    client.batch_execute(&format!("create database {name} template template0")).await.unwrap();
    let client = connect(&cluster.uri(&name)).await;
    client.batch_execute(ddl).await.unwrap();
    (client, name)
}

/// The catalog, as a superuser reads it, of a new database made with this DDL.
pub(crate) async fn catalog_of(ddl: &str) -> Catalog {
    let (client, _) = database(shared(), ddl).await;
    load(&client, &["public".to_owned()]).await.unwrap()
}

pub(crate) trait Named {
    fn table(&self, name: &str) -> &Relation;
    fn function(&self, name: &str) -> &Function;
}

impl Named for Catalog {
    fn table(&self, name: &str) -> &Relation {
        self.relation("public", name).unwrap_or_else(|| panic!("no relation {name}"))
    }

    fn function(&self, name: &str) -> &Function {
        let found = self.functions("public", name);
        assert_eq!(found.len(), 1, "functions called {name}");
        &found[0]
    }
}

/// A directory in the temporary one, gone with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("courant-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
