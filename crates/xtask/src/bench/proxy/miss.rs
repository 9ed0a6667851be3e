//! What passes through: small answers that nobody may keep, each from a path of its own.
//!
//! Asked three times over. As fast as they are answered: the rate. At one pace for everybody: the processor time,
//! since waking a load that waits is dear, and whoever is fast enough to keep the load's core busy is spared it. On
//! one connection, where nobody waits for another: how much later the answers come.

use std::net::SocketAddr;

use anyhow::Result;

use super::front::{Front, Standing, UNKEPT};
use super::hit::CONNECTIONS;
use crate::bench::contest::{self, Achieved, Entrant};
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::stage::Stage;

/// How many connections ask, and how long each rests between two requests.
#[derive(Clone, Copy)]
struct Pace {
    name: &'static str,
    connections: u32,
    rest_ms: u32,
}

const FULL: Pace = Pace { name: "unkept", connections: CONNECTIONS, rest_ms: 0 };
/// Less than 12,800 requests a second, which everybody can answer.
const EVEN: Pace = Pace { name: "unkept-even", connections: 256, rest_ms: 20 };
const SINGLE: Pace = Pace { connections: 1, ..FULL };

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let front = Front::start(stage).await?;
    let full = front.entrants(|server| load(stage, FULL, server.address))?;
    let full = Standing::of(&contest::hold(stage, "miss", &full).await?);
    let even = front.entrants(|server| load(stage, EVEN, server.address))?;
    let even = Standing::of(&contest::hold(stage, "miss at an even pace", &even).await?);

    let mut single = front.entrants(|server| load(stage, SINGLE, server.address))?;
    single.push(Entrant {
        name: "nobody in between",
        load: load(stage, SINGLE, front.backend.address)?,
        bearers: vec![front.backend.pid()],
    });
    let single = contest::hold(stage, "miss on one connection", &single).await?;
    let [in_front @ .., direct] = &single[..] else {
        unreachable!("everybody who took part achieved something")
    };
    let added_us = |of: &Achieved| (of.p50_ms - direct.p50_ms) * 1e3;
    Ok([
        full.rows(("miss", "rate"), "req/s", Goal::Nothing, |of| of.rate),
        full.rows(("miss", "p99"), "ms", Goal::Nothing, |of| of.p99_ms),
        full.rows(("miss", "cpu_at_full_rate"), "us/req", Goal::Nothing, |of| of.cpu_us),
        even.rows(("miss", "cpu"), "us/req", Goal::AtMostTimes(1.3), |of| of.cpu_us),
        Standing::of(in_front).rows(("miss", "added_p50"), "us", Goal::Nothing, added_us),
    ]
    .concat())
}

fn load(stage: &Stage, pace: Pace, address: SocketAddr) -> Result<Load> {
    let lua =
        include_str!("unkept.lua").replace("{path}", UNKEPT).replace("{rest_ms}", &pace.rest_ms.to_string());
    Load::scripted(&stage.directory, pace.name, &lua, address, "", pace.connections)
}
