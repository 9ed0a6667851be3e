//! The checks: each a file with its explanation, and beside it the query that finds what it is about.
//!
//! Every query returns the same columns (object, severity, summary, evidence, fix, undo) and takes the same parameters:
//! `$1` the roles of strangers, `$2` how old statistics must be before an index counts as unused, `$3` how long a session
//! may be idle in a transaction and `$4` how long one may be open, in seconds. Nothing here writes.

mod autovacuum_off;
mod autovacuum_threshold;
mod cache_hit_ratio;
mod connections;
mod constraint_not_validated;
mod dead_tuples;
mod definer_function;
mod definer_view;
mod duplicate_index;
mod durability;
mod exposed_table;
mod extension_in_public;
mod foreign_key_index;
mod function_search_path;
mod idle_in_transaction;
mod index_bloat;
mod invalid_index;
mod key_exhaustion;
mod logical_replication;
mod long_transaction;
mod multiple_policies;
mod no_primary_key;
mod object_identifier_column;
mod partitioning;
mod password_encryption;
mod policy_always_true;
mod policy_unindexed;
mod policy_without_rls;
mod public_schema_create;
mod redundant_index;
mod replication_slot;
mod rls_without_policy;
mod sensitive_column;
mod sequential_scans;
mod settings_memory;
mod stale_statistics;
mod table_bloat;
mod temporary_files;
mod unprotected_relation;
mod unused_index;
mod wraparound;

use serde::{Deserialize, Serialize};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::examine::Examination;
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;

/// How `apply` treats what a check proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// An index to build: kept where it is measured to help, else dropped.
    Index,
    /// An index to drop: built again where a statement is measured to suffer.
    Reversible,
    /// VACUUM, ANALYZE, REINDEX: changes nothing that would have to be undone.
    Maintenance,
    /// A setting of a table, which is put back by `undo`.
    Setting,
    /// Can be undone, but changes who may do what: applied only where `--only` names it.
    Named,
    /// For a person to do.
    Manual,
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its name, the first half of its findings' ids.
    pub id: &'static str,
    /// What it looks for.
    pub title: &'static str,
    /// Why it matters, and what to do.
    pub explanation: &'static str,
    /// The indicators that mending it raises.
    pub wins: &'static [Kpi],
    /// How `apply` treats its fixes.
    pub remedy: Remedy,
    sql: &'static str,
}

/// Every check, in the order in which they run.
pub(crate) const ALL: [&Check; 41] = [
    &invalid_index::CHECK,
    &duplicate_index::CHECK,
    &redundant_index::CHECK,
    &unused_index::CHECK,
    &foreign_key_index::CHECK,
    &index_bloat::CHECK,
    &sequential_scans::CHECK,
    &cache_hit_ratio::CHECK,
    &dead_tuples::CHECK,
    &autovacuum_threshold::CHECK,
    &autovacuum_off::CHECK,
    &stale_statistics::CHECK,
    &table_bloat::CHECK,
    &wraparound::CHECK,
    &partitioning::CHECK,
    &no_primary_key::CHECK,
    &key_exhaustion::CHECK,
    &constraint_not_validated::CHECK,
    &idle_in_transaction::CHECK,
    &long_transaction::CHECK,
    &connections::CHECK,
    &settings_memory::CHECK,
    &durability::CHECK,
    &temporary_files::CHECK,
    &replication_slot::CHECK,
    &logical_replication::CHECK,
    &exposed_table::CHECK,
    &policy_without_rls::CHECK,
    &rls_without_policy::CHECK,
    &policy_always_true::CHECK,
    &policy_unindexed::CHECK,
    &multiple_policies::CHECK,
    &definer_view::CHECK,
    &function_search_path::CHECK,
    &definer_function::CHECK,
    &public_schema_create::CHECK,
    &extension_in_public::CHECK,
    &unprotected_relation::CHECK,
    &sensitive_column::CHECK,
    &object_identifier_column::CHECK,
    &password_encryption::CHECK,
];

/// Each check's name, title and explanation, those without a query of their own too.
pub fn explanations() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let own = ALL.iter().map(|check| (check.id, check.title, check.explanation));
    own.chain(crate::workload::EXPLANATIONS)
        .chain(crate::workload::OF_SUMMARIES)
        .chain(crate::policies::EXPLANATIONS)
        .chain(crate::defeats::EXPLANATIONS)
        .chain(crate::correlation::EXPLANATIONS)
        .chain(crate::recommendation::EXPLANATIONS)
}

/// Runs one check.
pub(crate) async fn run(
    client: &Client,
    check: &Check,
    exposed: &[u32],
    examination: &Examination,
) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let [unused_s, idle_s, open_s] =
        [examination.unused_after, examination.idle_after, examination.open_after]
            .map(|span| span.as_secs_f64());
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&exposed, Type::OID_ARRAY),
        (&unused_s, Type::FLOAT8),
        (&idle_s, Type::FLOAT8),
        (&open_s, Type::FLOAT8),
    ];
    let rows = client.query_typed(check.sql, &parameters).await?;
    rows.iter().map(|row| read(check, row)).collect()
}

fn read(check: &Check, row: &Row) -> Result<Finding, tokio_postgres::Error> {
    let object: String = row.try_get("object")?;
    let evidence: &str = row.try_get("evidence")?;
    Ok(Finding {
        id: format!("{}:{object}", check.id),
        severity: Severity::read(row.try_get("severity")?),
        object,
        summary: row.try_get("summary")?,
        // The server made it with its own json functions.
        evidence: serde_json::from_str(evidence).unwrap_or_default(),
        fix_sql: row.try_get("fix_sql")?,
        undo_sql: row.try_get("undo_sql")?,
        remedy: check.remedy,
        wins: check.wins.to_vec(),
        points: 0.0,
    })
}
