//! Databases that are open to more people than their owners think.

use doctor::Severity;

use crate::fixture::{Patient, alarms, finding, ids};

const ROLES: &str = "create role gateway login noinherit;
create role visitor nologin;
grant visitor to gateway;
grant usage on schema public to visitor;
";

#[tokio::test]
async fn tables_that_strangers_may_write_are_found() {
    let patient = Patient::new(&format!(
        "{ROLES}create table open (id int primary key);
grant insert on open to visitor;
create table all_open (id int primary key);
grant delete on all_open to public;
create table closed (id int primary key);
alter table closed enable row level security;
grant insert on closed to visitor;
create table asleep (id int primary key);
create policy mine on asleep using (id = 1)"
    ))
    .await;
    let report = patient.examine().await;
    let expected =
        ["exposed-table:public.all_open", "exposed-table:public.open", "policy-without-rls:public.asleep"];
    assert_eq!(alarms(&report), expected);
    assert_eq!(finding(&report, "rls-without-policy:public.closed").severity, Severity::Info);
    assert!(report.caps.iter().all(|cap| cap.grade.letter() == 'C') && report.caps.len() == 3);
}

#[tokio::test]
async fn policies_that_allow_everything_are_found() {
    let patient = Patient::new(&format!(
        "{ROLES}create table t (id int primary key);
alter table t enable row level security;
grant select, insert, update on t to visitor;
create policy reads on t for select to visitor using (true);
create policy inserts on t for insert to visitor with check (true);
create policy updates on t for update to visitor using (id = 1);
create policy more on t for update to visitor using (id = 2)"
    ))
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["policy-always-true:public.t.inserts"]);
    for id in ["policy-always-true:public.t.reads", "multiple-policies:public.t.update.visitor"] {
        assert_eq!(finding(&report, id).severity, Severity::Info, "{id}");
    }
}

#[tokio::test]
async fn a_policy_that_runs_for_every_row_is_proved_from_the_plan_and_its_fix_is_too() {
    let patient = Patient::new(&format!(
        "{ROLES}create function me() returns int8 language plpgsql stable as $$ begin return current_setting('app.me', true)::int8; end $$;
create table t (id int8 primary key, owner int8, name text);
insert into t select n, n % 50, 'x' from generate_series(1, 20000) n;
alter table t enable row level security;
grant select on t to visitor;
create policy mine on t to visitor using (owner = me());
create table u (id int8 primary key, owner int8);
insert into u select n, n % 50 from generate_series(1, 20000) n;
create index on u (owner);
alter table u enable row level security;
grant select on u to visitor;
create policy mine on u to visitor using (owner = (select me()));
vacuum analyze t;
vacuum analyze u"
    ))
    .await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), ["policy-per-row:public.t.mine", "policy-unindexed:public.t.owner"]);
    let fix = finding(&report, "policy-per-row:public.t.mine");
    assert!(fix.evidence["filter"].as_str().unwrap().contains("me()"), "{fix:?}");
    patient.client.batch_execute(fix.fix_sql.as_deref().unwrap()).await.unwrap();
    assert_eq!(alarms(&patient.examine().await), ["policy-unindexed:public.t.owner"]);
    patient.client.batch_execute(fix.undo_sql.as_deref().unwrap()).await.unwrap();
    assert!(ids(&patient.examine().await).contains(&"policy-per-row:public.t.mine"));
}

#[tokio::test]
async fn doors_past_row_level_security_are_found() {
    let patient = Patient::new(&format!(
        "{ROLES}create table t (id int primary key, password text);
alter table t enable row level security;
create policy own on t to visitor using (id = 1);
create view v as select * from t;
create view quiet as select * from t;
grant select on v to visitor;
create materialized view m as select * from t;
grant select on m to visitor;
create table secrets (id int primary key, api_key text);
grant select on secrets to visitor;
create function f() returns int language sql security definer as 'select 1';
create function g() returns int language sql security definer set search_path = '' as 'select 1';
revoke execute on function g() from public;
grant create on schema public to public;
create extension pg_trgm schema public"
    ))
    .await;
    let report = patient.examine().await;
    let expected = [
        "definer-function:public.f()",
        "definer-view:public.v",
        "function-search-path:public.f()",
        "public-schema-create:public",
        "sensitive-column:public.secrets",
        "unprotected-relation:public.m",
    ];
    assert_eq!(alarms(&report), expected);
    assert_eq!(finding(&report, "extension-in-public:pg_trgm").severity, Severity::Info);
}
