//! A backlog of jobs that do nothing, worked off; with and without an idle transaction that pins old row versions.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::worker::{Entrant, Kind, Worked};
use crate::bench::contest::median;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Who takes as long as this for its jobs is judged by those that it has done.
const LIMIT: Duration = Duration::from_secs(60);
const LIMIT_QUICK: Duration = Duration::from_secs(5);

/// Measures it.
pub(super) async fn measure(stage: &Stage, is_pinned: bool) -> Result<Vec<Row>> {
    let who: &[(Kind, &str, bool)] = match is_pinned {
        false => &[
            (Kind::Courant, "Courant", true),
            (Kind::Graphile, "graphile", true),
            (Kind::PgBoss, "pg-boss", true),
            (Kind::BullMq, "BullMQ", true),
            (Kind::Graphile, "graphile as is", false),
            (Kind::PgBoss, "pg-boss as is", false),
            (Kind::BullMq, "BullMQ as is", false),
        ],
        true => &[
            (Kind::Courant, "Courant", true),
            (Kind::Graphile, "graphile", true),
            (Kind::PgBoss, "pg-boss", true),
        ],
    };
    let mut entrants = Vec::new();
    for (kind, name, tuned) in who {
        entrants.push(Entrant::new(stage, *kind, name, *tuned).await?);
    }
    let medians = hold(stage, &entrants, jobs(stage), is_pinned).await?;
    let (courant, peers) = medians.split_first().context("Courant takes part")?;
    let group = if is_pinned { "pinned" } else { "drain" };
    let mut rows = Vec::new();
    for (entrant, peer) in entrants.iter().skip(1).zip(peers) {
        let name = entrant.name;
        let (rate, cpu) = match name {
            "graphile" => (Goal::AtLeastTimes(2.0), Goal::AtMostTimes(0.5)),
            "pg-boss" => (Goal::AtLeastTimes(1.5), Goal::Nothing),
            _ => (Goal::Nothing, Goal::Nothing),
        };
        let of = |worked: &Worked| worked.jobs / worked.seconds;
        let row = |figure: &str, unit, ours, theirs, goal| {
            Row::beside(format!("{group}.{figure}"), unit, ours, (name, theirs), goal)
        };
        rows.push(row("rate", "jobs/s", of(courant), of(peer), rate));
        rows.push(row("cpu_store", "us/job", courant.store_us, peer.store_us, cpu));
        rows.push(row("cpu_worker", "us/job", courant.worker_us, peer.worker_us, Goal::Nothing));
    }
    Ok(rows)
}

/// The jobs of a window.
pub(super) fn jobs(stage: &Stage) -> u64 {
    if stage.quick { 10_000 } else { 100_000 }
}

/// Everybody works off as many jobs, in turns; of each figure the median.
pub(super) async fn hold(
    stage: &Stage,
    entrants: &[Entrant],
    jobs: u64,
    is_pinned: bool,
) -> Result<Vec<Worked>> {
    let limit = if stage.quick { LIMIT_QUICK } else { LIMIT };
    let mut seen: Vec<Vec<Worked>> = entrants.iter().map(|_| Vec::new()).collect();
    for round in 1..=stage.rounds().min(3) {
        for (entrant, seen) in entrants.iter().zip(&mut seen) {
            stage.show(&format!("{} works, window {round}{}", entrant.name, pinned(is_pinned)));
            let turn = entrant.turn(stage).await?;
            turn.prepare(stage, jobs).await?;
            let pin = if is_pinned { turn.pin(stage).await? } else { None };
            seen.push(turn.work(stage, jobs, limit).await.context(entrant.name)?);
            drop(pin);
        }
    }
    let of = |windows: &[Worked], figure: fn(&Worked) -> f64| median(windows.iter().map(figure).collect());
    let medians = seen.iter().map(|windows| Worked {
        jobs: of(windows, |worked| worked.jobs / worked.seconds),
        seconds: 1.0,
        store_us: of(windows, |worked| worked.store_us),
        worker_us: of(windows, |worked| worked.worker_us),
        fetch_p99_ms: of(windows, |worked| worked.fetch_p99_ms),
    });
    Ok(medians.collect())
}

fn pinned(is_pinned: bool) -> &'static str {
    if is_pinned { ", row versions pinned" } else { "" }
}
