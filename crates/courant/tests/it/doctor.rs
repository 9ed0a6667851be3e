//! `courant doctor` as a user types it.

use std::process::{Command, Output};

use ::http::Method;
use pg::cluster::{Cluster, ClusterSettings};
use serde_json::Value;
use tokio_postgres::NoTls;

use crate::node::{Node, cluster_with};

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
    command.arg("doctor").args(arguments).env_clear().current_dir(cluster.directory().parent().unwrap());
    command.env("DATABASE_URL", cluster.uri("postgres")).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

async fn patient() -> Cluster {
    let cluster = Cluster::for_test("doctor");
    let (client, connection) = tokio_postgres::connect(&cluster.uri("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "create table t (id int primary key, a int); insert into t select n, n from generate_series(1, 9000) n;
             create index t_a on t (a); create index t_a_again on t (a); analyze t",
        )
        .await
        .unwrap();
    cluster
}

#[tokio::test]
async fn a_report_is_printed_in_every_form() {
    let cluster = patient().await;
    let directory = cluster.directory().parent().unwrap().join(format!("doctor-{}", cluster.pid().unwrap()));
    std::fs::create_dir(&directory).unwrap();
    let [html, sql] =
        ["report.html", "fixes.sql"].map(|name| directory.join(name).to_str().unwrap().to_owned());
    let output = doctor(&cluster, &["--json", "--html", &html, "--sql", &sql]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["grade"], "I");
    let found = report["findings"].as_array().unwrap();
    let twin = found.iter().find(|finding| finding["id"] == "duplicate-index:public.t_a_again").unwrap();
    assert_eq!(twin["fix_sql"], "drop index concurrently if exists public.t_a_again");
    assert!(std::fs::read_to_string(&html).unwrap().starts_with("<!doctype html>"));
    assert!(
        std::fs::read_to_string(&sql)
            .unwrap()
            .contains("\ndrop index concurrently if exists public.t_a_again;\n")
    );

    let report = directory.join("report.json");
    std::fs::write(&report, &output.stdout).unwrap();
    let report = report.to_str().unwrap();
    let same = doctor(&cluster, &["diff", report, report, "--json"]);
    let same: Value = serde_json::from_slice(&same.stdout).unwrap();
    assert_eq!((&same["new"], &same["mended"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let shown = doctor(&cluster, &[]);
    assert!(
        text(&shown.stdout).contains("The most valuable actions") && !text(&shown.stdout).contains('\x1b')
    );
    let failed = doctor(&cluster, &["--fail-under", "B"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        text(&failed.stderr).ends_with("courant: the grade is I, and B was asked for\n"),
        "{}",
        text(&failed.stderr)
    );
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test]
async fn nothing_is_applied_unless_somebody_agrees_and_undo_restores_it() {
    let cluster = patient().await;
    let refused = doctor(&cluster, &["apply"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stdout).contains("drop index concurrently if exists public.t_a_again"));
    let applied = doctor(&cluster, &["apply", "--yes", "--json"]);
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    let applied: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert!(
        applied["outcomes"].as_array().unwrap().iter().any(|outcome| outcome["state"] == "kept"),
        "{applied}"
    );
    let undone = doctor(&cluster, &["undo"]);
    assert!(text(&undone.stdout).contains("duplicate-index:public.t_a_again"), "{}", text(&undone.stderr));
    let unknown = doctor(&cluster, &["apply", "--yes", "--only", "no-such-check"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("no finding is called no-such-check"));
}

#[tokio::test]
async fn what_an_app_asks_in_a_loop_is_told_with_the_call_that_replaces_it() {
    let schema = "create table customers (id int primary key, name text);
        create table orders (id int primary key, customer_id int not null references customers, note text);
        insert into customers select n, 'secret ' || n from generate_series(1, 20) n;
        insert into orders select n, n, 'x' from generate_series(1, 20) n;
        grant select on customers, orders to anon; analyze";
    let cluster = crate::node::cluster("loops", schema).await;
    let node = crate::node::Node::start(&cluster).await;
    let trace = |n: u32| format!("00-{n:032x}-00f067aa0ba902b7-01");
    for request in 1..=3_u32 {
        let traced = [("traceparent", &*trace(request))];
        node.send(Method::GET, "/orders?select=id,customer_id&limit=8", &traced, "").await;
        for customer in 1..=8 {
            let target = format!("/customers?id=eq.{customer}&select=name");
            node.send(Method::GET, &target, &traced, "").await;
        }
    }
    // The same reads of callers that name no trace, or a trace each, are no loop.
    for customer in 1..=8 {
        node.get(&format!("/orders?customer_id=eq.{customer}")).await;
        let alone = trace(1000 + customer);
        let target = format!("/orders?id=eq.{customer}");
        node.send(Method::GET, &target, &[("traceparent", &alone)], "").await;
    }
    let admin = format!("http://{}", node.admin);
    let seen = crate::http::send(node.admin, Method::GET, "/loops", &[], "").await.json();
    let loops = seen["loops"].as_array().unwrap();
    assert_eq!(loops.len(), 1, "{seen}");
    assert_eq!((loops[0]["traces"].as_u64(), loops[0]["calls"].as_u64()), (Some(3), Some(24)), "{seen}");
    assert_eq!(loops[0]["lookup"]["shape"], "/customers?id=eq.$&select=name");
    let instead = "/orders?select=id,customer_id,customers(name)&limit=$";
    assert_eq!(loops[0]["instead"], format!("GET {instead}"));
    // What is proposed is a call that the node answers, with what the loop asked for.
    let once = node.get(&instead.replace('$', "8")).await.json();
    assert_eq!(once[7]["customers"]["name"], "secret 8", "{once}");

    let output = doctor(&cluster, &["--json", "--admin", &admin, "--advice-seconds", "0"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["findings"].as_array().unwrap();
    let told: Vec<_> = found.iter().filter(|finding| finding["evidence"]["certainty"] == "certain").collect();
    assert_eq!(told.len(), 1, "{report:#}");
    assert_eq!((&told[0]["severity"], &told[0]["evidence"]["requests"]), (&"notice".into(), &3.into()));
    assert!(told[0]["summary"].as_str().unwrap().contains("customers(name)"), "{}", told[0]);

    let nobody = doctor(&cluster, &["--json", "--admin", "http://127.0.0.1:1", "--advice-seconds", "0"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no node answers"), "{}", text(&nobody.stderr));
}

#[tokio::test]
async fn what_a_node_reads_for_its_users_is_examined_and_its_own_housekeeping_is_not() {
    let settings = ClusterSettings::for_tests().with("shared_preload_libraries", "pg_stat_statements");
    let schema =
        "create extension pg_stat_statements; create table t (id int primary key); grant select on t to anon";
    let cluster = cluster_with("doctor-served", settings, schema).await;
    let node = Node::start(&cluster).await;
    node.warm("/t?id=gt.7").await;
    let output = doctor(&cluster, &["--json", "--advice-seconds", "0"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = report["statements"].as_array().unwrap().iter();
    let mut snapshots = statements
        .map(|statement| statement["text"].as_str().unwrap())
        .filter(|sql| sql.contains("pg_current_snapshot"));
    assert!(snapshots.clone().next().is_some(), "{report}");
    assert!(snapshots.all(|sql| sql.contains("\"public\".\"t\"")), "{report}");
}
