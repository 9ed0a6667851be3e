//! What apply does: an index that helps stays, one that does not goes, and undo restores what was.

use doctor::apply::{Event, Outcome, Plan, State, apply, plan, undo};
use doctor::workload::parse;
use doctor::{Error, Examination, Recommendation, Report, Severity, examine};
use serde_json::json;

use crate::fixture::{Patient, alarms};

const TABLE: &str = "create table t (id int8 primary key, a int, b int, c text);
insert into t select n, n, n % 3, repeat('x', 60) from generate_series(1, 60000) n;
vacuum analyze t";

const ASKED: &str =
    "-- name: by a\nselect count(*) from t where a = 77;\n-- name: by b\nselect count(*) from t where b = 1";

fn wanted(column: &str) -> Recommendation {
    let text =
        json!({"indexes": [{"table": "public.t", "columns": [column], "ddl": "create index on t (a)", "cost_before": 100, "cost_after": 20}]})
            .to_string();
    Recommendation::parse(&text).unwrap().remove(0)
}

async fn treat(
    patient: &Patient,
    wanted: &[Recommendation],
    only: &[&str],
    workload: &str,
) -> (Report, Plan, Vec<Outcome>) {
    let client = patient.other().await;
    let examination = Examination { unused_after: std::time::Duration::ZERO, ..Examination::default() };
    let report = examine(&client, &examination, wanted, &mut |_| {}).await.unwrap();
    let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
    let plan = plan(&client, &report, &only).await.unwrap();
    let probes = if workload.is_empty() { Vec::new() } else { parse(workload).unwrap() };
    let outcomes = apply(&client, &plan, &probes, &report.statements, &mut |_| {}).await.unwrap();
    (report, plan, outcomes)
}

async fn indexes(patient: &Patient) -> String {
    patient.value("select string_agg(pg_get_indexdef(indexrelid) || indisvalid, E'\\n' order by pg_get_indexdef(indexrelid)) from pg_index where indrelid = 't'::regclass").await
}

#[tokio::test]
async fn an_index_that_helps_is_kept_and_one_that_does_not_is_taken_back() {
    let patient = Patient::new(TABLE).await;
    let before = indexes(&patient).await;
    let (_, _, outcomes) = treat(&patient, &[wanted("a"), wanted("c")], &["missing-index"], ASKED).await;
    let states: Vec<State> = outcomes.iter().map(|outcome| outcome.state).collect();
    assert_eq!(states, [State::Kept, State::TakenBack], "{outcomes:#?}");
    assert!(outcomes[0].why.starts_with("expected 80 % less cost; measured by a: "), "{}", outcomes[0].why);
    let by_a = outcomes[0].measured.iter().find(|c| c.statement == "by a").unwrap();
    assert!(by_a.after_buffers * 10 < by_a.before_buffers && by_a.replanned, "{by_a:?}");
    assert!(indexes(&patient).await.contains("(a)") && !indexes(&patient).await.contains("(c)"));

    let (report, again, _) = treat(&patient, &[wanted("c")], &[], ASKED).await;
    let refuted = report.findings.iter().find(|finding| finding.check() == "missing-index").unwrap();
    assert_eq!(refuted.severity, Severity::Info);
    assert!(refuted.summary.contains("measured none of 2 statements"), "{}", refuted.summary);
    assert!(again.steps.is_empty(), "{:?}", again.steps);

    let undone = undo(&patient.other().await, &[], &mut |_| {}).await.unwrap();
    assert_eq!(undone.len(), 1);
    assert_eq!(indexes(&patient).await, before);
    assert!(undo(&patient.other().await, &[], &mut |_| {}).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_index_that_nobody_measures_is_not_built() {
    let patient = Patient::new(TABLE).await;
    let (_, _, outcomes) = treat(&patient, &[wanted("a")], &["missing-index"], "select 1").await;
    assert_eq!(outcomes[0].state, State::Refused);
}

#[tokio::test]
async fn without_a_workload_the_statements_own_counters_say_what_to_measure() {
    let patient = Patient::new(TABLE).await;
    let by_a = patient.client.prepare("select count(*) from t where a = $1").await.unwrap();
    for n in 0..30 {
        patient.client.query(&by_a, &[&n]).await.unwrap();
    }
    let (_, _, outcomes) = treat(&patient, &[wanted("a")], &["missing-index"], "").await;
    assert_eq!(outcomes[0].state, State::Kept, "{outcomes:#?}");
    assert!(outcomes[0].measured[0].statement.contains("a = $1"), "{outcomes:#?}");
}

#[tokio::test]
async fn a_statement_is_measured_with_a_value_that_many_rows_have_and_with_one_that_few_have() {
    let patient = Patient::new(
        "create table t (id int8 primary key, state text, c text);
insert into t select n, case when n % 1000 = 0 then 'open' else 'done' end, repeat('x', 90) from generate_series(1, 60000) n;
vacuum analyze t",
    )
    .await;
    let asked = patient.client.prepare("select count(c) from t where state = $1").await.unwrap();
    for _ in 0..30 {
        patient.client.query(&asked, &[&"open"]).await.unwrap();
    }
    let (_, _, outcomes) = treat(&patient, &[wanted("state")], &["missing-index"], "").await;
    assert_eq!(outcomes[0].state, State::Kept, "{outcomes:#?}");
    let [rare] = &outcomes[0].measured[..] else { panic!("{outcomes:#?}") };
    // The common value is read as before, and needs no second measurement.
    assert!(
        rare.statement.ends_with("(a rare value)") && rare.after_buffers * 10 < rare.before_buffers,
        "{rare:?}"
    );
}

#[tokio::test]
async fn what_is_dropped_comes_back_when_a_statement_suffers() {
    let patient = Patient::new(&format!(
        "{TABLE};\ncreate index t_a on t (a);\ncreate index t_c on t (c, id);\nselect pg_stat_reset()"
    ))
    .await;
    let before = indexes(&patient).await;
    let (_, _, outcomes) = treat(&patient, &[], &["unused-index"], ASKED).await;
    let state = |id: &str| outcomes.iter().find(|outcome| outcome.finding == id).unwrap().state;
    assert_eq!(state("unused-index:public.t_a"), State::TakenBack);
    assert_eq!(state("unused-index:public.t_c"), State::Kept);
    assert!(indexes(&patient).await.contains("t_a") && !indexes(&patient).await.contains("t_c"));
    undo(&patient.other().await, &["unused-index".to_owned()], &mut |_| {}).await.unwrap();
    assert_eq!(indexes(&patient).await, before);
}

#[tokio::test]
async fn what_changes_rights_is_applied_only_by_name() {
    let patient = Patient::new("create table t (id int primary key);\ngrant insert on t to public").await;
    let rls = "select relrowsecurity from pg_class where relname = 't'";
    let (_, plan, outcomes) = treat(&patient, &[], &[], "").await;
    assert!(outcomes.is_empty() && plan.refused.len() == 1, "{plan:?}");
    assert_eq!(patient.value(rls).await, "f");
    let (_, _, outcomes) = treat(&patient, &[], &["exposed-table"], "").await;
    assert_eq!(outcomes[0].state, State::Kept);
    assert_eq!(patient.value(rls).await, "t");
    undo(&patient.other().await, &[], &mut |_| {}).await.unwrap();
    assert_eq!(patient.value(rls).await, "f");
}

#[tokio::test]
async fn a_sick_database_is_healthy_after_its_treatment() {
    let patient = Patient::new(
        "create table p (id int8 primary key);
insert into p select generate_series(1, 5000);
create table t (id int8 primary key, p int8 references p, a int) with (autovacuum_enabled = false);
insert into t select n, 1 + n % 5000, n from generate_series(1, 60000) n;
create index t_a on t (a);
create index t_a_again on t (a);
vacuum analyze p;
analyze t;
delete from t where id % 3 = 0",
    )
    .await;
    let (report, _, outcomes) = treat(&patient, &[], &[], "select count(*) from t where a = 4").await;
    let found = alarms(&report);
    for check in ["autovacuum-off", "dead-tuples", "duplicate-index", "foreign-key-index"] {
        assert!(found.iter().any(|id| id.starts_with(check)), "{check}: {found:?}");
    }
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome.state, State::Kept | State::TakenBack)),
        "{outcomes:#?}"
    );
    let left = patient.examine().await;
    let left: Vec<&str> = alarms(&left).into_iter().filter(|id| !id.starts_with("unused-index")).collect();
    assert!(left.is_empty(), "{left:?} {outcomes:#?}");
}

#[tokio::test]
async fn a_build_that_cannot_get_its_lock_leaves_nothing_and_is_tried_again() {
    let patient = Patient::new(TABLE).await;
    let holder = patient.other().await;
    holder.batch_execute("begin; lock table t in row exclusive mode").await.unwrap();
    let client = patient.other().await;
    let report = examine(&client, &Examination::default(), &[wanted("a")], &mut |_| {}).await.unwrap();
    let plan = plan(&client, &report, &[]).await.unwrap();
    let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let mut told = |event: Event<'_>| {
        if let Event::Waiting { .. } = event {
            let _ = sender.send(());
        }
    };
    let probes = parse(ASKED).unwrap();
    let applying = apply(&client, &plan, &probes, &[], &mut told);
    let freeing = async {
        waiting.recv().await.unwrap();
        holder.batch_execute("commit").await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(applying, freeing);
    assert_eq!(outcomes.unwrap()[0].state, State::Kept);
    assert!(!indexes(&patient).await.contains("false"), "an invalid index is left");
}

#[tokio::test]
async fn one_doctor_at_a_time_and_none_on_names_that_are_not_there() {
    let patient = Patient::new(TABLE).await;
    let client = patient.other().await;
    let report = examine(&client, &Examination::default(), &[], &mut |_| {}).await.unwrap();
    let error = plan(&client, &report, &["no-such-check".to_owned()]).await.unwrap_err();
    assert!(matches!(error, Error::NoFinding(name) if name == "no-such-check"));
    patient.run("select pg_advisory_lock(hashtextextended('courant doctor', 0))").await;
    assert!(matches!(undo(&client, &[], &mut |_| {}).await.unwrap_err(), Error::Busy));
}
