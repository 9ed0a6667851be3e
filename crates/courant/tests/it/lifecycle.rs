//! The command itself: starting, stopping, misconfiguration, leaving no trace.

use std::process::Output;

use ::http::Method;

use crate::http;
use crate::node::{Node, cluster, command, connect};

const SCHEMA: &str = "
    create table calls (id int primary key, body text not null);
    insert into calls values (1, 'call 1');
    grant select on calls to anon;
    create function slow() returns text language sql volatile as $$ select pg_sleep(0.7)::text || 'done' $$;
    create function endless() returns text language sql stable as $$ select pg_sleep(60)::text $$;
";

fn failed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "not one line: {text}");
    text
}

#[tokio::test]
async fn a_misconfiguration_is_one_line_saying_what_to_change() {
    let cluster = cluster("misconfigured", SCHEMA).await;
    let uri = cluster.uri("postgres");
    let output = command(&["serve", "--database-url", "postgresql://127.0.0.1:1/x"]).output().unwrap();
    assert!(failed(&output).contains("127.0.0.1:1"));
    assert_eq!(output.status.code(), Some(1));
    let output = command(&["serve", "--database-url", &uri, "--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(failed(&output).contains("PGRST_DB_ANON_ROLE"));
    let config = cluster.directory().join("wrong.toml");
    std::fs::write(&config, "[cache]\nbound = 5\n").unwrap();
    let output = command(&["serve", "--config", config.to_str().unwrap()]).output().unwrap();
    assert!(failed(&output).contains("bound_ms"));
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn told_to_stop_it_finishes_requests_in_flight_and_exits_cleanly() {
    let cluster = cluster("drain", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let address = node.clients;
    let slow = tokio::spawn(async move { http::send(address, Method::POST, "/rpc/slow", &[], "").await });
    let outside = connect(&cluster).await;
    until(&outside, "select count(*) > 0 from pg_stat_activity where query like '%slow%' and state = 'active' and pid <> pg_backend_pid()").await;
    node.signal("-TERM");
    let answer = slow.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, br#""done""#.as_slice()), "{answer:?}");
    assert_eq!(node.ended().code(), Some(0));
    until(&outside, "select count(*) = 0 from pg_replication_slots").await;
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_read() {
    let cluster = cluster("goes_away", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let address = node.clients;
    let endless =
        tokio::spawn(async move { http::send(address, Method::POST, "/rpc/endless", &[], "").await });
    let running =
        "from pg_stat_activity where query like '%endless%' and state = 'active' and pid <> pg_backend_pid()";
    until(&outside, &format!("select count(*) = 1 {running}")).await;
    endless.abort();
    until(&outside, &format!("select count(*) = 0 {running}")).await;
    assert_eq!(node.get("/calls?id=eq.1").await.status, 200);
}

#[tokio::test]
async fn uninstalled_it_leaves_no_trace_in_the_database() {
    let cluster = cluster("uninstall", SCHEMA).await;
    let outside = connect(&cluster).await;
    let traces = "select (select count(*) from pg_publication) + (select count(*) from pg_event_trigger)
        + (select count(*) from pg_namespace where nspname = 'courant')";
    let mut node = Node::start(&cluster).await;
    let row = outside.query_one(traces, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) >= 3);
    node.signal("-TERM");
    assert_eq!(node.ended().code(), Some(0));
    let output = command(&["uninstall", "--database-url", &cluster.uri("postgres")]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(outside.query_one(traces, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn the_admin_port_tells_health_and_metrics() {
    let cluster = cluster("admin", SCHEMA).await;
    let node = Node::start(&cluster).await;
    node.warm("/calls?id=eq.1").await;
    assert_eq!(node.send(Method::POST, "/rpc/slow", &[], "").await.status, 200);
    let admin = |target: &'static str| http::send(node.admin, Method::GET, target, &[], "");
    assert_eq!(admin("/live").await.status, 200);
    assert_eq!(admin("/ready").await.status, 200);
    let metrics = admin("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for name in [
        "courant_requests_total{route=\"calls\",method=\"GET\",status=\"200\",cache=\"hit\"}",
        "courant_request_duration_seconds_bucket",
        "courant_bypasses_total{reason=\"method\"}",
        "courant_cache_entries",
        "courant_stream_open 1",
        "courant_stream_position_bytes",
        "courant_pool_connections{state=\"max\"}",
        "courant_slow_queries_total",
    ] {
        assert!(text.contains(name), "{name} is missing from:\n{text}");
    }
    assert_eq!(node.get("/metrics").await.status, 404);
}

#[tokio::test]
async fn the_demo_takes_its_own_tour() {
    let directory = std::env::temp_dir().join(format!("courant-demo-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut demo = command(&["demo", "--once", "--scale", "200"]);
    let output = demo.args(listen).current_dir(&directory).output().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches("courant; hit").count(), 5, "{text}");
    assert!(text.contains("after its commit the answer is new"), "{text}");
}

/// Waits until a query that returns a boolean says true.
async fn until(client: &tokio_postgres::Client, condition: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !client.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(std::time::Instant::now() < deadline, "never true: {condition}");
    }
}
