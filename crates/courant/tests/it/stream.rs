//! The stream cut and restored: never an older answer, only a bypass.

use serde_json::json;

use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table calls (id int primary key, body text not null);
    insert into calls select n, 'call ' || n from generate_series(1, 10) n;
    grant select on calls to anon;
";

#[tokio::test]
async fn a_cut_stream_empties_the_cache_and_a_new_one_opens_it() {
    let cluster = cluster("cut_stream", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    for round in 0..9 {
        let began = std::time::Instant::now();
        node.warm("/calls?id=eq.1").await;
        let cut = "select pg_terminate_backend(active_pid) from pg_replication_slots where active";
        outside.query(cut, &[]).await.unwrap();
        let change = format!("update calls set body = 'round {round}' where id = 1");
        outside.batch_execute(&change).await.unwrap();
        let expected = json!(format!("round {round}"));
        node.within_bound("/calls?id=eq.1", |answer| answer.json()[0]["body"] == expected).await;
        node.until_open().await;
        assert_eq!(node.warm("/calls?id=eq.1").await.json()[0]["body"], expected);
        // Each cut is the first since the stream stood: what was waited before does not count.
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "round {round}");
    }
}

#[tokio::test]
async fn a_stopped_walsender_makes_the_node_bypass_after_the_bound() {
    let cluster = cluster("stopped_walsender", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm("/calls?id=eq.1").await;
    let row =
        outside.query_one("select active_pid from pg_replication_slots where active", &[]).await.unwrap();
    let walsender = row.get::<_, i32>(0).to_string();
    let signal = |name: &str| std::process::Command::new("kill").args([name, &walsender]).status().unwrap();
    assert!(signal("-STOP").success());
    outside.batch_execute("update calls set body = 'unheard' where id = 1").await.unwrap();
    let answer = node.within_bound("/calls?id=eq.1", |answer| answer.json()[0]["body"] == "unheard").await;
    assert!(answer.cache().contains("fwd=bypass"), "{answer:?}");
    assert!(signal("-CONT").success());
    node.until_open().await;
    assert_eq!(node.warm("/calls?id=eq.1").await.json()[0]["body"], "unheard");
}

#[tokio::test]
async fn a_database_killed_and_restarted_is_served_again() {
    let mut cluster = cluster("killed_database", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    node.warm("/calls?id=eq.1").await;
    cluster.kill();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    loop {
        let answer = node.get("/calls?id=eq.1").await;
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), "1");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "still answered past the bound: {answer:?}");
    }
    cluster.restart().unwrap();
    node.until_open().await;
    assert_eq!(node.warm("/calls?id=eq.1").await.json()[0]["body"], "call 1");
}
