//! `courant cache …`, `courant block` and `courant unblock`: asks a running node through its admin port.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::header::HOST;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Prints the statistics of the node's cache.
pub(crate) async fn stats(url: &str, json: bool) -> Result<()> {
    let statistics: Value = serde_json::from_slice(ask(url, Method::GET, "/cache").await?.body())?;
    if json {
        println!("{statistics}");
        return Ok(());
    }
    for (name, value) in statistics.as_object().context("the node's answer is not an object")? {
        match value {
            Value::Array(caches) => table(caches),
            Value::Object(events) => {
                for (name, count) in events {
                    println!("{name:32} {count}");
                }
            }
            value => println!("{name:32} {value}"),
        }
    }
    Ok(())
}

/// The named caches, a line each under the names of what is counted.
fn table(caches: &[Value]) {
    let Some(columns) = caches.first().and_then(Value::as_object) else { return };
    println!();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let name = cells.next().unwrap_or_default();
        let cells: String = cells.map(|cell| format!(" {cell:>12}")).collect();
        println!("{name:20}{cells}");
    };
    line(&mut std::iter::once("cache".to_owned()).chain(columns.keys().skip(1).cloned()));
    for cache in caches.iter().filter_map(Value::as_object) {
        line(
            &mut cache.values().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        );
    }
}

/// Which answers are meant; all of them where nothing is said.
pub(crate) struct Which {
    pub(crate) pattern: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) cache: Option<String>,
}

/// Makes the node forget answers, and prints how many that were.
pub(crate) async fn clear(url: &str, which: &Which, json: bool) -> Result<()> {
    let parameters = [("pattern", &which.pattern), ("tag", &which.tag), ("cache", &which.cache)];
    let said = parameters.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let said: Vec<String> = said.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let target = format!("/cache?{}", said.join("&"));
    let answer = ask(url, Method::DELETE, &target).await?;
    let answer: Value = serde_json::from_slice(answer.body())?;
    if json {
        println!("{answer}");
    } else {
        println!("{} answers forgotten", answer["cleared"]);
    }
    Ok(())
}

/// Keeps an address or a network out, for a time or for as long as the node runs.
pub(crate) async fn block(
    url: &str,
    network: &str,
    time: Option<Duration>,
    reason: Option<&str>,
) -> Result<()> {
    let mut target = format!("/blocks?network={}", encoded(network));
    if let Some(time) = time {
        target += &format!("&seconds={}", time.as_secs());
    }
    if let Some(reason) = reason {
        target += &format!("&reason={}", encoded(reason));
    }
    let answer: Value = serde_json::from_slice(ask(url, Method::PUT, &target).await?.body())?;
    println!("{} is blocked", answer["network"].as_str().unwrap_or(network));
    Ok(())
}

/// Lets an address or a network in again.
pub(crate) async fn unblock(url: &str, network: &str) -> Result<()> {
    let target = format!("/blocks?network={}", encoded(network));
    let answer: Value = serde_json::from_slice(ask(url, Method::DELETE, &target).await?.body())?;
    let network = answer["network"].as_str().unwrap_or(network);
    match answer["changed"].as_bool() {
        Some(true) => println!("{network} is let in again"),
        _ => println!("{network} was not blocked"),
    }
    Ok(())
}

/// Prints who is kept out, a line each.
pub(crate) async fn blocks(url: &str, json: bool) -> Result<()> {
    let blocks: Value = serde_json::from_slice(ask(url, Method::GET, "/blocks").await?.body())?;
    if json {
        println!("{blocks}");
        return Ok(());
    }
    let blocks = blocks.as_array().context("the node's answer is not an array")?;
    if blocks.is_empty() {
        println!("nobody is blocked");
    }
    for block in blocks {
        let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
        let left =
            block["seconds_left"].as_u64().map_or("for good".to_owned(), |left| format!("{left} s left"));
        println!("{:44} {left:14} {:14} {}", text("network"), text("by"), text("reason"));
    }
    Ok(())
}

pub(crate) fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

pub(crate) async fn ask(url: &str, method: Method, target: &str) -> Result<Response<Bytes>> {
    let address = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let address = tokio::net::lookup_host(address).await.ok().and_then(|mut found| found.next());
    let address = address.with_context(|| format!("--admin {url}: expected http://ADDRESS:PORT"))?;
    let answer = tokio::time::timeout(ANSWER_MAX, exchange(address, method, target, &[]))
        .await
        .with_context(|| format!("the node at {address} did not answer"))?
        .with_context(|| format!("no node answers at {address}: start one, or name its --admin address"))?;
    if !answer.status().is_success() {
        let told: Option<Value> = serde_json::from_slice(answer.body()).ok();
        let part = |name: &str| told.as_ref().and_then(|told| told[name].as_str());
        match (part("message"), part("hint")) {
            (Some(message), Some(hint)) => bail!("{message}. {hint}"),
            _ => bail!("the node at {address} answered {}", answer.status()),
        }
    }
    Ok(answer)
}

/// One request and its whole answer, over a connection of its own.
pub(crate) async fn exchange(
    address: SocketAddr,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Response<Bytes>> {
    let socket = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let mut request = Request::builder().method(method).uri(target).header(HOST, address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let asked = async {
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        anyhow::Ok(Response::from_parts(head, body))
    };
    let (answer, connection) = tokio::join!(asked, connection);
    connection?;
    answer
}
