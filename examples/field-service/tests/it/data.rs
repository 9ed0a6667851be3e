//! What the generator makes.

use std::time::SystemTime;

use field_service::{Error, Scale};
use pg::cluster::Cluster;
use tokio_postgres::Client;

use crate::fixture::{generate, installed};

/// Of all rows at the tests' scale. The example is frozen: a change here is a change of what others measure.
const FROZEN: &str = "ebb80d61a67007ce610d0579f01f1db5";

#[tokio::test]
async fn every_table_is_filled_in_proportion() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    let summary = generate(&client).await;
    for (table, rows) in &summary.tables {
        let stored = count(&client, &format!("select count(*) from {table}")).await;
        assert_eq!(stored, *rows as i64, "{table}");
        assert!(stored > 0, "{table}");
    }
    assert_eq!(summary.tables.len(), 16);
    let rows_of = |wanted| summary.tables.iter().find(|(table, _)| *table == wanted).unwrap().1;
    assert_eq!((rows_of("vapi_calls"), rows_of("messages")), (500, 2000));
    assert_eq!((rows_of("leads"), rows_of("appointments"), rows_of("interventions")), (100, 125, 75));
    assert!((400..450).contains(&rows_of("call_logs")));
    assert_eq!(rows_of("conversations"), 80);
}

#[tokio::test]
async fn rows_refer_to_rows_that_exist_in_the_same_organization() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    let keys = client
        .query(
            "select k.conrelid::regclass::text, a.attname::text, k.confrelid::regclass::text, b.attname::text,
                k.confrelid not in ('users'::regclass, 'organizations'::regclass)
            from pg_constraint k
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
            join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
            where k.contype = 'f'",
            &[],
        )
        .await
        .unwrap();
    assert!(keys.len() > 30);
    for key in keys {
        let [from, column, to, target]: [String; 4] = std::array::from_fn(|at| key.get(at));
        let same = if key.get(4) { "and r.org_id = t.org_id" } else { "" };
        let lost = format!(
            "select count(*) from {from} t where t.{column} is not null
            and not exists (select from {to} r where r.{target} = t.{column} {same})"
        );
        assert_eq!(count(&client, &lost).await, 0, "{from}.{column}");
    }
}

#[tokio::test]
async fn the_same_inputs_make_the_same_bytes_as_ever() {
    let cluster = Cluster::for_test("example");
    let mut sums = Vec::new();
    for database in ["first", "second"] {
        let client = installed(&cluster, database).await;
        client.batch_execute("set time zone 'UTC'").await.unwrap();
        let summary = generate(&client).await;
        let mut sum = String::new();
        for (table, _) in summary.tables {
            let query = format!("select md5($1 || string_agg(t::text, '' order by t::text)) from {table} t");
            sum = client.query_one(&query, &[&sum]).await.unwrap().get(0);
        }
        sums.push(sum);
    }
    assert_eq!(sums[0], sums[1]);
    assert_eq!(sums[0], FROZEN);
}

#[tokio::test]
async fn the_data_is_true_to_life() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    for (what, query) in [
        (
            "threads that were not touched by their last message",
            "select count(*) from conversations c where not exists (
                select from messages m where m.conversation_id = c.id
                having (max(\"timestamp\"), min(\"timestamp\"), (array_agg(body order by id desc))[1])
                    = (c.updated_at, c.created_at, c.last_message))",
        ),
        (
            "calls out of order or after the end",
            "select count(*) from (
                select created_at < lag(created_at) over (order by ctid) as back,
                    greatest(created_at, started_at, ended_at) as latest
                from vapi_calls
            ) c where back or latest > '2026-01-15'",
        ),
        (
            "transcripts that are not turns",
            "select count(*) from call_logs where jsonb_array_length(transcript) < 2
            or transcript -> 0 ->> 'role' <> 'assistant' or transcript -> 1 ->> 'intent' is null",
        ),
        ("telephone numbers somebody might have", "select count(*) from vapi_calls where phone_number !~ '^\\+1\\d{3}555\\d{4}$'"),
        (
            "weekends that are not quieter",
            "select count(*) from (
                select count(*) filter (where extract(isodow from created_at - interval '5 hours') > 5) * 4 > count(*) as busy
                from vapi_calls
            ) c where busy",
        ),
        (
            "first customers of whom no one calls more often than others",
            "select count(*) from (
                select max(calls) < 3 * avg(calls) as flat
                from (select count(*) as calls from vapi_calls group by phone_number) c
            ) c where flat",
        ),
    ] {
        assert_eq!(count(&client, query).await, 0, "{what}");
    }
}

#[tokio::test]
async fn the_app_goes_on_where_the_generator_ended() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    let insert = "insert into messages (org_id, conversation_id, body)
        select org_id, id, 'Bonjour' from conversations order by id limit 1 returning id";
    assert_eq!(client.query_one(insert, &[]).await.unwrap().get::<_, i64>(0), 2001);
    assert_eq!(count(&client, "select count(*) from pg_stats where tablename = 'vapi_calls'").await, 14);
}

#[tokio::test]
async fn tables_that_hold_rows_are_left_alone() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    client
        .batch_execute("insert into organizations (name, slug) values ('Une autre', 'autre')")
        .await
        .unwrap();
    let scale = Scale { calls: 20, messages: 20 };
    let error = field_service::generate(&client, scale, SystemTime::now(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::NotEmpty));
    assert_eq!(count(&client, "select count(*) from organizations").await, 1);
}

#[tokio::test]
async fn the_smallest_scales_work_too() {
    let cluster = Cluster::for_test("example");
    for (database, calls, messages) in [("nothing", 0, 0), ("one", 1, 1), ("few", 20, 26)] {
        let client = installed(&cluster, database).await;
        let scale = Scale { calls, messages };
        let mut last = None;
        let mut note = |progress| last = Some(progress);
        field_service::generate(&client, scale, SystemTime::now(), &mut note).await.unwrap();
        let last = last.unwrap();
        assert_eq!((last.table, last.done, last.total), ("messages", messages, messages));
    }
}

async fn count(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect("the query runs").get(0)
}
