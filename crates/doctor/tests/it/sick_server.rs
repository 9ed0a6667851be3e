//! Servers that are set up, or used, badly.

use std::time::Duration;

use doctor::{Examination, Severity, examine};

use crate::fixture::{Patient, alarms, finding, ids, settings};

#[tokio::test]
async fn sessions_that_hold_a_transaction_open_are_found() {
    let patient = Patient::with(
        settings().with("max_prepared_transactions", "2"),
        "create table t (id int primary key)",
    )
    .await;
    let idle = patient.other().await;
    idle.batch_execute("begin; select 1").await.unwrap();
    patient.run("begin;\ninsert into t values (1);\nprepare transaction 'left'").await;
    let at_once =
        Examination { idle_after: Duration::ZERO, open_after: Duration::ZERO, ..Examination::default() };
    let report = patient.examine_as(&at_once).await;
    let pid = idle.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    assert!(ids(&report).contains(&format!("idle-in-transaction:pid {pid}").as_str()), "{:?}", ids(&report));
    assert_eq!(finding(&report, "long-transaction:prepared left").severity, Severity::Critical);
    // Neither has been there for long.
    assert!(alarms(&patient.examine().await).is_empty());
}

#[tokio::test]
async fn connections_near_their_limit_are_found() {
    let patient = Patient::with(settings().with("max_connections", "20"), "select 1").await;
    let mut others = Vec::new();
    for _ in 0..15 {
        others.push(patient.other().await);
    }
    assert_eq!(alarms(&patient.examine().await), ["connections:server"]);
}

#[tokio::test]
async fn settings_that_endanger_or_waste_are_found() {
    let bad = settings()
        .with("fsync", "off")
        .with("password_encryption", "md5")
        .with("effective_cache_size", "1MB")
        .with("work_mem", "128MB")
        .with("wal_level", "replica");
    let patient = Patient::with(bad, "select 1").await;
    let report = patient.examine().await;
    let expected = [
        "durability:fsync",
        "password-encryption:password_encryption",
        "settings-memory:effective_cache_size",
        "settings-memory:work_mem",
    ];
    assert_eq!(alarms(&report), expected);
    assert_eq!(finding(&report, "logical-replication:wal_level").severity, Severity::Info);
}

#[tokio::test]
async fn a_slot_that_nobody_reads_is_found() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a text);
select pg_create_physical_replication_slot('gone', true);
insert into t select n, repeat('x', 900) from generate_series(1, 90000) n;
vacuum analyze t",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["replication-slot:gone"]);
}

#[tokio::test]
async fn sorts_on_disk_and_misses_of_the_buffers_are_found() {
    let patient = Patient::with(
        settings().with("shared_buffers", "1MB").with("work_mem", "64kB"),
        "create table t (id int8 primary key, a text);
insert into t select n, repeat('x', 500) from generate_series(1, 100000) n;
vacuum analyze t;
select pg_stat_reset()",
    )
    .await;
    for _ in 0..6 {
        patient.run("select sum(length(a)) from t").await;
    }
    let report = patient.examine().await;
    assert!(alarms(&report).contains(&"cache-hit-ratio:postgres"), "{:?}", alarms(&report));
    assert!(!alarms(&report).contains(&"temporary-files:postgres"), "{:?}", alarms(&report));
    for _ in 0..22 {
        patient.run("select count(*) from (select a, id from t order by -id, a offset 0) s").await;
    }
    let found = patient.examine().await;
    assert!(alarms(&found).contains(&"temporary-files:postgres"), "{:?}", alarms(&found));
}

#[tokio::test]
async fn slow_statements_are_found_with_their_text() {
    let patient = Patient::new("create table t (id int8 primary key)").await;
    for _ in 0..12 {
        patient.run("select sum(n) from generate_series(1, 1500000) n").await;
    }
    let report = patient.examine().await;
    let slow = report.findings.iter().find(|finding| finding.check() == "slow-mean").expect("it is found");
    assert!(slow.evidence["query"].as_str().unwrap().contains("generate_series"), "{slow:?}");
}

#[tokio::test]
async fn without_the_extension_statements_are_sampled_and_the_grade_is_incomplete() {
    let patient = Patient::new("drop extension pg_stat_statements").await;
    let busy = patient.other().await;
    let working = busy.batch_execute("select count(*) from generate_series(1, 300000000)");
    let examining = async {
        let client = patient.other().await;
        let examination = Examination { sample: Duration::from_millis(500), ..Examination::default() };
        let report = examine(&client, &examination, &[], &mut |_| {}).await.unwrap();
        patient.run("select pg_cancel_backend(pid) from pg_stat_activity where query like '%300000000%' and pid <> pg_backend_pid()").await;
        report
    };
    let (_, report) = tokio::join!(working, examining);
    assert_eq!(report.grade.letter(), 'I');
    assert!(
        report.statements.iter().any(|statement| statement.text.contains("300000000")),
        "{:?}",
        report.statements
    );
    assert!(report.limits.iter().any(|limit| limit.why.contains("shared_preload_libraries")));
}
