//! `courant doctor …`: what can be typed, where its input is read from, and where its output goes.
//!
//! Talks to the database that it is given, whether a node serves it or not. What is examined, graded and applied is the
//! crate `doctor`'s; nothing of it is decided here.

mod advice;
mod indexes;
mod treatment;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use doctor::{Examination, Grade, Loop, Report, Step, report};
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use pg::connect::ConnectOptions;
use tokio_postgres::Client;

use advice::{Advised, Advising};

use crate::admin::client;
use crate::cli::{self, UsageError};
use crate::config::{Config, Sources};
use crate::node;

/// The largest report that is read.
const REPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Examine a database, or treat it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Doctor {
    #[command(subcommand)]
    treatment: Option<Treatment>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Subcommand)]
enum Treatment {
    /// Apply fixes, measure each, and keep what helps.
    #[command(after_help = "\
Examples:
  courant doctor apply --database-url postgresql://owner@localhost/app          shows the plan, and asks
  courant doctor apply --yes --workload queries.sql
  courant doctor apply --only foreign-key-index
  courant doctor apply --indexes recommended.json --workload queries.sql

What can be undone is written to a ledger in the schema courant; courant doctor undo takes it back.")]
    Apply(treatment::Apply),
    /// Take back what was applied, the latest first.
    #[command(after_help = "\
Examples:
  courant doctor undo --database-url postgresql://owner@localhost/app
  courant doctor undo --only unused-index:public.calls_status_idx")]
    Undo(treatment::Undo),
    /// Find the indexes that make a workload cheapest, without touching the database.
    #[command(after_help = indexes::EXAMPLES)]
    Indexes(indexes::Indexes),
    /// Set two reports of --json side by side.
    #[command(after_help = "\
Example:
  courant doctor diff monday.json friday.json")]
    Diff {
        /// The earlier report.
        #[arg(value_name = "BEFORE")]
        before: PathBuf,
        /// The later report.
        #[arg(value_name = "AFTER")]
        after: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to examine.
#[derive(Debug, Args)]
struct Asked {
    #[command(flatten)]
    patient: Patient,
    #[command(flatten)]
    advising: Advising,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Write the report as a page to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the fixes as SQL to this file, or to standard output (-).
    #[arg(long, value_name = "FILE")]
    sql: Option<PathBuf>,
    /// Fail where the grade is worse than this one: A, B, C or D.
    #[arg(long, value_name = "GRADE", value_parser = grade)]
    fail_under: Option<Grade>,
}

/// The database, and how it is looked at.
#[derive(Debug, Args)]
pub(crate) struct Patient {
    /// The database, as a URI or key=value pairs (else DATABASE_URL, or PGHOST and its kin).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// A role that strangers come in as, besides those that are found; may be given again.
    #[arg(long, value_name = "ROLE")]
    exposed: Vec<String>,
    /// A check, or a finding by its whole id, to leave out; may be given again.
    #[arg(long, value_name = "ID")]
    ignore: Vec<String>,
    /// The admin address of a node whose traces tell what the app asks again and again (http://127.0.0.1:3001).
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// Read rows too, in queries of the doctor's own, to measure what policies cost and to see which values go together.
    #[arg(long)]
    run: bool,
    /// How old the statistics must be before an index that was not read counts as unused.
    #[arg(long, value_name = "TIME", value_parser = cli::span, default_value = "7d")]
    unused_after: Duration,
}

impl Patient {
    /// Connects, and drives the connection while the work goes on.
    pub(crate) async fn visit<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let options = self.options()?;
        let (client, connection) =
            options.connect().await.with_context(|| format!("cannot reach {options}"))?;
        let working = work(&client);
        tokio::pin!(working);
        tokio::select! {
            done = &mut working => done,
            // What was asked last hears of it with its reason.
            _ = connection => working.await,
        }
    }

    fn options(&self) -> Result<ConnectOptions> {
        let flags = self.database_url.clone().map(|url| ("database.url", url)).into_iter().collect();
        let config = Config::read(&Sources::without_file(flags, std::io::stderr().is_terminal()))?;
        node::options(&config)
    }

    async fn examination(&self) -> Result<Examination> {
        Ok(Examination {
            exposed: self.exposed.clone(),
            ignore: self.ignore.clone(),
            unused_after: self.unused_after,
            run: self.run,
            loops: self.loops().await?,
            ..Examination::default()
        })
    }

    /// What the node saw, where one is named.
    async fn loops(&self) -> Result<Vec<Loop>> {
        let Some(url) = &self.admin else { return Ok(Vec::new()) };
        let answer = client::ask(url, Method::GET, "/loops").await?;
        let text = std::str::from_utf8(answer.body())?;
        Loop::parse(text).with_context(|| format!("what {url} answered is no list of loops"))
    }

    /// Asks for advice and examines, each with a bar on a terminal.
    pub(crate) async fn examine(&self, client: &Client, advising: &Advising) -> Result<Report> {
        // First what may not be there at all.
        let examination = self.examination().await?;
        let Advised { recommendations, limits } = advising.ask(&self.options()?, client).await?;
        let style =
            ProgressStyle::with_template("  {bar:30} {pos}/{len} {msg}").expect("the template is a constant");
        // Draws on standard error, and only where that is a terminal.
        let bar = ProgressBar::no_length().with_style(style);
        let mut show = |step: Step<'_>| {
            // A usize fits.
            bar.set_length(step.total as u64);
            bar.set_position(step.done as u64);
            bar.set_message(step.what.to_owned());
        };
        let report = doctor::examine(client, &examination, &recommendations, &mut show).await;
        bar.finish_and_clear();
        let mut report = report?;
        report.limits.extend(limits);
        Ok(report)
    }
}

/// Does what was asked for.
pub(crate) async fn run(doctor: Doctor) -> Result<()> {
    match doctor.treatment {
        None => examine(doctor.asked).await,
        Some(Treatment::Apply(apply)) => treatment::apply(apply).await,
        Some(Treatment::Undo(undo)) => treatment::undo(undo).await,
        Some(Treatment::Indexes(asked)) => indexes::run(asked).await,
        Some(Treatment::Diff { before, after, json }) => {
            let (told, document) = report::difference(&read(&before)?, &read(&after)?);
            print(&if json { format!("{document}\n") } else { told });
            Ok(())
        }
    }
}

async fn examine(asked: Asked) -> Result<()> {
    let report =
        asked.patient.visit(async |client| asked.patient.examine(client, &asked.advising).await).await?;
    if let Some(path) = &asked.html {
        write(path, &report::page(&report))?;
    }
    let to_stdout = asked.sql.as_deref() == Some(Path::new("-"));
    match &asked.sql {
        Some(_) if to_stdout => print(&report::migration(&report)),
        Some(path) => write(path, &report::migration(&report))?,
        None => {}
    }
    if asked.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&report)?));
    } else if !to_stdout {
        print(&report::terminal(&report, colour()));
    }
    match asked.fail_under {
        Some(wanted) if report.grade > wanted => {
            bail!("the grade is {}, and {} was asked for", report.grade.letter(), wanted.letter())
        }
        _ => Ok(()),
    }
}

/// Colours are for a terminal whose owner has not asked for none (no-color.org).
fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn grade(text: &str) -> Result<Grade, &'static str> {
    Grade::read(text).ok_or("expected A, B, C or D")
}

fn read(path: &Path) -> Result<Report> {
    let report: Report = serde_json::from_str(&text(path)?).map_err(|error| mistake(path, &error))?;
    if report.schema != report::SCHEMA {
        return Err(UsageError(format!(
            "{}: its schema is {}, and {} is read",
            path.display(),
            report.schema,
            report::SCHEMA
        ))
        .into());
    }
    Ok(report)
}

/// A file that the user named.
pub(crate) fn text(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(|error| mistake(path, &error))?.len();
    if size > REPORT_BYTES_MAX {
        return Err(UsageError(format!("{}: longer than {REPORT_BYTES_MAX} bytes", path.display())).into());
    }
    std::fs::read_to_string(path).map_err(|error| mistake(path, &error))
}

/// Something about a file that the user must change.
pub(crate) fn mistake(path: &Path, why: &dyn std::error::Error) -> anyhow::Error {
    UsageError(format!("{}: {why}", path.display())).into()
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| mistake(path, &error))
}

/// A reader that closes the pipe early has read enough.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
