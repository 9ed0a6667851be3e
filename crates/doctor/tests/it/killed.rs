//! A doctor that is killed in the middle: the next one leaves nothing of it.

use doctor::apply::{Event, apply, plan, undo};
use doctor::workload::parse;
use doctor::{Examination, Recommendation, examine};

use crate::fixture::Patient;

const VALID: &str = "select string_agg(indexrelid::regclass::text || ' ' || indisvalid, ', ') from pg_index where indrelid = 't'::regclass";
const STATES: &str = "select string_agg(state, ', ' order by id) from courant.doctor_ledger";

/// Applies an index, and dies at the moment that `at` tells: its task ends, and its connection with it.
async fn killed(patient: &Patient, at: fn(&Event<'_>) -> bool) {
    let client = patient.other().await;
    let text = r#"{"indexes": [{"table": "public.t", "columns": ["a"], "ddl": "create index on t (a)"}]}"#;
    let wanted = Recommendation::parse(text).unwrap();
    let report = examine(&client, &Examination::default(), &wanted, &mut |_| {}).await.unwrap();
    let plan = plan(&client, &report, &["missing-index".to_owned()]).await.unwrap();
    let probes = parse("select count(*) from t where a = 1").unwrap();
    let (sender, mut reached) = tokio::sync::mpsc::unbounded_channel();
    let mut told = move |event: Event<'_>| {
        if at(&event) {
            let _ = sender.send(());
        }
    };
    let dying = tokio::select! {
        _ = apply(&client, &plan, &probes, &[], &mut told) => false,
        _ = reached.recv() => true,
    };
    assert!(dying, "it came to its end");
}

async fn recovered(patient: &Patient) {
    let client = patient.other().await;
    let mut cleaned = 0;
    undo(&client, &[], &mut |event| cleaned += usize::from(matches!(event, Event::Recovered(_))))
        .await
        .unwrap();
    assert_eq!(cleaned, 1);
    assert_eq!(patient.value(VALID).await, "t_pkey true");
    assert_eq!(patient.value(STATES).await, "taken back");
}

#[tokio::test]
async fn killed_while_it_waits_to_build_it_leaves_nothing_to_its_successor() {
    let patient = Patient::new("create table t (id int primary key, a int);\ninsert into t select n, n from generate_series(1, 20000) n;\nvacuum analyze t").await;
    let holder = patient.other().await;
    // Whoever builds waits for this one, with the index half made.
    holder.batch_execute("begin; update t set a = a where id = 1").await.unwrap();
    killed(&patient, |event| matches!(event, Event::Waiting { .. })).await;
    holder.batch_execute("rollback").await.unwrap();
    recovered(&patient).await;
}

#[tokio::test]
async fn killed_before_it_has_measured_it_leaves_no_index_that_nobody_proved() {
    let patient = Patient::new("create table t (id int primary key, a int);\ninsert into t select n, n from generate_series(1, 20000) n;\nvacuum analyze t").await;
    // The second measurement comes after the index was built.
    killed(&patient, |event| matches!(event, Event::Applying(sql) if sql.starts_with("create index"))).await;
    recovered(&patient).await;
}
