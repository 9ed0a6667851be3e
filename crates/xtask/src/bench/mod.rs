//! `cargo xtask bench …`: Courant beside its peers, in one run on one machine.
//!
//! Whoever makes load has one core, whoever serves has another, PostgreSQL included. Here is what the benchmarks
//! share; what each measures is in its directory, and `docs/benchmarks.md` says what the rows mean. Never shipped,
//! and never run by the tests.

mod client;
mod contest;
mod http;
mod load;
mod process;
mod proxy;
mod queue;
mod report;
mod reports;
mod servers;
mod stage;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};

use field_service::Scale;
use report::{Goal, Row};
use stage::{Peers, Stage, Wanted};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Measure Courant beside nginx, Varnish, PostgREST, pgbench and bare hyper (installs them; some minutes).
    Http(Options<http::Group>),
    /// Measure Courant in front of a backend beside nginx and Varnish (installs them; some minutes).
    Proxy(Options<proxy::Group>),
    /// Measure the queue beside graphile-worker, pg-boss and BullMQ (installs them; some minutes).
    Queue(Options<queue::Group>),
    /// Measure what the five reports claim, on the example as it was and behind Courant (an hour or so; see --quick).
    Reports(reports::Options),
}

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options<G: Rows> {
    /// Also write the rows as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only these groups of rows.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<G>,
    /// Few short windows and little data: shows that everything works, not how fast.
    #[arg(long)]
    quick: bool,
    /// A courant binary that is there already; else a release is built.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The groups of rows of one benchmark.
pub(crate) trait Rows: ValueEnum + Copy + PartialEq + Send + Sync + 'static {
    /// Whether it needs the example's data.
    fn is_of_example(self) -> bool;

    /// Whom all of them need.
    fn peers() -> Peers {
        Peers::Servers
    }

    /// Measures one group.
    async fn measure(self, stage: &Stage) -> Result<Vec<Row>>;
}

/// Measures, prints, and writes.
pub(crate) fn run(bench: Bench) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "two cores are needed: one for the load and one for the servers");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let measuring = async {
            match bench {
                Bench::Http(options) => measure(options).await,
                Bench::Proxy(options) => measure(options).await,
                Bench::Queue(options) => measure(options).await,
                Bench::Reports(options) => reports::measure(options).await,
            }
        };
        tokio::select! {
            measured = measuring => measured,
            _ = tokio::signal::ctrl_c() => bail!("stopped"),
        }
    })
}

async fn measure<G: Rows>(options: Options<G>) -> Result<()> {
    let is_wanted = |group: &&G| options.only.is_empty() || options.only.contains(group);
    let groups: Vec<G> = G::value_variants().iter().filter(is_wanted).copied().collect();
    let scale = if options.quick { Scale { calls: 20_000, messages: 100_000 } } else { Scale::default() };
    let example = groups.iter().any(|group| group.is_of_example()).then_some(scale);
    let (peers, settings) = (G::peers(), stage::settings());
    let wanted = Wanted { quick: options.quick, peers, binary: options.binary, example, settings };
    let stage = Stage::set(wanted).await?;
    let mut rows = vec![Row::alone("build.release", "s", stage.built_in.as_secs_f64(), Goal::Nothing)];
    for group in groups {
        let name = group.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        rows.extend(group.measure(&stage).await.with_context(|| format!("the rows {name}"))?);
    }
    stage.clear();
    print!("{}", report::table(&rows));
    if let Some(file) = &options.json {
        std::fs::write(file, report::json(&rows))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
