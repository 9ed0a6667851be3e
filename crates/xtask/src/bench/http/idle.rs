//! What an idle server takes: resident memory, with the example's schema and no request but one.

use anyhow::Result;

use crate::bench::process::resident_bytes;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{EXAMPLE, Stage};

/// PostgREST's default.
const CONNECTIONS: u32 = 10;
const MEBIBYTE: f64 = (1 << 20) as f64;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    stage.show("idle memory");
    let node = Node::start(stage, EXAMPLE, &[]).await?;
    let postgrest = servers::postgrest(stage, EXAMPLE, CONNECTIONS).await?;
    let memory = |pid| resident_bytes(pid) as f64 / MEBIBYTE;
    let (ours, theirs) = (memory(node.process.pid()), memory(postgrest.pid()));
    Ok(vec![
        Row::alone("idle.memory", "MiB", ours, Goal::Below(40.0)),
        Row::beside("idle.memory", "MiB", ours, ("PostgREST", theirs), Goal::Nothing),
    ])
}
