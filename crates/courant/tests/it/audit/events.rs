//! Security events reach the database, counted together, whatever the database does meanwhile.

use std::path::PathBuf;

use ::http::Method;
use tokio::net::TcpSocket;
use tokio_postgres::Client;

use super::{ON, until, verified};
use crate::hostile::{SCHEMA, exchange};
use crate::http::send;
use crate::node::{Node, cluster, command, connect};

/// How often something happened, by the linked entries.
fn counted(event: &str) -> String {
    format!(
        "select coalesce(sum((entry ->> 'count')::int8), 0)::int8 from courant.audit where entry ->> 'event' = '{event}'"
    )
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_the_front_door_refuses_is_recorded_once_with_a_count() {
    let cluster = cluster("audited_door", SCHEMA).await;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("audited-door.toml");
    let file = "client.trusted_proxies = ['127.0.0.1']\naudit.enabled = true\nblock.deny = ['192.0.2.0/24', '127.0.0.2']\n\
                csrf.paths = ['/calls']\n\
                [[limit]]\nname = 'few'\nrate = 1\nwindow_ms = 3600000\npath = '/notes'\n";
    std::fs::write(&path, file).unwrap();
    let node = Node::start_uncached(&cluster, &[("COURANT_CONFIG", path.to_str().unwrap())]);
    for _ in 0..200 {
        let headers = [("authorization", "Bearer a.b.c"), ("x-forwarded-for", "203.0.113.1")];
        assert_eq!(node.send(Method::GET, "/calls", &headers, "").await.status, 401);
    }
    exchange(&node, b"BAD\r\n\r\n").await;
    node.send(Method::GET, "/calls", &[("x-forwarded-for", "192.0.2.1")], "").await;
    for _ in 0..3 {
        node.send(Method::GET, "/notes", &[], "").await;
    }
    let another_site = [("cookie", "sid=1"), ("origin", "https://evil.example")];
    assert_eq!(node.send(Method::DELETE, "/calls?id=eq.1", &another_site, "").await.status, 403);
    let denied = TcpSocket::new_v4().unwrap();
    denied.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    drop(denied.connect(node.clients).await.unwrap());
    let admin = format!("http://{}", node.admin);
    for arguments in
        [&["block", "198.51.100.0/24", "--reason", "guesses"][..], &["unblock", "198.51.100.0/24"]]
    {
        assert!(command(&[arguments, &["--admin", &admin]].concat()).output().unwrap().status.success());
    }
    let client = connect(&cluster).await;
    for (event, count) in [
        ("authentication_failed", 200),
        ("head_refused", 1),
        ("connection_blocked", 1),
        ("request_blocked", 1),
        ("forged", 1),
        ("limited", 2),
        ("blocked_by_command", 1),
        ("unblocked_by_command", 1),
    ] {
        until(&client, &counted(event), count).await;
    }
    let rows = "select count(*) from courant.audit where entry ->> 'event' = 'authentication_failed'";
    assert!(number(&client, rows).await < 50);
    let detail =
        "select entry ->> 'detail' from courant.audit where entry ->> 'event' = 'blocked_by_command'";
    let detail: String = client.query_one(detail, &[]).await.unwrap().get(0);
    assert_eq!(detail, "198.51.100.0/24 for good: guesses");
    assert_eq!(verified(&cluster)["intact"], true);
    let metrics = send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for line in ["courant_audit_events_total{outcome=\"written\"} 208", "courant_audit_queue 0"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_stops_no_request_and_hears_of_events_later() {
    let mut cluster = cluster("audited_away", SCHEMA).await;
    let mut node = Node::start_uncached(&cluster, &ON);
    cluster.kill();
    node.until_said("events wait, and what does not fit is lost");
    for _ in 0..20 {
        assert_eq!(node.get_as("Bearer a.b.c", "/calls").await.status, 401);
    }
    cluster.restart().unwrap();
    let client = connect(&cluster).await;
    until(&client, &counted("authentication_failed"), 20).await;
    // What happens last is written before the process ends.
    assert_eq!(node.get_as("Bearer a.b.c", "/calls").await.status, 401);
    node.signal("-TERM");
    assert!(node.ended().success());
    assert_eq!(number(&client, &counted("authentication_failed")).await, 21);
    assert_eq!(verified(&cluster)["intact"], true);
}
