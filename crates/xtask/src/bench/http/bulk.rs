//! A million rows updated in one transaction, while the cache holds answers made of them.
//!
//! The clock runs from the moment the writer hears that its COMMIT is done to the moment the node's applied
//! position has passed it. The stream is told of large transactions while they run (protocol 2), so part of the
//! work is done by then; the second row has the clock run from the update's beginning, when nothing is. The writer
//! only waits, so the node has the load's core, and PostgreSQL, which writes and decodes, the other.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pg::Lsn;

use crate::bench::client::Client;
use crate::bench::contest::median;
use crate::bench::process;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::Node;
use crate::bench::stage::{OWN, Stage};

const ROWS: u64 = 1_000_000;
/// Answers kept when the update comes.
const ENTRIES: u32 = 1_000;
/// How long catching up may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let turns = if stage.quick { 1 } else { 3 };
    let node = Node::start(stage, OWN, &[]).await?;
    process::move_to_load_core(node.process.pid())?;
    let (mut behind, mut whole, mut writing) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 1..=turns {
        stage.show(&format!("a million rows at once, {turn} of {turns}"));
        let (wrote, late) = update(stage, &node).await?;
        writing.push(ROWS as f64 / wrote.as_secs_f64());
        behind.push(ROWS as f64 / late.as_secs_f64());
        whole.push(ROWS as f64 / (wrote + late).as_secs_f64());
    }
    Ok(vec![
        Row::alone("bulk.rate", "changes/s", median(behind), Goal::AtLeast(150_000.0)),
        Row::beside(
            "bulk.rate_with_update",
            "changes/s",
            median(whole),
            ("the update", median(writing)),
            Goal::Nothing,
        ),
    ])
}

/// Updates every row; how long until COMMIT was acknowledged, and from there until the node had caught up.
async fn update(stage: &Stage, node: &Node) -> Result<(Duration, Duration)> {
    let mut reader = Client::connect(node.process.address).await?;
    for number in 0..ENTRIES {
        reader.get(&format!("/ledger?id=eq.{}", number * 997 + 1)).await?;
    }
    let mut admin = Client::connect(node.admin).await?;
    let held = admin.json("/cache").await?["entries"].as_u64().unwrap_or_default();
    ensure!(held >= u64::from(ENTRIES) / 2, "only {held} answers are kept");

    let writer = stage.connect(OWN).await?;
    let began = Instant::now();
    let rows = writer.execute("update ledger set amount = amount + 1", &[]).await?;
    let committed = Instant::now();
    ensure!(rows == ROWS, "{rows} rows were updated");
    let end = writer.query_one("select pg_current_wal_flush_lsn()::text as position", &[]).await?;
    let end: Lsn = end.get::<_, &str>("position").parse().ok().context("PostgreSQL's position is none")?;
    loop {
        let cache = admin.json("/cache").await?;
        let position = cache["position"].as_str().and_then(|text| text.parse::<Lsn>().ok());
        if position.is_some_and(|position| position >= end) {
            break;
        }
        ensure!(committed.elapsed() < PATIENCE, "the node does not catch up: {cache}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let late = committed.elapsed();
    writer.batch_execute("vacuum ledger").await?;
    Ok((committed - began, late))
}
