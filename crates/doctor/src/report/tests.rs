use serde_json::json;

use super::*;
use crate::checks::Remedy;
use crate::finding::Severity;
use crate::grade::{Measured, grade};
use crate::kpi::Kpi;

fn report(objects: &[&str]) -> Report {
    let finding = |object: &&str| Finding {
        id: format!("unused-index:{object}"),
        severity: Severity::Notice,
        object: (*object).to_owned(),
        summary: format!("{object} was not read"),
        evidence: json!({ "size_bytes": 10_485_760 }),
        fix_sql: Some(format!("drop index concurrently if exists {object}")),
        undo_sql: Some(format!("create index {object} on t (a)")),
        remedy: Remedy::Reversible,
        wins: vec![Kpi::Findings],
        points: 0.0,
    };
    let mut findings: Vec<Finding> = objects.iter().map(finding).collect();
    let values = Kpi::P50.targets().into_iter().map(|(target, _)| (Kpi::P50, target, true)).collect();
    let graded = grade(&Measured { values, calls: 10.0 }, &mut findings);
    Report {
        schema: SCHEMA,
        about: About {
            database: "app".to_owned(),
            server_version: "15.1".to_owned(),
            examined_at: "2026-01-01T00:00:00Z".to_owned(),
            calls: 10.0,
            workload: Source::PgStatStatements,
        },
        grade: graded.grade,
        score: graded.score,
        kpis: graded.kpis,
        caps: graded.caps,
        findings,
        statements: Vec::new(),
        limits: Vec::new(),
    }
}

#[test]
fn a_report_survives_its_json() {
    let report = report(&["public.a"]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn without_colours_there_is_no_escape_sequence() {
    assert!(!terminal(&report(&["public.a"]), false).contains('\x1b'));
    assert!(terminal(&report(&["public.a"]), true).contains('\x1b'));
}

#[test]
fn what_a_name_holds_is_not_markup() {
    let page = page(&report(&["<script>alert(1)</script>", "a\" onload=\"b"]));
    assert!(!page.contains("<script") && !page.contains("a\" onload"), "{page}");
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn a_line_break_in_a_name_does_not_leave_its_comment() {
    let mut report = report(&["public.a"]);
    report.findings[0].summary = "evil\ndrop table t;".to_owned();
    report.findings[0].remedy = Remedy::Named;
    report.findings[0].fix_sql = Some("a\nb".to_owned());
    let migration = migration(&report);
    let outside: Vec<&str> =
        migration.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
    assert_eq!(outside, ["set lock_timeout = '5s';"]);
}

#[test]
fn a_difference_names_what_was_mended_and_what_is_new() {
    let (text, told) = difference(&report(&["public.a", "public.b"]), &report(&["public.b", "public.c"]));
    assert_eq!(told["mended"], json!(["unused-index:public.a"]));
    assert_eq!(told["new"], json!(["unused-index:public.c"]));
    assert!(text.contains("mended") && text.contains("public.c"), "{text}");
}
