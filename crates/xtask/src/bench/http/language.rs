//! PostgREST's language past the cache: lists, embeds, functions and writes, Courant beside PostgREST on the same
//! PostgreSQL; and a hundred point reads at once, which a page makes that asks row by row.
//!
//! Processor time is the server's own, without PostgreSQL's, which does the same for both.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;

use crate::bench::client::Client;
use crate::bench::contest::{self, Entrant};
use crate::bench::load::Load;
use crate::bench::process::Process;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{OWN, Stage};

/// Connections to the server, and its connections to PostgreSQL.
const CLIENTS: u32 = 8;
/// Point reads that are made at once.
const READS: u32 = 100;
/// How many times faster, and with what share of the processor time.
const RATE: Goal = Goal::AtLeastTimes(3.0);
const CPU: Goal = Goal::AtMostTimes(0.25);

/// What is asked, by how many connections.
struct Asked {
    name: &'static str,
    path: &'static str,
    lua: &'static str,
    connections: u32,
}

const ASKED: [Asked; 5] = [
    Asked { name: "list", path: "/posts?order=id&limit=100", lua: "", connections: CLIENTS },
    Asked {
        name: "embed",
        path: "/authors?select=id,name,posts(id,title,score)&order=id&limit=10",
        lua: "",
        connections: CLIENTS,
    },
    Asked { name: "rpc", path: "/rpc/best_posts?of_category=3&order=id", lua: "", connections: CLIENTS },
    Asked { name: "insert", path: "/drafts", lua: include_str!("insert.lua"), connections: CLIENTS },
    // One after the other: how long one takes is what counts.
    Asked { name: "bulk_insert", path: "/drafts", lua: include_str!("bulk_insert.lua"), connections: 1 },
];

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let connections = CLIENTS.to_string();
    let node = Node::start_uncached(stage, OWN, &[("COURANT_POOL_CONNECTIONS_MAX", &connections)]).await?;
    let postgrest = servers::postgrest(stage, OWN, CLIENTS).await?;
    let mut rows = Vec::new();
    for asked in ASKED {
        rows.extend(beside(stage, &asked, (&node.process, &postgrest)).await?);
    }
    rows.push(at_once(&node).await?);
    Ok(rows)
}

async fn beside(
    stage: &Stage,
    asked: &Asked,
    (courant, postgrest): (&Process, &Process),
) -> Result<Vec<Row>> {
    let Asked { name, path, lua, connections } = *asked;
    if lua.is_empty() {
        let bodies = [courant, postgrest].map(|server| async {
            Ok::<_, anyhow::Error>(Client::connect(server.address).await?.get(path).await?.body)
        });
        let bodies = try_join_all(bodies).await?;
        ensure!(bodies[0] == bodies[1], "{path} has other bytes from PostgREST");
    }
    let entrant = |name: &'static str, server: &Process| -> Result<Entrant> {
        let load = Load::scripted(&stage.directory, asked.name, lua, server.address, path, connections)?;
        Ok(Entrant { name, load, bearers: vec![server.pid()] })
    };
    let entrants = [entrant("Courant", courant)?, entrant("PostgREST", postgrest)?];
    let achieved = contest::hold(stage, name, &entrants).await?;
    let [ours, theirs] = achieved[..] else { unreachable!("everybody who took part achieved something") };
    let bound = if name == "bulk_insert" { Goal::Below(100.0) } else { Goal::Nothing };
    let row = |figure: &str, unit, ours, theirs, goal| {
        Row::beside(format!("language.{name}.{figure}"), unit, ours, ("PostgREST", theirs), goal)
    };
    Ok(vec![
        row("rate", "req/s", ours.rate, theirs.rate, RATE),
        row("cpu", "us/req", ours.cpu_us, theirs.cpu_us, CPU),
        row("p50", "ms", ours.p50_ms, theirs.p50_ms, bound),
        row("p99", "ms", ours.p99_ms, theirs.p99_ms, Goal::Nothing),
    ])
}

/// How many queries a hundred point reads cost that come together, each on a connection of its own.
async fn at_once(node: &Node) -> Result<Row> {
    let mut clients = try_join_all((0..READS).map(|_| Client::connect(node.process.address))).await?;
    let mut admin = Client::connect(node.admin).await?;
    let before = shared(&mut admin).await?;
    let reads = clients.iter_mut().enumerate().map(|(number, client)| async move {
        client.get(&format!("/points?id=eq.{}", number * 331 + 1)).await
    });
    try_join_all(reads).await?;
    let after = shared(&mut admin).await?;
    let (queries, requests) = (after.0 - before.0, after.1 - before.1);
    let by_themselves = f64::from(READS) - requests;
    let goal = Goal::AtMostTimes(0.2);
    Ok(Row::beside(
        "language.reads_at_once",
        "queries",
        queries + by_themselves,
        ("one by one", f64::from(READS)),
        goal,
    ))
}

/// The queries that several requests have shared so far, and those requests.
async fn shared(admin: &mut Client) -> Result<(f64, f64)> {
    let metrics = admin.get("/metrics").await?.body;
    let metrics = String::from_utf8_lossy(&metrics);
    let of = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse::<f64>().ok())
            .with_context(|| format!("there is no metric {name}"))
    };
    Ok((of("courant_batches_total")?, of("courant_batched_requests_total")?))
}
