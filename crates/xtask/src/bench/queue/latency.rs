//! Single jobs, now and then: how long from enqueuing to the start.

use anyhow::{Context as _, Result};

use super::worker::{Entrant, Kind};
use crate::bench::contest::median;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Jobs in a second.
const RATE: u64 = 100;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let jobs = RATE * if stage.quick { 2 } else { 10 };
    let mut entrants = Vec::new();
    for (kind, name, tuned) in [
        (Kind::Courant, "Courant", true),
        (Kind::Graphile, "graphile", true),
        (Kind::Graphile, "graphile as is", false),
        (Kind::PgBoss, "pg-boss", true),
        (Kind::BullMq, "BullMQ", true),
    ] {
        entrants.push(Entrant::new(stage, kind, name, tuned).await?);
    }
    let mut seen: Vec<Vec<(f64, f64)>> = entrants.iter().map(|_| Vec::new()).collect();
    for round in 1..=stage.rounds().min(3) {
        for (entrant, seen) in entrants.iter().zip(&mut seen) {
            stage.show(&format!("{} starts single jobs, window {round}", entrant.name));
            let turn = entrant.turn(stage).await?;
            turn.prepare(stage, 0).await?;
            seen.push(turn.latency(stage, jobs, RATE).await.context(entrant.name)?);
        }
    }
    let medians = seen.into_iter().map(|windows| {
        let (p50, p99) = windows.into_iter().unzip();
        (median(p50), median(p99))
    });
    let medians: Vec<(f64, f64)> = medians.collect();
    let (courant, peers) = medians.split_first().context("Courant takes part")?;
    let mut rows = Vec::new();
    for (entrant, peer) in entrants.iter().skip(1).zip(peers) {
        let goal = if entrant.name.starts_with("graphile") { Goal::AtMostTimes(1.0) } else { Goal::Nothing };
        rows.push(Row::beside("latency.p50", "ms", courant.0, (entrant.name, peer.0), goal));
        rows.push(Row::beside("latency.p99", "ms", courant.1, (entrant.name, peer.1), goal));
    }
    Ok(rows)
}
