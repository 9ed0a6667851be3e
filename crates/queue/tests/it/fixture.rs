//! What the tests work with: a database of their own with the queue in it, and nodes that work on it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pg::cluster::Cluster;
use pg::connect::ConnectOptions;
use queue::{Backoff, Claimed, Lane, LaneSettings, Pulls, QueueError, Reports, Run, Store};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Long enough that no test outlives it.
pub(crate) const LEASE: Duration = Duration::from_secs(600);
/// So short that a job without a worker is found at once.
pub(crate) const NO_LEASE: Duration = Duration::from_millis(1);

fn cluster() -> &'static Cluster {
    // Never dropped: its keeper stops it once this process is gone.
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::for_test("queue"))
}

/// A database with the queue in it.
pub(crate) struct Database {
    uri: String,
    pub(crate) client: Client,
}

impl Database {
    pub(crate) async fn new() -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("q{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = connect(&cluster().uri("postgres")).await;
        // The template is copied by one session at a time.
        client.batch_execute("select pg_advisory_lock(1)").await.unwrap();
        client.batch_execute(&format!("create database {name} template template0")).await.unwrap();
        let uri = cluster().uri(&name);
        let client = connect(&uri).await;
        queue::schema::install(&client).await.unwrap();
        Database { uri, client }
    }

    /// The same, with the buffers counted that statements touch.
    pub(crate) async fn with_statistics() -> Database {
        let database = Database::new().await;
        database.client.batch_execute("create extension pg_stat_statements").await.unwrap();
        database
    }

    /// One more connection.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.uri).await
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        let options = ConnectOptions::parse(Some(&self.uri), &|_| None).unwrap();
        Arc::new(Store::new(options, "test", TaskTracker::new()))
    }

    /// A node that works on the queue `default`.
    pub(crate) fn node(&self, lease: Duration) -> Node {
        self.node_with(LaneSettings { lease, ..LaneSettings::default() })
    }

    pub(crate) fn node_with(&self, settings: LaneSettings) -> Node {
        let store = self.store();
        let (reports, telling) = Reports::new(Arc::clone(&store), true, CancellationToken::new());
        tokio::spawn(telling);
        let lane = Arc::new(Lane::new("default", settings, Arc::clone(&store), reports.clone()));
        let surveyed = Arc::clone(&lane);
        let shutdown = CancellationToken::new();
        let surveying = shutdown.clone();
        tokio::spawn(async move { surveyed.survey(&surveying).await });
        let backoff = Backoff { min: Duration::from_millis(1), max: Duration::from_millis(5) };
        let pulls = Pulls { lane, rate: None, backoff, reports, store };
        Node { pulls, _surveying: shutdown.drop_guard() }
    }

    /// Enqueues a job by what stands between the brackets of `courant.enqueue(…)`.
    pub(crate) async fn enqueue(&self, call: &str) -> i64 {
        let sql = format!("select courant.enqueue({call})");
        self.client.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let sql = format!("select ({sql})::text");
        let row = self.client.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn state(&self, job: i64) -> String {
        self.text(&format!("select j.state from courant.jobs j where j.id = {job}")).await
    }

    /// What went wrong with a job, run by run.
    pub(crate) async fn errors(&self, job: i64) -> Vec<String> {
        let errors = self.text(&format!("select j.errors from courant.jobs j where j.id = {job}")).await;
        let errors: Vec<Value> = serde_json::from_str(&errors).unwrap_or_default();
        errors.iter().map(|error| error["error"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Makes what waits for its time available now.
    pub(crate) async fn let_time_pass(&self) {
        self.client
            .batch_execute(
                "update courant.job set due = null, seq = nextval('courant.job_seq') where due < 'infinity'",
            )
            .await
            .unwrap();
    }
}

async fn connect(uri: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A node, as a worker outside would use it.
pub(crate) struct Node {
    pub(crate) pulls: Pulls,
    _surveying: DropGuard,
}

impl Node {
    /// What can be claimed now.
    pub(crate) async fn claim(&self, jobs_max: usize) -> Vec<Claimed> {
        self.pulls.lane.claim(jobs_max).await.unwrap()
    }

    pub(crate) async fn claim_ids(&self, jobs_max: usize) -> Vec<i64> {
        self.claim(jobs_max).await.iter().map(|job| job.run.id).collect()
    }

    /// The one job that there is, within a while.
    pub(crate) async fn fetch_one(&self) -> Claimed {
        let jobs = self.pulls.fetch(1, Duration::from_secs(20)).await.unwrap();
        assert_eq!(jobs.len(), 1, "a job is there within the time");
        jobs.into_iter().next().unwrap()
    }

    pub(crate) async fn settle(&self, run: Run, outcome: queue::Outcome) -> Result<bool, QueueError> {
        Ok(self.pulls.settle(vec![(run, outcome)]).await? == [true])
    }

    pub(crate) async fn complete(&self, run: Run) -> bool {
        self.settle(run, queue::Outcome::Completed).await.unwrap()
    }

    pub(crate) async fn fail(&self, run: Run) -> bool {
        let outcome = queue::Outcome::Failed { error: "oops".to_owned(), after: None };
        self.settle(run, outcome).await.unwrap()
    }
}
