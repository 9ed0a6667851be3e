//! What looking for late jobs costs while a transaction pins old row versions: counted in the buffers that PostgreSQL
//! touched, which no busy machine changes.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::fixture::{Database, LEASE, Node};

/// Jobs that are done while the old row versions are pinned.
const DONE: usize = 4000;

/// Does that many jobs.
async fn work_off(database: &Database, node: &Node) {
    let many = format!(
        "select cardinality(courant.enqueue_many(
            (select jsonb_agg(jsonb_build_object('kind', 'quick')) from generate_series(1, {DONE}))))"
    );
    database.text(&many).await;
    let mut done = 0;
    while done < DONE {
        let jobs = node.claim(500).await;
        let (ids, attempts): (Vec<i64>, Vec<i32>) =
            jobs.iter().map(|job| (job.run.id, job.run.attempt)).unzip();
        let complete = "select courant.job_complete($1, $2, true)";
        database.client.query(complete, &[&ids, &attempts]).await.unwrap();
        done += jobs.len();
    }
}

/// The buffers that a call of this statement touches, at the mean of so many calls from now on.
async fn buffers(statistics: &Client, mention: &str, calls: i64) -> i64 {
    let here = "(select oid from pg_database where datname = current_database())";
    statistics.batch_execute(&format!("select pg_stat_statements_reset(0, {here}, 0)")).await.unwrap();
    let sql = format!(
        "select (shared_blks_hit + shared_blks_read) / calls from pg_stat_statements
         where dbid = {here} and query like $1 and calls >= $2"
    );
    let pattern = format!("%{mention}%");
    let began = Instant::now();
    loop {
        if let Some(row) = statistics.query_opt(&sql, &[&pattern, &calls]).await.unwrap() {
            return row.get(0);
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{mention} is not executed");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_that_is_gone_is_read_again_while_its_row_versions_are_pinned() {
    let database = Database::with_statistics().await;
    // It has written, and might commit anything, but has drawn no place.
    let pin = database.connect().await;
    pin.batch_execute("begin; select txid_current()").await.unwrap();
    let (node, lost) = (database.node(LEASE), database.node(LEASE));
    let dead = database.enqueue("'dead'").await;
    assert_eq!(lost.claim_ids(1).await, [dead]);
    work_off(&database, &node).await;
    let plan = "explain (analyze, buffers, format json) select from courant.job j
        where j.queue = 'default' and j.priority = 5 and j.seq > 0 and j.due is null";
    database.client.batch_execute("set enable_seqscan = off; set enable_bitmapscan = off").await.unwrap();
    let said = database.client.simple_query(plan).await.unwrap();
    let SimpleQueryMessage::Row(row) = &said[1] else { panic!("no plan: {said:?}") };
    let plan: Value = serde_json::from_str(row.get(0).unwrap()).unwrap();
    let whole = plan[0]["Plan"]["Shared Hit Blocks"].as_i64().unwrap();
    assert!(whole > 100, "a full read touches {whole} buffers");
    // One of four may be a survey of everything.
    let survey = buffers(&database.client, "as is_free", 4).await;
    assert!(survey * 2 < whole, "a survey touches {survey} buffers, a full read {whole}");
    // And still what was lost far behind is found.
    let expire = "update courant.job set lease_until = now() - interval '1 s'";
    database.client.batch_execute(expire).await.unwrap();
    assert_eq!(node.fetch_one().await.run.id, dead);
    let claiming = async {
        loop {
            assert_eq!(node.claim_ids(1).await, [0; 0]);
            sleep(Duration::from_millis(10)).await;
        }
    };
    let claim = tokio::select! {
        buffers = buffers(&database.client, "skip locked", 4) => buffers,
        () = claiming => unreachable!("it never ends"),
    };
    assert!(claim * 5 < whole, "a claim touches {claim} buffers, a full read {whole}");
}

#[tokio::test]
async fn what_commits_behind_the_floor_is_found_without_news() {
    let database = Database::with_statistics().await;
    let node = database.node(LEASE);
    let slow = database.connect().await;
    slow.batch_execute("begin; savepoint a; select courant.enqueue('other'); rollback to a").await.unwrap();
    let low: i64 = slow.query_one("select courant.enqueue('slow')", &[]).await.unwrap().get(0);
    work_off(&database, &node).await;
    let surveys = 3;
    buffers(&database.client, "as is_free", surveys).await;
    assert_eq!(node.claim_ids(10).await, [0; 0]);
    slow.batch_execute("commit").await.unwrap();
    assert_eq!(node.fetch_one().await.run.id, low);
}
