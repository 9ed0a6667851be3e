//! Nothing but hyper: answers every request with the bytes of a file, to show what a cache cannot beat.
//!
//! Set up as Courant's own listener is: HTTP/1.1, a timer for request heads, no Nagle. `bare-hyper ADDRESS FILE`

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

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
        let service = service_fn(move |_: Request<Incoming>| {
            let mut response = Response::new(Full::new(body.clone()));
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, json);
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
