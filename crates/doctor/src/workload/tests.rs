use super::*;

fn statement(text: &str, calls: f64, mean_ms: f64, rows: f64) -> Statement {
    Statement {
        id: Some(1),
        text: text.to_owned(),
        calls,
        total_ms: calls * mean_ms,
        mean_ms,
        deviation_ms: mean_ms / 10.0,
        rows,
        role: Some("app".to_owned()),
    }
}

fn workload(statements: Vec<Statement>) -> Workload {
    Workload { source: Source::PgStatStatements, statements }
}

#[test]
fn a_percentile_is_that_of_the_calls_and_not_of_the_statements() {
    let workload = workload(vec![statement("a", 980.0, 1.0, 0.0), statement("b", 20.0, 500.0, 0.0)]);
    assert!((workload.percentile_ms(0.5).unwrap() - 1.0).abs() < 0.05);
    assert!(workload.percentile_ms(0.95).unwrap() < 2.0);
    assert!(workload.percentile_ms(0.99).unwrap() > 400.0);
}

#[test]
fn without_calls_there_is_no_percentile() {
    assert_eq!(workload(vec![]).percentile_ms(0.5), None);
}

#[test]
fn a_loop_over_a_lists_rows_is_suspected_and_an_unrelated_lookup_is_not() {
    let list = "select id, author_id from posts order by created_at desc limit $1";
    let lookup = "select name from authors where id = $1";
    let found = |calls: f64| {
        let statements = vec![statement(list, 200.0, 1.0, 4000.0), statement(lookup, calls, 0.1, calls)];
        findings(&workload(statements)).iter().filter(|finding| finding.check() == "n-plus-one").count()
    };
    assert_eq!(found(3990.0), 1);
    assert_eq!(found(1500.0), 0);
}

#[test]
fn slow_statements_are_found_by_their_mean_and_by_their_total() {
    let statements = vec![
        statement("slow", 200.0, 900.0, 20.0),
        statement("often", 100_000.0, 1.0, 0.0),
        statement("rare", 1.0, 5.0, 1.0),
    ];
    let ids: Vec<String> = findings(&workload(statements)).into_iter().map(|finding| finding.id).collect();
    assert_eq!(ids.iter().filter(|id| id.starts_with("slow-mean:")).count(), 1, "{ids:?}");
    assert!(ids.iter().filter(|id| id.starts_with("slow-total:")).count() >= 1, "{ids:?}");
}
