//! What the developers added says what was said before, keeps people apart as before, and counts right.

use std::collections::BTreeSet;

use field_service::{DEMO_USERS, ORGANIZATIONS};
use pg::cluster::Cluster;
use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fixture::{connect, generate, installed, sign_in};

/// Longer ago than the data begins, whenever this is read.
const EVER: &str = "100 years";

/// The example with its rows, and with what was added.
async fn tuned(cluster: &Cluster) -> Client {
    let client = installed(cluster, "example").await;
    generate(&client).await;
    field_service::tune(&client).await.expect("what was added installs");
    client
}

async fn sign_out(client: &Client) {
    client.batch_execute("reset role; reset request.jwt.claims").await.expect("both are set");
}

/// The only value of the only row, as JSON.
async fn value(client: &Client, query: &str) -> Value {
    let row = client.query_one(&format!("select to_json(({query}))::text"), &[]).await.expect(query);
    row.get::<_, Option<&str>>(0).map_or(Value::Null, |text| text.parse().expect("to_json makes JSON"))
}

#[tokio::test]
async fn the_figures_are_those_of_the_first_functions() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    for user in DEMO_USERS {
        sign_in(&client, user.sub).await;
        for period in [EVER, "1 hour"] {
            let before = value(&client, &format!("get_dashboard_metrics('{period}')")).await;
            let mut after = value(&client, &format!("get_dashboard_metrics_ultra_fast('{period}')")).await;
            let latest = after.as_object_mut().expect("figures").remove("latest_calls").expect("calls");
            assert_eq!(after, before, "{} of {period}", user.name);
            let large = ORGANIZATIONS[..2].iter().any(|org| org.id == user.org_id);
            assert_eq!(latest.as_array().expect("a list").len(), if large { 5 } else { 0 });
        }
        let before = value(&client, "get_crm_stats()").await;
        assert_eq!(value(&client, "get_crm_stats_optimized()").await, before, "{}", user.name);
        sign_out(&client).await;
    }
}

#[tokio::test]
async fn only_an_owner_sees_names_and_equal_names_look_equal() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    // Two of the five latest calls are of one person.
    let named = "update vapi_calls set customer_name = case when n % 2 = 0 then 'Ève' else 'Adam' end
        from (select call_id, row_number() over (partition by org_id order by created_at desc, call_id) as n from vapi_calls) t
        where t.call_id = vapi_calls.call_id";
    client.batch_execute(named).await.unwrap();
    let mut seen = Vec::new();
    for user in &DEMO_USERS[..2] {
        assert_eq!(user.org_id, DEMO_USERS[0].org_id);
        sign_in(&client, user.sub).await;
        let figures = value(&client, "get_dashboard_metrics_ultra_fast()").await;
        let calls = figures["latest_calls"].as_array().unwrap().iter();
        seen.push(calls.map(|call| call["customer"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        let refused = client.query("select * from private.name_key", &[]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        sign_out(&client).await;
    }
    assert_eq!(seen[0], ["Adam", "Ève", "Adam", "Ève", "Adam"]);
    assert_eq!(seen[1][0], seen[1][2]);
    assert_eq!(seen[1].iter().collect::<BTreeSet<_>>().len(), 2);
    for name in &seen[1] {
        let digits = name.strip_prefix("Client-").expect(name);
        assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{name}");
    }
}

#[tokio::test]
async fn a_search_finds_the_rows_of_the_policy_and_takes_patterns_as_text() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    for user in DEMO_USERS {
        sign_in(&client, user.sub).await;
        for (fragment, status) in
            [("555", None), ("01", Some("completed")), ("%", None), ("_", Some("missed"))]
        {
            let status_is = status.map_or(String::new(), |status| format!("and status = '{status}'"));
            let expected = format!(
                "select coalesce(json_agg(c.call_id order by c.created_at desc, c.call_id), '[]')
                from vapi_calls c where strpos(phone_number, '{fragment}') > 0 {status_is}"
            );
            let found = format!(
                "select coalesce(json_agg(c.call_id order by c.created_at desc, c.call_id), '[]')
                from search_calls_optimized('{fragment}', {}, 1000) c",
                status.map_or("null".to_owned(), |status| format!("'{status}'"))
            );
            let expected = value(&client, &expected).await;
            assert_eq!(value(&client, &found).await, expected, "{fragment} of {}", user.name);
        }
        sign_out(&client).await;
    }
}

#[tokio::test]
async fn a_batch_is_inserted_whole_or_not_at_all() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    let user = DEMO_USERS[0];
    sign_in(&client, user.sub).await;
    let call = |org: &str, n: i32| json!({ "org_id": org, "phone_number": format!("+1514555{n:04}"), "duration": n });
    let calls: Vec<Value> = (0..1000).map(|n| call(user.org_id, n)).collect();
    let insert = "select insert_call_batch($1::text::jsonb)";
    let mut batch = Value::from(calls).to_string();
    let row = client.query_one(insert, &[&batch]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 1000);
    let stored = "select count(*) from vapi_calls where status = 'pending' and created_at = (select max(created_at) from vapi_calls)";
    assert_eq!(value(&client, stored).await, json!(1000));

    batch = json!([call(user.org_id, 1), call(ORGANIZATIONS[1].id, 2)]).to_string();
    let before = value(&client, "select count(*) from vapi_calls").await;
    let refused = client.query_one(insert, &[&batch]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    assert_eq!(value(&client, "select count(*) from vapi_calls").await, before);

    let all = "(select array_agg(call_id) from vapi_calls where status = 'pending')";
    let pending = value(&client, "select count(*) from vapi_calls where status = 'pending'").await;
    assert_eq!(value(&client, &format!("batch_update_call_status({all}, 'missed')")).await, pending);
    assert_eq!(value(&client, "select count(*) from vapi_calls where status = 'pending'").await, json!(0));
    // What has the status already is not written again.
    let missed = "(select array_agg(call_id) from vapi_calls where status = 'missed')";
    assert_eq!(value(&client, &format!("batch_update_call_status({missed}, 'missed')")).await, json!(0));
}

#[tokio::test]
async fn of_many_requests_at_once_a_limit_lets_through_as_many_as_it_says() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    let ask = "select allowed, remaining, retry_after_ms from check_rate_limit_optimized('one', 5, '1 hour')";
    let mut others = Vec::new();
    for _ in 0..12 {
        others.push(connect(&cluster, "example").await);
    }
    let asked = others.iter().map(|client| client.query_one(ask, &[]));
    let answers = futures_util::future::try_join_all(asked).await.unwrap();
    let allowed: Vec<i32> =
        answers.iter().filter(|row| row.get::<_, bool>(0)).map(|row| row.get(1)).collect();
    assert_eq!(allowed.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(allowed.len(), 5);
    // Five in an hour leave twelve minutes between two.
    for row in answers.iter().filter(|row| !row.get::<_, bool>(0)) {
        assert!((1..=720_000).contains(&row.get::<_, i32>(2)), "{}", row.get::<_, i32>(2));
    }
    // Once the bucket has emptied, the limit starts anew and the row can go.
    let empty = "update private.rate_limits set empties_at = clock_timestamp() - interval '1 second'";
    client.batch_execute(empty).await.unwrap();
    assert_eq!(client.query_one(ask, &[]).await.unwrap().get::<_, i32>(1), 4);
    assert_eq!(value(&client, "prune_rate_limits()").await, json!(0));
    client.batch_execute(empty).await.unwrap();
    assert_eq!(value(&client, "prune_rate_limits()").await, json!(1));
    let wrong = "select * from check_rate_limit_optimized('one', 0, '1 hour')";
    let refused = client.query_one(wrong, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PARAMETER_VALUE));
}

#[tokio::test]
async fn the_refreshed_view_shows_ones_own_hour_and_is_read_while_it_is_refreshed() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    let user = DEMO_USERS[0];
    let call = "insert into vapi_calls (org_id, phone_number, status, duration) values ($1::text::uuid, '1', 'in_progress', 60)";
    client.execute(call, &[&user.org_id]).await.unwrap();
    let mut refreshing = connect(&cluster, "example").await;
    let refresh = refreshing.transaction().await.unwrap();
    refresh.batch_execute("set local role service_role; select refresh_materialized_views()").await.unwrap();
    // Not committed yet, and nobody waits for it.
    sign_in(&client, user.sub).await;
    let seen = "select json_agg(json_build_array(org_id, active_calls, p95_duration)) from realtime_metrics";
    assert_eq!(value(&client, seen).await[0][1], json!(0));
    refresh.commit().await.unwrap();
    assert_eq!(value(&client, seen).await, json!([[user.org_id, 1, 60]]));
    let refused = client.query("select * from mv_realtime_metrics", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
}

#[tokio::test]
async fn partitions_hold_every_event_and_take_new_ones() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    let sum = "select json_build_array(count(*), md5(string_agg(a::text, ' ' order by id))) from analytics a";
    let before = value(&client, sum).await;
    field_service::tune(&client).await.unwrap();
    assert_eq!(value(&client, sum).await, before);
    let user = DEMO_USERS[0];
    sign_in(&client, user.sub).await;
    let track = "insert into analytics (org_id, event_type) values ($1::text::uuid, 'page_view') returning tableoid::regclass::text";
    let row = client.query_one(track, &[&user.org_id]).await.unwrap();
    assert!(row.get::<_, &str>(0).starts_with("analytics_20"), "{}", row.get::<_, &str>(0));
    let direct = format!("select * from {}", row.get::<_, &str>(0));
    let refused = client.query(&direct, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    sign_out(&client).await;
    assert_eq!(
        value(&client, "make_analytics_partitions(now(), now() + interval '2 months')").await,
        json!(0)
    );
    assert_eq!(
        value(&client, "make_analytics_partitions(now() + interval '3 months', now() + interval '3 months')")
            .await,
        json!(1)
    );
}

#[tokio::test]
async fn the_operators_views_show_dead_rows_and_slow_statements() {
    let cluster = Cluster::for_test("example");
    let client = tuned(&cluster).await;
    client
        .batch_execute("alter table messages set (autovacuum_enabled = off); delete from messages")
        .await
        .unwrap();
    client.batch_execute("select pg_stat_force_next_flush()").await.unwrap();
    let dead = "select json_agg(json_build_array(tablename, n_dead_tup, dead_share > 0)) from v_table_bloat";
    assert_eq!(value(&client, dead).await, json!([["messages", 2000, true]]));
    // This server does not count statements: the view is left out, and the rest is there.
    assert_eq!(value(&client, "select to_regclass('v_slow_queries')").await, Value::Null);
}
