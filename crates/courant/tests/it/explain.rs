//! What is shown of a request instead of its answer, and the planner's number of rows.

use ::http::Method;
use serde_json::json;

use crate::http::bearer;
use crate::node::{Node, cluster};

const SCHEMA: &str = "
    create table notes (id int primary key, body text not null);
    insert into notes select n, 'note ' || n from generate_series(1, 100) as n;
    create function dice() returns float language sql volatile as $$ select random() $$;
    grant select on notes to anon;
    grant select, insert, update, delete on notes to clerk;
    analyze notes;
";
const PLANS: (&str, &str) = ("PGRST_DB_PLAN_ENABLED", "true");
const EXPLAIN: (&str, &str) = ("accept", "application/vnd.courant.explain+json");

#[tokio::test]
async fn an_explanation_says_what_is_asked_what_it_reads_and_whether_the_answer_is_kept() {
    let cluster = cluster("explanation", SCHEMA).await;
    let node = Node::start_with(&cluster, &[PLANS]).await;
    let told = node.send(Method::GET, "/notes?id=eq.1", &[EXPLAIN], "").await;
    let json = told.json();
    assert_eq!(
        told.header("content-type"),
        "application/vnd.courant.explain+json; for=\"application/json\"; charset=utf-8"
    );
    assert_eq!((json["access"].as_str(), json["role"].as_str()), (Some("read"), Some("anon")), "{json}");
    assert_eq!(json["statement"]["parameters"], json!(["1"]), "{json}");
    assert!(json["statement"]["sql"].as_str().is_some_and(|sql| sql.contains("\"notes\"")), "{json}");
    assert_eq!(json["cache"], json!({"kept": true, "why": null, "by": ["role"]}), "{json}");
    let read = &json["reads"]["known"][0];
    assert_eq!((&read["relation"], &read["rows"]), (&json!("public.notes"), &json!([["1"]])), "{json}");

    let told = node.send(Method::GET, "/rpc/dice", &[EXPLAIN], "").await.json();
    assert_eq!(told["cache"]["kept"], false, "{told}");
    assert_eq!(told["cache"]["why"], "dice is volatile", "{told}");

    // Nothing is run: a write that is explained has not happened.
    let clerk = bearer(&json!({"role": "clerk"}));
    let headers = [("authorization", clerk.as_str()), EXPLAIN];
    let told = node.send(Method::DELETE, "/notes?id=eq.1", &headers, "").await.json();
    assert_eq!((&told["access"], &told["reads"]), (&json!("write"), &json!(null)), "{told}");
    assert_eq!(node.get("/notes?id=eq.1&select=id").await.json(), json!([{"id": 1}]));
}

#[tokio::test]
async fn neither_plans_nor_explanations_are_there_unless_they_are_switched_on() {
    let cluster = cluster("no_explanation", SCHEMA).await;
    let node = Node::start(&cluster).await;
    for accept in [EXPLAIN.1, "application/vnd.pgrst.plan+json"] {
        let answer = node.send(Method::GET, "/notes", &[("accept", accept)], "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (406, Some("PGRST107")),
            "{accept}"
        );
    }
}

#[tokio::test]
async fn a_write_is_done_by_its_plan_only_if_that_says_how_long_it_took() {
    let cluster = cluster("plan_of_a_write", SCHEMA).await;
    let node = Node::start_with(&cluster, &[PLANS]).await;
    let clerk = bearer(&json!({"role": "clerk"}));
    node.warm("/notes?id=eq.1").await;
    for (accept, left) in [
        ("application/vnd.pgrst.plan+json", json!([{"id": 1, "body": "note 1"}])),
        ("application/vnd.pgrst.plan+json; options=analyze", json!([])),
    ] {
        let headers = [("authorization", clerk.as_str()), ("accept", accept)];
        let plan = node.send(Method::DELETE, "/notes?id=eq.1", &headers, "").await;
        assert_eq!(plan.json()[0]["Plan"]["Node Type"], "Aggregate", "{plan:?}");
        assert_eq!(node.get("/notes?id=eq.1").await.json(), left);
    }
}

#[tokio::test]
async fn a_planned_count_is_the_planners_and_an_estimated_one_is_exact_up_to_the_bound() {
    let cluster = cluster("planned_count", SCHEMA).await;
    let client = crate::node::connect(&cluster).await;
    let bounded = Node::start_with(&cluster, &[("PGRST_DB_MAX_ROWS", "10")]).await;
    // Behind the planner's back.
    client
        .batch_execute("alter table notes set (autovacuum_enabled = false); delete from notes where id > 95")
        .await
        .expect("it is there");
    for (target, prefer, range) in [
        ("/notes?limit=1", "count=planned", "0-0/100"),
        ("/notes?limit=1", "count=estimated", "0-0/100"),
        ("/notes?limit=1", "count=exact", "0-0/95"),
        ("/notes?id=gt.85&order=id", "count=estimated", "0-9/10"),
    ] {
        let answer = bounded.send(Method::GET, target, &[("prefer", prefer)], "").await;
        assert_eq!(answer.header("content-range"), range, "{prefer}: {answer:?}");
        assert_eq!(answer.cache().contains("estimate"), prefer != "count=exact", "{answer:?}");
    }
}
