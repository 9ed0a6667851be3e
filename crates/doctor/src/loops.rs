//! N+1 from a node's own traces: what an app asked again and again within one request of its own.
//!
//! The node saw each call, so these are certain, where counters only make one suspect. Input is what its admin port answers
//! to `GET /loops`.

use serde::Deserialize;
use serde_json::json;

use crate::checks::Remedy;
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;
use crate::workload::text::short;

/// A loop, and what would replace it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Loop {
    /// What was read before it.
    pub source: Asked,
    /// What was read again and again, each time with another key.
    pub lookup: Asked,
    /// Requests of the app that it was in.
    pub traces: u64,
    /// Reads that it made.
    pub calls: u64,
    /// The one call that would do.
    pub instead: String,
}

/// A read without its values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Asked {
    /// The relation or function.
    pub relation: String,
    /// The path and query.
    pub shape: String,
}

#[derive(Deserialize)]
struct Answer {
    loops: Vec<Loop>,
}

impl Loop {
    /// Reads what a node answered.
    pub fn parse(text: &str) -> Result<Vec<Loop>, serde_json::Error> {
        serde_json::from_str(text).map(|answer: Answer| answer.loops)
    }

    pub(crate) fn finding(&self) -> Finding {
        let Loop { source, lookup, traces, calls, instead } = self;
        let object = format!("{} after {}", lookup.shape, source.shape);
        Finding {
            id: format!("n-plus-one:{}", short(&object, 160)),
            severity: Severity::Notice,
            summary: format!(
                "{calls} calls of GET {} in {traces} requests of the app, {:.0} in each, after GET {}: {instead} asks once",
                short(&lookup.shape, 90),
                *calls as f64 / (*traces).max(1) as f64,
                short(&source.shape, 90),
            ),
            evidence: json!({
                "certainty": "certain", "lookup": lookup.shape, "source": source.shape, "calls": calls, "requests": traces,
                "instead": instead,
            }),
            object,
            fix_sql: None,
            undo_sql: None,
            remedy: Remedy::Manual,
            wins: vec![Kpi::Findings],
            points: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_a_node_saw_is_certain_and_names_what_replaces_it() {
        let text = r#"{"loops": [{"source": {"relation": "orders", "shape": "/orders?select=id"},
            "lookup": {"relation": "customers", "shape": "/customers?id=eq.$"}, "traces": 4, "calls": 80,
            "instead": "GET /orders?select=id,customers(*)"}], "calls_unnamed": 0}"#;
        let finding = Loop::parse(text).unwrap()[0].finding();
        assert_eq!(finding.check(), "n-plus-one");
        assert_eq!(finding.evidence["certainty"], "certain");
        assert!(finding.summary.contains("20 in each") && finding.summary.contains("customers(*) asks once"));
        assert!(Loop::parse("{}").is_err());
    }
}
