//! One HTTP connection that asks one thing at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection to a server.
pub(super) struct Client {
    sender: SendRequest<Empty<Bytes>>,
    address: SocketAddr,
}

/// An answer of status 200.
pub(super) struct Answer {
    /// Whether Courant's cache answered.
    pub(super) hit: bool,
    pub(super) body: Bytes,
}

impl Client {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr) -> Result<Client> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        // Spawned here because it ends with the client that it carries.
        tokio::spawn(connection);
        Ok(Client { sender, address })
    }

    /// Asks, and waits for the whole answer.
    pub(super) async fn get(&mut self, path: &str) -> Result<Answer> {
        let (head, body) = self.send(path).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        ensure!(head.status == 200, "{path} answered {}: {}", head.status, String::from_utf8_lossy(&body));
        Ok(Answer {
            hit: head
                .headers
                .get("cache-status")
                .is_some_and(|status| status.as_bytes().starts_with(b"courant; hit")),
            body,
        })
    }

    /// Asks, and tells how soon the first piece of the answer came, and how soon its end.
    pub(super) async fn pieces(&mut self, path: &str) -> Result<(Duration, Duration)> {
        let asked = Instant::now();
        let response = self.send(path).await?;
        ensure!(response.status() == 200, "{path} answered {}", response.status());
        let mut body = response.into_body();
        body.frame().await.with_context(|| format!("{path} answered nothing"))??;
        let first = asked.elapsed();
        body.collect().await?;
        Ok((first, asked.elapsed()))
    }

    async fn send(&mut self, path: &str) -> Result<Response<Incoming>> {
        let request =
            Request::builder().method(Method::GET).uri(path).header("host", self.address.to_string());
        self.sender.ready().await?;
        Ok(self.sender.send_request(request.body(Empty::new())?).await?)
    }

    /// Asks for JSON.
    pub(super) async fn json(&mut self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        serde_json::from_slice(&answer.body).with_context(|| format!("{path} did not answer JSON"))
    }
}
