//! Batches: several requests in one transaction.

use ::http::Method;
use serde_json::{Value, json};

use crate::http::{Answered, bearer};
use crate::node::{Node, cluster};

const SCHEMA: &str = "
    create table notes (id int primary key, body text not null, at timestamptz not null default '2026-01-01Z');
    create table lines (id int primary key, note int not null references notes deferrable initially deferred);
    create table batch (id int primary key);
    create table courant (id int primary key);
    insert into notes values (1, 'one');
    insert into batch values (7);
    create function batch() returns int language sql stable as $$ select 8 $$;
    create function sneak() returns int language sql volatile as $$
        insert into notes values (99, 'sneaked') returning id
    $$;
    create function picture() returns bytea language sql stable as $$ select '\\xff00'::bytea $$;
    create domain \"image/png\" as bytea;
    create function image() returns \"image/png\" language sql stable as $$ select '\\xff00'::bytea::\"image/png\" $$;
    grant select on notes, lines, batch to anon;
    grant select, insert, update, delete on notes, lines to clerk;
";

async fn send(node: &Node, parts: Value) -> Answered {
    let clerk = bearer(&json!({"role": "clerk"}));
    let headers = [("authorization", clerk.as_str()), ("content-type", "application/json")];
    node.send(Method::POST, "/courant/batch", &headers, &parts.to_string()).await
}

fn statuses(answer: &Answered) -> Vec<u64> {
    let json = answer.json();
    json.as_array().expect("an array").iter().map(|part| part["status"].as_u64().expect("a status")).collect()
}

#[tokio::test]
async fn the_parts_of_a_batch_are_one_transaction_and_see_what_came_before_them() {
    let cluster = cluster("batch_done", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    node.until_open().await;
    node.warm("/notes?order=id&select=id,body").await;
    let answer = send(&node, json!([
        {"method": "POST", "path": "/notes", "body": {"id": 2, "body": "two"}},
        {"method": "PATCH", "path": "/notes?id=eq.1", "headers": {"Prefer": "return=representation"}, "body": {"body": "uno"}},
        {"method": "GET", "path": "/rest/v1/notes?select=id,body&order=id"},
        {"method": "GET", "path": "/notes?select=body&order=id", "headers": {"Accept": "text/csv", "Range": "0-0"}},
        {"method": "GET", "path": "/rpc/image", "headers": {"Accept": "image/png"}},
        {"method": "DELETE", "path": "/notes?id=eq.2"},
    ]))
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(statuses(&answer), [201, 200, 200, 200, 200, 204], "{answer:?}");
    let parts = answer.json();
    assert_eq!(parts[0]["body"], Value::Null);
    assert_eq!(parts[1]["headers"]["preference-applied"], "return=representation");
    assert_eq!(parts[2]["body"], json!([{"id": 1, "body": "uno"}, {"id": 2, "body": "two"}]));
    assert_eq!(parts[3]["body"], "body\nuno");
    assert_eq!(parts[4]["body_base64"], "/wA=");
    // The client may read at once what it has written.
    assert_eq!(node.get("/notes?order=id&select=id,body").await.json(), json!([{"id": 1, "body": "uno"}]));
    assert!(!answer.header("courant-position").is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_part_that_fails_undoes_the_others_and_says_why() {
    let cluster = cluster("batch_failed", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let good = json!({"method": "POST", "path": "/notes", "body": {"id": 2, "body": "two"}});
    for (bad, status, code) in [
        (json!({"method": "POST", "path": "/notes", "body": {"id": 1, "body": "again"}}), 409, "23505"),
        (json!({"method": "GET", "path": "/nothing"}), 404, "PGRST205"),
        (json!({"method": "POST", "path": "/batch", "body": {"id": 1}}), 403, "42501"),
        // Refused when its row has come back.
        (
            json!({"method": "PATCH", "path": "/notes?id=eq.5", "body": {"body": "x"},
                "headers": {"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"}}),
            406,
            "PGRST116",
        ),
        // What is asked by GET must not write, whatever the parts around it may.
        (json!({"method": "GET", "path": "/rpc/sneak"}), 405, "25006"),
    ] {
        let answer = send(&node, json!([good, bad, {"method": "GET", "path": "/notes"}])).await;
        assert_eq!(answer.status.as_u16(), status, "{bad}: {answer:?}");
        let parts = answer.json();
        assert_eq!(statuses(&answer), [424, status.into(), 424], "{bad}: {answer:?}");
        assert_eq!(parts[1]["body"]["code"], code, "{bad}: {answer:?}");
        assert_eq!(parts[0]["body"]["code"], "COURANT_BATCH");
        assert_eq!(node.get("/notes?select=id").await.json(), json!([{"id": 1}]), "{bad}");
    }
    // What only the end of the transaction finds out is nobody's.
    let orphan = json!({"method": "POST", "path": "/lines", "body": {"id": 1, "note": 5}});
    let answer = send(&node, json!([good, orphan])).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (409, Some("23503")), "{answer:?}");
    let parent = json!({"method": "POST", "path": "/notes", "body": {"id": 5, "body": "five"}});
    assert_eq!(statuses(&send(&node, json!([orphan, parent])).await), [201, 201]);
}

#[tokio::test]
async fn what_one_part_chooses_is_not_chosen_for_the_next() {
    let cluster = cluster("batch_settings", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let there = |zone: &str| {
        json!({"method": "PATCH", "path": "/notes?id=eq.1&select=at", "body": {"body": "x"},
        "headers": {"Prefer": format!("return=representation{zone}")}})
    };
    let read =
        json!({"method": "GET", "path": "/notes?select=at", "headers": {"Prefer": "timezone=Asia/Tokyo"}});
    let answer =
        send(&node, json!([there(", timezone=Asia/Tokyo"), there(""), read, there("")])).await.json();
    let at = |number: usize| answer[number]["body"][0]["at"].as_str().expect("a time").to_owned();
    assert_eq!(
        (at(0), at(2)),
        ("2026-01-01T09:00:00+09:00".to_owned(), "2026-01-01T09:00:00+09:00".to_owned())
    );
    assert_eq!((at(1), at(3)), (at(1), at(1)));
    assert_ne!(at(1), at(0));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_and_what_is_called_batch_is_still_there() {
    let cluster = cluster("batch_refused", SCHEMA).await;
    let node = Node::start_with(&cluster, &[("COURANT_HTTP_BATCH_PARTS_MAX", "2")]).await;
    let one = json!({"method": "GET", "path": "/notes"});
    for parts in [json!([]), json!({}), json!([one, one, one]), json!([{"path": "/notes"}])] {
        let answer = send(&node, parts.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (400, Some("COURANT_BATCH")),
            "{parts}"
        );
    }
    let planned = json!([{"method": "GET", "path": "/notes", "headers": {"Prefer": "count=planned"}}]);
    assert_eq!(statuses(&send(&node, planned).await), [400]);
    assert_eq!(node.get("/courant/batch").await.status, 405);
    assert_eq!(node.get("/batch").await.json(), json!([{"id": 7}]));
    assert_eq!(node.get("/rpc/batch").await.json(), json!(8));
    let without = Node::start_with(&cluster, &[("COURANT_HTTP_BATCH_PARTS_MAX", "0")]).await;
    assert_eq!(send(&without, json!([one])).await.status, 404);
}
