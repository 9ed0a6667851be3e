//! Named caches: budgets, statistics and times to live of their own, and one coherence for all of them.

use std::process::Command;
use std::time::{Duration, Instant};

use ::http::Method;
use pg::cluster::Cluster;
use serde_json::Value;

use crate::http;
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table calls (id bigint primary key, note text not null);
    insert into calls select n, 'call ' || n from generate_series(1, 100) n;
    create table messages (id bigint primary key, body text not null);
    insert into messages select n, repeat('m', 3000) || n from generate_series(1, 1000) n;
    grant select on calls, messages to anon;
";

const CHAT: &str = "
    [[cache.named]]
    name = 'chat'
    relations = ['messages']
    memory_bytes_max = 1048576
";

async fn started(name: &str, schema: &str, config: &str) -> (Cluster, Node) {
    let cluster = cluster(name, schema).await;
    let file = cluster.directory().join("courant.toml");
    std::fs::write(&file, config).unwrap();
    let node = Node::start_with(&cluster, &[("COURANT_CONFIG", file.to_str().unwrap())]).await;
    (cluster, node)
}

fn of<'a>(cache: &'a Value, name: &str) -> &'a Value {
    let caches = cache["caches"].as_array().unwrap();
    caches.iter().find(|cache| cache["name"] == name).unwrap_or_else(|| panic!("no {name}: {cache}"))
}

#[tokio::test]
async fn the_flood_of_one_cache_evicts_nothing_of_another() {
    let (_cluster, mut node) = started("named_flood", SCHEMA, CHAT).await;
    for id in 1..=50 {
        node.warm(&format!("/calls?id=eq.{id}")).await;
    }
    for id in 1..=1000 {
        node.get(&format!("/messages?id=eq.{id}")).await;
    }
    for id in 1..=50 {
        assert!(node.get(&format!("/calls?id=eq.{id}")).await.is_hit(), "{id} was evicted");
    }
    node.until(|cache| {
        let (general, chat) = (of(cache, "general"), of(cache, "chat"));
        assert_eq!((&general["entries"], &general["evicted"]), (&50.into(), &0.into()), "{cache}");
        assert!(chat["bytes"].as_u64() <= chat["bytes_max"].as_u64(), "{cache}");
        chat["evicted"].as_u64() > Some(300) && general["hit"].as_u64() >= Some(100)
    })
    .await;
    let metrics = http::send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "courant_cache_entries{cache=\"general\"} 50",
        "courant_cache_budget_bytes{cache=\"chat\"} 1048576",
        "courant_cache_events_total{cache=\"chat\",event=\"miss\",reason=\"\"} ",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn a_named_cache_is_shown_and_cleared_by_its_name() {
    let (_cluster, node) = started("named_clear", SCHEMA, CHAT).await;
    node.warm("/calls?id=eq.1").await;
    node.warm("/messages?id=eq.1").await;
    let admin = format!("http://{}", node.admin);
    let courant = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_courant"))
            .args(["cache"])
            .args(arguments)
            .args(["--admin", &admin])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (_, shown, _) = courant(&["stats"]);
    let line = shown.lines().find(|line| line.starts_with("chat ")).unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(line.split_whitespace().nth(1), Some("1"), "{shown}");
    let (code, _, errors) = courant(&["clear", "--cache", "chatt"]);
    assert_eq!(
        (code, errors.as_str()),
        (Some(1), "courant: there is no cache chatt. The caches are: general, chat.\n")
    );
    assert_eq!(courant(&["clear", "--cache", "chat"]).1, "1 answers forgotten\n");
    assert!(node.get("/calls?id=eq.1").await.is_hit());
    assert!(!node.get("/messages?id=eq.1").await.is_hit());
}

#[tokio::test]
async fn a_change_is_seen_in_every_cache_and_a_time_to_live_ends_what_nothing_changed() {
    let config = format!("{CHAT} ttl_ms = 300\n");
    let (cluster, mut node) = started("named_ttl", SCHEMA, &config).await;
    let outside = connect(&cluster).await;
    node.warm("/calls?id=eq.1").await;
    node.warm("/messages?id=eq.1").await;
    outside.batch_execute("update calls set note = 'new'; update messages set body = 'new'").await.unwrap();
    node.within_bound("/calls?id=eq.1", |answer| answer.json()[0]["note"] == "new").await;
    node.within_bound("/messages?id=eq.1", |answer| answer.json()[0]["body"] == "new").await;
    node.warm("/calls?id=eq.1").await;
    node.until(|cache| of(cache, "chat")["expired"].as_u64() > Some(0)).await;
    assert!(node.get("/calls?id=eq.1").await.is_hit());
}

#[tokio::test]
async fn names_that_the_database_does_not_have_are_told_at_the_start() {
    let config = "
        [[cache.declare]]
        function = 'totl'
        depends_on = ['calls']
        [[cache.declare]]
        view = 'calls'
        depends_on = ['cals']
        [[cache.named]]
        name = 'chat'
        relations = ['messages', 'mesages']
        functions = ['unread']
        memory_bytes_max = 1048576
    ";
    let (_cluster, mut node) = started("named_unknown", SCHEMA, config).await;
    for said in [
        "cache.declare: there is no function public.totl in the schemas served (public)",
        "cache.declare: there is no relation public.cals in",
        "cache.named chat: there is no relation public.mesages in",
        "cache.named chat: there is no function public.unread in",
    ] {
        assert!(node.until_said(said).contains("WARN"), "{said}");
    }
    assert!(!node.said.iter().any(|line| line.contains("no relation public.messages")));
}

#[tokio::test]
async fn an_adaptive_time_to_live_grows_while_the_answer_stays_the_same() {
    let schema = "
        create table turns (since timestamptz not null);
        insert into turns values (clock_timestamp());
        create function steady() returns text language sql stable as
            $$ select 'the same, now or then: ' || (now() > '2000-01-01')::text $$;
        create function ticking() returns timestamptz language sql stable as $$ select now() $$;
    ";
    let config = "
        [[cache.declare]]
        function = 'steady'
        ttl_ms = 'adaptive'
        ttl_min_ms = 100
        ttl_max_ms = 3600000
        [[cache.declare]]
        function = 'ticking'
        ttl_ms = 'adaptive'
        ttl_min_ms = 100
        ttl_max_ms = 3600000
    ";
    let (_cluster, node) = started("adaptive", schema, config).await;
    // How long each answer was kept: from the miss that stored it to the next miss.
    let kept = async |target: &str, wanted: usize| {
        let (mut misses, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(20));
        while misses.len() < wanted {
            let began = Instant::now();
            if !node.get(target).await.is_hit() {
                misses.push((began, Instant::now()));
            }
            assert!(Instant::now() < deadline, "{target}: {misses:?}");
        }
        misses.windows(2).map(|pair| pair[1].1 - pair[0].0).collect::<Vec<_>>()
    };
    let steady = kept("/rpc/steady", 5).await;
    for (time, least_ms) in steady.iter().zip([100, 200, 400, 800]) {
        assert!(time.as_millis() >= least_ms, "{steady:?}");
    }
    let ticking = kept("/rpc/ticking", 6).await;
    // Had it grown like the other, the last would have been 1.6 s.
    assert!(ticking[4].as_millis() < 800, "{ticking:?}");
}
