//! The promise under torture: writers around the node and through it, readers of every shape, faults
//! all the while, and a ledger of what was acknowledged when.
//!
//! Every row carries a version that each write raises. The ledger notes a version once its COMMIT has
//! returned, on this process's clock. An answer that shows a row older than what was acknowledged before
//! its request began, less the bound, or older than what was acknowledged *through the node* before, is a
//! violation. At the end, when nothing moves, every answer from the cache is compared with the database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use pg::cluster::{Cluster, ClusterSettings};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::http::{Answered, SECRET, bearer};
use crate::node::{Node, cluster_with, connect};

const BOUND: Duration = Duration::from_secs(1);
const LENGTH: Duration = Duration::from_secs(8);
const KEYS: i64 = 40;
const GROUPS: i64 = 4;
const SEED: u64 = 0x00C0_FFEE;

const SCHEMA: &str = "
    create table groups (id int primary key, version bigint not null);
    create table items (
        id bigint primary key,
        group_id int not null references groups,
        version bigint not null,
        rank int not null,
        note text not null default ''
    );
    create table members (person text not null, group_id int not null, primary key (person, group_id));
    create table docs (id bigint primary key, group_id int not null, version bigint not null);
    create table bulk (id bigint primary key, filler text not null);
    create table scratch (id int primary key, version bigint not null);
    insert into groups select n, 0 from generate_series(0, 3) n;
    insert into items select n, n % 4, 0, n from generate_series(0, 39) n;
    insert into docs select n, n % 4, 0 from generate_series(0, 39) n;
    insert into members select 'p' || p, g from generate_series(0, 3) p, generate_series(0, 3) g
        where p <> g;
    insert into scratch select n, 0 from generate_series(0, 9) n;
    alter table docs enable row level security;
    create policy mine on docs for select using (
        group_id in (select m.group_id from members m
            where m.person = current_setting('request.jwt.claims', true)::json ->> 'sub')
    );
    create policy theirs on docs for update to clerk using (true);
    grant select on groups, items, scratch to anon;
    grant select, update on groups, items, docs, members, scratch to clerk;
";

/// A version, when its COMMIT had returned, and whether it went through the node.
type Acknowledged = (Instant, i64, bool);

/// When each version of each row was acknowledged, newest last: around the node, and through it.
#[derive(Default)]
struct Ledger {
    rows: Mutex<BTreeMap<(&'static str, i64), Vec<Acknowledged>>>,
    violations: Mutex<Vec<String>>,
    reads: AtomicU64,
    hits: AtomicU64,
    failed: AtomicU64,
    writes: AtomicU64,
    worst: AtomicU64,
    done: AtomicBool,
}

impl Ledger {
    fn acknowledged(&self, table: &'static str, id: i64, version: i64, through: bool) {
        self.writes.fetch_add(1, Relaxed);
        let mut rows = self.rows.lock().unwrap();
        rows.entry((table, id)).or_default().push((Instant::now(), version, through));
    }

    /// Checks one row of an answer to a request that began at `began`.
    fn shown(&self, table: &'static str, id: i64, version: i64, began: Instant, told: &str) {
        let rows = self.rows.lock().unwrap();
        for (at, known, through) in rows.get(&(table, id)).into_iter().flatten() {
            if *known <= version || *at >= began {
                continue;
            }
            let age = began - *at;
            self.worst.fetch_max(age.as_millis() as u64, Relaxed);
            if *through || age > BOUND {
                let through = if *through { "through" } else { "around" };
                let text = format!(
                    "{told}: {table} {id} shown as {version}, {known} acknowledged {through} {age:?} before"
                );
                self.violations.lock().unwrap().push(text);
                return;
            }
        }
    }

    fn goes_on(&self) -> bool {
        !self.done.load(Relaxed)
    }
}

/// SplitMix64: equal seeds give equal choices.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    /// Small keys far more often than large ones.
    fn key(&mut self) -> i64 {
        let bound = 1 + self.roll(KEYS as u64);
        self.roll(bound) as i64
    }
}

/// A connection to the node that is kept, as a browser keeps it.
struct Browser {
    node: std::net::SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Browser {
    async fn send(&mut self, method: Method, target: &str, token: Option<&str>, body: &str) -> Answered {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let socket = tokio::net::TcpStream::connect(self.node).await.unwrap();
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let mut request = Request::builder().method(method).uri(target).header("host", "here");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        if target.contains("count") {
            request = request.header("prefer", "count=exact");
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let sender = self.sender.as_mut().expect("made above");
        sender.ready().await.unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: head.status, headers: head.headers, body }
    }
}

fn person(number: u64) -> String {
    bearer(&json!({"role": "clerk", "sub": format!("p{number}")}))
}

/// The reads, by number: the table whose rows they show, the target, and who asks.
fn read(kind: u64, key: i64, group: i64) -> (&'static str, String, bool) {
    let columns = "select=id,version";
    match kind {
        0..=3 => ("items", format!("/items?id=eq.{key}&{columns}"), false),
        4 => ("items", format!("/items?group_id=eq.{group}&{columns}&order=id"), false),
        5 => ("items", format!("/items?{columns}&order=rank.desc,id&limit=5"), false),
        6 => ("items", format!("/items?group_id=eq.{group}&{columns}&order=rank,id&limit=3"), false),
        7 => ("items", format!("/items?{columns}&order=id&limit=5&offset={group}"), false),
        8 => {
            ("items", format!("/items?group_id=eq.{group}&{columns}&limit=2&order=id&note=neq.count"), false)
        }
        9 => ("groups", format!("/groups?id=eq.{group}&select=id,version,items(id,version)"), false),
        10 | 11 => ("docs", format!("/docs?id=eq.{key}&{columns}"), true),
        12 => ("docs", format!("/docs?{columns}&order=id&group_id=eq.{group}"), true),
        _ => ("scratch", format!("/scratch?id=eq.{}&{columns}", key % 10), false),
    }
}

const READS: u64 = 14;

async fn reader(node: std::net::SocketAddr, ledger: Arc<Ledger>, seed: u64) {
    let mut dice = Dice(seed);
    let mut browser = Browser { node, sender: None };
    let people: Vec<String> = (0..4).map(person).collect();
    while ledger.goes_on() {
        let (table, target, personal) = read(dice.roll(READS), dice.key(), dice.roll(GROUPS as u64) as i64);
        let who = dice.roll(4);
        let token = personal.then(|| people[who as usize].as_str());
        let began = Instant::now();
        let answer = browser.send(Method::GET, &target, token, "").await;
        ledger.reads.fetch_add(1, Relaxed);
        if !answer.status.is_success() {
            // A fault was being played: nothing is promised but that the answer is not old.
            ledger.failed.fetch_add(1, Relaxed);
            continue;
        }
        ledger.hits.fetch_add(u64::from(answer.is_hit()), Relaxed);
        let told = format!("{target} ({})", answer.cache());
        let show = |table, rows: &Value| {
            for row in rows.as_array().into_iter().flatten() {
                let number = |name: &str| row[name].as_i64().unwrap();
                ledger.shown(table, number("id"), number("version"), began, &told);
            }
        };
        let rows = answer.json();
        show(table, &rows);
        show("items", &rows[0]["items"]);
        // Nobody is a member of the group of the same number, whatever else happens to memberships.
        let foreign = |row: &Value| row["id"].as_i64().unwrap() % GROUPS == who as i64;
        if personal && rows.as_array().unwrap().iter().any(foreign) {
            let text = format!("{told}: p{who} was shown another's rows");
            ledger.violations.lock().unwrap().push(text);
        }
    }
}

/// Writes through the node; the answer carries the version that was written.
async fn writer_through(node: std::net::SocketAddr, ledger: Arc<Ledger>, seed: u64) {
    let mut dice = Dice(seed);
    let mut browser = Browser { node, sender: None };
    let clerk = person(9);
    while ledger.goes_on() {
        let key = dice.key();
        let body = json!({"target": key}).to_string();
        let answer = browser.send(Method::POST, "/rpc/bump", Some(&clerk), &body).await;
        // Null where another writer has just taken the row away.
        if let Some(version) = answer.json().as_i64().filter(|_| answer.status == 200) {
            ledger.acknowledged("items", key, version, true);
            let began = Instant::now();
            let read = format!("/items?id=eq.{key}&select=id,version");
            let answer = browser.send(Method::GET, &read, None, "").await;
            if answer.status == 200 {
                // No row is what another writer made of it since.
                if let Some(shown) = answer.json()[0]["version"].as_i64() {
                    ledger.shown("items", key, shown, began, "own write");
                }
            }
        }
        // Think time: the load is to leave room for others on a machine with two cores.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const BUMP: &str = "
    create function bump(target bigint) returns bigint language sql volatile as $$
        update public.items set version = version + 1 where id = target returning version
    $$;
";

const ABORTED: &str =
    "begin; savepoint a; update items set note = 'gone' where id < 3; rollback to a; savepoint b";

/// Above `logical_decoding_work_mem`: streamed while it runs.
const LARGE: &str = "begin; insert into bulk select n, repeat('x', 300) from generate_series(1, 600) n \
    on conflict (id) do update set filler = excluded.filler || 'y'";

/// Writes around the node, in every way a client of PostgreSQL may.
async fn writer_around(client: Client, ledger: Arc<Ledger>, seed: u64) {
    let mut dice = Dice(seed);
    let mut round = 0_u64;
    while ledger.goes_on() {
        round += 1;
        let (key, kind) = (dice.key(), dice.roll(11));
        let one = |table: &str| {
            format!("update {table} set version = version + 1 where id = {key} returning id, version")
        };
        let group = format!(
            "update items set version = version + 1, rank = (rank * 7 + 3) % 50 where id in (select id from \
             items where group_id = {} order by id for update) returning id, version",
            key % GROUPS
        );
        let plain = |table| (table, "begin", one(table), "commit".to_owned());
        let (table, before, update, after) = match kind {
            0..=2 => plain("items"),
            3 => plain("docs"),
            4 => ("items", "begin; set local synchronous_commit = off", one("items"), "commit".to_owned()),
            5 => ("items", ABORTED, one("items"), "release b; commit".to_owned()),
            6 => ("items", "begin", group, "commit".to_owned()),
            7 => {
                let two = format!("prepare transaction 'x{seed}-{round}'; commit prepared 'x{seed}-{round}'");
                ("items", "begin", one("items"), two)
            }
            8 => ("items", LARGE, one("items"), "commit".to_owned()),
            9 => ("items", "", String::new(), String::new()),
            _ => ("scratch", "", String::new(), String::new()),
        };
        let written = match kind {
            9 => reinsert(&client, key).await,
            10 => truncate(&client).await,
            _ => transaction(&client, before, &update, &after).await,
        };
        match written {
            Ok(rows) => rows.into_iter().for_each(|(id, v)| ledger.acknowledged(table, id, v, false)),
            // Deadlocks among the writers, and backends terminated on purpose.
            Err(_) if client.is_closed() => return,
            Err(_) => drop(client.batch_execute("rollback").await),
        }
        // Think time, as above.
        tokio::time::sleep(Duration::from_millis(3 + dice.roll(10))).await;
    }
}

type Written = Result<Vec<(i64, i64)>, tokio_postgres::Error>;

async fn transaction(client: &Client, before: &str, update: &str, after: &str) -> Written {
    client.batch_execute(before).await?;
    let rows = client.query(update, &[]).await?;
    for command in after.split("; ") {
        client.batch_execute(command).await?;
    }
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The row leaves, under another key or altogether, and is back with a higher version.
async fn reinsert(client: &Client, key: i64) -> Written {
    client.batch_execute(&format!("update items set id = id + 1000 where id = {key}")).await?;
    client.batch_execute("begin").await?;
    client
        .batch_execute(&format!(
            "create temp table kept on commit drop as select * from items where id = {key} + 1000;
         delete from items where id = {key} + 1000;
         insert into items select id - 1000, group_id, version + 1, rank, note from kept"
        ))
        .await?;
    let row = client.query_opt("select id, version from items where id = $1", &[&key]).await?;
    client.batch_execute("commit").await?;
    Ok(row.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn truncate(client: &Client) -> Written {
    client.batch_execute("begin; lock table scratch in access exclusive mode").await?;
    let next: i64 = client.query_one("select coalesce(max(version), 0) + 1 from scratch", &[]).await?.get(0);
    client
        .batch_execute(&format!(
            "truncate scratch; insert into scratch select n, {next} from generate_series(0, 9) n; commit"
        ))
        .await?;
    Ok((0..10).map(|id| (id, next)).collect())
}

/// One fault after another; each is a statement that a user or an accident may bring about.
async fn faults(cluster: &Cluster, ledger: &Ledger) {
    const FAULTS: [&str; 13] = [
        "select pg_terminate_backend(active_pid) from pg_replication_slots where active",
        "alter table items add column later int default 1",
        "alter policy mine on docs using (group_id in (select m.group_id from members m where m.person = \
         current_setting('request.jwt.claims', true)::json ->> 'sub') and id >= 0)",
        "delete from members where person = 'p1' and group_id = 2",
        "drop publication courant",
        "alter table items replica identity full",
        "create table made_later (id int primary key)",
        "alter publication courant drop table items",
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'courant'",
        "alter table docs replica identity nothing",
        "alter table docs replica identity default",
        "alter table items replica identity default; create temp table passing (id int)",
        "create schema away; create table away.t (id int); drop schema away cascade",
    ];
    let began = Instant::now();
    let step = LENGTH / (FAULTS.len() as u32 + 2);
    for (number, fault) in FAULTS.iter().enumerate() {
        // The pace of the faults: each is to find the cache at work again.
        tokio::time::sleep_until((began + step * (number as u32 + 1)).into()).await;
        let client = connect(cluster).await;
        client.batch_execute(fault).await.unwrap_or_else(|error| panic!("{fault}: {error:?}"));
    }
    tokio::time::sleep_until((began + LENGTH).into()).await;
    ledger.done.store(true, Relaxed);
}

/// Waits until the cache is known to hold all that was acknowledged before now: until then a hit may miss
/// what the bound allows it to miss.
async fn until_at_rest(node: &Node) {
    let still = Instant::now();
    loop {
        // Taken before the node is asked, so that its moment of freshness lies after `still`.
        let passed = still.elapsed();
        assert!(passed < Duration::from_secs(30), "the cache never caught up");
        let cache = crate::http::send(node.admin, Method::GET, "/cache", &[], "").await.json();
        let behind = cache["behind_ms"].as_u64().map(Duration::from_millis);
        if behind.is_some_and(|behind| behind + Duration::from_millis(1) < passed) {
            return;
        }
    }
}

/// Nothing moves any more: a hit has the bytes that the database gives to a request that cannot hit.
async fn compare(node: &Node, ledger: &Ledger) -> u64 {
    let mut browser = Browser { node: node.clients, sender: None };
    let mut compared = 0;
    for kind in (0..READS).filter(|kind| !(1..=3).contains(kind)) {
        for key in 0..KEYS {
            for who in 0..4 {
                let (_, target, personal) = read(kind, key, key % GROUPS);
                if !personal && who > 0 || !(kind == 0 || kind >= 10) && key >= GROUPS {
                    continue;
                }
                let token = personal.then(|| person(who));
                let cached = browser.send(Method::GET, &target, token.as_deref(), "").await;
                // The same question in other words, which no earlier request has asked.
                let fresh = format!("{target}&and=(id.gt.-{})", 10_000 + compared);
                let fresh = browser.send(Method::GET, &fresh, token.as_deref(), "").await;
                compared += 1;
                let range = |answer: &Answered| answer.header("content-range").to_owned();
                if cached.body != fresh.body || range(&cached) != range(&fresh) {
                    let text = format!("{target} ({}): {cached:?} is not {fresh:?}", cached.cache());
                    ledger.violations.lock().unwrap().push(text);
                }
            }
        }
    }
    compared
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_older_than_promised_whatever_happens() {
    let settings = ClusterSettings::for_tests()
        .with("max_prepared_transactions", "10")
        .with("logical_decoding_work_mem", "64kB");
    let cluster = cluster_with("torture", settings, &format!("{SCHEMA}{BUMP}")).await;
    let mut node = Node::start_with(&cluster, &[("PGRST_JWT_SECRET", SECRET)]).await;
    let ledger = Arc::new(Ledger::default());
    let mut load = tokio::task::JoinSet::new();
    for n in 0..4 {
        load.spawn(reader(node.clients, Arc::clone(&ledger), SEED + n));
        let client = connect(&cluster).await;
        load.spawn(writer_around(client, Arc::clone(&ledger), SEED + 10 + n));
    }
    for n in 0..2 {
        load.spawn(writer_through(node.clients, Arc::clone(&ledger), SEED + 20 + n));
    }
    faults(&cluster, &ledger).await;
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    node.until_open().await;
    until_at_rest(&node).await;
    let compared = compare(&node, &ledger).await;
    let of = |counter: &AtomicU64| counter.load(Relaxed);
    let (reads, hits) = (of(&ledger.reads), of(&ledger.hits));
    let violations = ledger.violations.lock().unwrap();
    println!(
        "torture: {reads} reads, {hits} hits ({:.0} %), {} refused, {} versions written, worst staleness {} ms, \
         {compared} compared at rest, {} violations",
        100.0 * hits as f64 / reads as f64,
        of(&ledger.failed),
        of(&ledger.writes),
        of(&ledger.worst),
        violations.len()
    );
    assert!(violations.is_empty(), "{}", violations[..violations.len().min(10)].join("\n"));
    assert!(hits > 0 && of(&ledger.writes) > 0 && of(&ledger.failed) < reads / 4, "it tested nothing");
}
