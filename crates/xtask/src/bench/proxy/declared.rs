//! The same bytes from a route that declares what they depend on: nginx keeps them for an hour, Courant until the
//! table changes.

use anyhow::{Context as _, Result, ensure};

use super::front::{self, KEPT};
use super::hit::CONNECTIONS;
use crate::bench::client::Client;
use crate::bench::contest::{self, Entrant};
use crate::bench::load::Load;
use crate::bench::process::Process;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{OWN, Stage};

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let backend = front::backend(stage).await?;
    let config = stage.directory.join("declared.toml");
    let upstream = format!("http://{}", backend.address);
    std::fs::write(&config, include_str!("declared.toml").replace("{upstream}", &upstream))?;
    let config = [("COURANT_CONFIG", config.to_str().context("target/bench has a strange path")?)];
    let node = Node::start(stage, OWN, &config).await?;
    let nginx = servers::nginx(stage, backend.address).await?;
    for server in [&node.process, &nginx] {
        Client::connect(server.address).await?.get(KEPT).await?;
    }
    ensure!(Client::connect(node.process.address).await?.get(KEPT).await?.hit, "the route is not kept");
    let entrant = |name, server: &Process, more: &[u32]| -> Result<Entrant> {
        let load = Load::wrk(&stage.directory, server.address, KEPT, CONNECTIONS)?;
        Ok(Entrant { name, load, bearers: [&[server.pid()], more].concat() })
    };
    // Courant's polls of the database are part of what its hits cost.
    let postgres = [stage.postmaster()?];
    let entrants = [entrant("Courant", &node.process, &postgres)?, entrant("nginx", &nginx, &[])?];
    let achieved = contest::hold(stage, "declared", &entrants).await?;
    let [courant, nginx] = achieved[..] else { unreachable!("everybody who took part achieved something") };
    let row = |name, unit, ours, theirs| Row::beside(name, unit, ours, ("nginx", theirs), Goal::Nothing);
    Ok(vec![
        row("declared.rate", "req/s", courant.rate, nginx.rate),
        row("declared.cpu", "us/req", courant.cpu_us, nginx.cpu_us),
        row("declared.p50", "ms", courant.p50_ms, nginx.p50_ms),
        row("declared.p99", "ms", courant.p99_ms, nginx.p99_ms),
    ])
}
