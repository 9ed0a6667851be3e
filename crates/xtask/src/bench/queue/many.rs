//! A million jobs while an idle transaction pins every old row version, beside as many without.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::worker::{Entrant, Kind};
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

const LIMIT: Duration = Duration::from_secs(220);

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let jobs = if stage.quick { 100_000 } else { 1_000_000 };
    let entrant = Entrant::new(stage, Kind::Courant, "Courant", true).await?;
    let turn = entrant.turn(stage).await?;
    stage.show("enqueuing many jobs");
    turn.prepare(stage, jobs).await?;
    stage.show("working on many jobs");
    let free = turn.work(stage, jobs, LIMIT).await?;
    stage.show("enqueuing many jobs again");
    turn.prepare(stage, jobs).await?;
    let pin = turn.pin(stage).await?.context("its store is PostgreSQL")?;
    stage.show("working on many jobs, row versions pinned");
    let pinned = turn.work(stage, jobs, LIMIT).await?;
    drop(pin);
    let (free_rate, pinned_rate) = (free.jobs / free.seconds, pinned.jobs / pinned.seconds);
    Ok(vec![
        Row::beside("many.rate", "jobs/s", pinned_rate, ("unpinned", free_rate), Goal::AtLeastTimes(0.8)),
        Row::beside("many.cpu_store", "us/job", pinned.store_us, ("unpinned", free.store_us), Goal::Nothing),
        Row::alone("many.fetch_p99", "ms", pinned.fetch_p99_ms, Goal::Below(10.0)),
    ])
}
