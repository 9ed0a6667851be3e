//! Rights that are missing, locks that are held, and databases that are large.

use std::time::{Duration, Instant};

use doctor::{Error, Examination, examine};
use tokio_postgres::NoTls;

use crate::fixture::Patient;

#[tokio::test]
async fn a_login_without_rights_gets_a_report_that_says_what_it_lacks() {
    let patient = Patient::new("create role poor login;\ncreate table t (id int primary key)").await;
    let mut config: tokio_postgres::Config = patient.cluster.uri("postgres").parse().unwrap();
    let (client, connection) = config.user("poor").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let report = examine(&client, &Examination::default(), &[], &mut |_| {}).await.unwrap();
    assert!(report.limits.iter().any(|limit| limit.why.contains("pg_read_all_stats")), "{:?}", report.limits);
}

#[tokio::test]
async fn a_table_that_is_locked_holds_nobody_up() {
    let patient = Patient::new(
        "create table t (id int primary key);\ninsert into t select generate_series(1, 2000);\nanalyze t",
    )
    .await;
    let holder = patient.other().await;
    holder.batch_execute("begin; lock table t in access exclusive mode").await.unwrap();
    let begun = Instant::now();
    let report = patient.examine().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(report.grade.letter(), 'I');
}

#[tokio::test]
async fn a_role_that_does_not_exist_is_named() {
    let patient = Patient::new("select 1").await;
    let examination = Examination { exposed: vec!["nobody_here".to_owned()], ..Examination::default() };
    let client = patient.other().await;
    let error = examine(&client, &examination, &[], &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::NoRole(name) if name == "nobody_here"));
}

#[tokio::test]
async fn every_query_of_the_user_stays_unrun() {
    let patient = Patient::new("create table t (id int primary key);\ninsert into t values (1)").await;
    patient.run("select count(*) from t where id = 1").await;
    let calls =
        "select calls from extensions.pg_stat_statements where query like 'select count(*) from t where%'";
    let before = patient.value(calls).await;
    patient.examine().await;
    assert_eq!(patient.value(calls).await, before);
    assert_eq!(before, "1");
}
