//! `courant cache …`: asks a running node through its admin port.

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

/// Makes the node forget what matches, and prints how much that was.
pub(crate) async fn clear(url: &str, pattern: Option<&str>, json: bool) -> Result<()> {
    let pattern = pattern.unwrap_or("*");
    let pattern = percent_encoding::utf8_percent_encode(pattern, percent_encoding::NON_ALPHANUMERIC);
    let answer = ask(url, Method::DELETE, &format!("/cache?pattern={pattern}")).await?;
    let answer: Value = serde_json::from_slice(answer.body())?;
    if json {
        println!("{answer}");
    } else {
        println!("{} answers forgotten", answer["cleared"]);
    }
    Ok(())
}

async fn ask(url: &str, method: Method, target: &str) -> Result<Response<Bytes>> {
    let address = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let address = tokio::net::lookup_host(address).await.ok().and_then(|mut found| found.next());
    let address = address.with_context(|| format!("--admin {url}: expected http://ADDRESS:PORT"))?;
    let answer = tokio::time::timeout(ANSWER_MAX, exchange(address, method, target, &[]))
        .await
        .with_context(|| format!("the node at {address} did not answer"))?
        .with_context(|| format!("no node answers at {address}: start one, or name its --admin address"))?;
    if !answer.status().is_success() {
        bail!("the node at {address} answered {}", answer.status());
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
