//! `courant doctor indexes`: the advisor on the command line.
//!
//! Reads the database and never writes to it; prints what was found, for a person or as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use advisor::{Advice, AdviceError, Options, Progress, SizeModel, Workload};
use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pg::cluster::Binaries;
use pg::connect::ConnectOptions;
use serde_json::{Value, json};

use crate::config::{ConfigError, Sources};
use crate::{config::Config, node};

/// What `--help` ends with.
pub(crate) const EXAMPLES: &str = "\
Examples:
  courant doctor indexes --database-url postgresql://app@localhost/app --workload queries.sql
  courant doctor indexes --workload queries.sql --budget-mb 500 --seconds 60 --json

The workload is SQL, a comment before a statement saying more of it (-- calls: 120, -- role: web, -- name: open orders),
or JSON: [{\"query\": …, \"calls\": …, \"role\": …}]. Parameters ($1) stand for any value.

Nothing is written to the database, and no statement of the workload is run: it is planned in a private cluster that has
the database's schema, sizes and statistics, and no rows. PostgreSQL's server programs of the same major version are
needed on this machine (COURANT_PG_BIN names their directory); without them HypoPG is asked on the database's server,
where that is installed.";

/// What was asked for.
#[derive(Debug, Args)]
pub(crate) struct Indexes {
    /// The database, as a URI or key=value pairs (else DATABASE_URL, or PGHOST and its kin).
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The statements to find indexes for.
    #[arg(long, value_name = "FILE")]
    workload: PathBuf,
    /// What all new indexes together may take, in megabytes (2^20 bytes).
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    budget_mb: u64,
    /// How long to search. Preparing and a first look at each statement may take longer.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How sizes are told: as they would be, or as HypoPG has them, to compare with tools that use it.
    #[arg(long, value_name = "MODEL", value_enum, default_value_t = Model::Real)]
    size_model: Model,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How sizes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Model {
    /// What CREATE INDEX would write.
    Real,
    /// What HypoPG says.
    Hypopg,
}

/// Finds the indexes, and prints them.
pub(crate) async fn run(asked: Indexes) -> Result<()> {
    let flags = asked.database_url.clone().map(|url| ("database.url", url)).into_iter().collect();
    let terminal = std::io::stderr().is_terminal();
    let config = Config::read(&Sources::without_file(flags, terminal))?;
    let source = node::options(&config)?;
    let text = std::fs::read_to_string(&asked.workload)
        .map_err(|error| invalid("workload", &asked.workload.display().to_string(), &error.to_string()))?;
    let workload = Workload::parse(&text)
        .map_err(|error| invalid("workload", &asked.workload.display().to_string(), &error.to_string()))?;
    let options = Options {
        budget_bytes: asked.budget_mb * 1024 * 1024,
        time: Duration::from_secs(asked.seconds),
        size_model: match asked.size_model {
            Model::Real => SizeModel::Real,
            Model::Hypopg => SizeModel::HypoPg,
        },
    };
    let advice = searched(&source, &workload, &options, asked.json || !terminal).await;
    let advice = advice.map_err(explained).with_context(|| format!("no advice for {source}"))?;
    let text = if asked.json {
        format!("{}\n", as_json(&advice))
    } else {
        as_text(&advice, workload.statements.len())
    };
    // A reader that closes the pipe early has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn invalid(key: &str, place: &str, why: &str) -> ConfigError {
    ConfigError::Invalid { key: key.to_owned(), place: place.to_owned(), why: why.to_owned() }
}

/// What a user can change is said by errors that the exit code knows.
fn explained(error: AdviceError) -> anyhow::Error {
    match error {
        AdviceError::Cluster(error) => error.into(),
        other => other.into(),
    }
}

/// Asks the advisor, and shows how far it is unless that is hidden.
pub(super) async fn searched(
    source: &ConnectOptions,
    workload: &Workload,
    options: &Options,
    hidden: bool,
) -> Result<Advice, AdviceError> {
    let bar = bar(hidden);
    let binaries = Binaries::find(|name| std::env::var_os(name));
    let advice = advisor::advise(source, binaries, workload, options, |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    advice
}

fn bar(hidden: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if hidden {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_message(match progress {
        Progress::Preparing => "reading the database, and making its shadow".to_owned(),
        Progress::Examining { done, of } => format!("statement {done} of {of}"),
        Progress::Searching { share } => format!("searching: {:.1} % of the cost is left", share * 100.0),
    });
}

fn as_json(advice: &Advice) -> Value {
    let indexes: Vec<Value> = advice
        .indexes
        .iter()
        .map(|found| {
            json!({
                "table": format!("{}.{}", found.index.schema, found.index.table),
                "columns": found.index.keys.iter().map(|key| key.text()).collect::<Vec<_>>(),
                "include": found.index.include,
                "where": found.index.predicate,
                "method": found.index.method.name(),
                "ddl": found.index.ddl(),
                "size_bytes": found.size_bytes,
            })
        })
        .collect();
    json!({
        "indexes": indexes,
        "cost_before": advice.cost_before,
        "cost_after": advice.cost_after,
        "seconds": advice.seconds,
    })
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

fn as_text(advice: &Advice, statements: usize) -> String {
    let mut text = String::new();
    let mut line = |line: String| text.extend([line.as_str(), "\n"]);
    let share = |part: f64| if advice.cost_before > 0.0 { part * 100.0 / advice.cost_before } else { 0.0 };
    for (number, found) in (1..).zip(&advice.indexes) {
        line(format!("{number}. {};", found.index.ddl()));
        line(format!(
            "   {:.1} MB; saves {:.1} %; {}",
            megabytes(found.size_bytes),
            share(found.gain),
            found.reason
        ));
        for affected in found.affected.iter().take(5) {
            line(format!("   {}: {:.0} → {:.0}", affected.name, affected.cost_before, affected.cost_after));
        }
        if found.affected.len() > 5 {
            line(format!("   and {} more", found.affected.len() - 5));
        }
        line(String::new());
    }
    let bytes = advice.indexes.iter().map(|found| found.size_bytes).sum();
    line(format!(
        "{} indexes of {:.1} MB leave {:.1} % of the estimated cost of {statements} statements ({:.0} → {:.0}); {} plans in {:.1} s.",
        advice.indexes.len(),
        megabytes(bytes),
        share(advice.cost_after),
        advice.cost_before,
        advice.cost_after,
        advice.plans,
        advice.seconds
    ));
    line(
        "The planner's costs are estimates: what an index gains shows when the statements are run."
            .to_owned(),
    );
    for note in &advice.notes {
        line(format!("note: {note}"));
    }
    text
}
