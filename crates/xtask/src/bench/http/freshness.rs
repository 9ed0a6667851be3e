//! How soon a commit is seen: a row is updated around Courant and read through it, while others write two
//! thousand transactions a second.
//!
//! The clock runs from the moment the writer hears that its COMMIT is done to the moment a reader, who asks
//! again and again on one connection, has the first answer with the new value. Who sees it even before the
//! writer hears of it counts as zero.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::bench::client::Client;
use crate::bench::contest::quantile;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::Node;
use crate::bench::stage::{OWN, Stage};

/// Connections that write beside the one that is measured.
const WRITERS: u32 = 8;
/// What those write together.
const TRANSACTIONS_PER_SECOND: u32 = 2_000;
/// Between two commits that are measured: an odd number, to be out of step with the node's polls.
const BETWEEN: Duration = Duration::from_millis(7);
/// How long a commit may stay unseen.
const PATIENCE: Duration = Duration::from_secs(10);
/// The row that is measured; the writers write all others.
const PATH: &str = "/tickers?id=eq.1&select=value";
const UPDATE: &str = "update tickers set value = value + 1 where id = $1";

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    stage.show("freshness under 2,000 transactions a second");
    let commits = if stage.quick { 100 } else { 1_000 };
    let node = Node::start(stage, OWN, &[]).await?;
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (seen, sight) = watch::channel((0_i64, Instant::now()));
    let began = Instant::now();
    let measuring = async {
        let measured = commit(stage, commits, sight).await;
        stop.store(true, Ordering::Relaxed);
        Ok::<_, anyhow::Error>((measured?, began.elapsed()))
    };
    let writing = async {
        let writers: Vec<_> = (0..WRITERS).map(|number| write(stage, number, &stop, &written)).collect();
        futures_util::future::try_join_all(writers).await
    };
    let (measured, asked, _) = tokio::try_join!(measuring, watch_row(&node, &seen, &stop), writing)?;
    let (delays_ms, took) = measured;
    let rate = written.load(Ordering::Relaxed) as f64 / took.as_secs_f64();
    let delay = |share| quantile(delays_ms.clone(), share);
    Ok(vec![
        Row::alone("freshness.p50", "ms", delay(0.5), Goal::Below(2.0)),
        Row::alone("freshness.p99", "ms", delay(0.99), Goal::Below(15.0)),
        Row::alone("freshness.max", "ms", delay(1.0), Goal::Nothing),
        Row::alone("freshness.commits", "", delays_ms.len() as f64, Goal::Nothing),
        Row::alone("freshness.writes", "tx/s", rate, Goal::Nothing),
        Row::alone("freshness.reads", "req/s", asked as f64 / took.as_secs_f64(), Goal::Nothing),
    ])
}

/// Updates the row, commit after commit; how long each stayed unseen, in milliseconds.
async fn commit(
    stage: &Stage,
    commits: usize,
    mut sight: watch::Receiver<(i64, Instant)>,
) -> Result<Vec<f64>> {
    let client = stage.connect(OWN).await?;
    let update = client.prepare("update tickers set value = value + 1 where id = 1 returning value").await?;
    let mut delays_ms = Vec::with_capacity(commits);
    for _ in 0..commits {
        tokio::time::sleep(BETWEEN).await;
        let value: i64 = client.query_one(&update, &[]).await?.get("value");
        let committed = Instant::now();
        let seen = sight.wait_for(|(seen, _)| *seen >= value);
        let (_, at) = *tokio::time::timeout(PATIENCE, seen).await.context("a commit was never seen")??;
        delays_ms.push(at.saturating_duration_since(committed).as_secs_f64() * 1e3);
    }
    Ok(delays_ms)
}

/// Asks for the row again and again; how often.
async fn watch_row(node: &Node, seen: &watch::Sender<(i64, Instant)>, stop: &AtomicBool) -> Result<u64> {
    let mut client = Client::connect(node.process.address).await?;
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let rows = client.json(PATH).await?;
        let value = rows[0]["value"].as_i64().context("the row is gone")?;
        asked += 1;
        let before = seen.borrow().0;
        ensure!(value >= before, "an older value came back: {value} after {before}");
        if value > before {
            seen.send_replace((value, Instant::now()));
        }
    }
    Ok(asked)
}

/// Writes other rows at its share of the rate.
async fn write(stage: &Stage, number: u32, stop: &AtomicBool, written: &AtomicU64) -> Result<()> {
    let client = stage.connect(OWN).await?;
    let update = client.prepare(UPDATE).await?;
    let mut ticks = interval(Duration::from_secs(WRITERS.into()) / TRANSACTIONS_PER_SECOND);
    // Late once, it catches up: the rate is what counts.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut id = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        id = (id + 1) % 1_000;
        let row = i32::try_from(2 + number * 1_000 + id)?;
        client.execute(&update, &[&row]).await?;
        written.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
