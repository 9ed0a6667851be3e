//! What an advisor is asked about, and what is found where there is none.

use doctor::Basis;
use doctor::workload::{advisable, heuristic, parse};

use crate::fixture::Patient;

const TABLE: &str = "create table t (id int8 primary key, a int, made timestamptz);
insert into t select n, n, timestamptz '2026-01-01' + n * interval '1 minute' from generate_series(1, 20000) n;
create role asker;
grant select on t to asker;
vacuum analyze t";

#[tokio::test]
async fn statements_have_their_roles_and_the_bounds_that_pages_have_and_keep_their_other_parameters() {
    let patient = Patient::new(TABLE).await;
    patient.run("select extensions.pg_stat_statements_reset()").await;
    patient.run("set role asker;\nselect * from t where made > '2026-01-10' and a = 5 order by id limit 3;\nreset role").await;
    let probes = advisable(&patient.other().await).await.unwrap();
    let asked = probes.iter().find(|probe| probe.sql.contains("order by id")).unwrap();
    assert_eq!(asked.role.as_deref(), Some("asker"));
    assert!(asked.sql.contains("a = $1 order by id limit 20"), "{}", asked.sql);
    assert!(asked.sql.contains("made > '2026-01-14"), "{}", asked.sql);
}

#[tokio::test]
async fn without_a_planner_the_words_of_the_statements_name_columns_that_have_no_index() {
    let patient = Patient::new(TABLE).await;
    let probes =
        parse("select * from t where a = 7;\nselect * from t where id = 7;\nselect * from u where a = 7")
            .unwrap();
    let found = heuristic(&patient.other().await, &probes).await.unwrap();
    let [index] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (index.table.as_str(), index.columns[0].as_str(), index.basis),
        ("public.t", "a", Basis::Heuristic)
    );
    assert!(index.finding().summary.contains("by the words"), "{}", index.finding().summary);
}
