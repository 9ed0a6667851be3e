//! The hit ratio: how much of what could be kept is kept, when some of the requests are writes.
//!
//! One sequence of reads and outside writes is sent through a node, one at a time; after each write the node's
//! position must pass it. Beside the node two others are followed on paper. One invalidates by table: a write
//! drops every answer that read its table. The other is omniscient: an answer is dropped only if its bytes
//! changed, which is seen when it is asked for next.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use pg::Lsn;
use tokio_postgres::Client as Database;

use super::sequence::{Read, Sequence, Step, Table, Write};
use crate::bench::client::Client;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::Node;
use crate::bench::stage::{OWN, Stage};

/// Of a hundred requests, so many are writes.
const WRITES_PERCENT: [(u64, &str); 3] =
    [(1, "hits.writes_1%"), (5, "hits.writes_5%"), (20, "hits.writes_20%")];
/// How long the node may take to pass a write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let requests = if stage.quick { 1_000 } else { 10_000 };
    let mut rows = Vec::new();
    for (percent, name) in WRITES_PERCENT {
        stage.show(&format!("hit ratio at {percent} % writes"));
        let counted = Course::run(stage, percent, requests).await?;
        let share = |hits: u64| hits as f64 / counted.reads as f64 * 100.0;
        let ours = share(counted.ours);
        rows.extend([
            Row::beside(name, "%", ours, ("an oracle", share(counted.oracle)), Goal::AtLeastTimes(0.9)),
            Row::beside(name, "%", ours, ("by table", share(counted.by_table)), Goal::Nothing),
        ]);
    }
    Ok(rows)
}

/// Hits among the reads.
#[derive(Default)]
struct Counted {
    reads: u64,
    ours: u64,
    oracle: u64,
    by_table: u64,
}

/// A node, the two on paper, and the database around them.
struct Course {
    reader: Client,
    admin: Client,
    database: Database,
    /// What the oracle keeps.
    known: HashMap<String, Bytes>,
    /// What invalidation by table keeps.
    kept: HashMap<String, &'static [Table]>,
    counted: Counted,
}

impl Course {
    async fn run(stage: &Stage, percent: u64, requests: u64) -> Result<Counted> {
        let node = Node::start(stage, OWN, &[]).await?;
        let mut course = Course {
            reader: Client::connect(node.process.address).await?,
            admin: Client::connect(node.admin).await?,
            database: stage.connect(OWN).await?,
            known: HashMap::new(),
            kept: HashMap::new(),
            counted: Counted::default(),
        };
        let mut sequence = Sequence::new(percent);
        for _ in 0..requests {
            match sequence.next() {
                Step::Read(read) => course.read(&read).await?,
                Step::Write(write) => course.write(&write).await?,
            }
        }
        Ok(course.counted)
    }

    async fn read(&mut self, read: &Read) -> Result<()> {
        let path = read.path();
        let answer = self.reader.get(&path).await?;
        let unchanged = self.known.get(&path) == Some(&answer.body);
        let first = !self.known.contains_key(&path);
        ensure!(!answer.hit || unchanged || first, "{path} was a hit, and its answer is another than before");
        self.counted.reads += 1;
        self.counted.ours += u64::from(answer.hit);
        self.counted.oracle += u64::from(unchanged);
        self.counted.by_table += u64::from(self.kept.contains_key(&path));
        self.kept.insert(path.clone(), read.tables());
        self.known.insert(path, answer.body);
        Ok(())
    }

    async fn write(&mut self, write: &Write) -> Result<()> {
        let transaction = self.database.transaction().await?;
        transaction.batch_execute(&write.statement()).await?;
        // Its COMMIT comes behind this, so whoever is past it has heard of the write.
        let row = transaction.query_one("select pg_current_wal_insert_lsn()::text as position", &[]).await?;
        let written: Lsn = row.get::<_, &str>("position").parse().ok().context("no position")?;
        transaction.commit().await?;
        let began = Instant::now();
        loop {
            let cache = self.admin.json("/cache").await?;
            let position = cache["position"].as_str().and_then(|text| text.parse::<Lsn>().ok());
            if position.is_some_and(|position| position > written) {
                break;
            }
            ensure!(began.elapsed() < PATIENCE, "the node does not pass a write: {cache}");
        }
        let changed = HashSet::from([write.table()]);
        self.kept.retain(|_, tables| tables.iter().all(|table| !changed.contains(table)));
        Ok(())
    }
}
