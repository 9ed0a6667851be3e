//! What an attacker on every promise would try first: one test for each way that once worked.

use std::time::{Duration, Instant};

use ::http::Method;
use pg::cluster::ClusterSettings;
use serde_json::json;

use crate::http::{self, bearer};
use crate::node::{Node, cluster, cluster_with, connect};

const SCHEMA: &str = "
    create table notes (id int primary key, owner text not null, amount int not null);
    insert into notes select n, 'user ' || n % 2, n from generate_series(1, 10) n;
    grant select on notes to anon;
    grant select, insert, update, delete on notes to clerk;
    create function mine() returns setof int language sql stable as $$
        select id from public.notes
        where owner = current_setting('request.jwt.claims', true)::json ->> 'sub' order by id
    $$;
    create function patient_bump() returns void language plpgsql volatile as $$ begin
        perform pg_advisory_xact_lock(1);
        update public.notes set amount = amount + 1000 where id = 1;
    end $$;
";

#[tokio::test]
async fn a_column_of_another_type_is_compared_as_what_it_has_become() {
    let cluster = cluster("other_type", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm("/notes?amount=eq.7&select=id").await;
    outside.batch_execute("alter table notes alter amount type text").await.unwrap();
    // The statement that the connections have prepared compares with an integer.
    node.eventually("/notes?amount=eq.7&select=id", |answer| answer.status == 200).await;
    outside.batch_execute("alter table notes alter amount type int using amount::int").await.unwrap();
    node.eventually("/notes?amount=eq.7&select=amount", |answer| {
        answer.status == 200 && answer.json() == json!([{"amount": 7}])
    })
    .await;
}

#[tokio::test]
async fn a_declared_function_still_answers_each_user_with_its_own() {
    let cluster = cluster("declared_claims", SCHEMA).await;
    let config = cluster.directory().join("courant.toml");
    let text = "[[cache.declare]]\nfunction = \"mine\"\ndepends_on = [\"public.notes\"]\n";
    std::fs::write(&config, text).unwrap();
    let node = Node::start_with(&cluster, &[("COURANT_CONFIG", config.to_str().unwrap())]).await;
    let user = |name: &str| bearer(&json!({"role": "clerk", "sub": name}));
    for _ in 0..2 {
        let even = node.warm_as(Some(&user("user 0")), "/rpc/mine").await;
        assert_eq!(even.json(), json!([2, 4, 6, 8, 10]));
        let odd = node.warm_as(Some(&user("user 1")), "/rpc/mine").await;
        assert_eq!(odd.json(), json!([1, 3, 5, 7, 9]));
    }
}

#[tokio::test]
async fn the_only_slot_there_is_outlives_a_change_of_schema() {
    let settings =
        ClusterSettings::for_tests().with("max_replication_slots", "1").with("max_wal_senders", "1");
    let cluster = cluster_with("only_slot", settings, SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    node.warm("/notes?id=eq.1").await;
    outside.batch_execute("alter table notes add city text default 'Perc\u{e9}'").await.unwrap();
    node.eventually("/notes?id=eq.1", |answer| answer.json()[0]["city"] == "Perc\u{e9}").await;
    // Were the slot not given back, the next one would wait for longer than this does (`wal_sender_timeout`).
    node.until_open().await;
    node.warm("/notes?id=eq.1").await;
}

#[tokio::test]
async fn a_write_that_outlives_an_epoch_is_seen_by_the_very_next_read() {
    let cluster = cluster("write_across_epochs", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    outside.batch_execute("begin; select pg_advisory_xact_lock(1)").await.unwrap();
    let clerk = bearer(&json!({"role": "clerk"}));
    let headers = [("authorization", clerk.as_str())];
    let second = connect(&cluster).await;
    let write = node.send(Method::POST, "/rpc/patient_bump", &headers, "{}");
    let meanwhile = async {
        let waiting = "select from pg_locks where locktype = 'advisory' and not granted";
        while second.query(waiting, &[]).await.unwrap().is_empty() {}
        second.batch_execute("create table other (id int primary key)").await.unwrap();
        node.within_bound("/other", |answer| answer.status != 404).await;
        node.warm("/notes?id=eq.1").await;
        let walsender = "select active_pid from pg_replication_slots where active";
        let walsender = second.query_one(walsender, &[]).await.unwrap().get::<_, i32>(0).to_string();
        let signal = |name: &str| std::process::Command::new("kill").args([name, &walsender]).status();
        assert!(signal("-STOP").unwrap().success());
        outside.batch_execute("rollback").await.unwrap();
        walsender
    };
    let (answer, walsender) = tokio::join!(write, meanwhile);
    assert_eq!(answer.status, 204, "{answer:?}");
    let read = node.get("/notes?id=eq.1").await;
    assert!(std::process::Command::new("kill").args(["-CONT", &walsender]).status().unwrap().success());
    assert_eq!(read.json()[0]["amount"], 1001, "{read:?}");
    node.until_open().await;
}

#[tokio::test]
async fn a_validator_does_not_vouch_for_an_older_count() {
    let cluster = cluster("counted_validator", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let page = "/notes?select=id&order=id&limit=1";
    let known = node.send(Method::GET, page, &[("prefer", "count=exact")], "").await;
    assert_eq!(known.header("content-range"), "0-0/10");
    outside.batch_execute("insert into notes values (11, 'new', 0)").await.unwrap();
    let headers = [("prefer", "count=exact"), ("if-none-match", known.header("etag"))];
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let last = Instant::now() > deadline;
        let answer = node.send(Method::GET, page, &headers, "").await;
        // The body is the same, and yet the answer is not: a browser would keep the old count.
        if answer.status == 206 && answer.header("content-range") == "0-0/11" {
            return;
        }
        assert!(!last, "older than the bound: {answer:?}");
    }
}

#[tokio::test]
async fn a_new_table_is_served_while_the_slot_waits_for_an_open_transaction() {
    let cluster = cluster("slot_waits", SCHEMA).await;
    let outside = connect(&cluster).await;
    outside.batch_execute("begin; update notes set amount = 0 where id = 10").await.unwrap();
    let mut node = Node::start_uncached(&cluster, &[]);
    assert_eq!(node.get("/notes?id=eq.1&select=id").await.json(), json!([{"id": 1}]));
    let second = connect(&cluster).await;
    let creating = "select from pg_stat_activity where query like 'CREATE_REPLICATION_SLOT%'";
    while second.query(creating, &[]).await.unwrap().is_empty() {}
    second
        .batch_execute("create table later (id int primary key); grant select on later to anon")
        .await
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while node.get("/later").await.status != 200 {
        assert!(Instant::now() < deadline, "the table is not served");
    }
    outside.batch_execute("commit").await.unwrap();
    node.until_open().await;
    node.warm("/later").await;
}

#[tokio::test]
async fn a_body_that_never_comes_takes_no_place_for_ever() {
    let cluster = cluster("no_body", SCHEMA).await;
    let bounds = [("COURANT_HTTP_REQUESTS_IN_FLIGHT_MAX", "1"), ("COURANT_HTTP_BODY_TIMEOUT_MS", "300")];
    let node = Node::start_with(&cluster, &bounds).await;
    let head = b"POST /notes HTTP/1.1\r\nhost: here\r\ncontent-length: 10\r\n\r\n";
    let deadline = Instant::now() + Duration::from_secs(5);
    let _stalled = loop {
        assert!(Instant::now() < deadline, "no place was taken");
        let mut socket = tokio::net::TcpStream::connect(node.clients).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, head).await.unwrap();
        // Where this one comes first, the body is refused a place.
        if node.send(::http::Method::POST, "/notes", &[], "[]").await.status == 503 {
            break socket;
        }
    };
    // Who sends no body needs no such place.
    assert_eq!(node.get("/notes").await.status, 200);
    while node.send(::http::Method::POST, "/notes", &[], "[]").await.status == 503 {
        assert!(Instant::now() < deadline, "the place is still taken");
    }
}

#[tokio::test]
async fn a_token_whose_expiry_is_no_number_is_refused() {
    let cluster = cluster("odd_expiry", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let token = bearer(&json!({"role": "clerk", "exp": "2001-01-01"}));
    let answer = node.get_as(&token, "/notes").await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn a_cached_answer_that_a_function_lied_about_is_found_out_and_dropped() {
    // PostgreSQL takes its word for it, and so does Courant.
    let liar = "
        create function note_count(place int) returns bigint language plpgsql immutable as
            $$ begin return (select count(*) from public.notes); end $$;
        create table places (id int primary key);
        insert into places values (1);
        create view counted as select id, note_count(id) as notes from places;
        grant select on places, counted to anon;
    ";
    let cluster = cluster("liar", &format!("{SCHEMA}{liar}")).await;
    let mut node = Node::start_with(&cluster, &[("COURANT_CACHE_CHECK_EVERY", "1")]).await;
    let outside = connect(&cluster).await;
    assert_eq!(node.warm("/counted").await.json(), json!([{"id": 1, "notes": 10}]));
    outside.batch_execute("insert into notes values (11, 'new', 0)").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while node.get("/counted").await.json()[0]["notes"] != 11 {
        assert!(Instant::now() < deadline, "never found out");
    }
    node.until_said("a cached answer was older than promised");
    let metrics = async || {
        let metrics = http::send(node.admin, Method::GET, "/metrics", &[], "").await;
        String::from_utf8(metrics.body.to_vec()).unwrap()
    };
    assert!(metrics().await.contains("courant_checks_total{outcome=\"stale\"} 1"));
    // An honest one is found to be what it should.
    while !metrics().await.contains("courant_checks_total{outcome=\"same\"}") {
        node.get("/notes?select=id&order=id").await;
        assert!(Instant::now() < deadline, "never found the same");
    }
}
