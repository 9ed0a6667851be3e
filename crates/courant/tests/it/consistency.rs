//! What a reader gets who says how current its answer has to be.

use std::time::{Duration, Instant};

use ::http::Method;
use serde_json::json;

use crate::http::{Answered, bearer};
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create role staff nologin;
    create table counters (id int primary key, value int not null);
    insert into counters select n, 0 from generate_series(1, 5) n;
    create table secrets (id int primary key);
    insert into secrets values (1);
    grant select on counters to anon;
    grant select, update on counters to clerk;
    grant select on secrets to staff;
    grant staff to clerk;
";

const READ: &str = "/counters?id=eq.1&select=value";

async fn asked(node: &Node, target: &str, consistency: &str) -> Answered {
    node.send(Method::GET, target, &[("courant-consistency", consistency)], "").await
}

#[tokio::test]
async fn a_strict_read_misses_nothing_that_was_acknowledged_and_still_hits() {
    let cluster = cluster("strict", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm(READ).await;
    // Where nothing is kept the reason is that, and not how far the stream is.
    let first = asked(&node, "/counters?id=eq.2", "strict").await;
    assert!(first.cache().contains("fwd=miss"), "{first:?}");
    let mut hits = 0;
    for value in 1..=100 {
        let asynchronous = if value % 3 == 0 { "set local synchronous_commit = off;" } else { "" };
        let update =
            format!("begin; {asynchronous} update counters set value = {value} where id = 1; commit");
        outside.batch_execute(&update).await.unwrap();
        for _ in 0..3 {
            let read = asked(&node, READ, "strict").await;
            assert_eq!(read.json(), json!([{"value": value}]), "{read:?}");
            hits += usize::from(read.is_hit());
        }
    }
    assert!(hits > 100, "only {hits} of 300 reads hit");
}

#[tokio::test]
async fn a_strict_read_notices_at_once_that_a_membership_has_ended() {
    let cluster = cluster("strict_roles", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let clerk = bearer(&json!({"role": "clerk"}));
    for _ in 0..5 {
        node.warm_as(Some(&clerk), "/secrets").await;
        outside.batch_execute("revoke staff from clerk").await.unwrap();
        let headers = [("authorization", clerk.as_str()), ("courant-consistency", "strict")];
        let read = node.send(Method::GET, "/secrets", &headers, "").await;
        assert_eq!(read.status, 403, "{read:?}");
        outside.batch_execute("grant staff to clerk").await.unwrap();
        node.until_open().await;
    }
}

#[tokio::test]
async fn a_reader_that_brings_a_position_sees_on_one_node_what_was_done_through_another() {
    let cluster = cluster("token", SCHEMA).await;
    let (one, other) = (Node::start(&cluster).await, Node::start(&cluster).await);
    let clerk = bearer(&json!({"role": "clerk"}));
    for value in 1..=50 {
        other.warm(READ).await;
        let body = json!({"value": value}).to_string();
        let headers = [("authorization", clerk.as_str()), ("content-type", "application/json")];
        let written = one.send(Method::PATCH, "/counters?id=eq.1", &headers, &body).await;
        let token = format!("token={}", written.header("courant-position"));
        let read = asked(&other, READ, &token).await;
        assert_eq!(read.json(), json!([{"value": value}]), "{token}: {read:?}");
        // What a reader has seen, it sees everywhere.
        let token = format!("token={}", read.header("courant-position"));
        assert_eq!(asked(&one, READ, &token).await.json(), json!([{"value": value}]), "{token}");
    }
    let future = asked(&other, READ, "token=FFFF/0").await;
    assert!(future.cache().contains("fwd=bypass"), "{future:?}");
}

#[tokio::test]
async fn a_position_that_no_log_has_reached_is_not_waited_for() {
    let cluster = cluster("token_ahead", SCHEMA).await;
    let node = Node::start_with(&cluster, &[("COURANT_CACHE_CONSISTENCY_WAIT_MS", "20000")]).await;
    node.warm(READ).await;
    let began = Instant::now();
    let read = asked(&node, READ, "token=FFFFFFFF/0").await;
    assert!(read.cache().contains("fwd=bypass"), "{read:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_bound_of_the_readers_own_is_kept_and_a_wrong_one_refused() {
    let cluster = cluster("own_bound", SCHEMA).await;
    let node = Node::start(&cluster).await;
    node.warm(READ).await;
    // Far below the interval of polls: the node asks for a poll rather than go past the cache.
    let read = asked(&node, READ, "bounded=0").await;
    assert!(read.is_hit(), "{read:?}");
    let refused = asked(&node, READ, "eventual").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["code"], "COURANT_CONSISTENCY");
}
