//! Statements that add up many rows into few, again and again: what a materialized view would keep ready.
//!
//! Only statements that ask the same each time: one whose condition has a parameter would need a view for each value.

use serde_json::json;

use super::representative::is_word;
use super::text::{Part, parts, reads, short};
use super::{Source, Statement, Workload};
use crate::checks::Remedy;
use crate::finding::{Finding, Severity};
use crate::kpi::Kpi;

/// Cheaper ones are not worth an answer that is not up to date.
const MEAN_MS_MIN: f64 = 50.0;
const CALLS_MIN: f64 = 20.0;
/// What returns more rows than this is a list and no summary.
const ROWS_MAX: f64 = 1000.0;
/// The share of all time from which on it is worth an hour.
const SHARE_NOTICE: f64 = 0.2;
const SHARE_MIN: f64 = 0.02;
/// Refreshes may take this share of one processor.
const REFRESH_SHARE: f64 = 0.01;
const REFRESH_S_MIN: f64 = 60.0;

pub(crate) const EXPLANATIONS: [(&str, &str, &str); 1] = [(
    "materialized-view",
    "Materialized views worth having",
    "A statement that adds up many rows, and whose question is the same each time, can be answered from a materialized view, \
     as old as its last refresh. REFRESH … CONCURRENTLY, which lets others read meanwhile, needs a unique index on the columns \
     that it groups by. Not for answers that must be current.",
)];

/// What the workload's counters say.
pub(super) fn summaries(workload: &Workload) -> Vec<Finding> {
    if workload.source != Source::PgStatStatements {
        return Vec::new();
    }
    let total = workload.total_ms().max(f64::MIN_POSITIVE);
    let is_meant = |s: &&Statement| {
        s.mean_ms >= MEAN_MS_MIN
            && s.calls >= CALLS_MIN
            && s.rows <= ROWS_MAX * s.calls
            && s.total_ms >= SHARE_MIN * total
            && asks_the_same(&s.text)
    };
    workload.statements.iter().filter(is_meant).map(|s| finding(s, s.total_ms / total)).collect()
}

fn finding(statement: &Statement, share: f64) -> Finding {
    let id = statement.id.map_or_else(|| short(&statement.text, 40), |id| id.to_string());
    let name = format!("summary_{}", id.trim_start_matches('-'));
    let every_s = (statement.mean_ms / 1e3 / REFRESH_SHARE).max(REFRESH_S_MIN).round();
    // A constant became a parameter, and nobody but the app knows which it was.
    let has_parameters = parts(&statement.text).any(|(_, part)| matches!(part, Part::Parameter(_)));
    let text = statement.text.trim().trim_end_matches(';');
    Finding {
        id: format!("materialized-view:{id}"),
        severity: if share >= SHARE_NOTICE { Severity::Notice } else { Severity::Info },
        object: short(&statement.text, 60),
        summary: format!(
            "{:.0} × {:.0} ms for {:.0} rows that a materialized view would keep ready (refreshed every {every_s:.0} s it costs \
             {:.1} % of a processor): {}",
            statement.calls,
            statement.mean_ms,
            statement.rows / statement.calls,
            statement.mean_ms / 10.0 / every_s,
            short(&statement.text, 90),
        ),
        evidence: json!({
            "query": statement.text, "calls": statement.calls, "mean_ms": statement.mean_ms, "share_of_time": share,
            "refresh_sql": format!("refresh materialized view {name}"), "refresh_every_s": every_s,
            "constants_unknown": has_parameters,
        }),
        fix_sql: (!has_parameters).then(|| format!("create materialized view {name} as {text}")),
        undo_sql: (!has_parameters).then(|| format!("drop materialized view {name}")),
        remedy: Remedy::Manual,
        wins: vec![Kpi::P95, Kpi::P99],
        points: 0.0,
    }
}

/// Whether it adds up, and no parameter is compared with anything: those that are left choose units and pages.
fn asks_the_same(sql: &str) -> bool {
    let all: Vec<Part<'_>> = parts(sql).map(|(_, part)| part).collect();
    let adds_up = all.windows(2).any(|w| match w {
        [Part::Word(word), Part::Symbol("(")] => {
            ["count", "sum", "avg", "min", "max", "array_agg", "json_agg", "jsonb_agg"]
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        }
        [first, second] => is_word(*first, "group") && is_word(*second, "by"),
        _ => false,
    });
    let follows_a_unit = |before: Option<&Part<'_>>| match before {
        Some(Part::Symbol(symbol)) => *symbol == "(",
        Some(part) => ["limit", "offset", "interval", "zone"].iter().any(|known| is_word(*part, known)),
        None => false,
    };
    let compares = all.iter().enumerate().any(|(at, part)| {
        let before = at.checked_sub(1).and_then(|before| all.get(before));
        let in_a_list = at > 1 && ["in", "any", "all"].iter().any(|known| is_word(all[at - 2], known));
        matches!(part, Part::Parameter(_)) && (in_a_list || !follows_a_unit(before))
    });
    reads(sql) && adds_up && !compares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(text: &str, calls: f64, mean_ms: f64) -> Workload {
        let statement = Statement {
            id: Some(-7),
            text: text.to_owned(),
            calls,
            total_ms: calls * mean_ms,
            mean_ms,
            deviation_ms: 0.0,
            rows: 4.0 * calls,
            role: None,
        };
        Workload { source: Source::PgStatStatements, statements: vec![statement] }
    }

    #[test]
    fn what_asks_the_same_each_time_is_worth_keeping_and_its_refresh_has_a_price() {
        let found = summaries(&ran("select region, sum(total) from orders group by region", 100.0, 800.0));
        assert_eq!(found[0].id, "materialized-view:-7");
        let fix = found[0].fix_sql.as_deref().unwrap();
        assert_eq!(
            fix,
            "create materialized view summary_7 as select region, sum(total) from orders group by region"
        );
        assert_eq!(found[0].evidence["refresh_every_s"], 80.0);
        let units =
            summaries(&ran("select date_trunc($1, at), count(*) from o group by 1 limit $2", 100.0, 60.0));
        assert_eq!((units.len(), units[0].fix_sql.as_deref()), (1, None));
    }

    #[test]
    fn what_asks_something_else_each_time_or_costs_little_is_not() {
        for text in [
            "select count(*) from orders where customer = $1",
            "select sum(total) from orders where state in ($1, $2)",
            "select * from orders",
        ] {
            assert!(summaries(&ran(text, 100.0, 800.0)).is_empty(), "{text}");
        }
        assert!(summaries(&ran("select count(*) from orders", 100.0, 5.0)).is_empty());
        assert!(summaries(&ran("select count(*) from orders", 3.0, 800.0)).is_empty());
    }
}
