//! A node under test: the real binary in front of a private cluster.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ::http::Method;
use pg::cluster::{Cluster, ClusterSettings};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::http::{self, Answered, SECRET};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary, and where it listens.
pub(crate) struct Node {
    process: Child,
    pub(crate) clients: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: mpsc::Receiver<String>,
    /// Every line it has logged so far.
    pub(crate) said: Vec<String>,
}

/// A cluster with a schema of the test's own.
pub(crate) async fn cluster(name: &str, schema: &str) -> Cluster {
    cluster_with(name, ClusterSettings::for_tests(), schema).await
}

pub(crate) async fn cluster_with(name: &str, settings: ClusterSettings, schema: &str) -> Cluster {
    let cluster = Cluster::for_test_with(name, settings);
    let client = connect(&cluster).await;
    client.batch_execute("create role anon nologin; create role clerk nologin").await.unwrap();
    client.batch_execute(schema).await.unwrap();
    cluster
}

/// A connection around Courant, as `psql` in another window.
pub(crate) async fn connect(cluster: &Cluster) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster.uri("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The command, not yet started, with nothing of the caller's environment that could configure it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name == "DATABASE_URL"
            || name.starts_with("PG")
            || name.starts_with("COURANT_") && name != "COURANT_PG_BIN"
        {
            command.env_remove(name);
        }
    }
    command
}

impl Node {
    /// Starts a node with an anonymous role and a secret, and waits until its cache is open.
    pub(crate) async fn start(cluster: &Cluster) -> Node {
        Node::start_with(cluster, &[]).await
    }

    pub(crate) async fn start_with(cluster: &Cluster, environment: &[(&str, &str)]) -> Node {
        let mut node = Node::start_uncached(cluster, environment);
        node.until_open().await;
        node
    }

    /// Starts a node and waits until it listens.
    pub(crate) fn start_uncached(cluster: &Cluster, environment: &[(&str, &str)]) -> Node {
        let mut command = command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command
            .args(["--database-url", &cluster.uri("postgres"), "--log-format", "json"])
            .env("PGRST_DB_ANON_ROLE", "anon")
            .env("PGRST_JWT_SECRET", SECRET);
        Node::spawn(command, environment)
    }

    pub(crate) fn spawn(mut command: Command, environment: &[(&str, &str)]) -> Node {
        for (name, value) in environment {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let (out, err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let other = sender.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|l| drop(sender.send(l)))
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).for_each(|l| drop(other.send(l)))
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut node = Node { process, clients: nowhere, admin: nowhere, log, said: Vec::new() };
        let line = node.until_said("\"clients\"");
        let fields = serde_json::from_str::<Value>(&line).unwrap()["fields"].clone();
        node.clients = fields["clients"].as_str().unwrap().parse().unwrap();
        node.admin = fields["admin"].as_str().unwrap().parse().unwrap();
        node
    }

    /// Waits for a log line that contains the text.
    pub(crate) fn until_said(&mut self, text: &str) -> String {
        if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("never said {text:?} ({error}); said:\n{}", self.said.join("\n")),
            }
        }
    }

    /// Waits until the cache follows the log and a hit is possible.
    pub(crate) async fn until_open(&mut self) {
        self.until(|cache| cache["open"] == true && cache["behind_ms"].as_u64().is_some_and(|ms| ms < 1000))
            .await;
    }

    /// Waits until the cache's statistics satisfy the condition.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let cache = http::send(self.admin, Method::GET, "/cache", &[], "").await.json();
            if holds(&cache) {
                return;
            }
            if Instant::now() > deadline {
                self.said.extend(self.log.try_iter());
                panic!("never happened; cache: {cache}\nsaid:\n{}", self.said.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answered {
        self.send(Method::GET, target, &[], "").await
    }

    pub(crate) async fn get_as(&self, token: &str, target: &str) -> Answered {
        self.send(Method::GET, target, &[("authorization", token)], "").await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answered {
        http::send(self.clients, method, target, headers, body).await
    }

    /// Asks until the answer satisfies the condition, within the bound that the node promises.
    pub(crate) async fn within_bound(&self, target: &str, holds: impl Fn(&Answered) -> bool) -> Answered {
        self.asked(target, Duration::from_secs(1), holds).await
    }

    /// Asks until the answer satisfies the condition, where no bound is promised.
    pub(crate) async fn eventually(&self, target: &str, holds: impl Fn(&Answered) -> bool) -> Answered {
        self.asked(target, PATIENCE, holds).await
    }

    async fn asked(&self, target: &str, patience: Duration, holds: impl Fn(&Answered) -> bool) -> Answered {
        let deadline = Instant::now() + patience;
        loop {
            let last = Instant::now() > deadline;
            let answered = self.get(target).await;
            if holds(&answered) {
                return answered;
            }
            assert!(!last, "not within {patience:?}: {answered:?}");
        }
    }

    /// Asks twice: the first may fill, the second must hit with the same bytes.
    pub(crate) async fn warm(&self, target: &str) -> Answered {
        self.warm_as(None, target).await
    }

    pub(crate) async fn warm_as(&self, token: Option<&str>, target: &str) -> Answered {
        let headers: Vec<_> = token.iter().map(|token| ("authorization", *token)).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let first = self.send(Method::GET, target, &headers, "").await;
            assert!(first.status.is_success(), "{first:?}");
            let second = self.send(Method::GET, target, &headers, "").await;
            if second.is_hit() {
                assert_eq!(first.body, second.body);
                return second;
            }
            assert!(Instant::now() < deadline, "never hit {target}: {second:?}");
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for the process to end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "never ended");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
