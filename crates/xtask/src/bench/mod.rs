//! `cargo xtask bench http`: Courant beside its peers, in one run on one machine.
//!
//! Whoever makes load has one core, whoever serves has another, PostgreSQL included. Each group of rows is one
//! file; `docs/benchmarks.md` says what the rows mean. Never shipped, and never run by the tests.

mod bulk;
mod cached;
mod client;
mod contest;
mod dashboard;
mod freshness;
mod hits;
mod idle;
mod load;
mod memory;
mod point;
mod process;
mod report;
mod sequence;
mod servers;
mod stage;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand};

use report::{Goal, Row};
use stage::Stage;

/// The groups of rows, in the order in which they are measured.
const GROUPS: [&str; 8] = ["cached", "point", "dashboard", "freshness", "bulk", "memory", "hits", "idle"];
/// Those that need the example's data.
const OF_EXAMPLE: [&str; 2] = ["dashboard", "idle"];

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Measure Courant beside nginx, Varnish, PostgREST, pgbench and bare hyper (installs them; some minutes).
    Http(Http),
}

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Http {
    /// Also write the rows as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only these groups: cached, point, dashboard, freshness, bulk, memory, hits, idle.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Few short windows and little data: shows that everything works, not how fast.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints, and writes.
pub(crate) fn run(bench: Bench) -> Result<()> {
    let Bench::Http(options) = bench;
    for name in &options.only {
        if !GROUPS.contains(&name.as_str()) {
            bail!("no group of rows is named {name}; there are {}", GROUPS.join(", "));
        }
    }
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "two cores are needed: one for the load and one for the servers");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            measured = measure(&options) => measured,
            _ = tokio::signal::ctrl_c() => bail!("stopped"),
        }
    })
}

async fn measure(options: &Http) -> Result<()> {
    let wanted = |group: &str| options.only.is_empty() || options.only.iter().any(|name| name == group);
    let stage = Stage::set(options.quick, OF_EXAMPLE.into_iter().any(wanted)).await?;
    let mut rows = vec![Row::alone("build.release", "s", stage.built_in.as_secs_f64(), Goal::Nothing)];
    for group in GROUPS.into_iter().filter(|group| wanted(group)) {
        let measured = match group {
            "cached" => cached::measure(&stage).await,
            "point" => point::measure(&stage).await,
            "dashboard" => dashboard::measure(&stage).await,
            "freshness" => freshness::measure(&stage).await,
            "bulk" => bulk::measure(&stage).await,
            "memory" => memory::measure(&stage).await,
            "hits" => hits::measure(&stage).await,
            _ => idle::measure(&stage).await,
        };
        rows.extend(measured.with_context(|| format!("the rows {group}"))?);
    }
    stage.clear();
    print!("{}", report::table(&rows));
    if let Some(file) = &options.json {
        std::fs::write(file, report::json(&rows))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
