//! Where an index advisor joins: what it recommends becomes a finding, and `apply` proves it like any other index.
//!
//! The advisor hands over [`Recommendation`]s; the command line reads them from the file that an advisor writes. Never
//! decides which index is worth having: the measurement does.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::checks::Remedy;
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;

/// The check's name.
pub(crate) const MISSING_INDEX: &str = "missing-index";

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 1] = [(
    MISSING_INDEX,
    "Missing indexes",
    "An index that the planner would use for statements of the workload, by an advisor's estimate. The estimate is the \
     planner's cost; apply builds the index, runs the statements before and after, and keeps it only if they gain.",
)];

/// The share of the workload's cost from which on an index that is missing is a warning.
const WORKLOAD_SHARE_WARNING: f64 = 0.05;
/// The share of its own statements' cost from which on it is worth an hour.
const OWN_SHARE_NOTICE: f64 = 0.3;
/// The largest file of recommendations that is read.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An index that an advisor recommends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The table, with its schema.
    pub table: String,
    /// The key columns, in order.
    pub columns: Vec<String>,
    /// The columns that are only carried.
    #[serde(default)]
    pub include: Vec<String>,
    /// The condition of a partial index.
    #[serde(default, rename = "where")]
    pub predicate: Option<String>,
    /// The access method.
    #[serde(default = "btree")]
    pub method: String,
    /// `create index …`, as the advisor wrote it.
    pub ddl: String,
    /// What it would take.
    #[serde(default)]
    pub size_bytes: u64,
    /// The workload's cost without and with it, where the advisor says.
    #[serde(default)]
    pub cost_before: Option<f64>,
    /// As above.
    #[serde(default)]
    pub cost_after: Option<f64>,
    /// What the whole workload costs without any new index, where the advisor says.
    #[serde(default)]
    pub workload_cost: Option<f64>,
    /// The advisor's reason.
    #[serde(default)]
    pub why: Option<String>,
    /// The statements that would use it.
    #[serde(default)]
    pub statements: Vec<Gaining>,
    /// How the advisor knows.
    #[serde(default)]
    pub basis: Basis,
}

/// A statement that would use the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaining {
    /// Its name in the workload.
    pub name: String,
    /// What a call costs without it, in the planner's unit.
    pub cost_before: f64,
    /// What a call would cost.
    pub cost_after: f64,
}

/// What a recommendation rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A planner's estimate.
    #[default]
    Estimated,
    /// The estimate of the server's own planner with HypoPG, which takes indexes for larger than they are.
    #[serde(rename = "hypopg")]
    HypoPg,
    /// The words of the statements: nothing was planned.
    Heuristic,
}

/// Why a file of recommendations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is longer than any advisor's.
    #[error("it is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// It is not what an advisor writes.
    #[error("it is not {{\"indexes\": [{{\"table\", \"columns\", \"ddl\", …}}]}}: {0}")]
    Json(#[from] serde_json::Error),
    /// A statement that creates no index.
    #[error("\"{0}\" does not create an index")]
    NoIndex(String),
}

#[derive(Deserialize)]
struct File {
    indexes: Vec<Recommendation>,
}

fn btree() -> String {
    "btree".to_owned()
}

impl Recommendation {
    /// Reads what an advisor wrote: `{"indexes": […]}`.
    pub fn parse(text: &str) -> Result<Vec<Recommendation>, ParseError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ParseError::TooLong);
        }
        let File { indexes } = serde_json::from_str(text)?;
        // What is run is made from the parts, but a file whose statements do something else is no advisor's.
        match indexes.iter().find(|index| !index.creates_an_index()) {
            Some(other) => Err(ParseError::NoIndex(other.ddl.clone())),
            None => Ok(indexes),
        }
    }

    fn creates_an_index(&self) -> bool {
        let ddl = self.ddl.trim().trim_end_matches(';').to_ascii_lowercase();
        ddl.starts_with("create index ") && !ddl.contains(';')
    }

    /// The finding that proposes it.
    pub fn finding(&self) -> Finding {
        let name = self.index_name();
        let keys = self.columns.join(", ");
        let include = match self.include.is_empty() {
            true => String::new(),
            false => format!(" include ({})", self.include.join(", ")),
        };
        let predicate =
            self.predicate.as_ref().map(|predicate| format!(" where {predicate}")).unwrap_or_default();
        let schema = self.table.rsplit_once('.').map_or("public", |(schema, _)| schema);
        let gain = match (self.cost_before, self.cost_after) {
            (Some(before), Some(after)) if before > 0.0 => {
                let by = if self.basis == Basis::HypoPg { " with HypoPG" } else { "" };
                format!(": the planner{by} expects {:.0} % less cost", 100.0 * (1.0 - after / before))
            }
            _ if self.basis == Basis::Heuristic => ", by the words of the statements alone".to_owned(),
            _ => String::new(),
        };
        Finding {
            id: format!("{MISSING_INDEX}:{}.{name}", self.table),
            severity: self.severity(),
            object: self.table.clone(),
            summary: format!("{} would gain from an index on ({keys}){gain}", self.table),
            evidence: json!({
                "table": self.table, "size_bytes": self.size_bytes, "cost_before": self.cost_before,
                "cost_after": self.cost_after, "why": self.why, "method": self.basis,
                "statements": self.statements, "write_us_per_row": self.write_us_per_row(),
            }),
            fix_sql: Some(format!(
                "create index concurrently {name} on {} using {} ({keys}){include}{predicate}",
                self.table, self.method
            )),
            undo_sql: Some(format!("drop index concurrently if exists {schema}.{name}")),
            remedy: Remedy::Index,
            wins: vec![Kpi::P50, Kpi::P95, Kpi::P99, Kpi::NonIndex],
            points: 0.0,
        }
    }

    /// By what it would save: much of the workload's cost, or most of the cost of its own statements. What saves little of
    /// either is told, and not counted.
    fn severity(&self) -> Severity {
        let (Some(before), Some(after), Some(all)) = (self.cost_before, self.cost_after, self.workload_cost)
        else {
            return Severity::Warning;
        };
        let share_of = |whole: f64| (before - after) / whole.max(f64::MIN_POSITIVE);
        match (share_of(all), share_of(before)) {
            (of_all, _) if of_all >= WORKLOAD_SHARE_WARNING => Severity::Warning,
            (_, of_own) if of_own >= OWN_SHARE_NOTICE => Severity::Notice,
            _ => Severity::Info,
        }
    }

    /// What a row written costs more, in microseconds, as it was measured for each access method; a partial index costs that
    /// for the rows it holds.
    fn write_us_per_row(&self) -> Option<f64> {
        match self.method.as_str() {
            "btree" => Some(1.2),
            "brin" => Some(0.3),
            _ => None,
        }
    }

    /// A name of its own, from what it holds: an advisor's may be taken.
    fn index_name(&self) -> String {
        let table = self.table.rsplit('.').next().unwrap_or_default();
        let words = std::iter::once(table).chain(self.columns.iter().map(String::as_str));
        let mut name: String = words
            .flat_map(|word| word.chars().chain(['_']))
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        name.truncate(46);
        // Two indexes on the same columns differ in what else they hold.
        let rest = (&self.include, &self.predicate, &self.method, &self.columns);
        let text = format!("{rest:?}");
        let digest = text
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{}_{digest:08x}_idx", name.trim_matches('_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_advisor_writes_becomes_an_index_to_prove() {
        let text = r#"{"indexes": [{"table": "public.calls", "columns": ["org_id", "created_at desc"],
            "include": ["status"], "where": "status = 'pending'", "method": "btree",
            "ddl": "create index on public.calls (org_id)", "size_bytes": 8192,
            "cost_before": 200.0, "cost_after": 50.0}], "seconds": 1.5}"#;
        let finding = Recommendation::parse(text).unwrap()[0].finding();
        assert_eq!(finding.check(), "missing-index");
        let name = finding.undo_sql.unwrap().rsplit_once('.').unwrap().1.to_owned();
        assert_eq!(
            finding.fix_sql.unwrap(),
            format!(
                "create index concurrently {name} on public.calls using btree (org_id, created_at desc) \
                 include (status) where status = 'pending'"
            )
        );
        assert!(finding.summary.contains("75 % less"), "{}", finding.summary);
    }

    #[test]
    fn an_index_matters_by_what_it_saves() {
        let severity = |before: f64, after: f64| {
            let text = json!({"indexes": [{"table": "t", "columns": ["a"], "ddl": "create index on t (a)",
                "cost_before": before, "cost_after": after, "workload_cost": 10_000}]});
            Recommendation::parse(&text.to_string()).unwrap()[0].finding().severity
        };
        assert_eq!(severity(9_000.0, 8_000.0), Severity::Warning);
        assert_eq!(severity(200.0, 20.0), Severity::Notice);
        assert_eq!(severity(200.0, 190.0), Severity::Info);
    }

    #[test]
    fn a_file_that_does_something_else_is_refused() {
        for ddl in ["drop table t", "create index on t (a); drop table t", "create unique index on t (a)"] {
            let text = json!({"indexes": [{"table": "t", "columns": ["a"], "ddl": ddl}]}).to_string();
            assert!(matches!(Recommendation::parse(&text), Err(ParseError::NoIndex(_))), "{ddl}");
        }
    }
}
