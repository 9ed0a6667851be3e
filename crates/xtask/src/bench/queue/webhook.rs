//! Webhooks, a thousand a second: verified, kept with their job, committed, and answered.
//!
//! Each is due at its own moment, whatever became of the one before it, and its time runs from then: what waits because
//! the node is behind counts. They go over a few connections, as providers keep them open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::hmac;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::bench::contest::quantile;
use crate::bench::report::{Goal, Row};
use crate::bench::servers::Node;
use crate::bench::stage::{OWN, Stage};

const RATE: u32 = 1000;
const CONNECTIONS: usize = 64;
const PATH: &str = "/hooks/whatsapp";
const SECRET: &str = "the secret of one provider, for a benchmark";

/// Measures it.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    stage.show("webhooks, 1,000 a second");
    let count = RATE * if stage.quick { 3 } else { 30 };
    let file = stage.directory.join("webhook.toml");
    let text = format!(
        "[[queue]]\nname = 'default'\nworkers = 'outside'\n\
         [[webhook]]\npath = '{PATH}'\nprovider = 'whatsapp'\nverify_token = 'bench'\nsecret = '{SECRET}'\n"
    );
    std::fs::write(&file, text)?;
    let file = file.to_str().context("the directory's name is text")?;
    let node = Node::start(stage, OWN, &[("COURANT_CONFIG", file)]).await?;
    // What is only done once (the connection, the plan) is not what is measured.
    send_all(node.process.address, "warm", RATE / 2).await?;
    let began = Instant::now();
    let times_ms = send_all(node.process.address, "kept", count).await?;
    let took = began.elapsed();
    let client = stage.connect(OWN).await?;
    let kept = "select count(*) from courant.webhook_inbox i join courant.job j on j.id = i.job where i.event like 'kept%'";
    let kept: i64 = client.query_one(kept, &[]).await?.get(0);
    ensure!(kept == i64::from(count), "{count} webhooks were answered 200, and {kept} are there");
    let time = |share| quantile(times_ms.clone(), share);
    Ok(vec![
        Row::alone("webhook.p50", "ms", time(0.5), Goal::Nothing),
        Row::alone("webhook.p99", "ms", time(0.99), Goal::Below(10.0)),
        Row::alone("webhook.max", "ms", time(1.0), Goal::Nothing),
        Row::alone("webhook.rate", "1/s", f64::from(count) / took.as_secs_f64(), Goal::AtLeast(990.0)),
    ])
}

/// Sends as many, each at its moment: from there to its answer, in milliseconds.
async fn send_all(address: SocketAddr, name: &str, count: u32) -> Result<Vec<f64>> {
    let (give, take) = mpsc::unbounded_channel();
    let take = Arc::new(tokio::sync::Mutex::new(take));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let take = Arc::clone(&take);
        connections.spawn(async move {
            let mut sender = connect(address).await?;
            let mut times_ms = Vec::new();
            loop {
                let next: Option<(Instant, Request<Full<Bytes>>)> = take.lock().await.recv().await;
                let Some((due, request)) = next else { return anyhow::Ok(times_ms) };
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let status = response.status();
                response.into_body().collect().await?;
                ensure!(status == 200, "a webhook was answered {status}");
                times_ms.push(due.elapsed().as_secs_f64() * 1e3);
            }
        });
    }
    let began = Instant::now();
    for number in 0..count {
        let due = began + Duration::from_secs(1) * number / RATE;
        let request = request(address, &format!("{name}.{number}"))?;
        sleep_until(due.into()).await;
        give.send((due, request)).context("every connection has ended")?;
    }
    drop(give);
    let mut times_ms = Vec::new();
    while let Some(joined) = connections.join_next().await {
        times_ms.extend(joined??);
    }
    Ok(times_ms)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(socket)).await?;
    // Spawned here because it ends with the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// A message as WhatsApp tells of it.
fn request(address: SocketAddr, id: &str) -> Result<Request<Full<Bytes>>> {
    let text = json!({ "body": "Bonjour, mon chauffe-eau coule. Pouvez-vous passer demain matin?" });
    let message =
        json!({ "id": id, "from": "16505551234", "timestamp": "1749416383", "type": "text", "text": text });
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550783881", "phone_number_id": "106540352242922" },
        "contacts": [{ "profile": { "name": "Sheena Nelson" }, "wa_id": "16505551234" }],
        "messages": [message],
    });
    let changes = json!([{ "field": "messages", "value": value }]);
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": changes }] });
    let body = body.to_string();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), body.as_bytes());
    let digits: Vec<String> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = Request::post(PATH)
        .header("host", address.to_string())
        .header("x-hub-signature-256", format!("sha256={}", digits.concat()));
    Ok(request.body(Full::from(body))?)
}
