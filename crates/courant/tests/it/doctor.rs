//! `courant doctor` as a user types it.

use std::process::{Command, Output};

use pg::cluster::Cluster;
use serde_json::Value;
use tokio_postgres::NoTls;

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
