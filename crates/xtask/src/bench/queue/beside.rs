//! The same work beside millions of jobs that were completed before: what it costs shall not grow with the table.

use anyhow::{Context as _, Result};

use super::drain;
use super::worker::{Entrant, Kind};
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let completed: i64 = if stage.quick { 1_000_000 } else { 10_000_000 };
    let entrants = [Entrant::new(stage, Kind::Courant, "Courant", true).await?];
    let alone = drain::hold(stage, &entrants, drain::jobs(stage), false).await?;
    stage.show("completing jobs of earlier days");
    let [entrant] = &entrants;
    let client = stage.connect(entrant.database.context("its store is PostgreSQL")?).await?;
    client.execute(include_str!("sql/completed.sql"), &[&completed]).await?;
    let beside = drain::hold(stage, &entrants, drain::jobs(stage), false).await?;
    let (alone, beside) = (alone.first().context("a window")?, beside.first().context("a window")?);
    Ok(vec![
        Row::beside(
            "beside.rate",
            "jobs/s",
            beside.jobs,
            ("an empty table", alone.jobs),
            Goal::AtLeastTimes(0.9),
        ),
        Row::beside(
            "beside.cpu_store",
            "us/job",
            beside.store_us,
            ("an empty table", alone.store_us),
            Goal::Nothing,
        ),
    ])
}
