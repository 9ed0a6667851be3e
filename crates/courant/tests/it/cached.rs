//! Miss, hit, a change from outside, a fresh answer: for every tracked shape of read.

use http::Method;
use pg::cluster::Cluster;
use serde_json::json;

use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table accounts (id bigint primary key, name text not null);
    create table calls (
        id bigint primary key,
        account_id bigint not null references accounts,
        status text not null,
        priority int not null
    );
    insert into accounts select n, 'account ' || n from generate_series(1, 5) n;
    insert into calls select n, 1 + n % 5, case when n % 3 = 0 then 'pending' else 'done' end, n
        from generate_series(1, 100) n;
    create function total(wanted text) returns bigint language sql stable as
        $$ select count(*) from calls where status = wanted $$;
    grant select on accounts, calls to anon;
";

async fn started(name: &str) -> (Cluster, Node, tokio_postgres::Client) {
    let cluster = cluster(name, SCHEMA).await;
    let node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    (cluster, node, outside)
}

#[tokio::test]
async fn a_point_read_is_answered_from_the_cache_until_its_row_changes() {
    let (_cluster, node, outside) = started("point_read").await;
    let known = node.warm("/calls?id=eq.7").await;
    assert_eq!(known.json(), json!([{"id": 7, "account_id": 3, "status": "done", "priority": 7}]));

    outside.batch_execute("update calls set status = 'other' where id = 8").await.unwrap();
    outside.batch_execute("update calls set status = 'changed' where id = 7").await.unwrap();
    node.within_bound("/calls?id=eq.7", |answer| answer.json()[0]["status"] == "changed").await;

    outside.batch_execute("delete from calls where id = 7").await.unwrap();
    node.within_bound("/calls?id=eq.7", |answer| answer.json() == json!([])).await;
}

#[tokio::test]
async fn the_prefix_of_supabases_clients_means_the_same_and_shares_the_answer() {
    let (_cluster, node, _) = started("prefix").await;
    let known = node.warm("/calls?id=eq.7").await;
    let prefixed = node.get("/rest/v1/calls?id=eq.7").await;
    assert!(prefixed.is_hit(), "{prefixed:?}");
    assert_eq!((&prefixed.body, prefixed.header("content-location")), (&known.body, "/calls?id=eq.7"));
    assert_eq!(node.get("/rest/v1/rpc/total?wanted=done").await.json(), json!(67));
    for nowhere in ["/rest/v1", "/rest/v1calls", "/rest/v1/rest/v1/calls", "/rest/v2/calls"] {
        let answer = node.get(nowhere).await;
        assert_eq!(answer.status, 404, "{nowhere}: {answer:?}");
    }
}

#[tokio::test]
async fn a_head_and_a_get_of_one_address_share_an_answer_and_only_one_is_sent_its_body() {
    let (_cluster, mut node, outside) = started("head").await;
    let got = node.warm("/calls?id=eq.7").await;
    let head = node.send(Method::HEAD, "/calls?id=eq.7", &[], "").await;
    assert!(head.is_hit() && head.body.is_empty(), "{head:?}");
    for name in ["content-type", "content-range", "etag"] {
        assert_eq!(head.header(name), got.header(name), "{name}");
    }
    assert_eq!(head.headers.get("content-length"), None, "{head:?}");
    outside.batch_execute("update calls set status = 'changed' where id = 7").await.unwrap();
    node.until(|cache| cache["entries"] == 0).await;
    assert!(!node.send(Method::HEAD, "/calls?id=eq.7", &[], "").await.is_hit());
}

#[tokio::test]
async fn a_change_of_other_rows_leaves_an_answer_in_the_cache() {
    let (_cluster, mut node, outside) = started("other_rows").await;
    node.warm("/calls?id=eq.7").await;
    node.warm("/calls?id=eq.8").await;
    outside.batch_execute("update calls set priority = -1 where id = 8").await.unwrap();
    node.until(|cache| cache["entries"] == 1).await;
    assert!(node.get("/calls?id=eq.7").await.is_hit());
}

#[tokio::test]
async fn an_absent_row_is_remembered_until_it_appears() {
    let (_cluster, node, outside) = started("absent_row").await;
    assert_eq!(node.warm("/calls?id=eq.1000").await.json(), json!([]));
    outside.batch_execute("insert into calls values (1000, 1, 'new', 0)").await.unwrap();
    node.within_bound("/calls?id=eq.1000", |answer| answer.json()[0]["status"] == "new").await;
}

#[tokio::test]
async fn a_list_hears_of_rows_that_enter_and_leave_it() {
    let (_cluster, node, outside) = started("list").await;
    let list = "/calls?status=eq.pending&select=id&order=id";
    assert_eq!(node.warm(list).await.json()[0]["id"], 3);
    outside.batch_execute("update calls set status = 'pending' where id = 1").await.unwrap();
    node.within_bound(list, |answer| answer.json()[0]["id"] == 1).await;
    node.warm(list).await;
    outside.batch_execute("update calls set status = 'done' where id = 1").await.unwrap();
    node.within_bound(list, |answer| answer.json()[0]["id"] == 3).await;
    node.warm(list).await;
    outside.batch_execute("delete from calls where id = 3").await.unwrap();
    node.within_bound(list, |answer| answer.json()[0]["id"] == 6).await;
}

#[tokio::test]
async fn a_top_list_hears_of_a_row_that_overtakes() {
    let (_cluster, node, outside) = started("top_list").await;
    let top = "/calls?status=eq.pending&select=id&order=priority.desc&limit=2";
    assert_eq!(node.warm(top).await.json(), json!([{"id": 99}, {"id": 96}]));
    outside.batch_execute("update calls set priority = 1000 where id = 3").await.unwrap();
    node.within_bound(top, |answer| answer.json() == json!([{"id": 3}, {"id": 99}])).await;
    node.warm(top).await;
    outside.batch_execute("update calls set priority = 0 where id = 3").await.unwrap();
    node.within_bound(top, |answer| answer.json() == json!([{"id": 99}, {"id": 96}])).await;
}

#[tokio::test]
async fn a_second_page_hears_of_a_row_that_left_the_first() {
    let (_cluster, node, outside) = started("second_page").await;
    let page = "/calls?status=eq.pending&select=id&order=id&limit=2&offset=2";
    assert_eq!(node.warm(page).await.json(), json!([{"id": 9}, {"id": 12}]));
    outside.batch_execute("update calls set status = 'done' where id = 3").await.unwrap();
    node.within_bound(page, |answer| answer.json() == json!([{"id": 12}, {"id": 15}])).await;
}

#[tokio::test]
async fn an_embed_hears_of_both_sides() {
    let (_cluster, node, outside) = started("embed").await;
    let embed = "/accounts?id=eq.1&select=name,calls(id)&calls.order=id&calls.limit=2";
    let known = node.warm(embed).await.json();
    assert_eq!(known, json!([{"name": "account 1", "calls": [{"id": 5}, {"id": 10}]}]));
    outside.batch_execute("insert into calls values (-1, 1, 'new', 0)").await.unwrap();
    node.within_bound(embed, |answer| answer.json()[0]["calls"][0]["id"] == -1).await;
    node.warm(embed).await;
    outside.batch_execute("update accounts set name = 'renamed' where id = 1").await.unwrap();
    node.within_bound(embed, |answer| answer.json()[0]["name"] == "renamed").await;
}

#[tokio::test]
async fn a_count_hears_of_a_row_that_left_it() {
    let (_cluster, node, outside) = started("count").await;
    let counted = [("prefer", "count=exact")];
    let list = "/calls?status=eq.pending&select=id&limit=1";
    let get = || node.send(::http::Method::GET, list, &counted, "");
    assert_eq!(get().await.header("content-range"), "0-0/33");
    // A row that is not among those returned: only its old value tells that it was counted.
    outside.batch_execute("update calls set status = 'done' where id = 99").await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    loop {
        let answer = get().await;
        if answer.header("content-range") == "0-0/32" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "older than the bound: {answer:?}");
    }
}

#[tokio::test]
async fn a_function_is_kept_only_where_its_tables_are_declared() {
    let cluster = cluster("declared_function", SCHEMA).await;
    let outside = connect(&cluster).await;
    let undeclared = Node::start(&cluster).await;
    let answer = undeclared.get("/rpc/total?wanted=pending").await;
    assert!(answer.cache().contains("fwd=bypass") && answer.cache().contains("total"), "{answer:?}");
    drop(undeclared);

    let config = cluster.directory().join("courant.toml");
    let text = "[[cache.declare]]\nfunction = \"total\"\ndepends_on = [\"public.calls\"]\n";
    std::fs::write(&config, text).unwrap();
    let node = Node::start_with(&cluster, &[("COURANT_CONFIG", config.to_str().unwrap())]).await;
    assert_eq!(node.warm("/rpc/total?wanted=pending").await.body, "33");
    outside.batch_execute("update calls set status = 'done' where id = 3").await.unwrap();
    node.within_bound("/rpc/total?wanted=pending", |answer| answer.body == "32").await;
}

#[tokio::test]
async fn a_function_that_reads_the_clock_is_kept_for_its_declared_time() {
    let body = "returns timestamptz language sql stable as $$ select now() from accounts where id = 1 $$";
    let schema = format!("{SCHEMA} create function brief() {body}; create function lasting() {body};");
    let cluster = cluster("declared_time", &schema).await;
    let outside = connect(&cluster).await;
    let config = cluster.directory().join("courant.toml");
    let declared = |name: &str, ttl_ms: u32| {
        format!("[[cache.declare]]\nfunction = \"{name}\"\ndepends_on = [\"accounts\"]\nttl_ms = {ttl_ms}\n")
    };
    std::fs::write(&config, declared("brief", 500) + &declared("lasting", 600_000)).unwrap();
    let mut node = Node::start_with(&cluster, &[("COURANT_CONFIG", config.to_str().unwrap())]).await;
    let lasting = node.warm("/rpc/lasting").await;
    let brief = node.warm("/rpc/brief").await;
    // By its time, with nothing changed.
    node.until(|cache| cache["events"]["expired"] == 1).await;
    assert_ne!(node.warm("/rpc/brief").await.body, brief.body);
    // By what it depends on, before its time.
    outside.batch_execute("update accounts set name = 'changed' where id = 1").await.unwrap();
    node.within_bound("/rpc/lasting", |answer| answer.body != lasting.body).await;
}

#[tokio::test]
async fn a_truncated_table_leaves_nothing_in_the_cache() {
    let (_cluster, node, outside) = started("truncated").await;
    node.warm("/calls?id=eq.7").await;
    outside.batch_execute("truncate calls").await.unwrap();
    node.within_bound("/calls?id=eq.7", |answer| answer.json() == json!([])).await;
}

#[tokio::test]
async fn a_new_column_is_in_the_very_next_answers() {
    let (_cluster, node, outside) = started("new_column").await;
    node.warm("/accounts?id=eq.1").await;
    outside.batch_execute("alter table accounts add city text default 'Gasp\u{e9}'").await.unwrap();
    node.within_bound("/accounts?id=eq.1", |answer| answer.json()[0]["city"] == "Gasp\u{e9}").await;
    node.warm("/accounts?id=eq.1&city=eq.Gasp%C3%A9").await;
}

#[tokio::test]
async fn a_validator_spares_the_body() {
    let (_cluster, node, _outside) = started("validator").await;
    let known = node.warm("/calls?id=eq.7").await;
    let headers = [("if-none-match", known.header("etag"))];
    let answer = node.send(::http::Method::GET, "/calls?id=eq.7", &headers, "").await;
    assert_eq!(answer.status, 304);
    assert!(answer.is_hit() && answer.body.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn an_administrator_can_forget_answers_by_pattern() {
    let (_cluster, mut node, _outside) = started("forget").await;
    node.warm("/calls?id=eq.7").await;
    node.warm("/accounts?id=eq.1").await;
    let admin = node.admin.to_string();
    let mut clear = crate::node::command(&["cache", "clear", "--admin", &admin, "--pattern", "/calls*"]);
    let output = clear.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 answers forgotten\n", "{output:?}");
    node.until(|cache| cache["entries"] == 1).await;
}
