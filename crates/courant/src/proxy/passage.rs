//! A request on its way through: what the client sent, by which hop, for which key, and what an upstream is sent
//! for it.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cache::Moment;
use gateway::coding;
use gateway::forward::{self, Hop, Origin};
use gateway::http_cache::{self, Asked, Forwarded, Key, Outcome};
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version, response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;

use super::download::Download;
use super::exchange::{Outgoing, exchange};
use super::failed::Failed;
use super::upload::Fault;
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
        settle(&mut head);
        let hop = hop(visit, |peer| node.guard.believes(peer));
        let origin = forward::origin(&head.headers, &hop);
        let host = host(&head.headers).to_ascii_lowercase();
        let key = Key::new(&origin.scheme, &host, &origin.host, target(&head).as_str());
        let vouched = match route.declared {
            Some(_) => node.live().identities.vouch(&head.headers),
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
        let head = || self.question();
        let outgoing = Outgoing::new(&head, self.head.method.is_safe()).passing(body, &self.route);
        let response = exchange(&self.node, &self.route, outgoing).await?;
        let position = if self.head.method.is_safe() { None } else { declared::caught_up(&self.node).await };
        let (mut response, became) = cached::written(self, response, requested)?;
        declared::tell(response.headers_mut(), position);
        Ok((response, became))
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

    /// The head of what the upstream is sent for it.
    pub(super) fn question(&self) -> Request<()> {
        let mut question = question(&self.head, &self.hop, &self.origin);
        let headers = question.headers_mut();
        coding::as_made(headers);
        if !headers.contains_key(HOST)
            && let Some(upstream) = self.route.upstreams.first()
            && let Ok(host) = HeaderValue::try_from(upstream.address.authority())
        {
            headers.insert(HOST, host);
        }
        question
    }

    /// The request, as far as it decides what may be kept of its answer.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { method: &self.head.method, uri: &self.head.uri, headers: &self.head.headers }
    }

    pub(super) fn host(&self) -> &str {
        host(&self.head.headers)
    }
}

/// An upstream's answer: its head as the client gets it, and its body, still to come.
pub(super) fn taken(response: Response<Download>) -> (response::Parts, Download) {
    let (mut head, body) = response.into_parts();
    forward::response(&mut head.headers, head.version);
    head.version = Version::default();
    (head, body)
}

/// The same, passed on as it comes.
pub(super) fn passing(response: Response<Download>) -> Response<Body> {
    let (head, body) = taken(response);
    Response::from_parts(head, Body::passing(body))
}

/// A request's head as whoever passes it on reads it.
pub(super) fn settle(head: &mut Parts) {
    forward::strip_named(&mut head.headers);
    // RFC 9112, section 3.2.2: of a target with a host, that host is the one that is asked.
    if let Some(host) = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        head.headers.insert(HOST, host);
    }
}

/// The hop by which a request came. Who connects from this machine is a proxy in front, if anybody; `is_believed` says
/// it of others.
pub(super) fn hop(visit: Visit, is_believed: impl FnOnce(IpAddr) -> bool) -> Hop {
    let peer = visit.peer.ip();
    let is_trusted = peer.is_loopback() || is_believed(peer);
    Hop { peer, scheme: if visit.is_tls { "https" } else { "http" }, is_trusted }
}

/// The head of what an upstream is sent for a request.
pub(super) fn question(head: &Parts, hop: &Hop, origin: &Origin) -> Request<()> {
    let mut question = Request::new(());
    *question.method_mut() = head.method.clone();
    *question.uri_mut() = Uri::from(target(head));
    let headers = question.headers_mut();
    headers.clone_from(&head.headers);
    forward::request(headers, head.version, hop, origin);
    question
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
