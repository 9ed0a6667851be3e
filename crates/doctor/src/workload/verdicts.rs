//! What the statements' counters say: which are slow, which take most of the time, and which look like a loop.

use serde_json::json;

use super::summaries::summaries;
use super::text::{Part, parts, reads, short};
use super::{Source, Statement, Workload};
use crate::checks::Remedy;
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;

/// A statement that takes longer than this, again and again, is slow.
const SLOW_MS: f64 = 100.0;
const SLOW_CALLS: f64 = 10.0;
/// A statement that takes this share of all time is worth a look, if it takes a millisecond at all.
const TOTAL_SHARE: f64 = 0.2;
const TOTAL_MEAN_MS: f64 = 5.0;
/// From here on a list and its look-ups are worth comparing.
const LOOP_CALLS: f64 = 500.0;
/// How closely the look-ups must match the rows of the list.
const LOOP_TOLERANCE: f64 = 0.02;
const LIST_ROWS: f64 = 5.0;

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 3] = [
    (
        "slow-mean",
        "Slow statements",
        "A statement that takes 100 ms or more on the average is felt by whoever waits for it. Its plan shows why: look for \
         sequential scans, sorts on disk, and rows that are read and thrown away.",
    ),
    (
        "slow-total",
        "Statements that take most of the time",
        "Where the server spends its time is where it is won: a statement that takes a fifth of it and more than a few \
         milliseconds each time.",
    ),
    (
        "n-plus-one",
        "N+1",
        "The app asks for a list, and then for each row's relative by itself. One query with a join, or an embedded resource, \
         replaces them. Certain where a node saw the calls in one request of the app (--admin); suspected where \
         pg_stat_statements counted as many look-ups of one row as a list returned rows: counters cannot prove it.",
    ),
];

/// What the workload's counters say.
pub(crate) fn findings(workload: &Workload) -> Vec<Finding> {
    let mut findings = slow(workload);
    findings.extend(loops(workload));
    findings.extend(summaries(workload));
    findings
}

fn slow(workload: &Workload) -> Vec<Finding> {
    let total = workload.total_ms();
    let mut findings = Vec::new();
    for statement in &workload.statements {
        let share = statement.total_ms / total.max(f64::MIN_POSITIVE);
        if statement.mean_ms >= SLOW_MS && statement.calls >= SLOW_CALLS {
            let severity = if statement.mean_ms >= 1000.0 { Severity::Warning } else { Severity::Notice };
            let summary =
                format!("{:.0} ms on the average: {}", statement.mean_ms, short(&statement.text, 90));
            findings.push(finding("slow-mean", severity, statement, summary, share));
        }
        let is_heavy = match workload.source {
            Source::PgStatStatements => statement.mean_ms >= TOTAL_MEAN_MS && statement.calls >= SLOW_CALLS,
            Source::Sampled => statement.total_ms >= 1000.0,
        };
        if share >= TOTAL_SHARE && is_heavy {
            let summary = format!("{:.0} % of all time: {}", 100.0 * share, short(&statement.text, 90));
            findings.push(finding("slow-total", Severity::Notice, statement, summary, share));
        }
    }
    findings
}

fn finding(check: &str, severity: Severity, statement: &Statement, summary: String, share: f64) -> Finding {
    Finding {
        id: format!(
            "{check}:{}",
            statement.id.map_or_else(|| short(&statement.text, 40), |id| id.to_string())
        ),
        severity,
        object: short(&statement.text, 60),
        summary,
        evidence: json!({
            "query": statement.text, "calls": statement.calls, "mean_ms": statement.mean_ms,
            "total_ms": statement.total_ms, "share_of_time": share, "role": statement.role,
        }),
        fix_sql: None,
        undo_sql: None,
        remedy: Remedy::Manual,
        wins: vec![Kpi::P50, Kpi::P95, Kpi::P99],
        points: 0.0,
    }
}

/// A list and a look-up that ran as often as the list had rows, as the same role.
fn loops(workload: &Workload) -> Vec<Finding> {
    let is_list = |s: &&Statement| {
        s.calls >= 10.0 && s.rows >= LIST_ROWS * s.calls && s.rows >= LOOP_CALLS && reads(&s.text)
    };
    let is_lookup = |s: &&Statement| s.calls >= LOOP_CALLS && s.rows <= 1.5 * s.calls && looks_up(&s.text);
    let lists: Vec<&Statement> = workload.statements.iter().filter(is_list).collect();
    let mut findings = Vec::new();
    for lookup in workload.statements.iter().filter(is_lookup) {
        let off = |list: &Statement| (lookup.calls / list.rows - 1.0).abs();
        let closest = lists
            .iter()
            .filter(|list| list.role == lookup.role && list.calls * LIST_ROWS <= lookup.calls)
            .min_by(|a, b| off(a).total_cmp(&off(b)));
        let Some(list) = closest.filter(|list| off(list) <= LOOP_TOLERANCE) else { continue };
        let summary = format!(
            "{:.0} look-ups for {:.0} rows of a list: {}",
            lookup.calls,
            list.rows,
            short(&lookup.text, 70)
        );
        let mut found = finding("n-plus-one", Severity::Info, lookup, summary, 0.0);
        found.evidence = json!({
            "certainty": "suspected", "lookup": lookup.text, "calls": lookup.calls, "list": list.text,
            "list_calls": list.calls, "list_rows": list.rows,
        });
        findings.push(found);
    }
    findings
}

/// Whether it asks for what one value names: `… where … = $n`, with nothing that makes a list of it.
fn looks_up(sql: &str) -> bool {
    let all: Vec<Part<'_>> = parts(sql).map(|(_, part)| part).collect();
    let keyed = all.windows(3).any(|w| matches!(w, [Part::Word(_), Part::Symbol("="), Part::Parameter(_)]));
    reads(sql) && keyed
}
