//! What passes through: small answers that nobody may keep, each from a path of its own.
//!
//! How many and for how much processor time is asked with many connections; how much later they come, with one:
//! there nobody waits for another.

use anyhow::Result;

use super::front::{Front, Standing, UNKEPT};
use super::hit::CONNECTIONS;
use crate::bench::contest::{self, Achieved, Entrant};
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let front = Front::start(stage).await?;
    let lua = include_str!("unkept.lua").replace("{path}", UNKEPT);
    let load =
        |address, connections| Load::scripted(&stage.directory, "unkept", &lua, address, "", connections);

    let entrants = front.entrants(|server| load(server.address, CONNECTIONS))?;
    let standing = Standing::of(&contest::hold(stage, "miss", &entrants).await?);

    let mut entrants = front.entrants(|server| load(server.address, 1))?;
    let direct = load(front.backend.address, 1)?;
    entrants.push(Entrant { name: "nobody in between", load: direct, bearers: vec![front.backend.pid()] });
    let achieved = contest::hold(stage, "miss, one connection", &entrants).await?;
    let [in_front @ .., direct] = &achieved[..] else {
        unreachable!("everybody who took part achieved something")
    };
    let added_us = |of: &Achieved| (of.p50_ms - direct.p50_ms) * 1e3;
    Ok([
        standing.rows(("miss", "rate"), "req/s", Goal::Nothing, |of| of.rate),
        standing.rows(("miss", "cpu"), "us/req", Goal::AtMostTimes(1.3), |of| of.cpu_us),
        standing.rows(("miss", "p99"), "ms", Goal::Nothing, |of| of.p99_ms),
        Standing::of(in_front).rows(("miss", "added_p50"), "us", Goal::Nothing, added_us),
    ]
    .concat())
}
