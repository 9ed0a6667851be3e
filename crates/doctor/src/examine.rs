//! An examination from beginning to end: the server, the statements, the checks, the policies, the grade.
//!
//! Everything that can fail by itself does so by itself, and becomes a line among the report's limits.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::error::Error;
use crate::finding::{Finding, Limit};
use crate::grade::{Measured, grade};
use crate::kpi::Kpi;
use crate::loops::Loop;
use crate::recommendation::Recommendation;
use crate::report::{About, Report, SCHEMA};
use crate::server::{self, Server};
use crate::workload::{self, Workload};
use crate::{checks, correlation, defeats, policies, refuted};

/// What to examine, and how strictly.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Roles that strangers come in as, besides those that are found.
    pub exposed: Vec<String>,
    /// Checks, or findings by their whole ids, that the user has decided to live with.
    pub ignore: Vec<String>,
    /// How old the statistics must be before an index without a read counts as unused.
    pub unused_after: Duration,
    /// How long a session may be idle in a transaction.
    pub idle_after: Duration,
    /// How long a transaction may be open.
    pub open_after: Duration,
    /// For how long running statements are sampled where there is no pg_stat_statements.
    pub sample: Duration,
    /// Whether the doctor may read the tables themselves, to measure: policies, and values that go together.
    pub run: bool,
    /// Loops that a node saw in its traces.
    pub loops: Vec<Loop>,
}

impl Default for Examination {
    fn default() -> Examination {
        Examination {
            exposed: Vec::new(),
            ignore: Vec::new(),
            unused_after: Duration::from_secs(7 * 86_400),
            idle_after: Duration::from_secs(300),
            open_after: Duration::from_secs(3600),
            sample: Duration::from_secs(5),
            run: false,
            loops: Vec::new(),
        }
    }
}

/// How far an examination has come.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
    /// What comes now.
    pub what: &'a str,
}

/// Examines the database behind the connection, whose session it takes over.
///
/// Recommendations come from an index advisor, if one was asked; they become findings like any others.
pub async fn examine(
    client: &Client,
    examination: &Examination,
    recommendations: &[Recommendation],
    progress: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Report, Error> {
    let total = checks::ALL.len() + 6;
    let mut done = 0;
    let mut step = |what: &str| {
        progress(Step { done, total, what });
        done += 1;
    };
    step("the server");
    server::prepare(client).await?;
    let mut server = server::look(client, &examination.exposed).await?;
    let mut limits = std::mem::take(&mut server.limits);
    step("the statements");
    let workload = read_workload(client, &server, examination, &mut limits).await?;
    let mut findings = workload::findings(&workload);
    for check in checks::ALL {
        step(check.title);
        match checks::run(client, check, &server.exposed, examination).await {
            Ok(found) => findings.extend(found),
            Err(error) => limits.push(missed(check.id, error)?),
        }
    }
    step("policies, as their roles");
    match policies::examine(client, examination.run, &mut limits).await {
        Ok(found) => findings.extend(found),
        Err(error) => limits.push(missed("policy-per-row", error)?),
    }
    step("views and functions, as the planner sees them");
    match defeats::examine(client, &workload).await {
        Ok(found) => findings.extend(found),
        Err(error) => limits.push(missed("view-defeats-index and function-defeats-index", error)?),
    }
    step("values that go together");
    if !examination.run {
        let (what, why) =
            ("policies' costs, and columns that go together", "that takes reading rows: allow it with --run");
        limits.push(Limit { what: what.to_owned(), why: why.to_owned() });
    } else {
        match correlation::examine(client, &workload).await {
            Ok(found) => findings.extend(found),
            Err(error) => limits.push(missed("correlated-columns", error)?),
        }
    }
    step("the grade");
    findings.extend(recommendations.iter().map(Recommendation::finding));
    findings.extend(examination.loops.iter().map(Loop::finding));
    if let Err(error) = refuted::lower(client, &mut findings).await {
        limits.push(missed("what was tried before", error)?);
    }
    findings.retain(|finding| !examination.ignore.iter().any(|name| finding.is_called(name)));
    let measured = measure(client, &workload, &mut limits).await?;
    Ok(report(server, workload, findings, limits, &measured))
}

fn report(
    server: Server,
    workload: Workload,
    mut findings: Vec<Finding>,
    limits: Vec<Limit>,
    measured: &Measured,
) -> Report {
    let graded = grade(measured, &mut findings);
    Report {
        schema: SCHEMA,
        about: About {
            database: server.database,
            server_version: server.version,
            examined_at: server.now,
            calls: measured.calls,
            workload: workload.source,
        },
        grade: graded.grade,
        score: graded.score,
        kpis: graded.kpis,
        caps: graded.caps,
        findings,
        statements: workload::heaviest(&workload),
        limits,
    }
}

/// Without the extension's rights or library (it must be preloaded, too), sessions are sampled.
async fn read_workload(
    client: &Client,
    server: &Server,
    examination: &Examination,
    limits: &mut Vec<Limit>,
) -> Result<Workload, Error> {
    if let Some(schema) = &server.statements_schema {
        match workload::read_statistics(client, schema, false).await {
            Ok(workload) => return Ok(workload),
            Err(error) => limits.push(missed("pg_stat_statements", error)?),
        }
    }
    workload::sample(client, examination.sample)
        .await
        .map_err(Error::database("running statements were sampled"))
}

/// The indicators that counters give.
async fn measure(client: &Client, workload: &Workload, limits: &mut Vec<Limit>) -> Result<Measured, Error> {
    let mut measured = Measured { values: Vec::new(), calls: workload.calls() };
    for (kpi, share) in [(Kpi::P50, 0.5), (Kpi::P95, 0.95), (Kpi::P99, 0.99)] {
        measured.values.extend(workload.percentile_ms(share).map(|value| (kpi, value, true)));
    }
    let row = match client.query_typed_one(include_str!("indicators.sql"), &[]).await {
        Ok(row) => row,
        Err(error) => {
            limits.push(missed("the server's counters", error)?);
            return Ok(measured);
        }
    };
    for (at, kpi) in [Kpi::CacheMiss, Kpi::DeadTuples, Kpi::NonIndex].into_iter().enumerate() {
        let value = row.try_get::<_, Option<f64>>(at).map_err(Error::database("counters were read"))?;
        measured.values.extend(value.map(|value| (kpi, value, false)));
    }
    Ok(measured)
}

/// A refusal or a timeout of one check is told in the report; a lost connection ends the examination.
fn missed(what: &str, error: tokio_postgres::Error) -> Result<Limit, Error> {
    let why = match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => "this login may not read it",
        Some(&SqlState::QUERY_CANCELED) => "it took too long, and was given up",
        Some(&SqlState::LOCK_NOT_AVAILABLE) => "a table was locked, and it did not wait",
        Some(_) => "the server refused it",
        None => return Err(Error::Database { doing: "the database was examined", source: error }),
    };
    let said = error.as_db_error().map(|refusal| format!(" ({})", refusal.message())).unwrap_or_default();
    Ok(Limit { what: what.to_owned(), why: format!("{why}{said}") })
}
