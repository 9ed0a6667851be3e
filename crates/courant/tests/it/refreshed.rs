//! The example's materialized view behind a node: refreshed by the queue when calls change and when its time has come, and
//! read from the cache in between.

use std::time::{Duration, Instant, SystemTime};

use ::http::{Method, StatusCode};
use field_service::{CONFIGURATION, DEMO_USERS, REFRESHING_CONFIGURATION, Scale};
use pg::cluster::Cluster;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::http::bearer;
use crate::node::{Node, command, connect};
use crate::queue::{File, text, until};

const SCREEN: &str = "/realtime_metrics?select=active_calls";

/// The tuned example, served, its refreshing in the queue's hands.
async fn served(name: &str) -> (Cluster, Client, File, Node) {
    let cluster = Cluster::for_test(name);
    let client = connect(&cluster).await;
    field_service::install(&client).await.unwrap();
    let scale = Scale { calls: 20, messages: 20 };
    field_service::generate(&client, scale, SystemTime::now(), &mut |_| {}).await.unwrap();
    client.batch_execute("update vapi_calls set status = 'completed'").await.unwrap();
    field_service::tune(&client).await.unwrap();
    let file = File::new(&format!("{CONFIGURATION}{REFRESHING_CONFIGURATION}"));
    let node = file.node(&cluster).await;
    // The node has made the queue's tables.
    until(&client, "select to_regclass('courant.job_periodic') is not null", "true").await;
    field_service::refresh_by_queue(&client).await.unwrap();
    (cluster, client, file, node)
}

fn member() -> String {
    bearer(&json!({ "role": "authenticated", "sub": DEMO_USERS[0].sub }))
}

fn call() -> Value {
    json!({ "org_id": DEMO_USERS[0].org_id, "phone_number": "+15145550123", "status": "in_progress" })
}

/// What the screen shows, asked until it is this.
async fn until_shown(node: &Node, active: i64) {
    let wanted = json!([{ "active_calls": active }]);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = node.get_as(&member(), SCREEN).await;
        if shown.json() == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "never {wanted}, at last {shown:?}");
    }
}

/// What an operator types.
fn queue(node: &Node, what: &str) {
    let admin = format!("http://{}", node.admin);
    let output = command(&["queue", what, "default", "--admin", &admin]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_change_of_calls_is_shown_and_many_changes_share_a_refresh() {
    let (_cluster, client, _file, node) = served("refreshed-change").await;
    let jobs = "select count(*) from courant.jobs where args ? 'changed_by'";
    let body = json!([call(), call(), call()]).to_string();
    let token = member();
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
        ("prefer", "return=minimal"),
    ];
    let answered = node.send(Method::POST, "/vapi_calls", &headers, &body).await;
    assert_eq!(answered.status, StatusCode::CREATED, "{answered:?}");
    until_shown(&node, 3).await;
    // One transaction, one job, however many rows and statements.
    assert_eq!(text(&client, jobs).await, "1");
    client
        .batch_execute(
            "begin; update vapi_calls set duration = 1; update vapi_calls set duration = 2; rollback",
        )
        .await
        .unwrap();
    assert_eq!(text(&client, jobs).await, "1");

    // Ten changes that commit before their jobs start: the first job's refresh has seen all of them.
    let count = "select count(*) from vapi_calls where status = 'in_progress'";
    queue(&node, "pause");
    for _ in 0..10 {
        client.execute("insert into vapi_calls (org_id, phone_number, status) values ($1::text::uuid, '1', 'in_progress')", &[&DEMO_USERS[0].org_id]).await.unwrap();
    }
    assert_eq!(text(&client, count).await, "13");
    let refreshed = "create table private.seen (n int); create function private.count_refresh() returns trigger language plpgsql as
        $$ begin insert into private.seen values (1); return null; end $$;
        create trigger count_refresh after insert or update on public.view_refreshes for each row execute function private.count_refresh()";
    client.batch_execute(refreshed).await.unwrap();
    queue(&node, "resume");
    until_shown(&node, 13).await;
    until(&client, &format!("{jobs} and state = 'completed'"), "11").await;
    // The clock's own refresh may have come in between.
    let periodic = "select count(*) from courant.jobs where not args ? 'changed_by'";
    let (refreshes, by_clock): (i64, i64) = (
        text(&client, "select count(*) from private.seen").await.parse().unwrap(),
        text(&client, periodic).await.parse().unwrap(),
    );
    assert!((1..=1 + by_clock).contains(&refreshes), "{refreshes} refreshes, {by_clock} by the clock");
    // Nothing changes: the cache has it.
    assert!(node.warm_as(Some(&token), SCREEN).await.is_hit());
}

#[tokio::test]
async fn the_clock_refreshes_what_no_change_has_told_of() {
    let (cluster, client, file, mut node) = served("refreshed-clock").await;
    node.signal("-TERM");
    assert!(node.ended().success());
    // Around the triggers, as the hour goes on around them; and the latest tick is an hour ago.
    client
        .batch_execute(&format!(
            "set session_replication_role = replica;
             insert into vapi_calls (org_id, phone_number, status) values ('{}', '1', 'in_progress');
             update courant.job_periodic set tick = tick - interval '1 hour'",
            DEMO_USERS[0].org_id
        ))
        .await
        .unwrap();
    let node = file.node(&cluster).await;
    until_shown(&node, 1).await;
    assert_eq!(text(&client, "select count(*) from courant.jobs where args ? 'changed_by'").await, "0");
}
