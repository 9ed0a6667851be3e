//! Webhooks on the port of the clients: verified on their raw bytes, kept with their job, and only then answered 2xx.
//!
//! | what came | answer |
//! |---|---|
//! | signed well, and new | 200, once inbox and job are committed |
//! | signed well, and known | 200; nothing is written |
//! | not signed, wrongly, or too long ago | 401; audited |
//! | signed well, and cannot be read | 400; kept nowhere |
//! | more than `body_bytes_max` | 413, before it is read |
//! | the database away, slow, or too much at once | 503 with `Retry-After` |
//!
//! Whose webhook it is and which events it holds, `queue::webhook` knows. A path that is configured for webhooks is
//! looked at before the routes of backends and before the API.

mod address;

use std::collections::HashMap;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use parking_lot::Mutex;
use queue::webhook::{Accepted, Delivery, Inbox, NotKept, Provider};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Webhook};
use crate::control::Control;
use crate::failure::{Failure, made};
use crate::listen::Visit;
use crate::node::Node;
use crate::queue::Jobs;
use crate::request;
use crate::response::{self, Body};
use crate::telemetry::webhooks::WebhookMetrics;

const CODE: &str = "COURANT_WEBHOOK";
/// What Twilio takes for an answer that asks nothing of it.
const NO_INSTRUCTION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
/// When a sender that heeds it should try again.
const RETRY_AFTER_S: u64 = 5;

type Writing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything about webhooks that a node has.
pub(crate) struct Webhooks {
    by_path: HashMap<String, Webhook>,
    /// None where no address is configured.
    inbox: Option<Inbox>,
    /// Writes the inbox; taken by whoever runs it.
    writing: Mutex<Option<Writing>>,
    /// Nothing comes any more.
    drained: CancellationToken,
    metrics: WebhookMetrics,
}

impl Webhooks {
    /// From the configuration, with the inbox made; nothing where there is no address.
    pub(crate) async fn build(
        config: &Config,
        control: &Control,
        jobs: Option<&Jobs>,
        metrics: WebhookMetrics,
    ) -> Result<Webhooks> {
        let (webhooks, drained) = (&config.webhooks, CancellationToken::new());
        let mut inbox = None;
        let mut writing: Option<Writing> = None;
        if let Some(jobs) = jobs.filter(|_| !webhooks.addresses.is_empty()) {
            queue::schema::install_webhooks(&control.client).await.context("[[webhook]]")?;
            let (made, running) = Inbox::new(Arc::clone(&jobs.store), webhooks.inbox_kept, drained.clone());
            inbox = Some(made);
            writing = Some(Box::pin(running));
        }
        let by_path =
            webhooks.addresses.iter().map(|webhook| (webhook.destination.path.clone(), webhook.clone()));
        Ok(Webhooks { by_path: by_path.collect(), inbox, writing: Mutex::new(writing), drained, metrics })
    }

    /// Whether a path is one of theirs.
    pub(crate) fn is_own(&self, path: &str) -> bool {
        !self.by_path.is_empty() && self.by_path.contains_key(path)
    }
}

/// Writes the inbox until the last request has been answered.
pub(crate) async fn run(node: &Node, drained: &CancellationToken) {
    let Some(writing) = node.webhooks.writing.lock().take() else { return };
    let ending = async {
        drained.cancelled().await;
        node.webhooks.drained.cancel();
    };
    tokio::join!(writing, ending);
}

/// Answers a request to one of the paths.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    let (head, body) = request.into_parts();
    let webhooks = &node.webhooks;
    let (Some(webhook), Some(inbox)) = (webhooks.by_path.get(head.uri.path()), &webhooks.inbox) else {
        return made(StatusCode::NOT_FOUND, CODE, "there is no such webhook", None);
    };
    let asked = Asked { node: &node, webhook, head: &head, visit };
    let answered = match head.method {
        Method::POST => asked.take(inbox, body).await,
        Method::GET => asked.challenge(),
        _ => Err(Refused::Method),
    };
    match answered {
        Ok((outcome, response)) => {
            webhooks.metrics.answered(&webhook.destination.path, outcome);
            response
        }
        Err(refused) => asked.refuse(&refused),
    }
}

/// A request, and what it came to.
struct Asked<'a> {
    node: &'a Node,
    webhook: &'a Webhook,
    head: &'a Parts,
    visit: Visit,
}

/// Why a request was not accepted.
enum Refused {
    Method,
    Failed(Failure),
    Unsigned(queue::webhook::Unsigned),
    Malformed(String),
    NotKept(NotKept),
}

type Answered = Result<(&'static str, Response<Body>), Refused>;

impl Asked<'_> {
    async fn take(&self, inbox: &Inbox, body: Incoming) -> Answered {
        let began = Instant::now();
        let (node, webhook) = (self.node, self.webhook);
        let limit = (webhook.body_bytes_max, "webhook.body_bytes_max");
        let body = request::whole_within(node, self.head, body, limit).await;
        let body = body.map_err(Refused::Failed)?;
        let _place = node.places.try_acquire().map_err(|_| Refused::Failed(Failure::Overloaded))?;
        let events = self.delivered(&body, |delivery| {
            // Nothing of it is read before that.
            webhook.verifier.verify(delivery).map_err(Refused::Unsigned)?;
            webhook.verifier.events(delivery).map_err(|malformed| Refused::Malformed(malformed.to_string()))
        })?;
        let accepted = match events.is_empty() {
            true => Accepted { new: 0, known: 0 },
            false => inbox.accept(&webhook.destination, &events).await.map_err(Refused::NotKept)?,
        };
        let Accepted { new, known } = accepted;
        node.webhooks.metrics.accepted(&webhook.destination.path, new, known, began.elapsed());
        let outcome = if new > 0 { "accepted" } else { "known" };
        Ok((outcome, self.accepted(accepted)))
    }

    /// Looks at a body with everything that may be signed beside it.
    fn delivered<T>(&self, body: &Bytes, look: impl FnOnce(&Delivery<'_>) -> T) -> T {
        let header = |name: &str| self.head.headers.get(name).map(HeaderValue::as_bytes);
        let is_believed = self.node.guard.believes(self.visit.peer.ip());
        let url = address::called(self.webhook.public_url.as_deref(), self.head, self.visit, is_believed);
        look(&Delivery { url: &url, header: &header, body, at: SystemTime::now() })
    }

    /// Answers a provider that asks whether somebody is here.
    fn challenge(&self) -> Answered {
        let query = self.head.uri.query().unwrap_or_default();
        let answer =
            self.webhook.verifier.challenge(query).ok_or(Refused::Method)?.map_err(Refused::Unsigned)?;
        let mut response = Response::new(Body::from(answer));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(("challenge", response))
    }

    fn accepted(&self, Accepted { new, known }: Accepted) -> Response<Body> {
        if self.webhook.verifier.provider != Provider::Twilio {
            return response::json(StatusCode::OK, json!({ "new": new, "known": known }).to_string());
        }
        let mut response = Response::new(Body::from(NO_INSTRUCTION.to_owned()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
        response
    }

    fn refuse(&self, refused: &Refused) -> Response<Body> {
        let path = &self.webhook.destination.path;
        let (outcome, response) = match refused {
            Refused::Method => {
                let mut response = made(StatusCode::METHOD_NOT_ALLOWED, CODE, "expected POST", None);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                ("method", response)
            }
            Refused::Failed(failure @ Failure::TooLarge { .. }) => ("too_large", failure.response()),
            Refused::Failed(failure) => ("failed", failure.response()),
            Refused::Unsigned(why) => {
                let client = self.node.guard.client(self.visit.peer.ip(), &self.head.headers);
                self.node.guard.webhook_refused(client, &format_args!("{path}: {why}"));
                // Why, only the log says.
                (
                    "refused",
                    made(StatusCode::UNAUTHORIZED, CODE, "the webhook's signature does not hold", None),
                )
            }
            Refused::Malformed(why) | Refused::NotKept(NotKept::Refused(why)) => {
                tracing::info!(path, why, "a webhook that was signed well cannot be read");
                ("malformed", made(StatusCode::BAD_REQUEST, CODE, why, None))
            }
            Refused::NotKept(why @ (NotKept::Unavailable(_) | NotKept::Busy)) => {
                ("unavailable", unavailable(why))
            }
        };
        self.node.webhooks.metrics.answered(path, outcome);
        response
    }
}

fn unavailable(why: &NotKept) -> Response<Body> {
    let message: &dyn Display = match why {
        NotKept::Busy => why,
        // The log says why.
        _ => &"the database cannot be reached",
    };
    let mut response =
        made(StatusCode::SERVICE_UNAVAILABLE, CODE, &message.to_string(), Some("Send it again."));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    response
}
