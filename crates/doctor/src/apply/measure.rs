//! Runs statements and counts: time and blocks, by EXPLAIN (ANALYZE, BUFFERS), each in a read-only transaction of its own.
//!
//! The statements take turns, round after round, so that whatever else the machine does meets all of them alike.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Client;

use super::judgement::Runs;
use crate::explain::explain;
use crate::workload::Probe;

/// Rounds that count; one before them fills the buffers.
const ROUNDS: usize = 5;
/// What takes longer than this is not measured.
const STATEMENT_TIMEOUT: &str = "20s";

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
        if let Some(plan) = run(client, probe, "verbose").await? {
            let mut tables = BTreeSet::new();
            collect_tables(&plan["Plan"], &mut tables);
            known.push(Known { probe: probe.clone(), tables });
        }
    }
    Ok(known)
}

/// Runs each statement [`ROUNDS`] times; none for what cannot be run.
pub(super) async fn measure(
    client: &Client,
    known: &[Known],
) -> Result<Vec<Option<Runs>>, tokio_postgres::Error> {
    let mut all: Vec<Option<Runs>> = vec![Some(Runs::default()); known.len()];
    for round in 0..=ROUNDS {
        for (runs, Known { probe, .. }) in all.iter_mut().zip(known) {
            if runs.is_none() {
                continue;
            }
            let plan = run(client, probe, "analyze, buffers, timing off").await?;
            let measured = plan.as_ref().and_then(|plan| Some((plan["Execution Time"].as_f64()?, plan)));
            match (measured, runs.as_mut()) {
                (Some((time_ms, plan)), Some(runs)) if round > 0 => {
                    let count = |key: &str| plan["Plan"][key].as_u64().unwrap_or_default();
                    let buffers = count("Shared Hit Blocks") + count("Shared Read Blocks");
                    runs.buffers = if round == 1 { buffers } else { runs.buffers.min(buffers) };
                    runs.times_ms.push(time_ms);
                    runs.shape.clear();
                    collect_shape(&plan["Plan"], &mut runs.shape);
                }
                (Some(_), _) => {}
                (None, _) => *runs = None,
            }
        }
    }
    Ok(all)
}

/// One run as the statement's role, under its settings; none where the server refuses it.
async fn run(client: &Client, probe: &Probe, options: &str) -> Result<Option<Value>, tokio_postgres::Error> {
    let mut begin = format!(
        "begin read only; set local search_path to default; set local lock_timeout = '1s'; \
         set local statement_timeout = '{STATEMENT_TIMEOUT}'"
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
            Ok(outcome.ok())
        }
    }
}

/// A literal, whatever the server thinks of backslashes.
pub(super) fn literal(text: &str) -> String {
    format!(" e'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
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
