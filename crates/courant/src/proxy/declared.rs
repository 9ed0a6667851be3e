//! Reads of a route that declares what its answers depend on: kept in the same cache as Courant's own answers,
//! and dropped by the same log.
//!
//! The story of [`read`] is that of `request.rs`, with the upstream in the database's place. A fill is protected
//! by a snapshot that was taken before the upstream was asked: whatever the app then reads is at least as new, so
//! an answer is kept only if nothing that it declares has changed after that snapshot. Never knows more of what
//! an app reads than it declares.

mod key;
mod reads;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::{Fill, Key, Lookup, Need, StoreId};
use gateway::dependence::{self, Dependence};
use gateway::source::Source as Place;
use http::header::{
    ACCEPT_ENCODING, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use parking_lot::RwLock;
use pg::session::Session;
use pg::{Lsn, Read, Snapshot, Statement};
use rest::Lifetime;
use tokio::time::timeout;

use super::exchange::{Outgoing, exchange};
use super::fill::{self, Flight, Keep, Turn};
use super::passage::{Passage, passing, taken};
use super::{Became, Passed};
use crate::answer::{Answer, Source};
use crate::bypass::Bypass;
use crate::config::RouteDeclaration as Declaration;
use crate::consistency::{Consistency, POSITION};
use crate::failure::Failure;
use crate::identity::Vouched;
use crate::named::Named;
use crate::node::{Filling, Node};
use crate::request::look;
use crate::response::Body;
use crate::schema::Schema;
use crate::variants;

pub(crate) use reads::unknown;
use refused::Refused;

/// What decides how much of an answer there is, and whether: of a fill it is all that is wanted.
const CONDITIONS: [HeaderName; 7] =
    [ACCEPT_ENCODING, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE];

/// How long a fill waits to be told what the primary shows; past it, its answer is not kept.
const SNAPSHOT_MAX: Duration = Duration::from_millis(500);

/// What a route declares of its answers.
pub(super) struct Declared {
    pub(super) depends_on: Vec<Dependence>,
    /// Whether the upstream says more with each answer, and answers that do not are not kept.
    is_told: bool,
    /// What separates users; none: every `Authorization` and every `Cookie` is a user of its own.
    pub(super) identity: Option<Vec<Place>>,
    /// Where in the cache they live.
    pub(super) home: StoreId,
    /// Whether requests with a body are reads, told apart by it.
    pub(super) body_in_key: bool,
    /// The headers that answers turned out to be told apart by.
    pub(super) varied: RwLock<Vec<HeaderName>>,
}

impl Declared {
    /// As it is configured.
    pub(super) fn new(declaration: &Declaration, named: &Named) -> Declared {
        Declared {
            depends_on: declaration.depends_on.clone(),
            is_told: declaration.is_told,
            identity: declaration.identity.clone(),
            home: declaration.cache.as_ref().and_then(|name| named.find(name)).unwrap_or_default(),
            body_in_key: declaration.body_in_key,
            varied: RwLock::default(),
        }
    }

    /// Whether a request, with a body or without, may be answered from what is kept.
    pub(super) fn is_for(&self, passage: &Passage, has_body: bool) -> bool {
        let head = &passage.head;
        let is_read = head.method == Method::GET || self.body_in_key && head.method == Method::POST;
        is_read && (self.body_in_key || !has_body) && !head.headers.contains_key(RANGE)
    }
}

/// Answers a read of a declared route. `body` is the request's, if it has one.
pub(super) async fn read(passage: &Passage, declared: &Declared, body: &Bytes) -> Passed {
    let (node, headers) = (&passage.node, &passage.head.headers);
    if !node.cache.is_open() {
        let why = if node.config.cache.enabled { Bypass::Cache(cache::Bypass::Closed) } else { Bypass::Off };
        return past(passage, body, Source::Bypass(why)).await;
    }
    if matches!(passage.vouched, Vouched::Refused) {
        // The app may say no, for which it must be asked.
        return past(passage, body, Source::Bypass(Bypass::Token)).await;
    }
    let consistency = Consistency::of(headers, node.config.cache.consistency).map_err(Failure::from)?;
    let need = consistency.need(passage.arrived, node.config.cache.bound);
    let key = key::of(passage, declared, body);
    let mut has_waited = false;
    loop {
        let bypassed = match look(node, consistency, &key, need).await {
            Lookup::Hit { value, age } => {
                variants::order(node, &key, &value, headers);
                return Ok(hit(passage, &value, age));
            }
            Lookup::Miss => None,
            Lookup::Bypass(why) => Some(Bypass::Cache(why)),
        };
        let schema = node.schema();
        let reads = match reads::of(passage, declared, &schema) {
            Ok(reads) => reads,
            Err(why) => return past(passage, body, Source::Bypass(why)).await,
        };
        // Nothing is handed from one request to another but through the cache, whose gate is asked again.
        let waits = bypassed.is_none() && !has_waited;
        let flight = match if waits { node.proxy.declared_fills.join(&key) } else { Turn::Alone } {
            Turn::Pilot(flight) => Some(flight),
            Turn::Passenger(mut settled) => {
                // Nothing is ever sent: it ends when the fill is settled. One that takes too long is not waited for.
                let _ = timeout(passage.route.timeout, settled.changed()).await;
                has_waited = true;
                continue;
            }
            Turn::Alone => None,
        };
        let asked = Fillable { reads, key, schema };
        return ask(passage, declared, asked, body, flight, bypassed).await;
    }
}

/// What a fill is made of.
struct Fillable {
    reads: Vec<Read>,
    key: Key,
    schema: Arc<Schema>,
}

fn hit(passage: &Passage, answer: &Answer, age: Duration) -> (Response<Body>, Became) {
    let source = Source::Hit { age };
    // It says already, from when it was kept, that it came through us.
    (answer.response(&passage.head.headers, &source), Became::Told(source))
}

/// The upstream's answer, past the cache.
async fn past(passage: &Passage, body: &Bytes, source: Source) -> Passed {
    let head = || passage.question();
    let outgoing = Outgoing::new(&head, passage.head.method.is_safe()).with(body);
    let response = exchange(&passage.node, &passage.route, outgoing).await?;
    let position = after(passage).await;
    let mut response = passing(response);
    source.write(response.headers_mut());
    tell(response.headers_mut(), position);
    Ok((response, Became::Told(source)))
}

/// Asks the upstream, and keeps its answer if nothing it declares has changed unseen.
async fn ask(
    passage: &Passage,
    declared: &Declared,
    mut asked: Fillable,
    body: &Bytes,
    flight: Option<Flight<Key>>,
    bypassed: Option<Bypass>,
) -> Passed {
    let node = &passage.node;
    // Begun before the snapshot is taken, and the snapshot taken before the upstream is asked.
    let fill = node.cache.begin();
    let snapshot = snapshot(node).await;
    let head = || {
        let mut head = passage.question();
        CONDITIONS.iter().for_each(|name| drop(head.headers_mut().remove(name)));
        head
    };
    let outgoing = Outgoing::new(&head, passage.head.method.is_safe()).with(body);
    let mut response = exchange(node, &passage.route, outgoing).await?;
    let position = after(passage).await;
    let mut judged = refused::judge(response.status(), response.headers(), declared);
    if declared.is_told {
        match reads::told(passage, &asked.schema, response.headers()) {
            Some(told) => asked.reads.extend(told),
            None => judged = judged.and(Err(Refused::Untold)),
        }
        response.headers_mut().remove(dependence::HEADER);
    }
    let source = match (bypassed, &judged) {
        (Some(why), _) => Source::Bypass(why),
        // As far as is known before the body has come: without a snapshot nothing is kept.
        (None, Ok(())) => Source::Miss { stored: snapshot.is_some(), collapsed: false },
        (None, Err(refused)) => Source::Unkept(refused.word()),
    };
    if matches!(judged, Err(refused) if refused.is_lasting()) {
        node.proxy.declared_fills.note(&asked.key, false);
    }
    let mut response = match (judged, snapshot) {
        (Ok(()), Some(snapshot)) => {
            let (head, download) = taken(response);
            let (passage, headers) = (passage.clone(), head.headers.clone());
            let keeper =
                Keeper { passage, fill, snapshot, asked, status: head.status, headers, _flight: flight };
            Response::from_parts(head, Body::passing(fill::begin(node, download, keeper)))
        }
        // Without a snapshot nothing is kept, and nobody waits any longer.
        _ => passing(response),
    };
    source.write(response.headers_mut());
    tell(response.headers_mut(), position);
    Ok((response, Became::Told(source)))
}

/// What is read with a POST may have been written with it.
async fn after(passage: &Passage) -> Option<Lsn> {
    if passage.head.method.is_safe() { None } else { caught_up(&passage.node).await }
}

/// What the primary shows now; none where it does not say so soon: the app may be well although the database is not.
async fn snapshot(node: &Node) -> Option<Snapshot> {
    let nobody = Session::default();
    let sql = include_str!("sql/snapshot.sql").to_owned();
    let statement = Statement { sql, parameters: Vec::new() };
    let row = timeout(SNAPSHOT_MAX, node.pool.read(nobody, &statement)).await.ok()?.ok()?;
    row.get::<&str>(0).ok()?.parse().ok()
}

/// An answer on its way into the cache.
struct Keeper {
    passage: Passage,
    fill: Fill<Answer>,
    snapshot: Snapshot,
    asked: Fillable,
    status: StatusCode,
    headers: HeaderMap,
    /// Settled when it is dropped, by when the answer is kept or not.
    _flight: Option<Flight<Key>>,
}

impl Keep for Keeper {
    fn has_room_for(&self, body_bytes: usize) -> bool {
        body_bytes <= self.passage.node.config.cache.entry_bytes_max
    }

    fn keep(self, body: Bytes) {
        let Keeper { passage, fill, snapshot, asked, status, headers, _flight } = self;
        let Fillable { reads, key, schema } = asked;
        let target = passage.head.uri.path_and_query().map_or("/", |target| target.as_str());
        let answer = Answer::relayed(status, &headers, &body, target);
        let ttl = passage.route.ttl.map(Lifetime::fixed);
        // Refused where something that it declares has changed since; the statistics tell how often.
        passage.node.keep(&schema, Filling { fill, key, answer, snapshot, reads, ttl });
    }

    fn give_up(self) {
        self.passage.node.proxy.declared_fills.note(&self.asked.key, false);
    }
}

/// Makes sure that nothing older than what a request has written is served from here once it is answered. Which
/// transactions were its own nobody knows: the cache catches up with everything committed until now. Returns a
/// position of the log behind all of that, where one is known: with it a read through another node misses none of it.
pub(super) async fn caught_up(node: &Node) -> Option<Lsn> {
    if node.config.database.url.is_none() && !node.proxy.declares() {
        // An app with a database of its own, of which nothing is kept here.
        return None;
    }
    let now = node.clock.now();
    let need = Need::within(now, Duration::ZERO);
    let wait_max = node.config.stream.write_wait;
    if node.progress.reach(&node.cache, Consistency::Strict, need, wait_max).await {
        node.cache.note_write(now);
    } else {
        // Of a closed cache, too: a query sent before the write may still be under way, for others to join.
        node.cache.raise_floor(now);
    }
    node.progress.inserted_since(now)
}

/// Tells whoever wrote of that position.
pub(super) fn tell(headers: &mut HeaderMap, position: Option<Lsn>) {
    if let Some(position) = position.and_then(|position| HeaderValue::try_from(position.to_string()).ok()) {
        headers.insert(POSITION, position);
    }
}
