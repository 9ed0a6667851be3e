//! Who may do what to the audit log, and how it comes and goes.

use pg::cluster::{Cluster, ClusterSettings};
use tokio_postgres::{Client, NoTls};

use super::{ON, run};
use crate::http::SECRET;
use crate::node::{Node, cluster_with, command, connect};

async fn as_login(cluster: &Cluster, login: &str) -> Client {
    let mut config: tokio_postgres::Config = cluster.uri("postgres").parse().unwrap();
    let (client, connection) = config.user(login).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn refused(client: &Client, sql: &str) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{sql}: {error:?}");
}

const SCHEMA: &str = "
    create table notes (id int primary key);
    grant all on notes to clerk;
    create role app login; grant anon, clerk to app;
    create role outsider login;
";

async fn prepared(name: &str) -> (Cluster, String) {
    let settings = ClusterSettings::for_tests().with_tcp(&["host all all all trust"]);
    let cluster = cluster_with(name, settings, SCHEMA).await;
    let uri = format!("postgresql://app@127.0.0.1:{}/postgres", cluster.port());
    (cluster, uri)
}

#[tokio::test]
async fn the_logins_role_adds_to_a_log_that_an_administrator_prepared_and_does_nothing_else_to_it() {
    let (cluster, uri) = prepared("insert_only").await;
    let environment = [ON[0], ("PGRST_DB_ANON_ROLE", "anon"), ("PGRST_JWT_SECRET", SECRET)];
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database-url", &uri];
    let output = command(&serve).envs(environment).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("courant audit install --for app"), "{said}");

    let (done, said) = run(&cluster, &["install", "--for", "app"]);
    assert!(done && run(&cluster, &["install", "--for", "app"]).0, "{said}");
    let mut serving = command(&serve);
    serving.args(["--log-format", "json"]);
    let node = Node::spawn(serving, &environment);
    assert_eq!(node.get("/notes").await.status, 401);

    let app = as_login(&cluster, "app").await;
    for role in ["app", "courant_audit", "clerk"] {
        app.batch_execute(&format!("set role {role}")).await.unwrap();
        for sql in [
            "select * from courant.audit",
            "select * from courant.audit_inbox",
            "update courant.audit set entry = '{}'",
            "update courant.audit_inbox set event = ''",
            "delete from courant.audit",
            "delete from courant.audit_inbox",
            "truncate courant.audit",
            "insert into courant.audit values (1, '{}', '', '')",
            "insert into courant.audit_inbox (event, role) values ('write', 'clerk')",
            "update courant.audit_chain set last_seq = 0",
            "drop table courant.audit",
            "select courant.audit_prune(now())",
            "create or replace function courant.audit_link(batch int4) returns int language sql as 'select 1'",
        ] {
            refused(&app, sql).await;
        }
    }
    let outsider = as_login(&cluster, "outsider").await;
    outsider.batch_execute("create temp table t as select 1 as id").await.unwrap();
    // Whoever has written nothing is told nothing.
    refused(
        &outsider,
        "begin; insert into t values (1); select courant.audit_record('', '', '', '', '', '')",
    )
    .await;
    outsider.batch_execute("rollback").await.unwrap();
    refused(&outsider, "select courant.audit_link(1)").await;
    refused(&outsider, "insert into courant.audit_inbox (event) values ('limited')").await;
}

#[tokio::test]
async fn uninstalling_takes_the_log_and_its_role_unless_another_database_needs_it() {
    let (cluster, _) = prepared("audit_uninstall").await;
    let client = connect(&cluster).await;
    client.batch_execute("create database other").await.unwrap();
    let install = |database: &str| {
        let uri = cluster.uri(database);
        command(&["audit", "install", "--for", "app", "--database-url", &uri]).output().unwrap()
    };
    let uninstall = |database: &str| {
        let output = command(&["uninstall", "--database-url", &cluster.uri(database)]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(install("postgres").status.success() && install("other").status.success());
    let said = uninstall("postgres");
    assert!(said.contains("removed the schema") && said.contains("courant_audit stays"), "{said}");
    let said = uninstall("other");
    assert!(said.contains("removed the role courant_audit"), "{said}");
    let roles = "select count(*) from pg_roles where rolname = 'courant_audit'";
    assert_eq!(client.query_one(roles, &[]).await.unwrap().get::<_, i64>(0), 0);
    let (done, said) = run(&cluster, &["verify"]);
    assert!(!done && said.contains("there is no audit log in"), "{said}");
}
