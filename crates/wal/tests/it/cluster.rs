//! A private PostgreSQL for one test: its own data, reached through a Unix-domain socket, gone afterwards.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pg::{Lsn, Transaction};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use wal::{Endpoint, Error, Event, Stream, StreamOptions};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Cluster {
    directory: PathBuf,
    server: Child,
}

impl Cluster {
    /// A server with `wal_level=logical`, a publication `courant` without tables, and these settings.
    pub(crate) async fn start(settings: &[&str]) -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("courant-wal-{}-{number}", std::process::id()));
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(template()).arg(&directory));
        let mut command = as_server("postgres");
        command.arg("-D").arg(&directory).arg("-k").arg(&directory);
        for setting in DEFAULTS.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let log = File::create(directory.join("log")).unwrap();
        let server = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let cluster = Cluster { directory, server };
        let ready = async {
            while cluster.try_client("postgres").await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ready).await.expect("the server starts");
        cluster.run("create publication courant").await;
        cluster
    }

    pub(crate) async fn client(&self) -> Client {
        self.try_client("postgres").await.unwrap()
    }

    async fn try_client(&self, user: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.directory).user(user).dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs statements in a session of their own, as one transaction unless they say otherwise.
    pub(crate) async fn run(&self, statements: &str) {
        self.client().await.batch_execute(statements).await.unwrap();
    }

    pub(crate) async fn text(&self, query: &str) -> Option<String> {
        self.client().await.query_one(query, &[]).await.unwrap().get(0)
    }

    /// A position past everything committed before, which the stream is sure to pass.
    ///
    /// The server's own flush position is not: the WAL writer flushes whole pages, and the record at the
    /// end of the last one may stay unfinished, unflushed and untold for many seconds.
    pub(crate) async fn position(&self) -> Lsn {
        let mark = "select pg_logical_emit_message(true, 'position', '')::text";
        self.text(mark).await.unwrap().parse().unwrap()
    }

    /// Waits until a query's one value is true.
    pub(crate) async fn until(&self, query: &str) {
        let client = self.client().await;
        let holds = async {
            while !client.query_one(query, &[]).await.unwrap().get::<_, bool>(0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("never true: {query}"));
    }

    /// Waits until the server has logged a phrase so many times.
    pub(crate) async fn logged(&self, phrase: &str, times: usize) {
        let logged = async {
            while fs::read_to_string(self.directory.join("log")).unwrap().matches(phrase).count() < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, logged).await.unwrap_or_else(|_| panic!("never logged: {phrase}"));
    }

    pub(crate) async fn endpoint(&self, user: &str, password: Option<&str>) -> Endpoint {
        Endpoint {
            stream: Box::new(UnixStream::connect(self.directory.join(".s.PGSQL.5432")).await.unwrap()),
            channel_binding: None,
            user: user.to_owned(),
            password: password.map(Into::into),
            database: "postgres".to_owned(),
            parameters: vec![("application_name".to_owned(), "courant".to_owned())],
        }
    }

    pub(crate) async fn open(&self, options: StreamOptions) -> Result<Stream, Error> {
        timeout(PATIENCE, Stream::open(self.endpoint("postgres", None).await, options)).await.unwrap()
    }

    pub(crate) async fn stream(&self) -> Stream {
        self.open(StreamOptions::new("courant")).await.unwrap()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A fast shutdown, as an administrator does it; waits for its end.
    pub(crate) async fn shut_down(&mut self) {
        self.signal("INT");
        let ended = async {
            while self.server.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("the server shuts down");
    }

    fn signal(&self, name: &str) {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.server.id().to_string()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.server.try_wait(), Ok(None)) {
            self.signal("QUIT");
            let _ended = self.server.wait();
        }
        let _removed = fs::remove_dir_all(&self.directory);
    }
}

/// The next event, which has to come.
pub(crate) async fn next(stream: &mut Stream) -> Result<Event, Error> {
    timeout(PATIENCE, stream.next()).await.expect("the stream goes on")
}

/// The next transaction that is not empty.
pub(crate) async fn transaction(stream: &mut Stream) -> Transaction {
    loop {
        if let Event::Transaction(transaction) = next(stream).await.unwrap() {
            stream.confirm(transaction.end);
            if !transaction.changes.is_empty() || !transaction.messages.is_empty() {
                return transaction;
            }
        }
    }
}

/// The transactions up to a position.
pub(crate) async fn until(stream: &mut Stream, position: Lsn) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    loop {
        match next(stream).await.unwrap() {
            Event::Transaction(transaction) => transactions.push(transaction),
            Event::Keepalive { end } if end >= position => return transactions,
            Event::Keepalive { .. } => stream.handle().request_position(),
        }
    }
}

/// How the stream ends.
pub(crate) async fn end(stream: &mut Stream) -> Error {
    loop {
        match next(stream).await {
            Ok(Event::Transaction(transaction)) => stream.confirm(transaction.end),
            Ok(Event::Keepalive { end }) => stream.confirm(end),
            Err(error) => return error,
        }
    }
}

const DEFAULTS: [&str; 9] = [
    "listen_addresses=",
    "unix_socket_permissions=0777",
    "fsync=off",
    "wal_level=logical",
    "max_prepared_transactions=4",
    "max_wal_senders=4",
    "max_replication_slots=4",
    "shared_buffers=16MB",
    "autovacuum=off",
];

/// A fresh cluster's data, made once for each version and copied from then on.
fn template() -> PathBuf {
    let version = run(as_server("postgres").arg("--version"));
    let version: String = version.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wal-template-{version}"));
    let sibling = |end: &str| PathBuf::from(format!("{}-{end}", directory.display()));
    let lock = File::create(sibling("lock")).unwrap();
    lock.lock().unwrap();
    if !directory.exists() {
        let made = std::env::temp_dir().join(format!("courant-wal-template-{}", std::process::id()));
        let mut initdb = as_server("initdb");
        run(initdb
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"])
            .arg(&made));
        run(Command::new("cp").arg("-a").arg(&made).arg(sibling("new")));
        fs::rename(sibling("new"), &directory).unwrap();
        fs::remove_dir_all(made).unwrap();
    }
    directory
}

/// One of the server's programs, as a user that is not root, because they refuse root.
fn as_server(program: &str) -> Command {
    let program = binaries().join(program);
    let root = run(Command::new("id").arg("-u")).trim() == "0";
    let mut command = if root { Command::new("setpriv") } else { Command::new(&program) };
    if root {
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=QUIT"])
            .arg(program);
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn binaries() -> PathBuf {
    if let Some(directory) = std::env::var_os("COURANT_PG_BIN") {
        return directory.into();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL's server programs are installed");
    let paths = versions.map(|version| version.unwrap().path().join("bin"));
    paths.filter(|path| path.join("postgres").exists()).max().expect("a PostgreSQL server is installed")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
