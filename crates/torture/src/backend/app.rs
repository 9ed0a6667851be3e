//! From a request to an answer: which read or write it is, on which connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::pace::Pace;
use super::pieces::Pieces;
use super::{reads, writes};
use crate::client::person_of;
use crate::world::World;

/// How long it waits for a connection to the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// A status and what is said; an error is one of the database's.
pub(super) type Told = anyhow::Result<(StatusCode, Value)>;

/// What an instance works with.
#[derive(Debug)]
pub(super) struct App {
    world: Arc<World>,
    pace: Arc<Pace>,
    /// Connections to the database that nobody uses.
    idle: Mutex<Vec<Client>>,
}

impl App {
    pub(super) fn new(world: Arc<World>, pace: Arc<Pace>) -> App {
        App { world, pace, idle: Mutex::default() }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Pieces> {
        let (status, said) = match self.client().await {
            Ok(client) => self.asked(client, request).await,
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Value::String(error.to_string())),
        };
        self.pace.pause().await;
        let mut response = Response::new(Pieces::new(Bytes::from(said.to_string()), self.pace.draw()));
        *response.status_mut() = status;
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        response
    }

    async fn asked(&self, client: Client, request: Request<Incoming>) -> (StatusCode, Value) {
        match self.told(&client, request).await {
            Ok(told) => {
                self.idle.lock().push(client);
                told
            }
            // With its connection goes whatever it left open.
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Value::String(error.to_string())),
        }
    }

    async fn told(&self, client: &Client, request: Request<Incoming>) -> Told {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let segments: Vec<&str> = head.uri.path().split('/').skip(2).collect();
        match head.method {
            Method::GET => self.read(client, &head.headers, &segments).await,
            Method::POST if segments == ["search"] => reads::search(client, &body).await,
            _ => writes::write(client, &head.method, &segments, &body).await,
        }
    }

    async fn read(&self, client: &Client, headers: &HeaderMap, segments: &[&str]) -> Told {
        match segments {
            ["items", id] => reads::item(client, id.parse()?).await,
            ["groups", id] => reads::group(client, id.parse()?, &self.pace).await,
            ["top"] => reads::top(client).await,
            ["labels", id] => reads::label(client, id.parse()?, &self.pace).await,
            ["rooms", room] => reads::room(client, room.parse()?).await,
            ["visits", group] => reads::visits(client, group.parse()?).await,
            ["mine", group] => {
                let who = headers.get("authorization").context("no token")?;
                let who = person_of(who.to_str()?)?;
                reads::mine(client, &who, group.parse()?, &self.pace).await
            }
            ["memberships"] => {
                let who = headers.get("x-person").context("no person")?.to_str()?;
                reads::memberships(client, who).await
            }
            _ => Ok((StatusCode::NOT_FOUND, Value::Null)),
        }
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let idle = || self.idle.lock().pop();
        while let Some(client) = idle() {
            if !client.is_closed() {
                return Ok(client);
            }
        }
        timeout(PATIENCE, self.world.connect()).await.context("there is no database")?
    }
}
