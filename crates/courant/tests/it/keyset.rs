//! Pages that go on from where the last one ended; and rows that differ, and aggregates of some of them.

use ::http::Method;
use serde_json::{Value, json};

use crate::http::Answered;
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table items (id int primary key, rank int, kind text not null, secret int not null default 0);
    insert into items select n, nullif(n % 7, 0), chr(97 + n % 3), n from generate_series(1, 60) as n;
    create table keyless (id int);
    grant select (id, rank, kind) on items to anon;
    grant select on keyless to anon;
";

/// Where the response says the next page is.
fn next(answer: &Answered, path: &str) -> Option<String> {
    let link = answer.header("link");
    let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"").expect("there is one link");
    Some(format!("{path}{query}"))
}

#[tokio::test]
async fn following_the_links_shows_every_row_once_and_in_order() {
    let cluster = cluster("keyset_walk", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    node.until_open().await;
    // As it is asked for, and with what makes it whole.
    for (order, last) in [
        ("id", "id"),
        ("id.desc", "id.desc"),
        ("rank", "id"),
        ("rank.desc", "id.desc"),
        ("rank.nullsfirst", "id"),
        ("rank.desc.nullslast", "id.desc"),
        ("kind,rank.desc", "id.desc"),
        ("kind.desc,rank", "id"),
        ("kind.desc,id", "id"),
        ("rank,kind.desc,id.desc", "id"),
    ] {
        let whole = node.get(&format!("/items?select=id&order={order},{last}")).await.json();
        for filter in ["", "&id=gt.10"] {
            let whole: Vec<Value> = whole
                .as_array()
                .expect("rows")
                .iter()
                .filter(|row| filter.is_empty() || row["id"].as_i64() > Some(10))
                .cloned()
                .collect();
            let mut walked = Vec::new();
            let mut page = Some(format!("/items?select=id&limit=7&order={order}{filter}&cursor=~"));
            while let Some(target) = page {
                let answer = node.get(&target).await;
                assert_eq!(answer.status, 200, "{target}: {answer:?}");
                walked.extend(answer.json().as_array().expect("rows").iter().cloned());
                assert!(walked.len() <= whole.len(), "{order}{filter}: {walked:?}");
                page = next(&answer, "/items");
            }
            assert_eq!(walked, whole, "{order}{filter}");
        }
    }
}

#[tokio::test]
async fn a_page_is_cached_and_not_older_than_a_write() {
    let cluster = cluster("keyset_cached", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    node.until_open().await;
    let client = connect(&cluster).await;
    let first = node.warm("/items?select=id,rank&order=id&limit=5&cursor=~").await;
    let second = next(&first, "/items").expect("there are more");
    node.warm(&second).await;
    client.batch_execute("update items set rank = 100 where id = 7").await.expect("it is there");
    node.within_bound(&second, |answer| answer.json()[1]["rank"] == 100).await;
    client.batch_execute("delete from items where id = 6").await.expect("it is there");
    node.within_bound(&second, |answer| answer.json()[0]["id"] == 7).await;
}

#[tokio::test]
async fn a_cursor_that_cannot_be_followed_is_refused() {
    let cluster = cluster("keyset_refused", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let first = node.get("/items?select=id&order=id&limit=5&cursor=~").await;
    let cursor = next(&first, "")
        .expect("there are more")
        .split("cursor=")
        .nth(1)
        .expect("a cursor")
        .split('&')
        .next()
        .expect("it")
        .to_owned();
    for (target, code) in [
        (format!("/items?select=id&order=id.desc&limit=5&cursor={cursor}"), "COURANT002"),
        ("/items?select=id&order=id&limit=5&cursor=~WyJ4Il0".to_owned(), "COURANT002"),
        ("/items?select=id&order=id&cursor=~".to_owned(), "COURANT002"),
        ("/items?select=id&order=id&limit=5&offset=5&cursor=~".to_owned(), "COURANT002"),
        ("/keyless?limit=5&cursor=~".to_owned(), "COURANT002"),
        // A column that may not be read may not be ordered by.
        ("/items?select=id&order=secret&limit=5&cursor=~".to_owned(), "42501"),
        // It is a filter, as it always was.
        ("/items?select=id&cursor=eq.5".to_owned(), "42703"),
    ] {
        let answer = node.get(&target).await;
        assert_eq!(answer.json()["code"], code, "{target}: {answer:?}");
    }
}

#[tokio::test]
async fn page_ten_thousand_reads_a_pages_worth_of_rows() {
    let cluster = cluster("keyset_deep", SCHEMA).await;
    let client = connect(&cluster).await;
    client
        .batch_execute(
            "create table events (id int primary key, at int, kind int not null);
            insert into events select n, nullif(n / 3, 7), n % 5 from generate_series(1, 100100) as n;
            create index on events (at, id); create index on events (kind desc, at, id);
            grant select on events to anon; analyze events",
        )
        .await
        .expect("it is there");
    let node = Node::start_with(&cluster, &[("PGRST_DB_PLAN_ENABLED", "true")]).await;
    for order in ["id", "at", "kind.desc,at"] {
        let target = format!("/events?select=id&order={order}&cursor=~");
        // The end of page 9,999, at once.
        let before = node.get(&format!("{target}&limit=99990")).await;
        let deep = next(&before, "/events").expect("there are more").replace("limit=99990", "limit=10");
        let rows = node.get(&deep).await.json();
        assert_eq!(rows.as_array().map(Vec::len), Some(10), "{order}");
        let accept = ("accept", "application/vnd.pgrst.plan+json; options=analyze");
        let plan = node.send(Method::GET, &deep, &[accept], "").await.json();
        // A page for each branch, at the most: of a key and of its nulls.
        let read = rows_read(&plan[0]["Plan"]);
        assert!((10.0..=60.0).contains(&read), "{order}: {read} rows in {plan:#}");
    }
}

/// The rows that all scans of a plan have looked at.
fn rows_read(plan: &Value) -> f64 {
    let below: f64 = plan["Plans"].as_array().into_iter().flatten().map(rows_read).sum();
    if !plan["Node Type"].as_str().is_some_and(|name| name.contains("Scan") && name != "Subquery Scan") {
        return below;
    }
    let count = |name: &str| plan[name].as_f64().unwrap_or_default();
    below + (count("Actual Rows") + count("Rows Removed by Filter")) * count("Actual Loops")
}

#[tokio::test]
async fn rows_that_differ_and_aggregates_of_some_rows_are_asked_for() {
    let cluster = cluster("distinct", SCHEMA).await;
    let mut node = Node::start_with(&cluster, &[("PGRST_DB_AGGREGATES_ENABLED", "true")]).await;
    node.until_open().await;
    let client = connect(&cluster).await;
    for (target, rows) in [
        ("/items?select=kind&distinct=*&order=kind", json!([{"kind": "a"}, {"kind": "b"}, {"kind": "c"}])),
        (
            "/items?select=kind,id&distinct=kind&order=kind,id.desc",
            json!([{"kind": "a", "id": 60}, {"kind": "b", "id": 58}, {"kind": "c", "id": 59}]),
        ),
        (
            "/items?select=all:count(),few:count().filter(id.lte.3),low:id.min().filter(kind.eq.b,or(id.gt.4,id.eq.2))",
            json!([{"all": 60, "few": 3, "low": 7}]),
        ),
        (
            "/items?select=kind,n:count().filter(rank.is.null)&order=kind",
            json!([{"kind": "a", "n": 2}, {"kind": "b", "n": 3}, {"kind": "c", "n": 3}]),
        ),
    ] {
        let answer = node.warm(target).await;
        assert_eq!(answer.json(), rows, "{target}: {answer:?}");
    }
    let counted = node
        .send(Method::GET, "/items?select=kind&distinct=*&limit=1", &[("prefer", "count=exact")], "")
        .await;
    assert_eq!(counted.header("content-range"), "0-0/3");
    // They are dropped when what they look at changes.
    client
        .batch_execute(
            "update items set kind = 'z' where id = 60; update items set rank = 5 where rank is null",
        )
        .await
        .expect("it is there");
    node.within_bound("/items?select=kind&distinct=*&order=kind", |answer| {
        answer.json().as_array().is_some_and(|rows| rows.len() == 4)
    })
    .await;
    node.within_bound("/items?select=kind,n:count().filter(rank.is.null)&order=kind", |answer| {
        answer.json()[0]["n"] == 0
    })
    .await;
    node.within_bound("/items?select=kind,id&distinct=kind&order=kind,id.desc", |answer| {
        answer.json()[0]["id"] == 57
    })
    .await;
    assert_eq!(node.get("/items?select=id&distinct=eq.5").await.json()["code"], "42703");
    let plain = Node::start(&cluster).await;
    assert_eq!(plain.get("/items?select=count().filter(id.eq.1)").await.json()["code"], "PGRST123");
}
