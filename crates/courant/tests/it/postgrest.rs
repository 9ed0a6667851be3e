//! Started and reloaded as PostgREST is: its file, the database's part of the configuration, signals, notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::http::Method;
use pg::cluster::Cluster;
use serde_json::json;

use crate::http::{self, SECRET};
use crate::node::{Node, cluster, command, connect};

const SCHEMA: &str = "
    create table calls (id int primary key, body text not null);
    insert into calls select n, 'call ' || n from generate_series(1, 5) n;
    grant select on calls to anon, clerk;
    create function who() returns text language sql stable as $$ select current_role::text $$;
";

/// A node that is told everything by PostgREST's file, which has these lines too.
fn started_by_file(cluster: &Cluster, lines: &str) -> (Node, std::path::PathBuf) {
    let path = cluster.directory().join("postgrest.conf");
    write_file(cluster, &path, lines);
    let command = command(&["serve", path.to_str().unwrap()]);
    let environment = [("COURANT_LOG_FORMAT", "json"), ("THE_ROLE", "anon"), ("PGRST_LOG_LEVEL", "info")];
    (Node::spawn(command, &environment), path)
}

fn write_file(cluster: &Cluster, path: &std::path::Path, lines: &str) {
    let uri = cluster.uri("postgres");
    let text = format!(
        "# as PostgREST has it\n\
         db-uri = \"{uri}\"\n\
         db-anon-role = \"$(THE_ROLE)\"\n\
         jwt-secret = \"{SECRET}\"\n\
         server-host = \"127.0.0.1\"\n\
         server-port = 0\n\
         admin-server-port = 0\n\
         {lines}\n"
    );
    std::fs::write(path, text).unwrap();
}

async fn rows(node: &Node, count: usize) {
    let is_full = |answer: &http::Answered| answer.json().as_array().map(Vec::len) == Some(count);
    node.eventually("/calls?select=id&order=id", is_full).await;
}

#[tokio::test]
async fn its_own_file_starts_it_and_a_signal_reads_it_again() {
    let cluster = cluster("postgrest_file", SCHEMA).await;
    let (mut node, path) =
        started_by_file(&cluster, "db-max-rows = 1\nserver-unix-socket = \"/tmp/x\"\nmade-up = 1");
    node.until_said("PGRST_SERVER_UNIX_SOCKET (");
    node.until_said("PGRST_MADE_UP (");
    rows(&node, 1).await;
    let said = http::send(node.admin, Method::GET, "/config", &[], "").await;
    let said = String::from_utf8(said.body.to_vec()).unwrap();
    assert!(said.contains("database.rows_max = \"1\" # "), "{said}");
    assert!(said.contains("postgrest.conf, line 8"), "{said}");
    assert!(!said.contains(SECRET) && !said.contains("postgresql://"), "{said}");

    write_file(&cluster, &path, "db-max-rows = 2");
    node.signal("-USR2");
    rows(&node, 2).await;
    // What cannot be used changes nothing.
    write_file(&cluster, &path, "db-max-rows = many");
    node.signal("-USR2");
    node.until_said("stays as it was");
    rows(&node, 2).await;
    connect(&cluster)
        .await
        .batch_execute("create table later (id int); grant select on later to anon")
        .await
        .unwrap();
    node.signal("-USR1");
    node.eventually("/later", |answer| answer.status == 200).await;
}

#[tokio::test]
async fn the_database_may_hold_a_part_of_the_configuration_and_say_when_it_changed() {
    let cluster = cluster("postgrest_in_database", SCHEMA).await;
    let outside = connect(&cluster).await;
    outside.batch_execute("alter role current_user set pgrst.db_max_rows = '1'").await.unwrap();
    let mut node = Node::start_with(&cluster, &[("PGRST_DB_MAX_ROWS", "4")]).await;
    rows(&node, 1).await;
    outside.batch_execute("alter role current_user set pgrst.db_max_rows = '2'").await.unwrap();
    outside.batch_execute("notify pgrst, 'reload config'").await.unwrap();
    rows(&node, 2).await;
    outside.batch_execute("alter role current_user set pgrst.db_max_rows = 'many'").await.unwrap();
    outside.batch_execute("notify pgrst, 'reload config'").await.unwrap();
    node.until_said("stays as it was");
    rows(&node, 2).await;
    outside.batch_execute("alter role current_user reset pgrst.db_max_rows").await.unwrap();
    outside.batch_execute("notify pgrst, 'reload config'").await.unwrap();
    rows(&node, 4).await;
}

#[tokio::test]
async fn a_function_may_say_it_instead_unless_nothing_in_the_database_is_heard() {
    let schema = format!(
        "{SCHEMA}
         create schema settings;
         create function settings.say() returns void language sql as $$
             select set_config('pgrst.db_anon_role', 'clerk', true), set_config('pgrst.db_uri', 'nonsense', true)
         $$;"
    );
    let cluster = cluster("postgrest_pre_config", &schema).await;
    let said = Node::start_with(&cluster, &[("PGRST_DB_PRE_CONFIG", "settings.say")]).await;
    assert_eq!(said.get("/rpc/who").await.json(), json!("clerk"));
    let unheard = [("PGRST_DB_PRE_CONFIG", "settings.say"), ("PGRST_DB_CONFIG", "false")];
    let unheard = Node::start_with(&cluster, &unheard).await;
    assert_eq!(unheard.get("/rpc/who").await.json(), json!("anon"));
}

#[tokio::test]
async fn requests_never_wait_for_a_reload() {
    let cluster = cluster("postgrest_reload", SCHEMA).await;
    let mut outside = connect(&cluster).await;
    let many = "do $$ begin
        for n in 1..1000 loop
            execute format('create table many_%s (id int primary key, name text, parent int references calls)', n);
        end loop;
    end $$";
    outside.batch_execute(many).await.unwrap();
    let mut node = Node::start(&cluster).await;

    // The reload can be as slow as it likes: here it waits for a lock that reads do not need.
    let locked = outside.transaction().await.unwrap();
    locked.batch_execute("lock table pg_catalog.pg_publication in access exclusive mode").await.unwrap();
    connect(&cluster).await.batch_execute("notify pgrst, 'reload config'").await.unwrap();
    node.until_said("the configuration was read again");
    for _ in 0..50 {
        let answer = node.get("/calls?id=eq.1").await;
        assert_eq!(answer.json(), json!([{"id": 1, "body": "call 1"}]), "{answer:?}");
    }
    locked.rollback().await.unwrap();
    node.until_open().await;

    // And while a thousand tables are read, all that is asked is answered.
    let (read, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let reading = {
        let (address, read, stop) = (node.clients, Arc::clone(&read), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let answer = http::send(address, Method::GET, "/calls?id=eq.2", &[], "").await;
                assert_eq!(answer.json(), json!([{"id": 2, "body": "call 2"}]), "{answer:?}");
                read.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    for n in 0..3 {
        let before = read.load(Ordering::Relaxed);
        outside
            .batch_execute(&format!("create table new_{n} (); grant select on new_{n} to anon"))
            .await
            .unwrap();
        outside.batch_execute("notify pgrst, 'reload schema'").await.unwrap();
        node.eventually(&format!("/new_{n}"), |answer| answer.status == 200).await;
        assert!(read.load(Ordering::Relaxed) > before, "nobody was answered meanwhile");
    }
    stop.store(true, Ordering::Relaxed);
    reading.await.unwrap();
}

#[tokio::test]
async fn the_admin_port_tells_what_is_known_of_the_schema() {
    let cluster = cluster("postgrest_admin", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let known = http::send(node.admin, Method::GET, "/schema_cache", &[], "").await.json();
    let tables = known["dbTables"].as_array().unwrap();
    assert!(
        tables.iter().any(|table| table["tableName"] == "calls" && table["tablePKCols"] == json!(["id"]))
    );
    assert!(known["dbRoutines"].as_array().unwrap().iter().any(|routine| routine["pdName"] == "who"));
    for path in ["/live", "/ready"] {
        let answer = http::send(node.admin, Method::HEAD, path, &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0), "{path}");
    }
}
