//! Nothing but hyper: a server that caches cannot beat, and the backend that proxies stand in front of.
//!
//! `bare-hyper ADDRESS FILE` answers every path with the file's bytes, good for an hour; but `/unkept…` with a little
//! that nobody may keep, and `/events` with a hundred server-sent events, one every two milliseconds. Set up as
//! Courant's own listener is: HTTP/1.1, a timer for request heads, no Nagle.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::interval;

const EVENTS: u32 = 100;
const BETWEEN_EVENTS: Duration = Duration::from_millis(2);
/// A piece of a model's answer.
const EVENT: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n";
const UNKEPT: &[u8] =
    br#"{"id":"6f1c2a","status":"open","unread":3,"assignee":null,"updated":"2026-01-31T12:00:00Z"}"#;

type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("bare-hyper ADDRESS FILE")?;
    let body = Bytes::from(std::fs::read(arguments.next().context("bare-hyper ADDRESS FILE")?)?);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let body = body.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let response = answer(request.uri().path(), &body);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(socket), service);
        // Spawned here because a connection ends when its client does.
        tokio::spawn(connection);
    }
}

fn answer(path: &str, file: &Bytes) -> Response<Body> {
    let json = "application/json; charset=utf-8";
    let (body, kind, keep) = if path == "/events" {
        (Either::Right(events()), "text/event-stream", "no-store")
    } else if path.starts_with("/unkept") {
        (Either::Left(Full::from(UNKEPT)), json, "no-store")
    } else {
        (Either::Left(Full::new(file.clone())), json, "max-age=3600")
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

fn events() -> UnsyncBoxBody<Bytes, Infallible> {
    let events = stream::unfold((0, interval(BETWEEN_EVENTS)), |(sent, mut ticks)| async move {
        if sent == EVENTS {
            return None;
        }
        ticks.tick().await;
        Some((Ok(Frame::data(Bytes::from_static(EVENT))), (sent + 1, ticks)))
    });
    StreamBody::new(events).boxed_unsync()
}
