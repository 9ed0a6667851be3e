//! A private PostgreSQL with a publication, and its change stream as the tests read it.

use std::time::Duration;

use pg::cluster::{Cluster, ClusterSettings};
use pg::connect::{Login, Opened};
use pg::{Lsn, Transaction};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use wal::{Error, Event, Stream, StreamOptions};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a publication `courant`, which has no tables at first.
pub(crate) struct Source {
    cluster: Cluster,
}

impl Source {
    pub(crate) async fn start() -> Source {
        Source::start_with(settings()).await
    }

    /// The same with other settings, made from [`settings`].
    pub(crate) async fn start_with(settings: ClusterSettings) -> Source {
        let source = Source { cluster: Cluster::for_test_with("wal", settings) };
        source.run("create publication courant").await;
        source
    }

    pub(crate) async fn client(&self) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&self.cluster.uri("postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
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
        let holds = async { while !client.query_one(query, &[]).await.unwrap().get::<_, bool>(0) {} };
        timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("never true: {query}"));
    }

    /// Waits until the server has logged a phrase so many times.
    pub(crate) async fn logged(&self, phrase: &str, times: usize) {
        let log = self.cluster.log();
        let split = format!("string_to_array(pg_read_file('{}'), '{phrase}')", log.display());
        self.until(&format!("select array_length({split}, 1) > {times}")).await;
    }

    pub(crate) async fn opened(&self, user: &str, password: Option<&str>) -> Opened {
        let socket = self.cluster.sockets().join(format!(".s.PGSQL.{}", self.cluster.port()));
        Opened {
            stream: Box::new(UnixStream::connect(socket).await.unwrap()),
            encrypted: false,
            login: Login {
                user: user.to_owned(),
                password: password.map(Into::into),
                database: "postgres".to_owned(),
                parameters: vec![("application_name".to_owned(), "courant".to_owned())],
                channel_binding: None,
                binding_required: false,
            },
        }
    }

    pub(crate) async fn open(&self, options: StreamOptions) -> Result<Stream, Error> {
        timeout(PATIENCE, Stream::open(self.opened("postgres", None).await, options)).await.unwrap()
    }

    pub(crate) async fn stream(&self) -> Stream {
        self.open(StreamOptions::new("courant")).await.unwrap()
    }

    /// A fast shutdown, as an administrator does it; waits for its end.
    pub(crate) async fn shut_down(mut self) {
        let log = self.cluster.log();
        let stop = tokio::task::spawn_blocking(move || {
            self.cluster.stop();
            std::fs::read_to_string(log).unwrap()
        });
        let log = timeout(PATIENCE, stop).await.expect("the server shuts down").unwrap();
        assert!(log.contains("fast shutdown") && !log.contains("immediate shutdown"), "{log}");
    }
}

/// What every server here runs with.
pub(crate) fn settings() -> ClusterSettings {
    ClusterSettings::for_tests().with("max_prepared_transactions", "4").with("autovacuum", "off")
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
