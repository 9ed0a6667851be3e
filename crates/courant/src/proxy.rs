//! In front of any backend: the request's way through a route, to an upstream or to what HTTP lets us keep.
//!
//! [`Proxy::route`] says whether a request is for a backend at all, [`answer`] is its story from there. The rules
//! are in the crate `gateway`; here are the sockets and the order of things. Never asks the database.

mod cached;
mod connections;
mod declared;
mod download;
mod exchange;
mod failed;
mod fill;
mod growing;
mod health;
mod passage;
mod plain;
mod tls;
mod unkept;
mod upgrade;
mod upload;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Result;
use gateway::coding::{self, Variants};
use gateway::http_cache::{Key, Limits, Outcome, Store};
use gateway::route::{Pattern, Routes};
use gateway::upstream::Address;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Source;
use crate::config;
use crate::failure::Failure;
use crate::listen::Visit;
use crate::named::Named;
use crate::node::Node;
use crate::request;
use crate::response::Body;
use crate::telemetry::{Told, UpstreamMeters};
use connections::Upstream;
use declared::Declared;
pub(crate) use declared::unknown;
pub(crate) use failed::Failed;
use fill::Fills;
pub(crate) use health::run;
use passage::{Inner, Passage};
pub(crate) use plain::{Plain, Relayed};
use tls::Tls;

/// What stands between clients and backends.
pub(crate) struct Proxy {
    routes: Routes<Arc<Route>>,
    /// Of whatever no route is for.
    fallback: Option<Arc<Route>>,
    /// Each once, however many routes lead to it.
    upstreams: Vec<Arc<Upstream>>,
    store: Store,
    fills: Arc<Fills<Key>>,
    declared_fills: Arc<Fills<cache::Key>>,
    /// Ends tunnels when the node stops: nobody knows when they would end by themselves.
    closing: CancellationToken,
}

/// How requests of a route are passed on.
pub(crate) struct Route {
    /// The paths; its text is the route's name.
    pattern: Pattern,
    /// What its answers depend on, where it says so.
    declared: Option<Declared>,
    upstreams: Vec<Arc<Upstream>>,
    timeout: Duration,
    idle_timeout: Duration,
    retries: u32,
    body_bytes_max: u64,
    /// Whether HTTP's own caching applies.
    is_cached: bool,
    /// How long answers are kept that do not say.
    ttl: Option<Duration>,
    /// Looked up once.
    meters: OnceLock<UpstreamMeters>,
}

impl Route {
    /// As it is configured, but for what it declares.
    fn new(pattern: Pattern, refined: &config::Refined, upstreams: Vec<Arc<Upstream>>) -> Route {
        Route {
            pattern,
            declared: None,
            upstreams,
            timeout: refined.timeout,
            idle_timeout: refined.idle_timeout,
            retries: refined.retries,
            body_bytes_max: refined.body_bytes_max,
            is_cached: refined.is_cached,
            ttl: refined.ttl,
            meters: OnceLock::new(),
        }
    }
}

impl Proxy {
    /// From the configuration, which has checked that the routes go together. Connects to nothing.
    pub(crate) fn new(config: &config::Proxy, named: &Named, tasks: &TaskTracker) -> Result<Proxy> {
        let known = Upstreams::new(config, tasks)?;
        let route = |pattern: &Pattern, refined: &config::Refined| {
            let found = refined.upstreams.iter().filter_map(|address| known.at(address));
            let declared = refined.declared.as_ref().map(|declared| Declared::new(declared, named));
            Arc::new(Route { declared, ..Route::new(pattern.clone(), refined, found.collect()) })
        };
        let routes = config.routes.clone().map(|pattern, refined| route(pattern, &refined));
        let fallback = config.fallback.as_ref().map(|refined| route(&Pattern::everything(), refined));
        Ok(Proxy {
            routes,
            fallback,
            upstreams: known.0,
            store: Store::new(Limits {
                bytes_max: config.cache_bytes_max as u64,
                entry_bytes_max: config.cache_entry_bytes_max,
            }),
            fills: Fills::new(),
            declared_fills: Fills::new(),
            closing: CancellationToken::new(),
        })
    }

    /// The route of a request for a backend; none where it is for Courant's own API.
    pub(crate) fn route(&self, request: &Request<Incoming>) -> Option<Arc<Route>> {
        if self.upstreams.is_empty() {
            return None;
        }
        let path = request.uri().path();
        if let Some(route) = self.routes.find(request.method(), path) {
            return Some(Arc::clone(&route.value));
        }
        self.fallback.as_ref().filter(|_| !request::is_own(path)).map(Arc::clone)
    }

    /// Whether any route declares what its answers depend on.
    fn declares(&self) -> bool {
        self.routes.iter().any(|route| route.value.declared.is_some())
    }

    /// Forgets what HTTP let us keep of the paths and queries and with the headers that `matches` says yes to.
    pub(crate) fn purge(&self, matches: impl Fn(&str, &HeaderMap) -> bool) -> usize {
        self.store.purge(|key, headers| matches(&key.to_string(), headers))
    }

    /// Makes what HTTP let us keep heavier by a coding of it, if it is still there.
    pub(crate) fn charge(&self, key: &Key, variants: &Arc<Variants>, bytes: u64) -> bool {
        self.store.charge(key, variants, bytes)
    }

    /// Each upstream, and whether it is well.
    pub(crate) fn health(&self) -> Vec<(String, bool)> {
        let now = Instant::now();
        let health =
            |upstream: &Arc<Upstream>| (upstream.address.to_string(), upstream.condition.is_well(now));
        self.upstreams.iter().map(health).collect()
    }

    /// Entries of the HTTP cache, and their bytes.
    pub(crate) fn cached(&self) -> (usize, u64) {
        self.store.size()
    }
}

/// Every upstream that the configuration names, once.
struct Upstreams(Vec<Arc<Upstream>>);

impl Upstreams {
    fn new(config: &config::Proxy, tasks: &TaskTracker) -> Result<Upstreams> {
        let routes = config.routes.iter().map(|route| &route.value).chain(&config.fallback);
        let addresses: BTreeSet<&Address> = routes.flat_map(|refined| &refined.upstreams).collect();
        let is_any_tls = addresses.iter().any(|address| address.is_tls());
        let tls = is_any_tls.then(|| Tls::new(config.upstream_ca.as_deref())).transpose()?;
        let upstream = |address: &Address| {
            let named = tls.as_ref().filter(|_| address.is_tls()).map(|tls| tls.of(address)).transpose()?;
            let (connections_max, patience) = (config.connections_max, config.connect_timeout);
            let upstream = Upstream::new(address.clone(), named, connections_max, patience, tasks.clone());
            Ok(Arc::new(upstream))
        };
        addresses.into_iter().map(upstream).collect::<Result<_>>().map(Upstreams)
    }

    fn at(&self, address: &Address) -> Option<Arc<Upstream>> {
        self.0.iter().find(|upstream| upstream.address == *address).map(Arc::clone)
    }
}

/// Answers a request of a route, and tells what became of it.
pub(crate) async fn answer(
    node: Arc<Node>,
    route: Arc<Route>,
    request: Request<Incoming>,
    visit: Visit,
) -> Response<Body> {
    let arrived = node.clock.now();
    let (passage, body) = Passage::new(node, route, request, visit, arrived);
    let (mut response, (cache, reason), error) = match passage.pass(body).await {
        Ok((mut response, Became::Http(outcome))) => {
            outcome.write(response.headers_mut());
            (response, (outcome.word(), ""), None)
        }
        Ok((response, Became::Told(source))) => (response, (source.word(), source.reason()), None),
        Err(failure) => (failure.response(), ("bypass", ""), Some(failure.told())),
    };
    let Inner { node, route, head, .. } = &*passage;
    if response.status() == StatusCode::NOT_MODIFIED {
        coding::as_known(&head.headers, response.headers_mut());
    }
    node.telemetry.request(&Told {
        route: route.pattern.text(),
        method: &head.method,
        path: head.uri.path(),
        status: response.status(),
        cache,
        reason,
        error: error.as_deref(),
        role: "",
        took: node.clock.since(arrived),
    });
    response
}

/// A response, and what became of its request.
type Passed = Result<(Response<Body>, Became), Failure>;

/// What became of a request.
enum Became {
    /// By HTTP's own rules; the response does not say it yet.
    Http(Outcome),
    /// By what its route declares.
    Told(Source),
}
