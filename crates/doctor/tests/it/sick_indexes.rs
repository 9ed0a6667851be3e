//! Indexes that should not be, and those that should.

use doctor::{Examination, Severity};

use crate::fixture::{Patient, alarms, finding};

#[tokio::test]
async fn indexes_that_nobody_needs_are_found_and_their_makers_are_not() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a int, b int, c text);
insert into t select n, n, n / 2, repeat('x', 40) from generate_series(1, 60000) n;
create index t_a on t (a);
create index t_a_again on t (a);
create index t_b on t (b);
create index t_b_a on t (b, a);
create index t_c on t (c, a, b);
create unique index t_id_b on t (id, b);
vacuum analyze t",
    )
    .await;
    // All but one are read, so that they are not unused.
    for query in [
        "select a from t where a = 1",
        "select a from t where b = 1 and a = 1",
        "select b from t where b = 3",
        "select b from t where id = 4 and b = 5",
    ] {
        patient.run(&format!("set enable_seqscan = off;\nset enable_bitmapscan = off;\n{query}")).await;
    }
    patient.run("reset enable_seqscan").await;
    let report = patient.examine().await;
    let found = alarms(&report);
    assert!(found.contains(&"duplicate-index:public.t_a_again"), "{found:?}");
    assert!(found.contains(&"redundant-index:public.t_b"), "{found:?}");
    assert!(found.contains(&"unused-index:public.t_c"), "{found:?}");
    for id in [
        "duplicate-index:public.t_a",
        "redundant-index:public.t_pkey",
        "unused-index:public.t_pkey",
        "unused-index:public.t_id_b",
    ] {
        assert!(!found.contains(&id), "{id}");
    }
    let unused = finding(&report, "unused-index:public.t_c");
    assert_eq!(
        unused.undo_sql.as_deref(),
        Some("CREATE INDEX CONCURRENTLY IF NOT EXISTS t_c ON public.t USING btree (c, a, b)")
    );
    // The statistics are minutes old, and a week is asked for.
    let report = patient.examine_as(&Examination::default()).await;
    assert!(!alarms(&report).iter().any(|id| id.starts_with("unused-index")));
}

#[tokio::test]
async fn an_invalid_index_is_found_and_caps_the_grade() {
    let patient = Patient::new("create table t (a int);\ninsert into t values (1), (1)").await;
    patient.client.batch_execute("create unique index concurrently t_a on t (a)").await.unwrap_err();
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["invalid-index:public.t_a"]);
    assert_eq!(report.caps[0].grade.letter(), 'B');
}

#[tokio::test]
async fn a_foreign_key_without_an_index_is_found_and_one_with_any_that_serves_is_not() {
    let patient = Patient::new(
        "create table p (a int, b int, primary key (a, b));
create table q (id int primary key);
create table c (id int primary key, a int, b int, q int references q, r int references q, foreign key (a, b) references p);
insert into c (id) select n from generate_series(1, 2000) n;
create index on c (b, a, id);
create index on c (q) where q is not null;
vacuum analyze c",
    )
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["foreign-key-index:public.c.r"]);
    let fix = finding(&report, "foreign-key-index:public.c.r");
    assert_eq!(fix.fix_sql.as_deref(), Some("create index concurrently c_r_fk_idx on public.c (r)"));
    patient.client.batch_execute(fix.fix_sql.as_deref().unwrap()).await.unwrap();
    assert!(alarms(&patient.examine().await).is_empty());
}

#[tokio::test]
async fn a_bloated_index_is_found_and_a_full_one_is_not() {
    let patient = Patient::new(
        "create table t (id int8 primary key, a int8) with (autovacuum_enabled = false);
insert into t select n, n from generate_series(1, 900000) n;
create index t_a on t (a);
delete from t where id % 20 <> 0;
create index t_tight on t (a, id);
vacuum analyze t",
    )
    .await;
    let report = patient.examine().await;
    let found: Vec<&str> = alarms(&report).into_iter().filter(|id| id.starts_with("index-bloat")).collect();
    assert_eq!(found, ["index-bloat:public.t_a", "index-bloat:public.t_pkey"]);
    assert_eq!(finding(&report, "index-bloat:public.t_a").severity, Severity::Notice);
}
