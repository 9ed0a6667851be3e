//! One row by its key, past the cache: Courant beside PostgREST on the same PostgreSQL, and beside pgbench
//! sending PostgreSQL the same statements in one flight, with nobody in between.

use anyhow::{Context as _, Result};

use crate::bench::client::Client;
use crate::bench::contest::{self, Entrant};
use crate::bench::load::Load;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::{LOGIN, OWN, Stage};

/// Connections to the server, and its connections to PostgreSQL.
const CLIENTS: u32 = 8;
const PATH: &str = "/points?id=eq.1";

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let connections = CLIENTS.to_string();
    let node = Node::start_uncached(stage, OWN, &[("COURANT_POOL_CONNECTIONS_MAX", &connections)]).await?;
    let postgrest = servers::postgrest(stage, OWN, CLIENTS).await?;
    let statement = as_sent(stage).await?;

    let postmaster = stage.postmaster()?;
    let lua = include_str!("points.lua");
    let wrk = |address| Load::scripted(&stage.directory, "points", lua, address, "", CLIENTS);
    let entrants = [
        Entrant {
            name: "Courant",
            load: wrk(node.process.address)?,
            bearers: vec![node.process.pid(), postmaster],
        },
        Entrant {
            name: "PostgREST",
            load: wrk(postgrest.address)?,
            bearers: vec![postgrest.pid(), postmaster],
        },
        Entrant { name: "pgbench", load: pgbench(stage, &statement, false)?, bearers: vec![postmaster] },
        Entrant {
            name: "pgbench beside PostgreSQL",
            load: pgbench(stage, &statement, true)?,
            bearers: vec![postmaster],
        },
    ];
    let achieved = contest::hold(stage, "point read", &entrants).await?;
    let [courant, postgrest, pgbench, beside] = achieved[..] else {
        unreachable!("everybody who took part achieved something")
    };
    Ok(vec![
        Row::beside(
            "point.rate",
            "req/s",
            courant.rate,
            ("PostgREST", postgrest.rate),
            Goal::AtLeastTimes(4.0),
        ),
        Row::beside("point.rate", "req/s", courant.rate, ("pgbench", pgbench.rate), Goal::AtLeastTimes(0.7)),
        Row::beside("point.rate", "req/s", courant.rate, ("pgbench there", beside.rate), Goal::Nothing),
        Row::beside("point.cpu", "us/req", courant.cpu_us, ("PostgREST", postgrest.cpu_us), Goal::Nothing),
        Row::beside("point.cpu", "us/req", courant.cpu_us, ("pgbench", pgbench.cpu_us), Goal::Nothing),
        Row::beside("point.p50", "ms", courant.p50_ms, ("PostgREST", postgrest.p50_ms), Goal::Nothing),
        Row::beside("point.p99", "ms", courant.p99_ms, ("PostgREST", postgrest.p99_ms), Goal::Nothing),
    ])
}

/// The statement that Courant makes of the request, as PostgreSQL heard it from a node of its own.
async fn as_sent(stage: &Stage) -> Result<String> {
    let client = stage.connect(OWN).await?;
    client.batch_execute(&format!("alter role {LOGIN} set log_statement = 'all'")).await?;
    let node = Node::start_uncached(stage, OWN, &[]).await?;
    Client::connect(node.process.address).await?.get(PATH).await?;
    client.batch_execute(&format!("alter role {LOGIN} reset log_statement")).await?;
    let log = std::fs::read_to_string(stage.cluster.log())?;
    executed(&log, "\"points\"").context("PostgreSQL did not hear Courant's statement")
}

/// The last prepared statement in a log that mentions this.
fn executed(log: &str, mention: &str) -> Option<String> {
    let entry = log.split(" LOG:  execute ").skip(1).filter(|entry| entry.contains(mention)).last()?;
    let (_, statement) = entry.split_once(": ")?;
    // It goes on where lines are indented; the next entry begins with something else.
    let mut lines = statement.lines();
    let first = lines.next()?.to_owned();
    Some(
        lines
            .take_while(|line| line.starts_with('\t'))
            .fold(first, |all, line| all + "\n" + line.trim_start()),
    )
}

/// The same flight: the session's settings and the statement, before one Sync.
fn pgbench(stage: &Stage, statement: &str, beside_server: bool) -> Result<Load> {
    let script = stage.directory.join("points.sql");
    std::fs::write(
        &script,
        include_str!("sql/points.sql").replace("{statement}", &statement.replace("$1", ":id")),
    )?;
    let define = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(Load::Pgbench {
        program: stage.cluster.binaries().program("pgbench"),
        uri: stage.login_uri(OWN),
        script,
        clients: CLIENTS,
        beside_server,
        define: vec![
            define("setting", "search_path"),
            define("value", r#""public", "public""#),
            define("role", "anon"),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::executed;

    #[test]
    fn the_statement_is_read_from_the_log_with_all_its_lines() {
        let log = "1 LOG:  execute s0: select 1\n1 LOG:  execute s1: select x\n\tfrom \"points\"\n1 DETAIL:  $1 = '1'\n";
        assert_eq!(executed(log, "\"points\"").unwrap(), "select x\nfrom \"points\"");
    }
}
