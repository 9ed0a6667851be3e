//! Server-sent events: a hundred small pieces, two milliseconds apart, each on its way as soon as it is there.
//!
//! Nobody is faster than the backend sends; what counts is the processor time of a piece.

use anyhow::{Result, ensure};

use super::front::{EVENTS, Front, Standing};
use crate::bench::client::Client;
use crate::bench::contest;
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Streams at once.
const CONNECTIONS: u32 = 64;
/// Of each stream.
const PIECES: f64 = 100.0;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let front = Front::start(stage).await?;
    for (name, server) in front.everybody() {
        let (first, last) = Client::connect(server.address).await?.pieces(EVENTS).await?;
        ensure!(first * 2 < last, "{name} holds the first piece back for {first:?} of {last:?}");
    }
    let load = |address| Load::wrk(&stage.directory, address, EVENTS, CONNECTIONS);
    let entrants = front.entrants(|server| load(server.address))?;
    let standing = Standing::of(&contest::hold(stage, "stream", &entrants).await?);
    Ok([
        standing.rows(("stream", "cpu"), "us/piece", Goal::Nothing, |of| of.cpu_us / PIECES),
        standing.rows(("stream", "rate"), "pieces/s", Goal::Nothing, |of| of.rate * PIECES),
    ]
    .concat())
}
