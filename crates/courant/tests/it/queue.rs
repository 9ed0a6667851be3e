//! Jobs through the binary: enqueued by SQL and HTTP, run by functions, endpoints and workers outside, and by another
//! node when one is killed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::http::{Method, StatusCode};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use parking_lot::Mutex;
use pg::cluster::Cluster;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::http::{Answered, bearer};
use crate::node::{Node, cluster, command, connect};
use crate::proxy::backend::{Backend, whole};

const SIGNING_SECRET: &str = "another secret of at least thirty-two bytes";
const SCHEMA: &str = "
    create table effect (n int);
    create function act(args jsonb) returns void language plpgsql as $$
    begin
        if args ? 'fail' then raise 'as told'; end if;
        insert into effect values ((args->>'n')::int);
    end $$";

/// A configuration file, gone with the test.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(text: &str) -> File {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("courant-queue-{}-{number}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    pub(crate) async fn node(&self, cluster: &Cluster) -> Node {
        Node::start_with(cluster, &[("COURANT_CONFIG", self.0.to_str().unwrap())]).await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) async fn text(client: &Client, sql: &str) -> String {
    let row = client.query_one(&format!("select ({sql})::text"), &[]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Waits until a query says so.
pub(crate) async fn until(client: &Client, sql: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = text(client, sql).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{sql}: never {wanted}, at last {found}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn post(node: &Node, token: &str, target: &str, body: &Value) -> Answered {
    let headers = [("authorization", token), ("content-type", "application/json")];
    node.send(Method::POST, target, &headers, &body.to_string()).await
}

fn clerk() -> String {
    bearer(&json!({ "role": "clerk" }))
}

#[tokio::test]
async fn a_job_that_is_enqueued_anywhere_is_done_by_a_function_once() {
    let cluster = cluster("queue-function", SCHEMA).await;
    let client = connect(&cluster).await;
    let file = File::new(
        "[[queue]]\nname = 'default'\nbackoff_min_ms = 1\nbackoff_max_ms = 2\n\
         [[job]]\nkind = 'act'\nfunction = 'act'\n",
    );
    let node = file.node(&cluster).await;
    client.batch_execute("select courant.enqueue('act', '{\"n\":1}')").await.unwrap();
    until(&client, "select array_agg(n) from effect", "{1}").await;
    // Over HTTP, once that is allowed, and what is sent twice is done once.
    let job = json!({ "kind": "act", "args": { "n": 2 } });
    let answered = post(&node, &clerk(), "/queue/v1/jobs", &job).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "{answered:?}");
    client.batch_execute("select courant.queue_allow('clerk', 'enqueue', 'act')").await.unwrap();
    let headers = [("authorization", clerk()), ("idempotency-key", "once".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answered = node.send(Method::POST, "/queue/v1/jobs", &headers, &job.to_string()).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{answered:?}");
        ids.push(answered.json()["ids"][0].as_i64().unwrap());
        until(&client, "select array_agg(n order by n) from effect", "{1,2}").await;
    }
    assert_eq!(ids[0], ids[1]);
    let answered = post(&node, &clerk(), "/queue/v1/jobs", &json!([job, { "kind": "other" }])).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "{answered:?}");
    let answered = node.send(Method::POST, "/queue/v1/jobs", &headers, "{").await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{answered:?}");
    assert_eq!(text(&client, "select count(*) from courant.jobs").await, "2");
    let metrics = crate::http::send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = "courant_job_runs_total{queue=\"default\",kind=\"act\",outcome=\"completed\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn an_endpoint_is_sent_a_signed_job_and_its_status_is_heeded() {
    let cluster = cluster("queue-endpoint", SCHEMA).await;
    let client = connect(&cluster).await;
    let bodies = Arc::<Mutex<Vec<Bytes>>>::default();
    let (times, seen) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&bodies));
    let backend = Backend::start(move |request| {
        let (times, seen) = (Arc::clone(&times), Arc::clone(&seen));
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            seen.lock().push(body);
            match times.fetch_add(1, Ordering::Relaxed) {
                0 => whole(503, &[("retry-after", "0")], "not yet"),
                1 => whole(200, &[], "done"),
                _ => whole(422, &[], "no such thing"),
            }
        }
    })
    .await;
    let file = File::new(&format!(
        "[[queue]]\nname = 'default'\n[[job]]\nkind = 'send'\nurl = '{}/jobs?a=1'\n\
         [jobs]\nsigning_secret = '{SIGNING_SECRET}'\n",
        backend.url()
    ));
    let _node = file.node(&cluster).await;
    // A number that no float holds, and a nested text.
    let args = r#"{"n": 12345678901234567890123, "text": "é\"}"}"#;
    client.execute("select courant.enqueue('send', $1::text::jsonb)", &[&args]).await.unwrap();
    until(&client, "select state from courant.jobs where id = 1", "completed").await;
    let second = text(&client, "select courant.enqueue('send')").await;
    until(&client, &format!("select state from courant.jobs where id = {second}"), "discarded").await;
    let why = format!("select errors -> 0 ->> 'error' from courant.jobs where id = {second}");
    let why = text(&client, &why).await;
    assert_eq!(why, "it answered 422 Unprocessable Entity: no such thing");
    let asked = backend.asked();
    let ids: Vec<&str> = asked.iter().map(|asked| asked.header("webhook-id")).collect();
    assert_eq!(ids, ["job-1-1", "job-1-2", &format!("job-{second}-1")]);
    assert_eq!((asked[0].method.clone(), asked[0].target.as_str()), (Method::POST, "/jobs?a=1"));
    let body = bodies.lock()[0].clone();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains("12345678901234567890123") && body.contains(r#""text": "é\"}""#), "{body}");
    assert!(serde_json::from_str::<Value>(body).is_ok_and(|job| job["id"] == 1 && job["kind"] == "send"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes());
    let at = asked[0].header("webhook-timestamp");
    let signed = hmac::sign(&key, format!("job-1-1.{at}.{body}").as_bytes());
    assert_eq!(asked[0].header("webhook-signature"), format!("v1,{}", STANDARD.encode(signed.as_ref())));
}

#[tokio::test]
async fn a_worker_outside_fetches_and_reports_and_is_refused_when_it_is_late() {
    let cluster = cluster("queue-pull", SCHEMA).await;
    let client = connect(&cluster).await;
    let file = File::new(
        "[[queue]]\nname = 'voice'\nworkers = 'outside'\n[[queue]]\nname = 'other'\nworkers = 'outside'\n",
    );
    let node = file.node(&cluster).await;
    let (token, at) = (clerk(), |what: &str| format!("/queue/v1/queues/voice/{what}"));
    let answered = post(&node, &token, &at("fetch"), &json!({})).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "{answered:?}");
    client.batch_execute("select courant.queue_allow('clerk', 'work', 'voice')").await.unwrap();
    // One that waits hears of a job that comes.
    let body = json!({ "max": 5, "wait_ms": 20000 });
    let fetching = async { post(&node, &token, &at("fetch"), &body).await.json() };
    let enqueuing = async {
        tokio::task::yield_now().await;
        client.batch_execute("select courant.enqueue('call', '{\"to\":\"ada\"}', 'voice')").await.unwrap();
    };
    let (fetched, ()) = tokio::join!(fetching, enqueuing);
    assert_eq!(fetched["jobs"][0]["args"]["to"], "ada");
    let run = json!({ "id": fetched["jobs"][0]["id"], "attempt": 1 });
    let extended = post(&node, &token, &at("extend"), &json!({ "runs": [run] })).await.json();
    assert_eq!(extended["runs"][0]["cancel"], false);
    client.batch_execute("select courant.cancel_job(1)").await.unwrap();
    let extended = post(&node, &token, &at("extend"), &json!({ "runs": [run] })).await.json();
    assert_eq!(extended["runs"][0]["cancel"], true);
    let report = |outcome: &str, attempt: i32| json!({ "runs": [{ "id": 1, "attempt": attempt, "outcome": outcome }] });
    let late = post(&node, &token, &at("report"), &report("completed", 7)).await;
    assert_eq!((late.status, late.json()["refused"][0]["attempt"].clone()), (StatusCode::CONFLICT, json!(7)));
    let done = post(&node, &token, &at("report"), &report("completed", 1)).await;
    assert_eq!((done.status, done.json()), (StatusCode::OK, json!({ "refused": [] })));
    let twice = post(&node, &token, &at("report"), &report("completed", 1)).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    // A queue that is not its own, a run of such a queue, and what cannot be meant.
    let answered = post(&node, &token, "/queue/v1/queues/other/fetch", &json!({})).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN);
    client
        .batch_execute("select courant.enqueue('call', queue => 'other'); update courant.job set attempt = 1, lease_until = 'infinity'")
        .await
        .unwrap();
    let foreign = json!({ "runs": [{ "id": 2, "attempt": 1, "outcome": "completed" }] });
    assert_eq!(post(&node, &token, &at("report"), &foreign).await.status, StatusCode::CONFLICT);
    assert_eq!(text(&client, "select state from courant.jobs where id = 2").await, "running");
    for (what, body, status) in [
        ("report", json!({ "runs": [] }), 400),
        ("report", json!({ "runs": [{ "id": 1, "attempt": 1, "outcome": "maybe" }] }), 400),
        ("report", json!({ "runs": [{ "id": 1, "attempt": 1, "outcome": "snoozed" }] }), 400),
        ("fetch", json!({ "max": 100_000 }), 400),
        ("fetch", json!([]), 400),
        ("nothing", json!({}), 404),
    ] {
        assert_eq!(post(&node, &token, &at(what), &body).await.status.as_u16(), status, "{what} {body}");
    }
    assert_eq!(node.get("/queue/v1/jobs").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_job_of_a_node_that_was_killed_runs_on_another() {
    let cluster = cluster("queue-killed", SCHEMA).await;
    let client = connect(&cluster).await;
    let times = Arc::new(AtomicUsize::new(0));
    let backend = Backend::start(move |_| {
        let first = times.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            whole(200, &[], "")
        }
    })
    .await;
    let file = File::new(&format!(
        "[[queue]]\nname = 'default'\nlease_ms = 3000\n[[job]]\nkind = 'send'\nurl = '{}/'\n",
        backend.url()
    ));
    let mut node = file.node(&cluster).await;
    client.batch_execute("select courant.enqueue('send')").await.unwrap();
    backend.until_asked(1).await;
    node.signal("-KILL");
    node.ended();
    let killed = Instant::now();
    let _other = file.node(&cluster).await;
    until(&client, "select state from courant.jobs", "completed").await;
    assert!(killed.elapsed() < Duration::from_secs(3 + 5 + 2), "{:?}", killed.elapsed());
    assert_eq!(backend.asked()[1].header("webhook-id"), "job-1-2");
}

#[tokio::test]
async fn people_look_at_jobs_and_retry_cancel_and_pause_them() {
    let cluster = cluster("queue-people", SCHEMA).await;
    let client = connect(&cluster).await;
    let file = File::new(
        "[[queue]]\nname = 'default'\n[[job]]\nkind = 'act'\nfunction = 'act'\n\
         [[periodic]]\nname = 'yearly'\ncron = '0 0 1 1 *'\nkind = 'act'\n",
    );
    let node = file.node(&cluster).await;
    let admin = format!("http://{}", node.admin);
    let run = |arguments: &[&str]| {
        let output = command(&[&["queue"], arguments, &["--admin", &admin]].concat()).output().unwrap();
        let text = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8(text).unwrap()
    };
    client.batch_execute("select courant.enqueue('act', '{\"fail\":1}', max_attempts => 1)").await.unwrap();
    until(&client, "select state from courant.jobs", "discarded").await;
    assert!(run(&["list", "--state", "discarded"]).contains("as told (P0001)"));
    assert_eq!(run(&["pause", "default"]), "default is paused\n");
    assert_eq!(run(&["pause", "default"]), "default was paused already\n");
    assert_eq!(run(&["retry", "1"]), "job 1 is available\n");
    let stats = run(&["stats"]);
    assert!(stats.contains("available") && stats.contains("default is paused"), "{stats}");
    assert_eq!(run(&["cancel", "1"]), "job 1 is cancelled\n");
    assert_eq!(run(&["cancel", "1"]), "courant: there is no job 1, or it has ended\n");
    let last = text(&client, "select courant.enqueue('act', '{\"n\":3}')").await.parse::<i64>().unwrap();
    assert_eq!(run(&["resume", "default"]), "default goes on\n");
    until(&client, "select array_agg(n) from effect", "{3}").await;
    let listed: Value = serde_json::from_str(&run(&["list", "--limit", "1", "--json"])).unwrap();
    assert_eq!((listed[0]["id"].clone(), listed[0]["kind"].clone()), (json!(last), json!("act")));
    assert_eq!(text(&client, "select count(*) from courant.job_periodic").await, "1");
}

#[tokio::test]
async fn a_node_without_a_queue_makes_no_table_and_knows_no_jobs() {
    let cluster = cluster("queue-none", SCHEMA).await;
    let client = connect(&cluster).await;
    let node = Node::start(&cluster).await;
    assert_eq!(text(&client, "select to_regclass('courant.job')").await, "");
    let answered = node.send(Method::POST, "/queue/v1/jobs", &[], "{}").await;
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
}
