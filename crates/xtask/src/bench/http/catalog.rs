//! What a large schema costs: a thousand tables, until requests are answered, and in resident memory.
//!
//! Beside an empty schema, so that what is left is the schema's own. PostgREST's figure is that of the same wait: it
//! answers its first request when its schema cache is there.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::bench::client::Client;
use crate::bench::process::{Process, resident_bytes};
use crate::bench::report::{Goal, Row};
use crate::bench::servers::{self, Node};
use crate::bench::stage::Stage;

const LARGE: &str = "large_schema";
const EMPTY: &str = "empty_schema";
const CONNECTIONS: u32 = 10;
const MEBIBYTE: f64 = (1 << 20) as f64;

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    stage.show("a schema of a thousand tables");
    let postgres = stage.connect("postgres").await?;
    for database in [LARGE, EMPTY] {
        postgres.batch_execute(&format!("drop database if exists {database}")).await?;
        postgres.batch_execute(&format!("create database {database}")).await?;
    }
    stage
        .connect(EMPTY)
        .await?
        .batch_execute("create table table_0 (id int); grant select on table_0 to anon")
        .await?;
    stage.connect(LARGE).await?.batch_execute(include_str!("sql/catalog.sql")).await?;
    let (empty_s, empty_bytes) = ours(stage, EMPTY).await?;
    let (large_s, large_bytes) = ours(stage, LARGE).await?;
    let began = Instant::now();
    let postgrest = servers::postgrest(stage, LARGE, CONNECTIONS).await?;
    let theirs_s = answered(&postgrest, began).await?;
    let theirs_bytes = resident_bytes(postgrest.pid());
    let megabytes = |bytes: u64| bytes as f64 / MEBIBYTE;
    Ok(vec![
        Row::alone("catalog.load", "s", large_s - empty_s, Goal::Below(2.0)),
        Row::beside("catalog.start", "s", large_s, ("PostgREST", theirs_s), Goal::Nothing),
        Row::alone(
            "catalog.growth",
            "MiB",
            megabytes(large_bytes) - megabytes(empty_bytes),
            Goal::Below(100.0),
        ),
        Row::beside(
            "catalog.memory",
            "MiB",
            megabytes(large_bytes),
            ("PostgREST", megabytes(theirs_bytes)),
            Goal::Nothing,
        ),
    ])
}

/// Seconds until a node answers, and what it holds then.
async fn ours(stage: &Stage, database: &str) -> Result<(f64, u64)> {
    let began = Instant::now();
    let node = Node::start_uncached(stage, database, &[]).await?;
    Ok((answered(&node.process, began).await?, resident_bytes(node.process.pid())))
}

/// Seconds until a table is read.
async fn answered(process: &Process, began: Instant) -> Result<f64> {
    let answer = Client::connect(process.address).await?.get("/table_0").await?;
    ensure!(answer.body.as_ref() == b"[]", "a table without rows has some");
    Ok(began.elapsed().as_secs_f64())
}
