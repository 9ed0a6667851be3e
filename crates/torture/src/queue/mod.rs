//! The queue's promise under torture: nodes and PostgreSQL are killed at random while apps enqueue, and in the end
//! every job that was committed has ended exactly once, with its effects once, and nothing else has had any.
//!
//! The judge is a ledger in the same database, written in the enqueuing transactions; see `judgement.sql`.

mod endpoint;
mod outside;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pg::cluster::{Cluster, ClusterSettings};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use crate::dice::Dice;
use crate::node::{Node, free_address};

const NODES: usize = 3;
const APPS: u64 = 3;
const WORKERS: u64 = 2;
/// Jobs that wait at once: the apps rest while there are more.
const WAITING_MAX: i64 = 2000;
/// How long PostgreSQL may take to start once it was killed.
const RESTART_WITHIN: Duration = Duration::from_secs(30);
/// How long the jobs may take to end once nothing is killed any more: a lease, five seconds, and the retries.
const END_WITHIN: Duration = Duration::from_secs(120);
const CONFIGURATION: &str = "
[[queue]]
name = \"default\"
concurrency = 8
lease_ms = 3000
backoff_min_ms = 20
backoff_max_ms = 500
[[queue]]
name = \"outside\"
workers = \"outside\"
lease_ms = 3000
backoff_min_ms = 20
backoff_max_ms = 500
[[periodic]]
name = \"tick\"
cron = \"* * * * *\"
kind = \"tick\"
[[job]]
kind = \"tick\"
function = \"tick\"
[[job]]
kind = \"act\"
function = \"act\"
[[job]]
kind = \"flaky\"
function = \"flaky\"
[[job]]
kind = \"slow\"
function = \"slow\"
[[job]]
kind = \"poison\"
function = \"poison\"
[[job]]
kind = \"call\"
timeout_ms = 1000
";
/// As if a schedule's last tick had been a while ago: the next node to start makes up for those since.
const TURN_BACK: &str = "update courant.job_periodic set tick = tick - interval '3 min'";

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct QueuePlan {
    /// The courant binary.
    pub binary: PathBuf,
    /// How long jobs are enqueued and things are killed.
    pub length: Duration,
    /// How many kills there must be; the run goes on until then.
    pub kills_min: u64,
    /// What makes the choices.
    pub seed: u64,
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub struct QueueCounts {
    /// Transactions that were committed, with their jobs.
    pub committed: AtomicU64,
    /// Kills of nodes.
    pub node_kills: AtomicU64,
    /// Kills of PostgreSQL.
    pub database_kills: AtomicU64,
    next: AtomicI64,
    is_over: AtomicBool,
}

/// How a run came out.
#[derive(Clone, Debug)]
pub struct QueueReport {
    /// Jobs that were committed.
    pub jobs: i64,
    /// Runs that were lost with their workers.
    pub lost: i64,
    /// How long the last of them took to end.
    pub rest: Duration,
    /// The jobs that were the last to end, as JSON.
    pub last: Vec<String>,
    /// What was not as promised.
    pub violations: Vec<String>,
}

/// Tortures the queue.
pub async fn run(plan: &QueuePlan, counts: &Arc<QueueCounts>) -> anyhow::Result<QueueReport> {
    let directory = crate::directory()?;
    let outcome = run_in(&directory, plan, counts).await;
    match &outcome {
        Ok(report) if report.violations.is_empty() => drop(std::fs::remove_dir_all(&directory)),
        _ => eprintln!("torture: the nodes' logs are in {}", directory.display()),
    }
    outcome
}

async fn run_in(
    directory: &Path,
    plan: &QueuePlan,
    counts: &Arc<QueueCounts>,
) -> anyhow::Result<QueueReport> {
    let settings = ClusterSettings::for_tests().with_tcp(&["host all all all trust"]);
    let mut cluster = block_in_place(|| Cluster::for_test_with("queue-torture", settings));
    let uri = cluster.uri("postgres");
    connect(&uri).await?.batch_execute(include_str!("schema.sql")).await?;
    let called = free_address()?;
    let configuration = format!("{CONFIGURATION}url = \"http://{called}/jobs\"\n");
    std::fs::write(directory.join("courant.toml"), configuration)?;
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let mut node = Node::new(&plan.binary, directory, number, cluster.port())?;
        node.start()?;
        nodes.push(node);
    }
    for node in &mut nodes {
        node.until_at_rest().await?;
    }
    connect(&uri).await?.batch_execute(include_str!("watch.sql")).await?;
    let addresses: Vec<_> = nodes.iter().map(|node| node.clients).collect();
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let (uri, addresses, dice) = (uri.clone(), addresses.clone(), Dice::new(plan.seed, 2000 + worker));
        // They work until this is dropped.
        workers.spawn(async move { outside::work(&uri, &addresses, dice).await });
    }
    let (endpoint, dice) = (Arc::clone(counts), Dice::new(plan.seed, 3000));
    workers.spawn(endpoint::serve(called, uri.clone(), endpoint, dice));
    let mut apps = JoinSet::new();
    for app in 0..APPS {
        let (uri, counts, dice) = (uri.clone(), Arc::clone(counts), Dice::new(plan.seed, app));
        apps.spawn(async move { enqueue_on(&uri, &counts, dice).await });
    }
    kill_on(plan, counts, &mut cluster, &mut nodes).await?;
    counts.is_over.store(true, Ordering::Release);
    let over = Instant::now();
    while let Some(ended) = timeout(END_WITHIN, apps.join_next()).await.context("an app never ends")? {
        ended?;
    }
    let client = connect(&uri).await?;
    let rest = until_ended(&client, over).await?;
    let violations = client.query(include_str!("judgement.sql"), &[]).await?;
    let lost = "select count(*) from courant.jobs where errors::text like '%the lease ended%'";
    let last = "select to_jsonb(j)::text from courant.jobs j where j.ended_at is not null order by j.ended_at desc limit 12";
    let last = client.query(last, &[]).await?;
    Ok(QueueReport {
        jobs: client.query_one("select count(*) from ledger", &[]).await?.try_get(0)?,
        lost: client.query_one(lost, &[]).await?.try_get(0)?,
        rest,
        last: last.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
        violations: violations.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
    })
}

/// Kills nodes and the database at random and starts them again, until the time is over.
async fn kill_on(
    plan: &QueuePlan,
    counts: &QueueCounts,
    cluster: &mut Cluster,
    nodes: &mut [Node],
) -> anyhow::Result<()> {
    let mut dice = Dice::new(plan.seed, 1000);
    let until = Instant::now() + plan.length;
    let kills = || counts.node_kills.load(Ordering::Relaxed) + counts.database_kills.load(Ordering::Relaxed);
    while Instant::now() < until || kills() < plan.kills_min {
        sleep(Duration::from_millis(100 + dice.roll(900))).await;
        if dice.roll(4) == 0
            && let Ok(client) = connect(&cluster.uri("postgres")).await
        {
            // It may be killed under it, and then the ticks stay where they are.
            let _ = client.batch_execute(TURN_BACK).await;
        }
        if dice.roll(6) == 0 {
            block_in_place(|| cluster.kill());
            let killed = Instant::now();
            // Its processes notice one by one that they are orphans, and until then it cannot start.
            while let Err(error) = block_in_place(|| cluster.restart()) {
                ensure!(killed.elapsed() < RESTART_WITHIN, error);
                sleep(Duration::from_millis(100)).await;
            }
            counts.database_kills.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let chosen = dice.roll(nodes.len() as u64) as usize;
        let Some(node) = nodes.get_mut(chosen) else { continue };
        node.kill();
        counts.node_kills.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(dice.roll(300))).await;
        node.start()?;
    }
    // A node that starts while the database recovers gives up: whoever supervises it starts it again.
    for node in nodes {
        node.kill();
        node.start()?;
    }
    Ok(())
}

/// Enqueues jobs until the time is over, whatever happens to the database.
async fn enqueue_on(uri: &str, counts: &QueueCounts, mut dice: Dice) {
    while !counts.is_over.load(Ordering::Acquire) {
        let Ok(client) = connect(uri).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        // What was lost with the connection was committed or was not: the ledger knows.
        while enqueue(&client, counts, &mut dice).await.is_ok() {
            if counts.is_over.load(Ordering::Acquire) {
                return;
            }
        }
    }
}

/// One transaction of an app: some jobs and their lines in the ledger; sometimes held open, sometimes rolled back.
async fn enqueue(
    client: &Client,
    counts: &QueueCounts,
    dice: &mut Dice,
) -> Result<(), tokio_postgres::Error> {
    let waiting = client.query_one("select count(*) from courant.job", &[]).await?.try_get::<_, i64>(0)?;
    if waiting > WAITING_MAX {
        sleep(Duration::from_millis(50)).await;
        return Ok(());
    }
    client.batch_execute("begin").await?;
    let mut before = None;
    for _ in 0..=dice.roll(20) {
        let n = counts.next.fetch_add(1, Ordering::Relaxed);
        let kind = ["act", "act", "act", "flaky", "slow", "poison", "outside", "call"][dice.roll(8) as usize];
        let queue = if kind == "outside" { kind } else { "default" };
        let attempts = if kind == "poison" { 2 } else { 1000 };
        let serial = (dice.roll(10) == 0).then(|| format!("key {}", dice.roll(3)));
        let after: Option<i64> = before.filter(|_| dice.roll(5) == 0);
        let priority = dice.roll(10) as i32;
        let sql = "insert into ledger (n, kind, job) values ($1, $2, courant.enqueue($2,
            jsonb_build_object('n', $1::int8), priority => $3, max_attempts => $4, serial_key => $5, after => $6,
            queue => $7))
            returning job";
        let row = client.query_one(sql, &[&n, &kind, &priority, &attempts, &serial, &after, &queue]).await?;
        // What follows one that is discarded would be cancelled, and the ledger does not tell that.
        before = if kind == "poison" { None } else { Some(row.try_get(0)?) };
    }
    if dice.roll(20) == 0 {
        // Held open: jobs with higher ids run meanwhile.
        sleep(Duration::from_millis(dice.roll(3000))).await;
    }
    let end = if dice.roll(10) == 0 { "rollback" } else { "commit" };
    client.batch_execute(end).await?;
    if end == "commit" {
        counts.committed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until no job is left, or the time for that is over.
async fn until_ended(client: &Client, over: Instant) -> anyhow::Result<Duration> {
    loop {
        let left: i64 = client.query_one("select count(*) from courant.job", &[]).await?.try_get(0)?;
        if left == 0 || over.elapsed() > END_WITHIN {
            return Ok(over.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn connect(uri: &str) -> anyhow::Result<Client> {
    let connecting = tokio_postgres::connect(uri, NoTls);
    let (client, connection) = timeout(Duration::from_secs(5), connecting).await.context("too slow")??;
    ensure!(!client.is_closed(), "the connection was closed at once");
    // Spawned here because it ends with its client.
    tokio::spawn(connection);
    Ok(client)
}
