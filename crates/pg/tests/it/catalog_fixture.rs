//! A private PostgreSQL cluster for the tests of this process, gone with it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use pg::catalog::{Catalog, Function, Relation, load};
use tokio_postgres::{Client, Config, NoTls};

/// A running cluster. Its shell stops the server and removes the files once this process lets go of it.
pub(crate) struct Cluster {
    directory: PathBuf,
    _shell: Mutex<Child>,
}

/// Waits for its input to end, which the death of the test process brings about too.
const SHELL: &str = r#"
"$0/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c wal_level="$2" \
    -c max_connections=60 -c max_prepared_transactions=5 </dev/null >"$1/log" 2>&1 &
read -r _
kill -INT $!
wait $!
rm -rf "$1"
"#;

impl Cluster {
    pub(crate) fn start(wal_level: &str) -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("courant-catalog-{}-{number}", std::process::id()));
        let binaries = binaries();
        assert!(as_server(Path::new("/bin/mkdir")).arg(&directory).status().unwrap().success());
        let data = directory.join("data");
        let made = as_server(&binaries.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "--no-instructions", "-E", "UTF8", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        let shell = as_server(Path::new("/bin/sh"))
            .args(["-c", SHELL])
            .arg(&binaries)
            .arg(&directory)
            .arg(wal_level)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Cluster { directory, _shell: Mutex::new(shell) }
    }

    /// A connection as that role; waits for the server to accept.
    pub(crate) async fn connect(&self, role: &str, database: &str) -> Client {
        let mut config = Config::new();
        config.host_path(&self.directory).user(role).dbname(database);
        let connected = loop {
            match config.connect(NoTls).await {
                Err(error) if error.code().is_none_or(|code| code.code() == "57P03") => {
                    tokio::task::yield_now().await;
                }
                other => break other,
            }
        };
        let (client, connection) = connected.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A new database, made with this DDL, and a superuser's connection to it.
    pub(crate) async fn database(&self, ddl: &str) -> (Client, String) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = self.connect("postgres", "postgres").await;
        // The template is copied by one session at a time.
        client.batch_execute("select pg_advisory_lock(1)").await.unwrap();
        client.batch_execute(&format!("create database {name} template template0")).await.unwrap();
        let client = self.connect("postgres", &name).await;
        client.batch_execute(ddl).await.unwrap();
        (client, name)
    }
}

/// The cluster that tests share unless they change what all databases have in common.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start("logical"))
}

/// The catalog, as a superuser reads it, of a new database made with this DDL.
pub(crate) async fn catalog_of(ddl: &str) -> Catalog {
    let (client, _) = cluster().database(ddl).await;
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

fn binaries() -> PathBuf {
    if let Ok(set) = std::env::var("COURANT_PG_BIN") {
        return set.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL's server binaries");
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    found.sort();
    found.pop().expect("PostgreSQL's server binaries")
}

/// A command run as a user that the server accepts, which root is not.
fn as_server(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
    command
}
