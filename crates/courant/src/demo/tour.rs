//! What the demo shows: a miss, a hit, an update from outside, a fresh answer. Printed for the reader to try,
//! or taken by the demo itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;
use tokio_postgres::NoTls;

use crate::admin::client::exchange;

/// A company that anybody may read.
const COMPANY: &str = "/organizations?slug=eq.plomberie-beausejour&select=name,city";
/// The calls that wait, with their transcripts: what a dispatcher's page asks for.
const WAITING: &str = "/vapi_calls?status=eq.pending&select=call_id,phone_number,priority,created_at&order=created_at.desc&limit=5";
/// The dashboard's figures: a slow function, kept because its tables are declared.
const DASHBOARD: &str = "/rpc/get_dashboard_metrics?time_period=24h";
/// How long the cache may take to open, and a change to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prints what to try.
pub(crate) fn invite(clients: SocketAddr, admin: SocketAddr, token: &str, psql: &str) {
    println!(
        "
The example app of two field-service companies is served at http://{clients}

  1. A miss, then a hit (look at Cache-Status; -i shows the headers):

     curl -i 'http://{clients}{COMPANY}'
     curl -i 'http://{clients}{COMPANY}'

  2. Change the row from outside, in another window, and ask again: the answer is new.

     {psql} -c \"update organizations set city = 'Rimouski' where slug = 'plomberie-beausejour'\"
     curl -i 'http://{clients}{COMPANY}'

  3. The same as a signed-in dispatcher; row-level security decides which calls are seen.

     TOKEN={token}
     curl -i -H \"Authorization: Bearer $TOKEN\" 'http://{clients}{WAITING}'

  4. The dashboard's figures: slow once, and then kept until one of their tables changes.

     curl -i -H \"Authorization: Bearer $TOKEN\" 'http://{clients}{DASHBOARD}'

  What it does: curl http://{admin}/metrics    courant cache stats --admin {admin}
  Ctrl-C stops it; the data stays in ./.courant
"
    );
}

/// Takes the tour, printing each step, and fails where a step does not show what it should.
pub(crate) async fn take(clients: SocketAddr, admin: SocketAddr, token: &str, uri: &str) -> Result<()> {
    until_open(admin).await?;
    let bearer = format!("Bearer {token}");
    let signed_in = [("authorization", bearer.as_str())];
    show("a read of one company", clients, COMPANY, &[]).await?;
    let first = show("the same again", clients, COMPANY, &[]).await?;
    ensure!(is_hit(&first), "the second read was not a hit: {:?}", first.headers());
    show("a dispatcher's waiting calls", clients, WAITING, &signed_in).await?;
    let calls = show("the same again", clients, WAITING, &signed_in).await?;
    ensure!(is_hit(&calls), "the dispatcher's second read was not a hit: {:?}", calls.headers());
    show("the dashboard's figures", clients, DASHBOARD, &signed_in).await?;
    let figures = show("the same again", clients, DASHBOARD, &signed_in).await?;
    ensure!(is_hit(&figures), "the dashboard's second read was not a hit: {:?}", figures.headers());

    let city = format!("Rimouski {}", std::process::id());
    update_outside(uri, &city).await?;
    let changed = Instant::now();
    println!("\n  psql: update organizations set city = '{city}' …");
    loop {
        let answer = exchange(clients, Method::GET, COMPANY, &[]).await?;
        let rows: Value = serde_json::from_slice(answer.body())?;
        if rows[0]["city"] == city.as_str() {
            let took_ms = changed.elapsed().as_secs_f64() * 1e3;
            println!("  {took_ms:6.2} ms after its commit the answer is new: {rows}");
            break;
        }
        ensure!(changed.elapsed() < PATIENCE, "the answer never became new: {rows}");
    }
    show("and is kept again", clients, COMPANY, &[]).await?;
    let last = show("the same again", clients, COMPANY, &[]).await?;
    ensure!(is_hit(&last), "the changed answer was not kept: {:?}", last.headers());
    Ok(())
}

async fn until_open(admin: SocketAddr) -> Result<()> {
    let started = Instant::now();
    loop {
        let answer = exchange(admin, Method::GET, "/cache", &[]).await?;
        let cache: Value = serde_json::from_slice(answer.body())?;
        if cache["open"] == true && cache["behind_ms"].as_u64().is_some_and(|ms| ms < 1000) {
            return Ok(());
        }
        ensure!(started.elapsed() < PATIENCE, "the cache did not open: {cache}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn show(
    what: &str,
    clients: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Response<Bytes>> {
    let asked = Instant::now();
    let answer = exchange(clients, Method::GET, target, headers).await?;
    let took_ms = asked.elapsed().as_secs_f64() * 1e3;
    let body = String::from_utf8_lossy(answer.body());
    ensure!(answer.status() == StatusCode::OK, "{target} answered {}: {body}", answer.status());
    let status =
        answer.headers().get("cache-status").and_then(|value| value.to_str().ok()).unwrap_or_default();
    println!("  {took_ms:6.2} ms  {what:32} {status}");
    Ok(answer)
}

fn is_hit(answer: &Response<Bytes>) -> bool {
    answer.headers().get("cache-status").is_some_and(|status| status == "courant; hit")
}

/// As `psql` in another window: past Courant.
async fn update_outside(uri: &str, city: &str) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    let update = "update organizations set city = $1 where slug = 'plomberie-beausejour'";
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&city];
    tokio::select! {
        updated = client.execute(update, &parameters) => ensure!(updated? == 1, "the company is not there"),
        ended = connection => ended.context("the embedded database ended the connection")?,
    }
    Ok(())
}
