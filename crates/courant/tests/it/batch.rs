//! Point reads that arrive together are answered by few queries, each with its own row.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::http::{self as client, bearer};
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table calls (id int primary key, owner text not null, body text not null);
    insert into calls select n, case n % 2 when 0 then 'even' else 'odd' end, 'call ' || n
        from generate_series(1, 1000) n;
    alter table calls enable row level security;
    create policy own on calls using
        (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
    grant select on calls to clerk;
";

fn user(name: &str) -> String {
    bearer(&json!({"role": "clerk", "sub": name}))
}

/// A counter of `/metrics`.
async fn counted(node: &Node, name: &str) -> f64 {
    let metrics = client::send(node.admin, Method::GET, "/metrics", &[], "").await.body;
    let text = String::from_utf8_lossy(&metrics).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} is not in {text}"))
}

#[tokio::test]
async fn a_hundred_reads_of_single_rows_cost_few_queries_and_mix_nothing_up() {
    let cluster = cluster("batch", SCHEMA).await;
    let uncached = [("COURANT_CACHE_ENABLED", "false")];
    let node = Node::start_uncached(&cluster, &uncached);
    let users = [user("even"), user("odd")];
    let ask = async |number: usize| {
        // Some name no row, one is no number at all, and one is a number that the column cannot hold.
        let id = match number {
            40 => "x".to_owned(),
            41 => "99999999999".to_owned(),
            other => (other * 11).to_string(),
        };
        let who = number % 2;
        let answer = node.get_as(&users[who], &format!("/calls?id=eq.{id}&select=id,owner")).await;
        match number {
            40 => assert_eq!(answer.json()["code"], "22P02", "{answer:?}"),
            41 => assert_eq!(answer.json()["code"], "22003", "{answer:?}"),
            _ => {
                let id = number * 11;
                let is_own = (1..=1000).contains(&id) && id % 2 == who;
                let owner = ["even", "odd"][who];
                let wanted = if is_own { json!([{"id": id, "owner": owner}]) } else { json!([]) };
                assert_eq!(answer.json(), wanted, "{answer:?}");
            }
        }
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut rounds = 0.0;
    loop {
        join_all((0..100).map(ask)).await;
        rounds += 1.0;
        let (batches, batched) = (
            counted(&node, "courant_batches_total").await,
            counted(&node, "courant_batched_requests_total").await,
        );
        // Most of them were answered together with many others.
        if batched > 100.0 && batched / batches > 4.0 {
            break;
        }
        assert!(Instant::now() < deadline, "{batched} in {batches} after {rounds} rounds");
    }
}

#[tokio::test]
async fn what_is_asked_together_is_kept_apart() {
    let cluster = cluster("batch_cached", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let even = user("even");
    let path = |id: usize| format!("/calls?id=eq.{id}&select=body");
    let bodies = async || {
        let asked = (1..=40).map(async |id| node.get_as(&even, &path(2 * id)).await.json());
        join_all(asked).await
    };
    let wanted = |id: usize, body: &str| (id, json!([{"body": body}]));
    let all: Vec<Value> = (1..=40).map(|id| wanted(id, &format!("call {}", 2 * id)).1).collect();
    assert_eq!(bodies().await, all);
    for id in 1..=40 {
        node.warm_as(Some(&even), &path(2 * id)).await;
    }
    node.until(|cache| cache["entries"] == 40).await;
    outside.execute("update calls set body = 'new' where id = 10", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 39).await;
    let fresh = node.get_as(&even, &path(10)).await;
    assert_eq!((fresh.is_hit(), fresh.json()), (false, json!([{"body": "new"}])));
    assert!(node.get_as(&even, &path(12)).await.is_hit());
}
