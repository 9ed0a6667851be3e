//! An HTTP client that keeps its connections, as a browser does; and tokens.
//!
//! A request that does not come back is an error, never an answer.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dice::PEOPLE;

/// The secret of every node under torture.
pub(crate) const SECRET: &str = "a secret that is at least thirty-two bytes long";

/// How long a client waits before it goes away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        let told = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).with_context(told)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.header("cache-status").contains("; hit")
    }

    /// The total of a counted answer: the number after the slash.
    pub(crate) fn total(&self) -> Option<i64> {
        self.header("content-range").rsplit_once('/')?.1.parse().ok()
    }
}

/// A kept connection to one node.
#[derive(Debug)]
pub(crate) struct Browser {
    node: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Browser {
    pub(crate) fn new(node: SocketAddr) -> Browser {
        Browser { node, sender: None }
    }

    /// Sends a request and waits for the whole answer; after an error, the next one connects anew.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answered> {
        let answered = timeout(PATIENCE, self.exchange(method, target, headers, body)).await;
        let answered = answered.context("no answer in time").and_then(|answered| answered);
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    async fn exchange(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answered> {
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => {
                let socket = TcpStream::connect(self.node).await?;
                socket.set_nodelay(true)?;
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
                // Spawned here because it ends with the connection that it drives.
                tokio::spawn(connection);
                sender
            }
        };
        let mut request = Request::builder().method(method).uri(target).header("host", "here");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::new(Bytes::from(body.to_owned())))?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        self.sender = Some(sender);
        Ok(Answered { status: head.status, headers: head.headers, body })
    }
}

/// Somebody who asks for what is theirs.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// Their `Authorization`.
    pub(crate) bearer: String,
}

impl Person {
    pub(crate) fn all() -> anyhow::Result<Vec<Person>> {
        (0..PEOPLE).map(Person::new).collect()
    }

    fn new(number: i64) -> anyhow::Result<Person> {
        let name = format!("p{number}");
        let claims = json!({"role": "clerk", "sub": name});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
        Ok(Person { name, bearer: format!("Bearer {token}") })
    }
}

/// The person that an `Authorization` is of.
pub(crate) fn person_of(bearer: &str) -> anyhow::Result<String> {
    let token = bearer.strip_prefix("Bearer ").context("no bearer token")?;
    let mut validation = Validation::new(Algorithm::HS256);
    // It is good for ever.
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)?.claims;
    Ok(claims["sub"].as_str().context("no subject")?.to_owned())
}
