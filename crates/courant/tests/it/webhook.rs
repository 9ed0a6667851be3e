//! Webhooks through the binary: kept once with their job however often and however many at once they come, refused
//! where one byte is another, and never acknowledged before they are committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{Method, StatusCode};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pg::cluster::Cluster;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::Client;

use crate::http::{Answered, send};
use crate::node::{Node, cluster, connect};
use crate::queue::{File, text, until};

const SECRET: &str = "a secret that the provider knows too";
const SCHEMA: &str = "
    create table effect (event text, args jsonb);
    create function act(args jsonb) returns void language sql as $$
        insert into effect values (args->>'event', args)
    $$";
/// What handles the jobs of the tests that say nothing else.
const JOB: &str = "[[queue]]\nname = 'default'\nbackoff_min_ms = 1\nbackoff_max_ms = 5\n\
                   [[job]]\nkind = 'act'\nfunction = 'act'\n";

fn whatsapp() -> String {
    format!(
        "{JOB}[[webhook]]\npath = '/hooks/whatsapp'\nprovider = 'whatsapp'\nverify_token = 'a token'\n\
         secret = ['the secret that comes next', '{SECRET}']\nkind = 'act'\n"
    )
}

fn mac(algorithm: hmac::Algorithm, text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, SECRET.as_bytes()), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hub(body: &str) -> String {
    format!("sha256={}", hex(&mac(hmac::HMAC_SHA256, body.as_bytes())))
}

fn message(id: &str) -> String {
    let message = json!({ "id": id, "from": "16505551234", "type": "text", "text": { "body": "hello" } });
    let value = json!({ "metadata": { "phone_number_id": "1" }, "messages": [message] });
    json!({ "entry": [{ "id": "2", "changes": [{ "field": "messages", "value": value }] }] }).to_string()
}

async fn post(node: &Node, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
    node.send(Method::POST, path, headers, body).await
}

async fn deliver(node: &Node, body: &str) -> Answered {
    post(node, "/hooks/whatsapp", &[("x-hub-signature-256", &hub(body))], body).await
}

/// A request on a connection of its own that may end any way: its status, if there was an answer.
fn attempt(node: &Node, body: &str) -> tokio::task::JoinHandle<Option<String>> {
    let request = format!(
        "POST /hooks/whatsapp HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-hub-signature-256: {}\r\n\
         content-length: {}\r\n\r\n{body}",
        hub(body),
        body.len()
    );
    let address = node.clients;
    tokio::spawn(async move {
        let mut socket = TcpStream::connect(address).await.ok()?;
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // What came before the end counts, however it ended.
        let _ = socket.read_to_end(&mut answer).await;
        (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
    })
}

async fn metrics(node: &Node) -> String {
    let metrics = send(node.admin, Method::GET, "/metrics", &[], "").await;
    String::from_utf8_lossy(&metrics.body).into_owned()
}

async fn counts(client: &Client) -> (String, String) {
    let inbox = text(client, "select count(*) from courant.webhook_inbox").await;
    (inbox, text(client, "select count(*) from courant.jobs").await)
}

#[tokio::test]
async fn the_same_webhook_a_thousand_times_at_once_is_one_job() {
    let cluster = cluster("webhook-thousand", SCHEMA).await;
    let client = connect(&cluster).await;
    let file = File::new(&whatsapp());
    let nodes = [file.node(&cluster).await, file.node(&cluster).await];
    let body = message("wamid.1");
    let attempts: Vec<_> = (0..1000).map(|nth| attempt(&nodes[nth % 2], &body)).collect();
    let mut new = 0;
    for attempt in attempts {
        let answer = attempt.await.unwrap().unwrap_or_default();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        new += usize::from(answer.contains("\"new\":1"));
    }
    assert_eq!(new, 1);
    assert_eq!(counts(&client).await, ("1".to_owned(), "1".to_owned()));
    until(&client, "select array_agg(event) from effect", "{wamid.1}").await;
    let same = "select count(*) from courant.webhook_inbox i join courant.jobs j on j.id = i.job
        where j.args ->> 'event' = i.event and j.args #>> '{payload,message,text,body}' = 'hello'
            and j.args ->> 'path' = '/hooks/whatsapp' and j.args ->> 'type' = 'message'";
    assert_eq!(text(&client, same).await, "1");
    // A batch of which a part is known: the rest is new.
    let mut batch: Value = serde_json::from_str(&body).unwrap();
    let messages = batch["entry"][0]["changes"][0]["value"]["messages"].as_array_mut().unwrap();
    let mut another = messages[0].clone();
    another["id"] = "wamid.2".into();
    messages.extend([another.clone(), another]);
    let answered = deliver(&nodes[0], &batch.to_string()).await;
    assert_eq!((answered.status, answered.json()), (StatusCode::OK, json!({ "new": 1, "known": 2 })));
    let told: String = metrics(&nodes[0]).await + &metrics(&nodes[1]).await;
    assert!(told.contains("courant_webhooks_total{path=\"/hooks/whatsapp\",outcome=\"known\"}"), "{told}");
}

#[tokio::test]
async fn one_altered_byte_is_refused_audited_and_counted() {
    let cluster = cluster("webhook-altered", SCHEMA).await;
    let client = connect(&cluster).await;
    let file = File::new(&format!("{}[audit]\nenabled = true\n", whatsapp()));
    let node = file.node(&cluster).await;
    let body = message("wamid.1");
    let signature = hub(&body);
    let mut refused = 0;
    for place in (0..body.len()).step_by(7) {
        let mut altered = body.clone().into_bytes();
        altered[place] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        let answered = post(&node, "/hooks/whatsapp", &[("x-hub-signature-256", &signature)], &altered).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{altered}");
        refused += 1;
    }
    let none = post(&node, "/hooks/whatsapp", &[], &body).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    refused += 1;
    // Signed well, and no webhook.
    for malformed in ["{", "{}", "[]", "\"\\ud800\"", &message("wamid.\0").replace("hello", "\\u0000")] {
        let answered = deliver(&node, malformed).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{malformed}: {answered:?}");
    }
    assert_eq!(counts(&client).await, ("0".to_owned(), "0".to_owned()));
    let audited =
        "select sum((entry ->> 'count')::int) from courant.audit where entry ->> 'event' = 'webhook_refused'";
    until(&client, audited, &refused.to_string()).await;
    let told = metrics(&node).await;
    let line = format!("courant_webhooks_total{{path=\"/hooks/whatsapp\",outcome=\"refused\"}} {refused}");
    assert!(told.contains(&line), "{told}");
    assert!(told.contains(&format!("courant_guard_refusals_total{{what=\"webhook\"}} {refused}")), "{told}");
    assert!(
        told.contains("courant_webhooks_total{path=\"/hooks/whatsapp\",outcome=\"malformed\"} 5"),
        "{told}"
    );
    assert_eq!(deliver(&node, &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused_before_it_is_read() {
    let cluster = cluster("webhook-large", SCHEMA).await;
    let file = File::new(&whatsapp());
    let node = file.node(&cluster).await;
    let head = "POST /hooks/whatsapp HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    // Announced: not a byte of it is asked for.
    let mut socket = TcpStream::connect(node.clients).await.unwrap();
    socket.write_all(format!("{head}content-length: 10000000\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // In chunks: nobody knows before it is too much.
    let (mut read, mut write) = TcpStream::connect(node.clients).await.unwrap().into_split();
    tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        write.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
        // Until the node has heard enough.
        while write.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(deliver(&node, &message("wamid.1")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn meta_asks_by_get_and_others_are_told_which_method_is_meant() {
    let cluster = cluster("webhook-challenge", SCHEMA).await;
    let file = File::new(&whatsapp());
    let node = file.node(&cluster).await;
    let ask = "/hooks/whatsapp?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=";
    let answered = node.get(&format!("{ask}a%20token")).await;
    assert_eq!((answered.status, &answered.body[..]), (StatusCode::OK, &b"1158201444"[..]));
    assert!(answered.header("content-type").starts_with("text/plain"));
    assert_eq!(node.get(&format!("{ask}another")).await.status, StatusCode::UNAUTHORIZED);
    let answered = node.send(Method::PUT, "/hooks/whatsapp", &[], "{}").await;
    assert_eq!((answered.status, answered.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    // Only the path itself is one: what is below it is the API's.
    assert_eq!(post(&node, "/hooks/whatsapp/", &[], "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_provider_is_believed_by_its_own_signature() {
    let cluster = cluster("webhook-providers", SCHEMA).await;
    let client = connect(&cluster).await;
    let table = |rest: &str| format!("[[webhook]]\nkind = 'act'\nsecret = '{SECRET}'\n{rest}\n");
    let file = File::new(&format!(
        "{JOB}{}{}{}{}",
        table("path = '/sms'\nprovider = 'twilio'\npublic_url = 'https://example.com/sms'"),
        table("path = '/voice'\nprovider = 'vapi'"),
        table("path = '/pay'\nprovider = 'stripe'"),
        table("path = '/other'\nprovider = 'hmac'\nheader = 'x-sig'\nencoding = 'base64'\nevent_id = '/id'"),
    ));
    let node = file.node(&cluster).await;
    let form = "MessageSid=SM1&From=%2B15145551234&Body=It+leaks+%C3%A9";
    let signed = "https://example.com/sms?a=bBodyIt leaks éFrom+15145551234MessageSidSM1";
    let signature = STANDARD.encode(mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes()));
    let answered = post(&node, "/sms?a=b", &[("x-twilio-signature", &signature)], form).await;
    assert_eq!(
        (answered.status, answered.header("content-type")),
        (StatusCode::OK, "text/xml; charset=utf-8")
    );
    let answered = post(&node, "/sms?a=c", &[("x-twilio-signature", &signature)], form).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);

    let call = r#"{"message":{"type":"end-of-call-report","call":{"id":"c1"}}}"#;
    assert_eq!(post(&node, "/voice", &[("x-vapi-secret", SECRET)], call).await.status, StatusCode::OK);
    assert_eq!(post(&node, "/voice", &[("x-vapi-secret", "?")], call).await.status, StatusCode::UNAUTHORIZED);

    let payment = r#"{"id":"evt_1","type":"charge.succeeded","amount":12345678901234567890123}"#;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (at_s, status) in [(now_s, StatusCode::OK), (now_s - 400, StatusCode::UNAUTHORIZED)] {
        let signature = hex(&mac(hmac::HMAC_SHA256, format!("{at_s}.{payment}").as_bytes()));
        let header = format!("t={at_s},v1={signature}");
        assert_eq!(post(&node, "/pay", &[("stripe-signature", &header)], payment).await.status, status);
    }

    let other = r#"{"id":"evt_1"}"#;
    let signature = STANDARD.encode(mac(hmac::HMAC_SHA256, other.as_bytes()));
    assert_eq!(post(&node, "/other", &[("x-sig", &signature)], other).await.status, StatusCode::OK);
    // Two addresses know an event by one name, and it is two.
    let events = "select array_agg(event order by event collate \"C\") from effect";
    until(&client, events, "{SM1:received,c1:end-of-call-report,evt_1,evt_1}").await;
    let body = "select args #>> '{payload,Body}' from effect where event = 'SM1:received'";
    assert_eq!(text(&client, body).await, "It leaks é");
    let amount = "select args #>> '{payload,amount}' from effect where args ->> 'provider' = 'stripe'";
    assert_eq!(text(&client, amount).await, "12345678901234567890123");
}

/// Holds whatever would be written until the lock's connection ends.
async fn hold(cluster: &Cluster) -> Client {
    let holder = connect(cluster).await;
    holder.batch_execute("begin; lock table courant.webhook_inbox in share mode").await.unwrap();
    holder
}

const WAITING: &str = "select count(*) > 0 from pg_stat_activity
    where wait_event_type = 'Lock' and query like '%courant.webhook_accept(%'";

#[tokio::test]
async fn what_is_not_committed_is_never_acknowledged() {
    let mut cluster = cluster("webhook-crash", SCHEMA).await;
    let file = File::new(&whatsapp());
    let mut node = file.node(&cluster).await;
    let client = connect(&cluster).await;
    // The node dies in the middle.
    let holder = hold(&cluster).await;
    let attempts: Vec<_> = (0..20).map(|nth| attempt(&node, &message(&format!("wamid.{nth}")))).collect();
    until(&client, WAITING, "true").await;
    node.signal("-KILL");
    node.ended();
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap(), None);
    }
    drop(holder);
    let node = file.node(&cluster).await;
    for nth in 0..20 {
        let answered = deliver(&node, &message(&format!("wamid.{nth}"))).await;
        assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    }
    until(&client, "select count(distinct event) || ' ' || count(*) from effect", "20 20").await;
    // PostgreSQL dies in the middle, and is away for a while.
    let holder = hold(&cluster).await;
    let attempts: Vec<_> = (0..20).map(|nth| attempt(&node, &message(&format!("wamid.b{nth}")))).collect();
    until(&client, WAITING, "true").await;
    cluster.kill();
    for attempt in attempts {
        let answer = attempt.await.unwrap().unwrap_or_default().to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 503") && answer.contains("\r\nretry-after: 5\r\n"), "{answer}");
    }
    let answered = deliver(&node, &message("wamid.b0")).await;
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "{answered:?}");
    drop(holder);
    cluster.restart().unwrap();
    let client = connect(&cluster).await;
    assert_eq!(
        text(&client, "select count(*) from courant.webhook_inbox where event like 'wamid.b%'").await,
        "0"
    );
    for nth in 0..20 {
        let answered = deliver(&node, &message(&format!("wamid.b{nth}"))).await;
        assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    }
    until(&client, "select count(distinct event) || ' ' || count(*) from effect", "40 40").await;
}

#[tokio::test]
async fn a_handler_that_is_away_hangs_or_answers_garbage_completes_the_job_once() {
    let cluster = cluster("webhook-handler", SCHEMA).await;
    let client = connect(&cluster).await;
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let file = File::new(&format!(
        "[[queue]]\nname = 'default'\nbackoff_min_ms = 10\nbackoff_max_ms = 50\n\
         [[job]]\nkind = 'whatsapp'\nurl = 'http://{address}/'\ntimeout_ms = 300\n\
         [[webhook]]\npath = '/hooks/whatsapp'\nprovider = 'whatsapp'\nverify_token = 'a'\nsecret = '{SECRET}'\n"
    ));
    let node = file.node(&cluster).await;
    assert_eq!(deliver(&node, &message("wamid.1")).await.status, StatusCode::OK);
    // Away, for as long as a few attempts take.
    until(&client, "select attempt >= 4 from courant.jobs", "true").await;
    let listener = TcpListener::bind(address).await.unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    tokio::spawn(async move {
        for nth in 0.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let _ = socket.read(&mut request).await;
                match nth {
                    // Hangs, longer than its time.
                    0 => tokio::time::sleep(Duration::from_secs(60)).await,
                    1 => drop(socket.write_all(b"\0\xff this is no HTTP\r\n\r\n").await),
                    2 => drop(socket.write_all(b"HTTP/1.1 200 OK\r\nconte").await),
                    _ => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        drop(socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await);
                    }
                }
            });
        }
    });
    until(&client, "select state from courant.jobs", "completed").await;
    assert_eq!(deliver(&node, &message("wamid.1")).await.json(), json!({ "new": 0, "known": 1 }));
    assert_eq!(counts(&client).await, ("1".to_owned(), "1".to_owned()));
    assert_eq!(done.load(Ordering::Relaxed), 1);
}
