//! More than the database can do: what is known is answered, what is not is refused with a time to come back.

use std::time::{Duration, Instant};

use ::http::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_postgres::Client;

use super::{PATIENCE, SCHEMA};
use crate::node::{Node, cluster, connect};

/// Has every connection of the node sleep; the sockets that asked for it.
async fn exhaust(node: &Node, connections: usize, outside: &Client) -> Vec<TcpStream> {
    let mut asleep = Vec::new();
    for _ in 0..connections {
        let mut socket = TcpStream::connect(node.clients).await.unwrap();
        socket.write_all(b"POST /rpc/nap HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        asleep.push(socket);
    }
    let napping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    let deadline = Instant::now() + PATIENCE;
    while outside.query_one(napping, &[]).await.unwrap().get::<_, i64>(0) < connections as i64 {
        assert!(Instant::now() < deadline, "the pool never slept");
    }
    asleep
}

#[tokio::test]
async fn with_the_pool_exhausted_hits_are_served_and_the_rest_is_told_to_come_back() {
    let cluster = cluster("exhausted", SCHEMA).await;
    let outside = connect(&cluster).await;
    let settings = [
        ("COURANT_POOL_CONNECTIONS_MAX", "2"),
        ("COURANT_POOL_WAIT_TIMEOUT_MS", "500"),
        ("COURANT_CACHE_CHECK_EVERY", "0"),
    ];
    let node = Node::start_with(&cluster, &settings).await;
    node.warm("/calls?id=eq.1").await;
    let _asleep = exhaust(&node, 2, &outside).await;
    for _ in 0..20 {
        let hit = node.get("/calls?id=eq.1").await;
        assert!(hit.is_hit(), "{hit:?}");
    }
    for (method, target) in [(Method::GET, "/notes?id=eq.1"), (Method::PATCH, "/calls?id=eq.9")] {
        let refused = node.send(method, target, &[], r#"{"body":"x"}"#).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"), "{refused:?}");
        assert_eq!(refused.json()["code"], "PGRST003", "{refused:?}");
    }
    assert!(node.get("/calls?id=eq.1").await.is_hit());
}

#[tokio::test]
async fn without_a_place_in_the_queue_nobody_waits() {
    let cluster = cluster("places", SCHEMA).await;
    let outside = connect(&cluster).await;
    let settings = [("COURANT_POOL_CONNECTIONS_MAX", "1"), ("COURANT_POOL_WAITERS_MAX", "0")];
    let node = Node::start_uncached(&cluster, &settings);
    let _asleep = exhaust(&node, 1, &outside).await;
    let refused = tokio::time::timeout(PATIENCE, node.get("/notes?id=eq.1")).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "1"), "{refused:?}");
}

#[tokio::test]
async fn where_nothing_comes_back_the_queue_is_not_joined() {
    let cluster = cluster("queue", SCHEMA).await;
    let outside = connect(&cluster).await;
    let wait = Duration::from_secs(4);
    let settings = [("COURANT_POOL_CONNECTIONS_MAX", "1"), ("COURANT_POOL_WAIT_TIMEOUT_MS", "4000")];
    let node = Node::start_uncached(&cluster, &settings);
    let _asleep = exhaust(&node, 1, &outside).await;
    let deadline = Instant::now() + PATIENCE;
    // Equal requests would share one place in the queue.
    let asker = |number: usize| {
        let node = &node;
        async move {
            while Instant::now() < deadline {
                let asked = Instant::now();
                let answer = node.get(&format!("/notes?id=eq.{number}")).await;
                assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"), "{answer:?}");
                if asked.elapsed() < wait / 2 {
                    return;
                }
            }
            panic!("whoever came waited for {wait:?}");
        }
    };
    // One who waits while the other comes: whoever is refused without waiting proves it.
    tokio::select! {
        () = asker(1) => {}
        () = async { tokio::time::sleep(wait / 4).await; asker(2).await } => {}
        () = async { tokio::time::sleep(wait / 2).await; asker(3).await } => {}
    }
}
