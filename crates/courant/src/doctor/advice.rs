//! Missing indexes for a report: from a file, or from the advisor, asked about what the database is asked.
//!
//! Never writes to the database. Where no shadow of it can be made, the words of the statements have to do, and the report
//! says so.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use advisor::{Advice, AdviceError, Options, SizeModel, Workload};
use anyhow::Result;
use clap::Args;
use doctor::workload::{self, Probe};
use doctor::{Basis, Gaining, Limit, Recommendation};
use pg::connect::ConnectOptions;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{indexes, mistake, text};

/// Statements that cannot be planned are named up to so many.
const UNPLANNED_TOLD: usize = 3;

/// Where missing indexes come from.
#[derive(Debug, Args)]
pub(crate) struct Advising {
    /// Statements to find indexes for and to measure by, with their values (else pg_stat_statements); -- role:, -- set: and
    /// -- calls: lines above each say how it runs.
    #[arg(long, value_name = "FILE")]
    workload: Option<PathBuf>,
    /// How long to look for missing indexes, in a private cluster that plans as the database does; 0 looks for none.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    advice_seconds: u64,
    /// What all new indexes together may take, in megabytes (2^20 bytes).
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    advice_mb: u64,
    /// Indexes that another advisor recommends, as JSON: {"indexes": [{"table", "columns", "ddl", …}]}.
    #[arg(long, value_name = "FILE")]
    indexes: Option<PathBuf>,
}

/// What was advised, and what it lacks.
#[derive(Debug, Default)]
pub(crate) struct Advised {
    pub(crate) recommendations: Vec<Recommendation>,
    pub(crate) limits: Vec<Limit>,
}

impl Advising {
    /// The statements of the workload's file.
    pub(crate) fn probes(&self) -> Result<Vec<Probe>> {
        let Some(path) = &self.workload else { return Ok(Vec::new()) };
        workload::parse(&text(path)?).map_err(|error| mistake(path, &error))
    }

    /// Reads the file, or asks the advisor.
    pub(crate) async fn ask(&self, source: &ConnectOptions, client: &Client) -> Result<Advised> {
        if let Some(path) = &self.indexes {
            let recommendations =
                Recommendation::parse(&text(path)?).map_err(|error| mistake(path, &error))?;
            return Ok(Advised { recommendations, limits: Vec::new() });
        }
        let mut probes = self.probes()?;
        if self.advice_seconds == 0 {
            return Ok(Advised::default());
        }
        if probes.is_empty() {
            probes = workload::advisable(client).await?;
        }
        if probes.is_empty() {
            return Ok(Advised {
                recommendations: Vec::new(),
                limits: vec![missing(
                    "there is no statement to look for them by: install pg_stat_statements, or give some with --workload",
                )],
            });
        }
        match self.advise(source, &probes).await {
            Ok(advice) => Ok(advised(&advice, &probes, &Quoted::read(client, &advice).await?)),
            Err(error) => {
                let limit = missing(&format!(
                    "{error}; they were looked for by the words of the statements alone, which know nothing of orders, joins, \
                     views, sizes and gains"
                ));
                let recommendations = workload::heuristic(client, &probes).await?;
                Ok(Advised { recommendations, limits: vec![limit] })
            }
        }
    }

    async fn advise(&self, source: &ConnectOptions, probes: &[Probe]) -> Result<Advice, AdviceError> {
        let options = Options {
            budget_bytes: self.advice_mb * 1024 * 1024,
            time: Duration::from_secs(self.advice_seconds),
            size_model: SizeModel::Real,
        };
        let statements = probes.iter().map(|probe| {
            let (name, sql) = (probe.name.clone(), probe.sql.clone());
            advisor::Statement::new(name, sql, probe.calls, probe.role.clone())
        });
        let workload = Workload { statements: statements.collect() };
        indexes::searched(source, &workload, &options, !std::io::stderr().is_terminal()).await
    }
}

fn missing(why: &str) -> Limit {
    Limit { what: "missing indexes".to_owned(), why: why.to_owned() }
}

fn advised(advice: &Advice, probes: &[Probe], quoted: &Quoted) -> Advised {
    let recommend = |found| {
        let recommendation = recommendation(found, probes, quoted);
        let basis = if advice.by_hypopg { Basis::HypoPg } else { Basis::Estimated };
        Recommendation { workload_cost: Some(advice.cost_before), basis, ..recommendation }
    };
    let recommendations = advice.indexes.iter().map(recommend).collect();
    let (unplanned, notes): (Vec<&String>, Vec<&String>) = advice
        .notes
        .iter()
        .filter(|note| !note.starts_with("the shadow's costs are"))
        .partition(|note| note.starts_with("cannot be planned: "));
    let mut limits: Vec<Limit> = notes.into_iter().map(|note| missing(note)).collect();
    // Statements that ran once, like those that filled a table, are many and alike.
    limits.extend(unplanned.iter().take(UNPLANNED_TOLD).map(|note| missing(note)));
    if let Some(more) = unplanned.len().checked_sub(UNPLANNED_TOLD).filter(|more| *more > 0) {
        limits.push(missing(&format!("{more} statements more cannot be planned")));
    }
    Advised { recommendations, limits }
}

fn recommendation(found: &advisor::Recommendation, probes: &[Probe], quoted: &Quoted) -> Recommendation {
    let index = &found.index;
    let class = |at: usize| match (&index.operator_class, at) {
        (Some(class), 0) => format!(" {class}"),
        _ => String::new(),
    };
    let columns = index.keys.iter().enumerate().map(|(at, key)| match key {
        advisor::Key::Column(name) => quoted.name(name).to_owned() + &class(at),
        advisor::Key::Expression(text) => format!("({text}){}", class(at)),
    });
    let cost = |of: fn(&advisor::Affected) -> f64| {
        let weighed = found
            .affected
            .iter()
            .map(|affected| of(affected) * probes.get(affected.statement).map_or(1.0, |probe| probe.calls));
        Some(weighed.sum())
    };
    let gaining = |affected: &advisor::Affected| Gaining {
        name: affected.name.clone(),
        cost_before: affected.cost_before,
        cost_after: affected.cost_after,
    };
    Recommendation {
        table: format!("{}.{}", quoted.name(&index.schema), quoted.name(&index.table)),
        columns: columns.collect(),
        include: index.include.iter().map(|name| quoted.name(name).to_owned()).collect(),
        predicate: index.predicate.clone(),
        method: index.method.name().to_owned(),
        ddl: index.ddl(),
        size_bytes: found.size_bytes,
        cost_before: cost(|affected| affected.cost_before),
        cost_after: cost(|affected| affected.cost_after),
        workload_cost: None,
        why: Some(found.reason.clone()),
        statements: found.affected.iter().map(gaining).collect(),
        basis: Basis::Estimated,
    }
}

/// Names as the server itself quotes them, which knows its words.
struct Quoted(HashMap<String, String>);

impl Quoted {
    async fn read(client: &Client, advice: &Advice) -> Result<Quoted> {
        let indexes = advice.indexes.iter().map(|found| &found.index);
        let names: Vec<&str> = indexes
            .flat_map(|index| {
                let columns = index.keys.iter().filter_map(advisor::Key::column);
                let include = index.include.iter().map(String::as_str);
                columns.chain(include).chain([index.schema.as_str(), index.table.as_str()])
            })
            .collect();
        let rows = client.query_typed(include_str!("quoted.sql"), &[(&names, Type::TEXT_ARRAY)]).await?;
        let pairs = rows.iter().map(|row| Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?)));
        Ok(Quoted(pairs.collect::<Result<_, _>>()?))
    }

    fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}
