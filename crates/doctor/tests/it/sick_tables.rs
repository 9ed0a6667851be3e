//! Tables that are read, vacuumed or keyed badly.

use doctor::Severity;

use crate::fixture::{Patient, alarms, finding, settings};

#[tokio::test]
async fn a_large_table_read_from_end_to_end_is_found() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a int);
create table small (id int8 primary key);
insert into t select n, n from generate_series(1, 20000) n;
insert into small select generate_series(1, 100);
vacuum analyze t;
vacuum analyze small",
    )
    .await;
    for _ in 0..150 {
        patient.run("select count(*) from t where a = 1;\nselect count(*) from small").await;
    }
    let report = patient.examine().await;
    let alarms = alarms(&report);
    assert!(alarms.contains(&"sequential-scans:public.t"), "{alarms:?}");
    assert!(!alarms.contains(&"sequential-scans:public.small"), "{alarms:?}");
    let non_index = report.kpis.iter().find(|kpi| kpi.kpi == doctor::Kpi::NonIndex).unwrap();
    assert!(non_index.value.unwrap() > 99.0);
    assert_eq!(non_index.won_back_by, ["sequential-scans:public.t"]);
}

#[tokio::test]
async fn dead_rows_and_an_autovacuum_that_is_off_are_found() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a int) with (autovacuum_enabled = false);
insert into t select n, n from generate_series(1, 30000) n;
analyze t;
delete from t where id % 2 = 0",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["autovacuum-off:public.t", "dead-tuples:public.t"]);
    patient.run("vacuum analyze t;\nalter table t reset (autovacuum_enabled)").await;
    assert!(alarms(&patient.examine().await).is_empty());
}

#[tokio::test]
async fn a_server_without_autovacuum_is_found() {
    let patient = Patient::with(settings().with("autovacuum", "off"), "select 1").await;
    let report = patient.examine().await;
    assert_eq!(finding(&report, "autovacuum-off:server").severity, Severity::Critical);
}

#[tokio::test]
async fn a_large_changing_table_gets_a_threshold_from_its_churn() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a int) with (fillfactor = 50);
insert into t select n, n from generate_series(1, 1000000) n;
vacuum analyze t;
update t set a = a + 1 where id <= 60000",
    )
    .await;
    let report = patient.examine().await;
    let fix = finding(&report, "autovacuum-threshold:public.t");
    // 60,000 in an hour at the least are 360,000 in six, and a twentieth of a million is less.
    assert_eq!(
        fix.fix_sql.as_deref(),
        Some(
            "alter table public.t set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000)"
        )
    );
    patient.client.batch_execute(fix.fix_sql.as_deref().unwrap()).await.unwrap();
    assert!(!alarms(&patient.examine().await).contains(&"autovacuum-threshold:public.t"));
}

#[tokio::test]
async fn stale_statistics_are_found() {
    let patient = Patient::with(
        settings().with("autovacuum_naptime", "1d"),
        "create table t (id int8 primary key);
insert into t select generate_series(1, 20000);
create table u (id int8 primary key);
insert into u select generate_series(1, 12000);
vacuum analyze u;
insert into u select generate_series(12001, 30000)",
    )
    .await;
    assert_eq!(alarms(&patient.examine().await), ["stale-statistics:public.t", "stale-statistics:public.u"]);
}

#[tokio::test]
async fn a_bloated_table_is_found() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a text);
insert into t select n, repeat('x', 400) from generate_series(1, 250000) n;
delete from t where id % 10 <> 0;
reindex table t;
vacuum analyze t",
    )
    .await;
    assert_eq!(alarms(&patient.examine().await), ["table-bloat:public.t"]);
}

#[tokio::test]
async fn old_transaction_numbers_are_found() {
    let patient = Patient::with(
        settings().with("autovacuum_freeze_max_age", "100000").with("autovacuum_naptime", "1d"),
        "create table t (id int8 primary key);
insert into t select generate_series(1, 10);
create table burn (a int);
do $$ begin for n in 1..130000 loop begin insert into burn values (n); exception when others then null; end; end loop; end $$",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(finding(&report, "wraparound:public.t").severity, Severity::Warning);
    assert!(report.caps.is_empty());
}

#[tokio::test]
async fn keys_that_run_out_are_found() {
    let patient = Patient::new(
        "create table t (id int generated always as identity primary key);
create table u (id int8 generated always as identity primary key);
create sequence s maxvalue 1000;
create sequence round maxvalue 1000 cycle;
select setval('t_id_seq', 2000000000), setval('u_id_seq', 2000000000), setval('s', 600), setval('round', 900)",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["key-exhaustion:public.s", "key-exhaustion:public.t.id"]);
    let fix = finding(&report, "key-exhaustion:public.t.id").fix_sql.as_deref().unwrap();
    assert!(fix.starts_with("alter table public.t alter column id type bigint"), "{fix}");
    patient.client.batch_execute(fix).await.unwrap();
    assert_eq!(alarms(&patient.examine().await), ["key-exhaustion:public.s"]);
}

#[tokio::test]
async fn a_table_without_a_key_and_a_constraint_that_was_never_checked_are_found() {
    let patient = Patient::new(
        "create table t (a int, b regproc);
insert into t select n, null from generate_series(1, 2000) n;
alter table t add constraint positive check (a > 0) not valid;
vacuum analyze t",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["no-primary-key:public.t"]);
    for id in [
        "constraint-not-validated:public.t.positive",
        "object-identifier-column:public.t.b",
        "logical-replication:public.t",
    ] {
        assert_eq!(finding(&report, id).severity, Severity::Info, "{id}");
    }
}

#[tokio::test]
async fn a_table_of_hundreds_of_millions_of_rows_is_a_candidate_for_partitions() {
    let patient = Patient::new(
        "create table events (id int8 primary key, at timestamptz not null);
insert into events select n, now() + n * interval '1 minute' from generate_series(1, 20000) n;
vacuum analyze events;
update pg_class set reltuples = 2e8 where relname = 'events'",
    )
    .await;
    let report = patient.examine().await;
    let fix = finding(&report, "partitioning:public.events").fix_sql.clone().unwrap();
    assert!(fix.contains("partition by range (at)"), "{fix}");
    // What is proposed is SQL that runs.
    patient.client.batch_execute(&fix).await.unwrap();
}
