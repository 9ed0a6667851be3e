//! Who is let in: the front door's rules, asked once before a request's work and once on its answer.
//!
//! Holds what the rules of `gateway` need between requests: blocks, limits, and who has offended how often. Knows
//! nothing of what is asked beyond method, path and headers. What it refuses is counted and told; an attack cannot
//! make it tell more than a few lines a second.

mod journal;
mod limits;
mod refusal;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gateway::{Block, Blocks, Buckets, Cors, Csrf, Origins, Quota, SecurityHeaders, Trust};
use http::header::{ALLOW, AUTHORIZATION, CONNECTION, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use ipnet::IpNet;

use crate::audit::{Events, Kind};
use crate::config::FrontDoor;
use crate::failure::Failure;
use crate::identity::Identities;
use crate::listen::Visit;
use crate::node::Node;
use crate::recall::Follows;
use crate::request;
use crate::response::Body;
use crate::telemetry::guard::{GuardMetrics, Refused};
use journal::Journal;
pub(crate) use limits::network_of;
use limits::{Charges, Limits};
pub(crate) use refusal::Refusal;

/// Addresses whose offences are remembered at once.
const OFFENDERS_MAX: usize = 16_384;

/// The front door's rules, and what they need to remember.
pub(crate) struct Guard {
    trust: Trust,
    pub(crate) blocks: Blocks,
    limits: Limits,
    offences: Option<Offences>,
    cors: Cors,
    /// Whether the configuration says which origins; else an upstream's answers are left alone.
    cors_is_said: bool,
    csrf: Option<Csrf>,
    headers: SecurityHeaders,
    pub(crate) metrics: GuardMetrics,
    journal: Journal,
    started: Instant,
    /// Whether it was said that somebody names clients whom nobody believes.
    warned: AtomicBool,
}

/// How often somebody may offend, and what comes of it.
struct Offences {
    quota: Quota,
    buckets: Buckets,
    duration: Duration,
}

/// A request that was let in, as far as its answer must know.
#[derive(Default)]
struct Admitted {
    origin: Option<HeaderValue>,
    has_token: bool,
    charges: Charges,
    /// Whether its answer says itself what other origins may do.
    is_left_alone: bool,
    /// Whether it asks the API which methods there are.
    is_options: bool,
    /// The header that its answer carries as it does.
    trace: Option<(HeaderName, HeaderValue)>,
}

/// Answers a request to the port of the clients: lets it in or not, and adds to the answer what browsers and those who
/// are limited must know.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    let client = node.guard.client(visit.peer.ip(), request.headers());
    let live = node.live();
    let mut admitted = Admitted {
        origin: request.headers().get(ORIGIN).cloned(),
        has_token: request.headers().contains_key(AUTHORIZATION),
        trace: live.trace(request.headers()),
        ..Admitted::default()
    };
    let is_routed = node.proxy.route(&request).is_some();
    admitted.is_options = *request.method() == Method::OPTIONS && !is_routed;
    // What an upstream says to other origins is its own, unless the configuration says it.
    admitted.is_left_alone = admitted.origin.is_some() && !node.guard.cors_is_said && is_routed;
    let admission = node.guard.admit(client, &request, &live.identities, &mut admitted);
    let mut response = match admission {
        Ok(()) if !admitted.is_left_alone && Cors::is_preflight(request.method(), request.headers()) => {
            preflight(&node.guard.cors, request.headers())
        }
        Ok(()) => request::answer(Arc::clone(&node), request, visit).await,
        Err(refusal) => node.guard.refuse(client, &refusal),
    };
    node.guard.close(client, &admitted, visit, &mut response);
    if let (Some(name), Some(follows)) = (visit.head, response.extensions_mut().remove::<Follows>()) {
        node.heads.keep(name, follows, &live, &response);
    }
    response
}

fn preflight(cors: &Cors, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.headers_mut() = cors.preflight(request);
    response
}

impl Guard {
    /// From the configuration.
    pub(crate) fn new(config: &FrontDoor, metrics: GuardMetrics, events: Option<Arc<Events>>) -> Guard {
        let origins = config.cors.origins.clone().filter(|origins| !origins.is_empty());
        let block = &config.block;
        let csrf = config.csrf.header.clone().map(|header| Csrf {
            paths: config.csrf.paths.clone(),
            origins: config.csrf.origins.clone(),
            cookie: config.csrf.cookie.clone(),
            header,
        });
        let offences = || Offences {
            quota: Quota::new("offences", block.after, block.window, block.after),
            buckets: Buckets::new(OFFENDERS_MAX),
            duration: block.duration,
        };
        Guard {
            trust: config.trust.clone(),
            blocks: Blocks::new(&block.deny, &block.allow, block.entries_max),
            limits: Limits::new(config),
            offences: (block.after > 0).then(offences),
            cors: Cors {
                origins: origins.map_or(Origins::Any, Origins::Listed),
                credentials: config.cors.credentials,
                max_age: config.cors.max_age,
            },
            cors_is_said: config.cors.origins.is_some(),
            csrf: csrf.filter(|csrf| !csrf.paths.is_empty()),
            headers: config.headers.clone(),
            metrics,
            journal: Journal::new(events),
            started: Instant::now(),
            warned: AtomicBool::new(false),
        }
    }

    /// Whether a connection from there is turned away before anything is read.
    pub(crate) fn turns_away(&self, peer: IpAddr) -> bool {
        if self.blocks.is_empty() || !self.blocks.holds(peer.to_canonical(), now_s()) {
            return false;
        }
        self.metrics.refused(Refused::Connection);
        self.journal.tell(Kind::ConnectionBlocked, peer, &"block.deny, or courant block --list");
        true
    }

    /// Whether it has nothing to count or to look up for a request, so that one that was let in before is again.
    pub(crate) fn is_carefree(&self) -> bool {
        self.blocks.is_empty() && self.limits.are_idle(|| self.started.elapsed())
    }

    /// Whether what a peer says of hops before it is to be believed.
    pub(crate) fn believes(&self, peer: IpAddr) -> bool {
        !self.trust.is_direct(peer)
    }

    /// A head or a body that was refused at the door.
    pub(crate) fn framing_refused(&self, peer: SocketAddr, what: Refused, failure: &Failure) {
        self.metrics.refused(what);
        let peer = peer.ip().to_canonical();
        let kind = if what == Refused::Body { Kind::BodyRefused } else { Kind::HeadRefused };
        self.journal.tell(kind, peer, failure);
        self.offend(peer);
    }

    /// A webhook that nobody signed whom the configuration names.
    pub(crate) fn webhook_refused(&self, client: IpAddr, why: &dyn Display) {
        self.metrics.refused(Refused::Webhook);
        self.journal.tell(Kind::WebhookRefused, client, why);
        self.offend(client);
    }

    /// Keeps a network out.
    pub(crate) fn block(
        &self,
        network: IpNet,
        time: Option<Duration>,
        reason: String,
    ) -> Result<(), gateway::BlockError> {
        let until_s = time.map(|time| now_s().saturating_add(time.as_secs()));
        let for_how_long = time.map_or("for good".to_owned(), |time| format!("for {} s", time.as_secs()));
        let told = format!("{network} {for_how_long}: {reason}");
        self.blocks.block(network, Block { until_s, reason, automatic: false }, now_s())?;
        self.journal.tell(Kind::BlockedByCommand, network.addr(), &told);
        Ok(())
    }

    /// Lets a network in again; says whether it was kept out.
    pub(crate) fn unblock(&self, network: IpNet) -> Result<bool, gateway::BlockError> {
        let changed = self.blocks.unblock(network)?;
        if changed {
            self.journal.tell(Kind::UnblockedByCommand, network.addr(), &network);
        }
        Ok(changed)
    }

    /// Whose request it is.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.trust.is_unheard(peer, headers) && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::info!(
                target: "courant::guard",
                %peer,
                "a proxy names its clients and is not believed: all of them count as one address; name it in \
                 client.trusted_proxies if it is yours"
            );
        }
        self.trust.client(peer, headers)
    }

    fn admit(
        &self,
        client: IpAddr,
        request: &Request<Incoming>,
        identities: &Identities,
        admitted: &mut Admitted,
    ) -> Result<(), Refusal> {
        if !self.blocks.is_empty() && self.blocks.holds(client, now_s()) {
            return Err(Refusal::Blocked);
        }
        let now = || self.started.elapsed();
        self.limits.charge(client, request, identities, now, &mut admitted.charges)?;
        if let Some(csrf) = &self.csrf {
            let path = gateway::canonical_path(request.uri().path());
            csrf.check(request.method(), &path, request.uri(), request.headers())?;
        }
        Ok(())
    }

    fn refuse(&self, client: IpAddr, refusal: &Refusal) -> Response<Body> {
        let kind = match refusal {
            Refusal::Blocked => {
                self.metrics.refused(Refused::Request);
                Kind::RequestBlocked
            }
            Refusal::Limited { name, .. } => {
                self.metrics.limited(name);
                self.offend(client);
                Kind::Limited
            }
            Refusal::Forged(_) => {
                self.metrics.refused(Refused::Forged);
                Kind::Forged
            }
        };
        self.journal.tell(kind, client, refusal);
        refusal.response()
    }

    /// What is done with every answer.
    fn close(&self, client: IpAddr, admitted: &Admitted, visit: Visit, response: &mut Response<Body>) {
        let is_unknown = response.status() == StatusCode::UNAUTHORIZED && admitted.has_token;
        if is_unknown {
            self.metrics.refused(Refused::Token);
            self.journal.tell(Kind::AuthenticationFailed, client, &"its token was not accepted");
            self.offend(client);
        }
        self.limits.settle(client, &admitted.charges, response.status(), is_unknown, self.started);
        let headers = response.headers_mut();
        admitted.charges.tell(&self.limits, headers);
        self.headers.add(visit.is_tls, headers);
        if admitted.is_options && headers.contains_key(ALLOW) {
            self.cors.add_to_options(admitted.origin.as_ref(), headers);
        } else if !admitted.is_left_alone && (admitted.origin.is_some() || self.cors_is_said) {
            self.cors.add(admitted.origin.as_ref(), headers);
        }
        if let Some((name, value)) = &admitted.trace {
            headers.insert(name, value.clone());
        }
        if !self.blocks.is_empty() && self.blocks.holds(client, now_s()) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// Notes an offence; too many in a time, and its address is kept out for another.
    fn offend(&self, client: IpAddr) {
        let Some(offences) = &self.offences else { return };
        // All who come through a proxy would be kept out with it.
        if self.trust.is_proxy(client) || self.blocks.is_allowed(client) {
            return;
        }
        let network = limits::network_of(client);
        if offences.buckets.take(network, &offences.quota, self.started.elapsed()).allowed {
            return;
        }
        let until_s = Some(now_s().saturating_add(offences.duration.as_secs()));
        let block = Block { until_s, reason: "too many offences".to_owned(), automatic: true };
        match self.blocks.block(network, block, now_s()) {
            Ok(()) => {
                self.metrics.blocked_automatically();
                self.journal.tell(Kind::Blocked, client, &"too many offences (block.after)");
            }
            Err(error) => self.journal.tell(Kind::NotBlocked, client, &error),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
