//! Two reports of one database side by side: what became better, what worse, what is new.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Report;
use crate::finding::Finding;

/// The difference as text, and as JSON.
pub fn difference(before: &Report, after: &Report) -> (String, Value) {
    let missing = |from: &Report, other: &Report| -> Vec<Finding> {
        let is_new = |finding: &&Finding| !other.findings.iter().any(|known| known.id == finding.id);
        from.findings.iter().filter(is_new).cloned().collect()
    };
    let (mended, new) = (missing(before, after), missing(after, before));
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{} ({:.0}) -> {} ({:.0})",
        before.grade.letter(),
        before.score,
        after.grade.letter(),
        after.score
    );
    let mut kpis = Vec::new();
    for kpi in &after.kpis {
        let was = before.kpis.iter().find(|was| was.kpi == kpi.kpi).and_then(|was| was.value);
        kpis.push(json!({ "kpi": kpi.kpi, "before": was, "after": kpi.value }));
        if let (Some(was), Some(is)) = (was, kpi.value) {
            let _ = writeln!(out, "  {:28} {was:>10.2} -> {is:>10.2} {}", kpi.kpi.title(), kpi.kpi.unit());
        }
    }
    for (sign, findings) in [("mended", &mended), ("new", &new)] {
        for finding in findings {
            let _ = writeln!(out, "  {sign:8} {:8} {}", finding.severity.name(), finding.summary);
        }
    }
    let ids = |findings: &[Finding]| findings.iter().map(|finding| finding.id.clone()).collect::<Vec<_>>();
    let told = json!({
        "grade": { "before": before.grade, "after": after.grade },
        "score": { "before": before.score, "after": after.score },
        "kpis": kpis, "mended": ids(&mended), "new": ids(&new),
    });
    (out, told)
}
