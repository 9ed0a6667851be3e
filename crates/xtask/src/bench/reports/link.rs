//! A server, and the way to it: connections kept open as a browser keeps them, and a delay each way.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// A connection, as who sends on it sees it.
type Sender = SendRequest<Full<Bytes>>;

/// The way to a server.
pub(super) struct Link {
    address: SocketAddr,
    /// One way; the same before and after.
    delay: Duration,
    idle: Mutex<Vec<Sender>>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_hit: bool,
    /// As it came over the wire.
    pub(super) wire_bytes: usize,
    /// Unpacked.
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

impl Link {
    /// To this address, so far away.
    pub(super) fn new(address: SocketAddr, delay: Duration) -> Link {
        Link { address, delay, idle: Mutex::default() }
    }

    /// Asks, and waits for the whole answer.
    pub(super) async fn ask(&self, request: Builder, body: Bytes) -> Result<Answer> {
        let request = request.header("host", self.address.to_string()).body(Full::new(body))?;
        let asked = Instant::now();
        sleep(self.delay).await;
        let (sender, response) = self.sent(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        sleep(self.delay).await;
        let took = asked.elapsed();
        self.idle.lock().expect("nobody panics while holding it").push(sender);
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let heads: usize =
            head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        Ok(Answer {
            status: head.status.as_u16(),
            is_hit: header("cache-status").is_some_and(|status| status.starts_with("courant; hit")),
            wire_bytes: heads + body.len(),
            body: unpacked(header("content-encoding"), &body)?,
            took,
        })
    }

    /// Sends a request on a connection that nobody uses, or on a new one. What was closed meanwhile is left, as browsers do.
    async fn sent(&self, request: Request<Full<Bytes>>) -> Result<(Sender, Response<Incoming>)> {
        while let Some(mut sender) = self.idle() {
            match sender.send_request(request.clone()).await {
                Ok(response) => return Ok((sender, response)),
                Err(error) if error.is_canceled() || error.is_closed() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut sender = self.connection().await?;
        let response = sender.send_request(request).await?;
        Ok((sender, response))
    }

    /// One whose last answer has ended; others are let go.
    fn idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().expect("nobody panics while holding it");
        while let Some(sender) = idle.pop() {
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    async fn connection(&self) -> Result<Sender> {
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        // Spawned here because it ends with the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn unpacked(coding: Option<&str>, body: &[u8]) -> Result<Vec<u8>> {
    match coding {
        None => Ok(body.to_vec()),
        Some("gzip") => {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut plain)
                .context("bad gzip")?;
            Ok(plain)
        }
        Some(other) => anyhow::bail!("nobody asked for {other}"),
    }
}
