//! What an entry costs beyond its body: a hundred thousand small answers of three rows, so three tags, each.
//!
//! From the growth of the process' resident memory, which holds what no estimate counts: the allocator's
//! rounding, tables half empty. Plans are remembered too, so as many as are ever kept are made before it counts.

use anyhow::{Context as _, Result, ensure};

use crate::bench::client::Client;
use crate::bench::process::resident_bytes;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::Node;
use crate::bench::stage::{OWN, Stage};

/// Plans are remembered up to ten thousand.
const BEFORE: u32 = 12_000;
/// Connections that fill.
const FILLERS: u32 = 16;
const GOAL_BYTES: f64 = 400.0;

/// What the process and its cache hold.
struct Held {
    entries: f64,
    claimed_bytes: f64,
    resident_bytes: f64,
    body_bytes: f64,
}

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let entries = if stage.quick { 20_000 } else { 120_000 };
    let node = Node::start(stage, OWN, &[("COURANT_LOG_LEVEL", "warn")]).await?;
    stage.show("memory per entry: filling the memory of plans");
    let first = fill(&node, 0, BEFORE).await?;
    let before = held(&node, first).await?;
    stage.show(&format!("memory per entry: {entries} entries"));
    let rest = fill(&node, BEFORE, BEFORE + entries).await?;
    let after = held(&node, first + rest).await?;
    let more = after.entries - before.entries;
    ensure!(more >= f64::from(entries) * 0.99, "only {more} of {entries} answers are kept");
    let bytes = (after.body_bytes - before.body_bytes) / more;
    let resident = (after.resident_bytes - before.resident_bytes) / more - bytes;
    let claimed = (after.claimed_bytes - before.claimed_bytes) / more - bytes;
    Ok(vec![
        Row::beside(
            "memory.overhead",
            "bytes",
            resident,
            ("the cache says", claimed),
            Goal::Below(GOAL_BYTES + 1.0),
        ),
        Row::alone("memory.entries", "", after.entries, Goal::Nothing),
    ])
}

async fn held(node: &Node, body_bytes: u64) -> Result<Held> {
    let cache = Client::connect(node.admin).await?.json("/cache").await?;
    let number = |name: &str| cache[name].as_f64().with_context(|| format!("the cache does not say {name}"));
    Ok(Held {
        entries: number("entries")?,
        claimed_bytes: number("bytes")?,
        resident_bytes: resident_bytes(node.process.pid()) as f64,
        body_bytes: body_bytes as f64,
    })
}

/// Asks for each three of labels from one number to another; the bytes of the answers.
async fn fill(node: &Node, from: u32, to: u32) -> Result<u64> {
    let fillers = (0..FILLERS).map(async |filler| {
        let mut client = Client::connect(node.process.address).await?;
        let mut bytes = 0;
        for number in (from..to).filter(|number| number % FILLERS == filler) {
            let id = 1 + number * 3;
            let path = format!("/labels?id=in.({id},{},{})", id + 1, id + 2);
            bytes += client.get(&path).await?.body.len() as u64;
        }
        anyhow::Ok(bytes)
    });
    Ok(futures_util::future::try_join_all(fillers).await?.into_iter().sum())
}
