//! A request on its way through: what the client sent, by which hop, for which key, and what an upstream is sent
//! for it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cache::Moment;
use gateway::forward::{self, Hop, Origin};
use gateway::http_cache::{self, Asked, Forwarded, Key, Outcome};
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;

use super::download::Download;
use super::exchange::{Outgoing, exchange};
use super::failed::Failed;
use super::upload::{Fault, Progress, Upload};
use super::{Became, Passed, Route, cached, declared, upgrade};
use crate::identity::Vouched;
use crate::listen::Visit;
use crate::node::Node;
use crate::response::Body;

/// A body that is part of a key is held whole; a longer one is refused.
const KEY_BODY_BYTES_MAX: usize = 1 << 20;

/// A request on its way through. Shared with the tasks that finish what it began.
#[derive(Clone)]
pub(super) struct Passage(Arc<Inner>);

pub(super) struct Inner {
    pub(super) node: Arc<Node>,
    pub(super) route: Arc<Route>,
    pub(super) head: Parts,
    pub(super) key: Key,
    pub(super) arrived: Moment,
    /// Whom its token is of, where a route wants to know.
    pub(super) vouched: Vouched,
    hop: Hop,
    origin: Origin,
}

impl Deref for Passage {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What is left of a request beside its head.
pub(super) struct Rest {
    body: Incoming,
    upgrade: OnUpgrade,
}

impl Passage {
    pub(super) fn new(
        node: Arc<Node>,
        route: Arc<Route>,
        mut request: Request<Incoming>,
        visit: Visit,
        arrived: Moment,
    ) -> (Passage, Rest) {
        let upgrade = hyper::upgrade::on(&mut request);
        let (mut head, body) = request.into_parts();
        forward::strip_named(&mut head.headers);
        // RFC 9112, section 3.2.2: of a target with a host, that host is the one that is asked.
        if let Some(host) = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
            head.headers.insert(HOST, host);
        }
        let peer = visit.peer.ip();
        // Who connects from this machine is a proxy in front, if anybody.
        let is_trusted = peer.is_loopback() || node.guard.believes(peer);
        let hop = Hop { peer, scheme: if visit.is_tls { "https" } else { "http" }, is_trusted };
        let origin = forward::origin(&head.headers, &hop);
        let host = host(&head.headers).to_ascii_lowercase();
        let key = Key::new(&origin.scheme, &host, &origin.host, target(&head).as_str());
        let vouched = match route.declared {
            Some(_) => node.identities.vouch(&head.headers),
            None => Vouched::Nobody,
        };
        let inner = Inner { node, route, head, key, arrived, vouched, hop, origin };
        (Passage(Arc::new(inner)), Rest { body, upgrade })
    }

    /// Passes the request on, or answers it from what is kept.
    pub(super) async fn pass(&self, rest: Rest) -> Passed {
        let Rest { body, upgrade } = rest;
        if body.size_hint().lower() > self.route.body_bytes_max {
            // Announced: refused before it is sent.
            return Err(Failed::Upload(Fault::Long).into());
        }
        if let Some(protocol) = forward::upgrade(&self.head.headers) {
            return upgrade::pass(self, body, upgrade, protocol).await;
        }
        if let Some(declared) =
            self.route.declared.as_ref().filter(|declared| declared.is_for(self, !body.is_end_stream()))
        {
            let body = self.received(body).await?;
            return declared::read(self, declared, &body).await;
        }
        if self.route.is_cached && http_cache::is_read(&self.head.method) && body.is_end_stream() {
            return cached::read(self).await;
        }
        let requested = Instant::now();
        let response = exchange(&self.node, &self.route, self.outgoing(body)).await?;
        if !self.head.method.is_safe() {
            declared::caught_up(&self.node).await;
        }
        cached::written(self, response, requested)
    }

    /// The whole body of a request that is told apart by it.
    async fn received(&self, body: Incoming) -> Result<Bytes, Failed> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let limit = usize::try_from(self.route.body_bytes_max).unwrap_or(usize::MAX).min(KEY_BODY_BYTES_MAX);
        match timeout(self.route.idle_timeout, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failed::Upload(Fault::Long)),
            Ok(Err(_)) => Err(Failed::Upload(Fault::Broken)),
            Err(_) => Err(Failed::Upload(Fault::Slow)),
        }
    }

    /// What the upstream is sent for it, body and all.
    pub(super) fn outgoing(&self, body: Incoming) -> Outgoing {
        let route = &self.route;
        let (upload, progress) = Upload::passing(body, route.body_bytes_max, route.idle_timeout);
        Outgoing { upload, progress, ..self.question() }
    }

    /// The same with a body that is here already.
    pub(super) fn question_with(&self, body: &Bytes) -> Outgoing {
        Outgoing { upload: Upload::whole(body.clone()), ..self.question() }
    }

    /// The same without a body.
    pub(super) fn question(&self) -> Outgoing {
        let mut headers = self.head.headers.clone();
        forward::request(&mut headers, self.head.version, &self.hop, &self.origin);
        if !headers.contains_key(HOST)
            && let Some(upstream) = self.route.upstreams.first()
            && let Ok(host) = HeaderValue::try_from(upstream.address.to_string())
        {
            headers.insert(HOST, host);
        }
        Outgoing {
            method: self.head.method.clone(),
            target: target(&self.head),
            headers,
            upload: Upload::nothing(),
            progress: Progress::done(),
        }
    }

    /// The request, as far as it decides what may be kept of its answer.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { method: &self.head.method, uri: &self.head.uri, headers: &self.head.headers }
    }

    pub(super) fn host(&self) -> &str {
        host(&self.head.headers)
    }
}

/// An upstream's answer as the client gets it, passed on as it comes.
pub(super) fn passing(response: Response<Download>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    forward::response(&mut head.headers, head.version);
    head.version = Version::default();
    Response::from_parts(head, Body::passing(body))
}

/// The same, where nothing is kept of it.
pub(super) fn unkept(response: Response<Download>, forwarded: Forwarded) -> (Response<Body>, Became) {
    (passing(response), Became::Http(Outcome::Forwarded(forwarded)))
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn target(head: &Parts) -> PathAndQuery {
    head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"))
}
