//! Runs statements and counts: time and blocks, by EXPLAIN (ANALYZE, BUFFERS), each in a read-only transaction of its own.
//!
//! The statements take turns, round after round, so that whatever else the machine does meets all of them alike.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::judgement::Runs;
use crate::explain::{explain, literal};
use crate::workload::Probe;

/// Rounds that count; one before them fills the buffers.
const ROUNDS: usize = 5;
/// What takes longer than this is not measured.
const STATEMENT_TIMEOUT_MS: u32 = 20_000;

/// A statement, and the tables that its plan reads.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) probe: Probe,
    pub(super) tables: BTreeSet<String>,
}

/// Plans each statement, and keeps those that can be planned.
pub(super) async fn planned(client: &Client, probes: &[Probe]) -> Result<Vec<Known>, tokio_postgres::Error> {
    let mut known = Vec::new();
    for probe in probes {
        if let Ran::Plan(plan) = run(client, probe, "verbose").await? {
            let mut tables = BTreeSet::new();
            collect_tables(&plan["Plan"], &mut tables);
            known.push(Known { probe: probe.clone(), tables });
        }
    }
    Ok(known)
}

/// Statements after a change, by whether it had a part in their plans.
pub(super) struct Replanned {
    /// Those that are planned otherwise than they were, and their runs before.
    pub(super) others: Vec<Known>,
    pub(super) before: Vec<Option<Runs>>,
    /// The quickest of those that are planned as they were, and their runs before: they show what the machine did meanwhile.
    pub(super) steady: Vec<Known>,
    pub(super) steady_before: Vec<Option<Runs>>,
}

/// How many steady statements are run again.
const STEADY_MAX: usize = 3;

/// A statement that no index has a part in.
pub(super) fn yardstick() -> Known {
    let sql = "select count(*) from generate_series(1, 50000)".to_owned();
    let probe =
        Probe { name: "the machine itself".to_owned(), sql, calls: 1.0, role: None, settings: Vec::new() };
    Known { probe, tables: BTreeSet::new() }
}

/// Plans each again. Those with the plan that they had read the same blocks in the same way, and all but a few need not be
/// run again.
pub(super) async fn replanned(
    client: &Client,
    known: &[Known],
    runs: &[Option<Runs>],
) -> Result<Replanned, tokio_postgres::Error> {
    let (mut others, mut before, mut steady) = (Vec::new(), Vec::new(), Vec::new());
    for (known, runs) in known.iter().zip(runs) {
        let Some(runs) = runs else { continue };
        let mut shape = String::new();
        if let Ran::Plan(plan) = run(client, &known.probe, "costs off").await? {
            collect_shape(&plan["Plan"], &mut shape);
        }
        if shape == runs.shape {
            steady.push((known.clone(), runs.clone()));
        } else {
            others.push(known.clone());
            before.push(Some(runs.clone()));
        }
    }
    let slowest = |runs: &Runs| runs.times_ms.iter().copied().fold(0.0, f64::max);
    steady.sort_by(|(_, a), (_, b)| slowest(a).total_cmp(&slowest(b)));
    steady.truncate(STEADY_MAX);
    let (steady, steady_before) = steady.into_iter().map(|(known, runs)| (known, Some(runs))).unzip();
    Ok(Replanned { others, before, steady, steady_before })
}

/// Runs each statement [`ROUNDS`] times, and once what takes too long; none for what cannot be run.
pub(super) async fn measure(
    client: &Client,
    known: &[Known],
) -> Result<Vec<Option<Runs>>, tokio_postgres::Error> {
    let mut all: Vec<Option<Runs>> = vec![Some(Runs::default()); known.len()];
    for round in 0..=ROUNDS {
        for (slot, Known { probe, .. }) in all.iter_mut().zip(known) {
            let Some(runs) = slot.as_mut().filter(|runs| !runs.gave_up) else { continue };
            match run(client, probe, "analyze, buffers, timing off").await? {
                Ran::Plan(plan) if round > 0 => count(runs, &plan),
                Ran::Plan(_) => {}
                Ran::GivenUp => {
                    runs.gave_up = true;
                    runs.times_ms = vec![f64::from(STATEMENT_TIMEOUT_MS)];
                }
                Ran::Refused => *slot = None,
            }
        }
    }
    Ok(all)
}

fn count(runs: &mut Runs, plan: &Value) {
    let Some(time_ms) = plan["Execution Time"].as_f64() else { return };
    let count = |key: &str| plan["Plan"][key].as_u64().unwrap_or_default();
    let buffers = count("Shared Hit Blocks") + count("Shared Read Blocks");
    runs.buffers = if runs.times_ms.is_empty() { buffers } else { runs.buffers.min(buffers) };
    runs.times_ms.push(time_ms);
    runs.shape.clear();
    collect_shape(&plan["Plan"], &mut runs.shape);
}

/// What became of a run.
enum Ran {
    Plan(Value),
    /// It took longer than [`STATEMENT_TIMEOUT_MS`].
    GivenUp,
    Refused,
}

/// One run as the statement's role, under its settings.
async fn run(client: &Client, probe: &Probe, options: &str) -> Result<Ran, tokio_postgres::Error> {
    let mut begin = format!(
        "begin read only; set local search_path to default; set local lock_timeout = '1s'; \
         set local statement_timeout = {STATEMENT_TIMEOUT_MS}"
    );
    for (name, value) in &probe.settings {
        begin.push_str(&format!(
            "; select pg_catalog.set_config({}, {}, true)",
            literal(name),
            literal(value)
        ));
    }
    if let Some(role) = &probe.role {
        begin.push_str(&format!("; set local role {}", literal(role)));
    }
    let ran = async {
        client.batch_execute(&begin).await?;
        explain(client, options, &probe.sql).await
    };
    let outcome = ran.await;
    match outcome {
        Err(error) if error.as_db_error().is_none() => Err(error),
        outcome => {
            client.batch_execute("rollback").await?;
            Ok(match outcome {
                Ok(plan) => Ran::Plan(plan),
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => Ran::GivenUp,
                Err(_) => Ran::Refused,
            })
        }
    }
}

fn collect_tables(node: &Value, tables: &mut BTreeSet<String>) {
    if let (Some(schema), Some(name)) = (node["Schema"].as_str(), node["Relation Name"].as_str()) {
        tables.insert(format!("{schema}.{name}"));
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect_tables(child, tables);
    }
}

fn collect_shape(node: &Value, shape: &mut String) {
    for key in ["Node Type", "Index Name", "Relation Name"] {
        shape.push_str(node[key].as_str().unwrap_or_default());
        shape.push('/');
    }
    shape.push('(');
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect_shape(child, shape);
    }
    shape.push(')');
}
