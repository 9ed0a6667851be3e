//! A list of twelve kilobytes from the cache: Courant beside nginx, Varnish, and hyper with nothing around it.
//!
//! Everybody sends the same body: nginx caches Courant's own answer, Varnish that of hyper.

use anyhow::{Result, ensure};

use crate::bench::client::Client;
use crate::bench::contest::{self, Entrant};
use crate::bench::load::Load;
use crate::bench::process::{Process, SERVER_CORE};
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{OWN, Stage};

const LIST: &str = "/articles?select=id,title,summary,published&order=id&limit=40";
const CONNECTIONS: u32 = 32;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let node = Node::start(stage, OWN, &[]).await?;
    let quiet = Node::start(stage, OWN, &[("COURANT_LOG_LEVEL", "warn")]).await?;
    let body = Client::connect(node.process.address).await?.get(LIST).await?.body;
    ensure!((11_000..13_500).contains(&body.len()), "the list has {} bytes", body.len());
    let nginx = servers::nginx(stage, node.process.address).await?;
    let hyper = servers::bare_hyper(stage, SERVER_CORE, &body).await?;
    // Varnish refuses PostgREST's Content-Range (`0-39/*`, without a unit), and so Courant's.
    let varnish = servers::varnish(stage, hyper.address).await?;
    for server in [&node.process, &quiet.process, &nginx, &varnish, &hyper] {
        let mut client = Client::connect(server.address).await?;
        for _ in 0..2 {
            ensure!(client.get(LIST).await?.body == body, "somebody sends other bytes");
        }
    }
    let entrant = |name, server: &Process, more: &[u32]| -> Result<Entrant> {
        let load = Load::wrk(&stage.directory, server.address, LIST, CONNECTIONS)?;
        Ok(Entrant { name, load, bearers: [&[server.pid()], more].concat() })
    };
    // Courant's polls of the database are part of what its hits cost.
    let postgres = [stage.postmaster()?];
    let entrants = [
        entrant("Courant", &node.process, &postgres)?,
        entrant("nginx", &nginx, &[])?,
        entrant("Varnish", &varnish, &[])?,
        entrant("hyper", &hyper, &[])?,
        entrant("Courant without a log of requests", &quiet.process, &postgres)?,
    ];
    let achieved = contest::hold(stage, "cached list", &entrants).await?;
    let [courant, nginx, varnish, hyper, quiet] = achieved[..] else {
        unreachable!("everybody who took part achieved something")
    };
    Ok(vec![
        Row::beside("cached.rate", "req/s", courant.rate, ("nginx", nginx.rate), Goal::AtLeastTimes(1.0)),
        Row::beside("cached.rate", "req/s", courant.rate, ("Varnish", varnish.rate), Goal::Nothing),
        Row::beside("cached.rate", "req/s", courant.rate, ("hyper", hyper.rate), Goal::AtLeastTimes(0.8)),
        Row::beside("cached.cpu", "us/req", courant.cpu_us, ("nginx", nginx.cpu_us), Goal::AtMostTimes(1.0)),
        Row::beside("cached.cpu", "us/req", courant.cpu_us, ("Varnish", varnish.cpu_us), Goal::Nothing),
        Row::beside("cached.cpu", "us/req", courant.cpu_us, ("hyper", hyper.cpu_us), Goal::Nothing),
        Row::beside("cached.p50", "ms", courant.p50_ms, ("nginx", nginx.p50_ms), Goal::Nothing),
        Row::beside("cached.p99", "ms", courant.p99_ms, ("nginx", nginx.p99_ms), Goal::AtMostTimes(1.0)),
        Row::beside("cached.quiet.rate", "req/s", quiet.rate, ("nginx", nginx.rate), Goal::Nothing),
        Row::beside("cached.quiet.cpu", "us/req", quiet.cpu_us, ("nginx", nginx.cpu_us), Goal::Nothing),
        Row::beside("cached.quiet.p99", "ms", quiet.p99_ms, ("nginx", nginx.p99_ms), Goal::Nothing),
    ])
}
