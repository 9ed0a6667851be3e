use serde_json::Value;

use super::*;
use crate::checks::Remedy;

fn finding(id: &str, severity: Severity, wins: &[Kpi]) -> Finding {
    Finding {
        id: id.to_owned(),
        severity,
        object: String::new(),
        summary: String::new(),
        evidence: Value::Null,
        fix_sql: None,
        undo_sql: None,
        remedy: Remedy::Manual,
        wins: wins.to_vec(),
        points: 0.0,
    }
}

fn healthy() -> Measured {
    let values =
        [(Kpi::P50, 0.1), (Kpi::P95, 2.0), (Kpi::P99, 5.0), (Kpi::CacheMiss, 0.5), (Kpi::DeadTuples, 1.0)];
    let values =
        values.into_iter().map(|(kpi, value)| (kpi, value, true)).chain([(Kpi::NonIndex, 0.1, false)]);
    Measured { values: values.collect(), calls: 5000.0 }
}

#[test]
fn a_healthy_database_gets_an_a() {
    let graded = grade(&healthy(), &mut []);
    assert_eq!(graded.grade, Grade::A);
    assert!(graded.score > 98.0, "{}", graded.score);
}

#[test]
fn too_few_calls_or_too_little_measured_is_incomplete() {
    assert_eq!(grade(&Measured { calls: 999.0, ..healthy() }, &mut []).grade, Grade::I);
    let mut measured = healthy();
    measured.values.truncate(2);
    assert_eq!(grade(&measured, &mut []).grade, Grade::I);
}

#[test]
fn a_cap_holds_however_good_the_rest_is() {
    for (id, severity, expected) in [
        ("invalid-index:i", Severity::Warning, Grade::B),
        ("exposed-table:t", Severity::Critical, Grade::C),
        ("wraparound:t", Severity::Critical, Grade::D),
        ("wraparound:t", Severity::Warning, Grade::A),
    ] {
        let graded = grade(&healthy(), &mut [finding(id, severity, &[Kpi::Findings])]);
        assert_eq!(graded.grade, expected, "{id}");
    }
}

#[test]
fn every_point_that_a_finding_can_win_is_given_to_one() {
    let mut measured = healthy();
    measured.values[1].1 = 300.0;
    let mut findings = [
        finding("missing-index:a", Severity::Warning, &[Kpi::P95]),
        finding("missing-index:b", Severity::Notice, &[Kpi::P95]),
        finding("other:c", Severity::Notice, &[Kpi::Findings]),
    ];
    let graded = grade(&measured, &mut findings);
    let lost: f64 = graded
        .kpis
        .iter()
        .filter(|kpi| matches!(kpi.kpi, Kpi::P95 | Kpi::Findings))
        .map(|kpi| kpi.lost)
        .sum();
    let won: f64 = findings.iter().map(|finding| finding.points).sum();
    assert!((lost - won).abs() < 1e-9, "{lost} {won}");
    assert_eq!(findings[0].id, "missing-index:a");
    let p95 = graded.kpis.iter().find(|kpi| kpi.kpi == Kpi::P95).unwrap();
    assert_eq!(p95.won_back_by, ["missing-index:a", "missing-index:b"]);
}

#[test]
fn a_check_that_finds_a_hundred_objects_costs_no_more_than_its_limit() {
    let mut findings: Vec<Finding> =
        (0..100).map(|n| finding(&format!("unused-index:{n}"), Severity::Notice, &[Kpi::Findings])).collect();
    let graded = grade(&healthy(), &mut findings);
    let own = graded.kpis.iter().find(|kpi| kpi.kpi == Kpi::Findings).unwrap();
    assert!((own.value.unwrap() - 70.0).abs() < 1e-9);
}
