//! A server, and the way to it: connections kept open as a browser keeps them, and a delay each way.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// The way to a server.
pub(super) struct Link {
    address: SocketAddr,
    /// One way; the same before and after.
    delay: Duration,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
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
        let mut sender = self.connection().await?;
        sleep(self.delay).await;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        sleep(self.delay).await;
        let took = asked.elapsed();
        self.idle.lock().await.push(sender);
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

    /// One that nobody uses, or a new one; connecting is not timed where one can be kept.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>> {
        while let Some(mut sender) = self.idle.lock().await.pop() {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
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
