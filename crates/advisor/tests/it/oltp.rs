//! An application's workload: newest rows of a tenant, open work, documents, policies, and a few writes.

use crate::{advice, session};
use pg::cluster::Cluster;
use pg::wire::Wire;

const SCHEMA: &str = "
create role web;
create table tenant (id int primary key, name text not null);
create table task (id int primary key, tenant int not null, state text not null, made timestamptz not null,
                   title text not null, detail jsonb not null);
insert into tenant select n, 'tenant ' || n from generate_series(1, 500) n;
insert into task select n, 1 + n * 7 % 500, case when n % 50 = 0 then 'open' else 'done' end,
       timestamptz '2024-01-01' + n * interval '1 minute', 'task ' || n, jsonb_build_object('tag', n % 3000, 'n', n)
       from generate_series(1, 60000) n;
alter table task enable row level security;
create policy own on task for select to web using (tenant = current_setting('app.tenant', true)::int);
grant select on task, tenant to web;
analyze";

/// How often, and what: writes are one call in twenty.
const WORKLOAD: [(u32, &str); 6] = [
    (40, "select id, title from task where tenant = 7 order by made desc limit 20"),
    (20, "select id, title, made from task where state = 'open' order by made limit 50"),
    (15, "select id from task where detail @> '{\"tag\": 17}'"),
    (
        20,
        "select t.name, count(*) from task k join tenant t on t.id = k.tenant where k.state = 'open' group by t.name",
    ),
    (3, "insert into task values (100000, 3, 'open', now(), 'a', '{}')"),
    (2, "update task set state = 'done' where id = 17"),
];
/// Read by a role that a policy holds back.
const AS_WEB: &str = "select id, title from task order by made desc limit 10";

async fn cost(wire: &mut Wire, statement: &str) -> f64 {
    let plan = wire.command(&format!("explain (format json) {statement}")).await.unwrap();
    let text = plan[0][0].clone().unwrap();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    plan[0]["Plan"]["Total Cost"].as_f64().unwrap()
}

async fn costs(wire: &mut Wire) -> Vec<f64> {
    let mut costs = Vec::new();
    for (_, statement) in WORKLOAD {
        costs.push(cost(wire, statement).await);
    }
    wire.command("set app.tenant = '7'; set role web").await.unwrap();
    costs.push(cost(wire, AS_WEB).await);
    wire.command("reset role").await.unwrap();
    costs
}

#[tokio::test]
async fn no_statement_of_an_application_costs_more_once_the_indexes_are_built() {
    let cluster = Cluster::for_test("advisor");
    let mut wire = session(&cluster).await;
    wire.command(SCHEMA).await.unwrap();
    let mut workload: String =
        WORKLOAD.iter().map(|(calls, statement)| format!("-- calls: {calls}\n{statement};\n")).collect();
    workload.push_str(&format!("-- calls: 30\n-- role: web\n{AS_WEB};\n"));
    let found = advice(&cluster, &workload).await;
    assert!(found.cost_after < found.cost_before / 3.0, "{} of {}", found.cost_after, found.cost_before);
    let before = costs(&mut wire).await;
    for recommended in &found.indexes {
        wire.command(&recommended.index.definition(&recommended.index.name())).await.unwrap();
    }
    wire.command("analyze").await.unwrap();
    let after = costs(&mut wire).await;
    let ddl: Vec<String> = found.indexes.iter().map(|found| found.index.ddl()).collect();
    for (number, (before, after)) in before.iter().zip(&after).enumerate() {
        assert!(*after <= before * 1.01, "statement {number}: {before} before, {after} after: {ddl:?}");
    }
    for cheaper in [0, 1, 2] {
        assert!(after[cheaper] < before[cheaper] / 2.0, "statement {cheaper}: {before:?} {after:?}: {ddl:?}");
    }
}
