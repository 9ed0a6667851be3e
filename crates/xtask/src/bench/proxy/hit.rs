//! Twelve kilobytes that the backend lets caches keep, from the cache.

use anyhow::{Result, ensure};

use super::front::{Front, KEPT, Standing};
use crate::bench::client::Client;
use crate::bench::contest;
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Connections to each.
pub(super) const CONNECTIONS: u32 = 32;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let front = Front::start(stage).await?;
    let body = Client::connect(front.backend.address).await?.get(KEPT).await?.body;
    for (name, server) in front.everybody() {
        let mut client = Client::connect(server.address).await?;
        for _ in 0..2 {
            ensure!(client.get(KEPT).await?.body == body, "{name} sends other bytes");
        }
    }
    let load = |address| Load::wrk(&stage.directory, address, KEPT, CONNECTIONS);
    let entrants = front.entrants(|server| load(server.address))?;
    let standing = Standing::of(&contest::hold(stage, "hit", &entrants).await?);
    Ok([
        standing.rows(("hit", "rate"), "req/s", Goal::AtLeastTimes(1.0), |of| of.rate),
        standing.rows(("hit", "cpu"), "us/req", Goal::Nothing, |of| of.cpu_us),
        standing.rows(("hit", "p50"), "ms", Goal::Nothing, |of| of.p50_ms),
        standing.rows(("hit", "p99"), "ms", Goal::Nothing, |of| of.p99_ms),
    ]
    .concat())
}
