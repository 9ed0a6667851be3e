//! What keeps the planner from what is there: views, functions, columns that go together; and policies, measured.

use std::time::Duration;

use doctor::{Examination, Report, Severity};

use crate::fixture::{Patient, alarms, finding, ids};

const ORDERS: &str = "create table orders (id int8 primary key, customer int8 not null, at timestamptz not null, total int);
insert into orders select n, n % 5000, timestamptz '2026-01-01' + n * interval '1 minute', n % 97 from generate_series(1, 30000) n;
create index on orders (customer);
vacuum analyze orders";

/// With leave to read rows.
async fn run(patient: &Patient) -> Report {
    let examination = Examination {
        run: true,
        sample: Duration::ZERO,
        unused_after: Duration::from_secs(1 << 20),
        ..Examination::default()
    };
    patient.examine_as(&examination).await
}

#[tokio::test]
async fn a_view_that_keeps_the_index_from_being_used_is_proved_from_the_plan() {
    let patient = Patient::new(&format!(
        "{ORDERS};
create view plain as select o.id, o.customer, o.total * 2 as twice from orders o where o.total > 3;
create view grouped as select customer, count(*) from orders group by customer;
create view joined as select a.id, b.total from orders a join orders b on a.id = b.id;
create view ranked as select id, customer, row_number() over (order by at desc) from orders;
create view cast_away as select id::text as id, total from orders;
create view latest as select * from orders order by at desc limit 100000"
    ))
    .await;
    let told = patient.examine().await;
    let found: Vec<&str> = ids(&told).into_iter().filter(|id| id.starts_with("view-defeats-index")).collect();
    // A condition on what a grouping is by, or on a view that only chooses, reaches the index.
    for wanted in ["latest.customer", "latest.id", "ranked.customer", "ranked.id", "cast_away.id"] {
        assert!(
            found.contains(&format!("view-defeats-index:public.{wanted}").as_str()),
            "{wanted} is not in {found:?}"
        );
    }
    assert_eq!(found.len(), 5, "{found:?}");
    let ranked = finding(&told, "view-defeats-index:public.ranked.customer");
    assert_eq!(
        (ranked.severity, ranked.evidence["between"].as_str()),
        (Severity::Info, Some("a window function stands between"))
    );
    assert!(finding(&told, "view-defeats-index:public.cast_away.id").summary.contains("not passed on"));
    assert!(finding(&told, "view-defeats-index:public.latest.id").summary.contains("a LIMIT"));

    patient.run("select count(*) from ranked where customer = 7").await;
    let asked = patient.examine().await;
    assert_eq!(finding(&asked, "view-defeats-index:public.ranked.customer").severity, Severity::Notice);
    assert_eq!(finding(&asked, "view-defeats-index:public.ranked.id").severity, Severity::Info);
}

#[tokio::test]
async fn a_function_that_the_planner_cannot_see_into_is_found_and_stable_mends_it() {
    let patient = Patient::new(&format!(
        "{ORDERS};
create function all_orders() returns setof orders language sql as 'select * from orders';
create function seen() returns setof orders language sql stable as 'select * from orders';
create function drawn() returns setof orders language sql as 'select * from orders where random() < 0.5';
create function strictly(c int8) returns setof orders language sql stable strict as 'select * from orders where customer = c';
create function written() returns setof orders language sql as 'update orders set total = 1 returning *'"
    ))
    .await;
    patient.run("select count(*) from all_orders() where customer = 7").await;
    let report = patient.examine().await;
    let found: Vec<&str> =
        ids(&report).into_iter().filter(|id| id.starts_with("function-defeats-index")).collect();
    let expected = ["all_orders()", "drawn()", "strictly(bigint)"];
    assert_eq!(found.len(), 3, "{found:?}");
    for name in expected {
        assert!(
            found.contains(&format!("function-defeats-index:public.{name}").as_str()),
            "{name} is not in {found:?}"
        );
    }
    let mended = finding(&report, "function-defeats-index:public.all_orders()");
    assert_eq!(mended.severity, Severity::Notice);
    let drawn = finding(&report, "function-defeats-index:public.drawn()");
    assert_eq!((drawn.severity, drawn.fix_sql.as_deref()), (Severity::Info, None));
    patient.client.batch_execute(mended.fix_sql.as_deref().unwrap()).await.unwrap();
    assert!(!ids(&patient.examine().await).contains(&"function-defeats-index:public.all_orders()"));
    patient.client.batch_execute(mended.undo_sql.as_deref().unwrap()).await.unwrap();
    assert!(ids(&patient.examine().await).contains(&"function-defeats-index:public.all_orders()"));
}

#[tokio::test]
async fn columns_that_go_together_are_found_in_a_sample_and_extended_statistics_mend_it() {
    let patient = Patient::new(
        "create table places (id int8 primary key, city text not null, country text not null, kind text not null);
insert into places select n, 'city ' || n % 40, 'country ' || n % 40 / 2, 'kind ' || (n * 7919) % 41 from generate_series(1, 40000) n;
vacuum analyze places",
    )
    .await;
    patient
        .run(
            "select count(*) from places where city = 'city 3' and country = 'country 1' and kind = 'kind 5'",
        )
        .await;
    assert!(!ids(&patient.examine().await).iter().any(|id| id.starts_with("correlated-columns")));
    let report = run(&patient).await;
    let id = "correlated-columns:public.places.city+country";
    assert_eq!(
        ids(&report).into_iter().filter(|id| id.starts_with("correlated-columns")).collect::<Vec<_>>(),
        [id]
    );
    let found = finding(&report, id);
    assert!(found.evidence["estimated_rows"].as_f64() > Some(900.0), "{found:?}");
    patient.client.batch_execute(found.fix_sql.as_deref().unwrap()).await.unwrap();
    let plan = patient
        .value("explain (format json) select 1 from places where city = 'city 3' and country = 'country 1'")
        .await;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    // There are 1,000, and ANALYZE samples.
    let expected = plan[0]["Plan"]["Plan Rows"].as_u64().unwrap();
    assert!((500..2000).contains(&expected), "{plan}");
    assert!(!ids(&run(&patient).await).contains(&id));
    patient.client.batch_execute(found.undo_sql.as_deref().unwrap()).await.unwrap();
    patient.run("analyze places").await;
    assert!(ids(&run(&patient).await).contains(&id));
}

#[tokio::test]
async fn a_policy_is_measured_as_its_role_where_running_is_allowed() {
    let patient = Patient::new(
        "create role visitor nologin;
create function me() returns int8 language plpgsql stable as $$ begin return coalesce(nullif(current_setting('app.me', true), ''), '7')::int8; end $$;
create table t (id int8 primary key, owner int8);
insert into t select n, n % 50 from generate_series(1, 20000) n;
create index on t (owner);
alter table t enable row level security;
grant select on t to visitor;
create policy mine on t to visitor using (owner + 0 = me());
vacuum analyze t",
    )
    .await;
    let id = "policy-per-row:public.t.mine";
    let planned = patient.examine().await;
    assert!(finding(&planned, id).evidence["measured"].is_null());
    assert!(planned.limits.iter().any(|limit| limit.why.contains("--run")), "{:?}", planned.limits);
    let report = run(&patient).await;
    let measured = &finding(&report, id).evidence["measured"];
    // A call for each of 20,000 rows against one: no machine is noisy enough to hide that.
    let (now, once) = (measured["condition_ms"].as_f64().unwrap(), measured["once_ms"].as_f64().unwrap());
    assert!(measured["as_role_ms"].as_f64() > Some(0.0) && now > 2.0 * once, "{measured}");
    assert!(finding(&report, id).summary.contains("as visitor took"), "{}", finding(&report, id).summary);
}

#[tokio::test]
async fn a_summary_that_is_made_again_and_again_is_worth_a_materialized_view() {
    let patient = Patient::new(
        "create table sales (id int8 primary key, region int, total numeric);
insert into sales select n, n % 12, n from generate_series(1, 400000) n;
vacuum analyze sales;
select extensions.pg_stat_statements_reset()",
    )
    .await;
    let summed = "select region, sum(total), count(distinct total) from sales group by region";
    for _ in 0..22 {
        patient.run(summed).await;
        patient.run("select count(*) from sales where region = 3").await;
    }
    let report = patient.examine().await;
    let found: Vec<_> =
        report.findings.iter().filter(|finding| finding.check() == "materialized-view").collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    patient.client.batch_execute(found[0].fix_sql.as_deref().unwrap()).await.unwrap();
    patient.client.batch_execute(found[0].evidence["refresh_sql"].as_str().unwrap()).await.unwrap();
    assert!(!alarms(&report).iter().any(|id| id.starts_with("n-plus-one")));
}
