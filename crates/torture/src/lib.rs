//! Courant's promises under torture: the binary in front of a real PostgreSQL, writers through it and around
//! it, readers of every shape and in every mode, and faults all the while, against a ledger of what was
//! acknowledged when. Never shipped.
//!
//! One clock, this process's, dates everything. An answer that misses what was acknowledged before its
//! request began, less the reader's bound, is a violation: see `ledger` and `facts` for the oracles.

mod around;
mod backend;
mod backup;
mod client;
mod database;
mod dice;
mod facts;
mod faults;
mod ledger;
mod node;
mod proxy;
mod question;
mod queue;
mod report;
mod rest;
mod session;
mod through;
mod world;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use backend::Backend;
use database::Database;
use dice::Dice;
use faults::Stage;
use node::Node;
use proxy::Proxy;
use world::World;

pub use queue::{QueueCounts, QueuePlan, QueueReport, run as run_queue};
pub use report::{Counts, Report};

/// How many nodes stand in front of the database.
const NODES: usize = 2;
/// How many instances of the backend stand behind them.
const BACKENDS: usize = 2;
/// Writers around the nodes, writers through them, and readers.
const LOAD: (usize, usize, u64) = (4, 2, 6);
/// How long readers go on once nobody writes.
const AFTERMATH: Duration = Duration::from_millis(1500);
/// How long whoever is at work may take to end once it is over.
const END_WITHIN: Duration = Duration::from_secs(60);

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The courant binary.
    pub binary: PathBuf,
    /// How long the load runs.
    pub length: Duration,
    /// What makes the choices.
    pub seed: u64,
    /// Only faults that are over within a second, and no standby: for every run of the tests.
    pub short: bool,
    /// Where to write a line for every request, acknowledgement and fault.
    pub log: Option<PathBuf>,
}

/// Runs it. `counts` can be watched meanwhile.
///
/// An error is a run that could not be carried out; a broken promise is in the report.
pub async fn run(plan: &Plan, counts: Arc<Counts>) -> anyhow::Result<Report> {
    let directory = directory()?;
    let report = run_in(&directory, plan, &counts).await;
    match &report {
        Ok(report) if report.violations == 0 => std::fs::remove_dir_all(&directory)?,
        // The nodes' logs tell more.
        _ => eprintln!("torture: the nodes' logs are in {}", directory.display()),
    }
    report
}

async fn run_in(directory: &Path, plan: &Plan, counts: &Arc<Counts>) -> anyhow::Result<Report> {
    let (mut stage, version) = set(directory, plan, counts).await?;
    let world = Arc::clone(&stage.world);
    let mut load = JoinSet::new();
    let (around, through, readers) = LOAD;
    (0..around).for_each(|share| drop(load.spawn(around::write_on(Arc::clone(&world), share, around))));
    (0..through).for_each(|share| drop(load.spawn(through::write_on(Arc::clone(&world), share, through))));
    (0..readers).for_each(|number| drop(load.spawn(session::read_on(Arc::clone(&world), number))));
    let played = stage.play_on(Instant::now() + plan.length, plan.short).await;
    *counts.playing.lock() = "coming to rest";
    world.rest();
    if played.is_ok() {
        // Readers go on for a while: what they fill now, right after the last writes, is compared below.
        tokio::time::sleep(AFTERMATH).await;
    }
    world.end();
    played?;
    while let Some(ended) = timeout(END_WITHIN, load.join_next()).await.context("the load never ends")? {
        ended??;
    }
    rest::compare(&mut stage).await?;
    Ok(counts.report(plan.seed, version))
}

async fn set(directory: &Path, plan: &Plan, counts: &Arc<Counts>) -> anyhow::Result<(Stage, u32)> {
    *counts.playing.lock() = "starting";
    let mut database = Database::start(directory).await?;
    let version = database.binaries().version();
    let mut instances = Vec::new();
    for _ in 0..BACKENDS {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Proxy::before(listener.local_addr()?.port()).await?;
        instances.push((listener, proxy));
    }
    node::configure(directory, instances.iter().map(|(_, proxy)| proxy.port))?;
    let (mut nodes, mut proxies) = (Vec::new(), Vec::new());
    for number in 0..NODES {
        let proxy = Proxy::before(database.port()).await?;
        let mut node = Node::new(&plan.binary, directory, number, proxy.port)?;
        node.start()?;
        nodes.push(node);
        proxies.push(proxy);
    }
    if !plan.short {
        database.make_standby().await?;
    }
    for node in &mut nodes {
        node.until_at_rest().await?;
    }
    let log = plan.log.as_ref().map(File::create).transpose()?;
    let addresses = nodes.iter().map(|node| node.clients).collect();
    let world = Arc::new(World::new(plan.seed, Arc::clone(counts), addresses, log));
    world.up(database.uri(), &database.held().await?);
    let backends = (0..)
        .zip(instances)
        .map(|(number, (listener, proxy))| Backend::serve(listener, proxy, &world, number))
        .collect::<Result<_, _>>()?;
    let lasting = Duration::from_millis(if plan.short { 300 } else { 2500 });
    let dice = Dice::new(plan.seed, 300);
    Ok((Stage { world, database, nodes, proxies, backends, dice, lasting }, version))
}

/// A directory of the run's own, where PostgreSQL's user may enter.
fn directory() -> anyhow::Result<PathBuf> {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("torture-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}
