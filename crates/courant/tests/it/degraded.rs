//! Starts that lack something: served without the cache, saying exactly what would enable it.

use pg::cluster::ClusterSettings;
use serde_json::json;

use crate::node::{Node, cluster, cluster_with, connect};

const SCHEMA: &str = "
    create table calls (id int primary key, body text not null);
    create table bare (id int, body text not null);
    insert into calls values (1, 'call 1');
    insert into bare values (1, 'bare 1');
    grant select on calls, bare to anon;
";

#[tokio::test]
async fn without_logical_decoding_it_serves_and_prints_the_line_that_enables_it() {
    let settings = ClusterSettings::for_tests().with("wal_level", "replica");
    let cluster = cluster_with("wal_level", settings, SCHEMA).await;
    let mut node = Node::start_uncached(&cluster, &[]);
    node.until_said("alter system set wal_level");
    let answer = node.get("/calls?id=eq.1").await;
    assert_eq!(answer.json(), json!([{"id": 1, "body": "call 1"}]));
    assert_eq!(answer.cache(), "courant; fwd=bypass; detail=\"there is no change stream\"");
}

#[tokio::test]
async fn without_a_stream_a_write_waits_for_nobody() {
    let settings = ClusterSettings::for_tests().with("wal_level", "replica");
    let schema = format!("{SCHEMA} grant insert on calls to anon;");
    let cluster = cluster_with("no_stream_write", settings, &schema).await;
    let node = Node::start_uncached(&cluster, &[("COURANT_STREAM_WRITE_WAIT_MS", "60000")]);
    let write = node.send(::http::Method::POST, "/calls", &[], r#"{"id":2,"body":"call 2"}"#);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(30), write).await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn without_replication_rights_it_serves_and_prints_the_line_that_grants_them() {
    let cluster = cluster("rights", SCHEMA).await;
    let outside = connect(&cluster).await;
    outside
        .batch_execute(
            "create role app login noinherit; grant anon to app; grant usage on schema public to app",
        )
        .await
        .unwrap();
    let uri = cluster.uri("postgres");
    let mut command =
        crate::node::command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let uri = format!("{uri}&user=app");
    command.args(["--database-url", &uri, "--log-format", "json"]).env("PGRST_DB_ANON_ROLE", "anon");
    let mut node = Node::spawn(command, &[]);
    node.until_said("alter role");
    let answer = node.get("/calls?id=eq.1").await;
    assert_eq!(answer.json(), json!([{"id": 1, "body": "call 1"}]), "{answer:?}");
}

#[tokio::test]
async fn a_table_without_identity_is_served_uncached_and_never_published() {
    let cluster = cluster("identity", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    node.until_said("alter table public.bare replica identity");
    node.warm("/calls?id=eq.1").await;
    let answer = node.get("/bare?id=eq.1").await;
    assert!(answer.cache().contains("bare") && answer.cache().contains("fwd=bypass"), "{answer:?}");
    let outside = connect(&cluster).await;
    // Published without an identity, this would fail.
    outside.batch_execute("update bare set body = 'changed'").await.unwrap();
    assert_eq!(node.get("/bare?id=eq.1").await.json()[0]["body"], "changed");
}

#[tokio::test]
async fn a_plain_database_answers_the_first_curl_read_only() {
    let cluster = cluster("plain", SCHEMA).await;
    let plain = [("PGRST_DB_ANON_ROLE", ""), ("PGRST_JWT_SECRET", "")];
    let mut node = Node::start_with(&cluster, &plain).await;
    node.until_said("read-only");
    assert_eq!(node.warm("/calls?id=eq.1").await.json()[0]["body"], "call 1");
    let answer = node.send(::http::Method::PATCH, "/calls?id=eq.1", &[], r#"{"body":"x"}"#).await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
async fn names_that_the_database_does_not_know_are_told_at_the_start() {
    let cluster = cluster("unknown", SCHEMA).await;
    let names = [("PGRST_DB_ANON_ROLE", "Nobody"), ("PGRST_DB_SCHEMAS", "public, elsewhere")];
    let mut node = Node::start_uncached(&cluster, &names);
    let told = [
        r#"create role \"Nobody\" nologin; grant \"Nobody\" to postgres;"#,
        "the schema elsewhere (database.schemas) does not exist",
    ];
    for told in told {
        assert!(node.said.iter().any(|line| line.contains(told)), "{:?}", node.said);
    }
    assert_eq!(node.get("/calls?id=eq.1").await.status, 401);
    node.signal("-TERM");
    assert_eq!(node.ended().code(), Some(0));
}
