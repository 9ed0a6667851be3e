//! `cargo xtask bench reports`: what the five reports claim, measured on the example app.
//!
//! Before is the app as it was: PostgREST in front of the naive schema, each page asked for as its script says. Then
//! the doctor is let at the database, the developers' functions are added, and the same is asked of Courant: first
//! with its cache off, then with its cache on while one request in twenty writes. The way to the server is equally
//! long before and after.

mod draws;
mod link;
mod mend;
mod outcome;
mod plot;
mod run;
mod script;
mod standing;
mod timing;
mod visit;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use field_service::Scale;

use self::outcome::Outcome;
use self::run::Run;
use super::stage::{self, Peers, Stage, Wanted};

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Little data and short windows: shows that everything works, not how fast.
    #[arg(long)]
    quick: bool,
    /// How many calls the example gets, and five times as many messages (1,000,000; 20,000 with --quick).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2_000..=10_000_000))]
    calls: Option<u64>,
    /// How long the way to the server is, each way.
    #[arg(long, value_name = "MS", default_value_t = 1)]
    delay_ms: u64,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Measure nothing: print and write what an earlier run wrote as JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "calls", "delay_ms", "binary"])]
    from: Option<PathBuf>,
    /// Also write everything as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the table as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Also write a plot as SVG to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Measures, prints, and writes.
pub(super) async fn measure(options: Options) -> Result<()> {
    let outcome = match &options.from {
        Some(file) => read(file)?,
        None => run(&options).await?,
    };
    print!("{}", outcome::table(&outcome));
    let written = [
        (&options.json, serde_json::to_string_pretty(&outcome)? + "\n"),
        (&options.markdown, outcome::markdown(&outcome)),
        (&options.svg, plot::svg(&outcome.lines)),
    ];
    for (file, text) in written {
        if let Some(file) = file {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// An earlier run's.
fn read(file: &Path) -> Result<Outcome> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} holds no run", file.display()))
}

async fn run(options: &Options) -> Result<Outcome> {
    let calls = options.calls.unwrap_or(if options.quick { 20_000 } else { 1_000_000 });
    let scale = Scale { calls, messages: 5 * calls };
    let settings = stage::settings()
        .with("shared_preload_libraries", "pg_stat_statements")
        // The doctor sees what functions run, too.
        .with("pg_stat_statements.track", "all")
        .with("shared_buffers", "1GB")
        // As in production, which the doctor grades too.
        .with("fsync", "on")
        .with("full_page_writes", "on")
        .with("autovacuum", "on");
    let (peers, binary) = (Peers::PostgRest, options.binary.clone());
    let wanted = Wanted { quick: options.quick, peers, binary, example: Some(scale), settings };
    let began = Instant::now();
    let stage = Stage::set(wanted).await?;
    let outcome = Run::new(&stage, Duration::from_millis(options.delay_ms))?.all(began, scale).await?;
    stage.clear();
    Ok(outcome)
}
