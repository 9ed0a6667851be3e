//! What everybody in a run shares: the oracles, the counts, where things listen, and whether it goes on.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

use crate::facts::Facts;
use crate::ledger::{Ledger, RowKey};
use crate::report::Counts;

/// Shared by all who read, write and break.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) ledger: Ledger,
    pub(crate) facts: Facts,
    pub(crate) counts: Arc<Counts>,
    /// Where the nodes answer requests.
    pub(crate) nodes: Vec<SocketAddr>,
    /// The primary's URI; none while there is no primary.
    database: watch::Sender<Option<String>>,
    /// Odd while there is no primary; whoever remembers something remembers it for one era.
    era: AtomicU64,
    still: AtomicBool,
    done: AtomicBool,
    began: Instant,
    log: Mutex<Option<BufWriter<File>>>,
}

impl World {
    pub(crate) fn new(seed: u64, counts: Arc<Counts>, nodes: Vec<SocketAddr>, log: Option<File>) -> World {
        World {
            seed,
            ledger: Ledger::default(),
            facts: Facts::default(),
            counts,
            nodes,
            database: watch::Sender::new(None),
            era: AtomicU64::new(1),
            still: AtomicBool::new(false),
            done: AtomicBool::new(false),
            began: Instant::now(),
            log: Mutex::new(log.map(BufWriter::new)),
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.done.load(SeqCst)
    }

    /// Whether there are still writes.
    pub(crate) fn moves(&self) -> bool {
        !self.still.load(SeqCst)
    }

    /// From now on nobody writes.
    pub(crate) fn rest(&self) {
        self.still.store(true, SeqCst);
    }

    pub(crate) fn end(&self) {
        self.done.store(true, SeqCst);
    }

    /// Unequal before and after a crash.
    pub(crate) fn era(&self) -> u64 {
        self.era.load(SeqCst)
    }

    /// The primary is about to go.
    pub(crate) fn down(&self) {
        self.era.fetch_add(1, SeqCst);
        self.database.send_replace(None);
    }

    /// A primary is there, and holds this.
    pub(crate) fn up(&self, uri: String, held: &[(RowKey, i64)]) {
        for lost in self.ledger.recover(held) {
            self.violated(&lost);
        }
        self.era.fetch_add(1, SeqCst);
        self.database.send_replace(Some(uri));
    }

    /// Connects to the primary, around the nodes, as soon as there is one.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let mut waiting = self.database.subscribe();
        loop {
            let uri = waiting.wait_for(Option::is_some).await.context("the run is over")?.clone();
            match connect(&uri.unwrap_or_default()).await {
                Ok(client) => return Ok(client),
                // It has just gone, or has no place left.
                Err(_) if self.moves() => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// A writer's think time: all write fast together for a while, and then so seldom that answers are kept.
    pub(crate) async fn think(&self, roll: u64) {
        let fast = self.began.elapsed().as_millis() % 2000 < 500;
        let (least_ms, range_ms) = if fast { (2, 10) } else { (100, 300) };
        tokio::time::sleep(Duration::from_millis(least_ms + roll % range_ms)).await;
    }

    pub(crate) fn violated(&self, told: &str) {
        self.note("violation", told);
        let playing = *self.counts.playing.lock();
        self.counts.violated(format!("[{:?}, {playing}] {told}", self.began.elapsed()));
    }

    /// Writes a line of the run's log: the moment, what happened, and its details.
    pub(crate) fn note(&self, what: &str, details: &str) {
        if let Some(log) = self.log.lock().as_mut() {
            // A full disk must not end the run.
            let _ = writeln!(log, "{:.6} {what} {details}", self.began.elapsed().as_secs_f64());
        }
    }

    /// Whether somebody wants [`World::note`]'s lines.
    pub(crate) fn logs(&self) -> bool {
        self.log.lock().is_some()
    }
}

/// Connects to PostgreSQL.
pub(crate) async fn connect(uri: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    // Spawned here because it ends with the connection that it drives.
    tokio::spawn(connection);
    Ok(client)
}
