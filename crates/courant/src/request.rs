//! Flow A: a request comes in.
//!
//! [`answer`] is the whole story, from the request's arrival to its response: who asks, what is asked, is
//! it known, and if not, what does the database say. Reads and writes part at the plan.
//!
//! A request is moved and kept as large as the largest thing that it may wait for, and most are hits: what a hit does
//! not wait for has a box of its own.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use cache::{Key, Lookup, Moment, Need};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use pg::Lsn;
use pg::session::{Commit, Trail};
use rest::{Access, Reads};

use crate::answer::{Answer, Source};
use crate::atomic;
use crate::audit;
use crate::batch;
use crate::bypass::Bypass;
use crate::check;
use crate::consistency::Consistency;
use crate::explain;
use crate::failure::{self, Failure};
use crate::flight::Seat;
use crate::identity::Identity;
use crate::listen::Visit;
use crate::marks::Mark;
use crate::node::{Filling, Live, Node};
use crate::proxy;
use crate::queue;
use crate::recall::Follows;
use crate::response::Body;
use crate::row::Found;
use crate::schema::{Planned, Schema};
use crate::settled::Settled;
use crate::telemetry::Told;
use crate::timing::Stages;
use crate::variants;
use crate::webhook;

/// Where Supabase's clients look for the API.
pub(crate) const PREFIX: &str = "/rest/v1";

/// Answers a request, and tells what became of it.
pub(crate) async fn answer(node: Arc<Node>, request: Request<Incoming>, visit: Visit) -> Response<Body> {
    if node.webhooks.is_own(request.uri().path()) {
        return Box::pin(webhook::answer(node, request, visit)).await;
    }
    if node.jobs.is_some() && queue::api::is_own(request.uri().path()) {
        return Box::pin(queue::api::answer(node, request, visit)).await;
    }
    if let Some(route) = node.proxy.route(&request) {
        // Apart, so that requests for the API carry nothing of it.
        return Box::pin(proxy::answer(node, route, request, visit)).await;
    }
    if node.config.http.batch_parts_max > 0 && atomic::is_batch(request.uri()) {
        return Box::pin(atomic::answer(node, request, visit)).await;
    }
    let arrived = node.clock.now();
    let (mut head, body) = request.into_parts();
    head.uri = unprefixed(head.uri);
    let peer = visit.peer.ip();
    let consistency = Consistency::default();
    let live = node.live();
    let stages = Stages::begin(node.clock, arrived, live.config.api.server_timing);
    let is_nameable = visit.head.is_some();
    let mut asked = Asked {
        head,
        peer,
        arrived,
        consistency,
        live,
        who: None,
        planned: None,
        stages,
        is_nameable,
        hit: None,
    };
    let (mut response, source, error) = match serve(&node, &mut asked, body).await {
        Ok((answer, source)) => (answer.response(&asked.head.headers, &source), source, None),
        Err(failure) => {
            if failure.waited_in_vain() {
                node.telemetry.postgrest.timed_out();
            }
            (failure.response(), Source::Bypass(Bypass::Failed), Some(failure.told()))
        }
    };
    if error.is_some() && asked.live.config.api.errors_are_brief {
        response = failure::brief(response).await;
    }
    if error.is_none() {
        note(&node, &mut asked, &mut response);
    }
    if asked.head.method == Method::HEAD {
        // A length is not told, as PostgREST tells none: what it would be of need not be made.
        *response.body_mut() = Body::default();
    }
    node.telemetry.request(&Told {
        route: asked.planned.as_ref().map_or("", |planned| &planned.route),
        method: &asked.head.method,
        path: asked.head.uri.path(),
        status: response.status(),
        cache: source.word(),
        reason: source.reason(),
        error: error.as_deref(),
        role: asked.who.as_ref().and_then(|who| who.role.as_deref()).unwrap_or_default(),
        took: node.clock.since(arrived),
    });
    response
}

/// What there is to be learnt of a request that was answered, by the node and by its client.
fn note(node: &Node, asked: &mut Asked, response: &mut Response<Body>) {
    if let Some(Hit { schema, key, session }) = asked.hit.take() {
        let from = (&asked.live, schema);
        let follows = Follows::new(&asked.head, asked.consistency, from, (key, session), response.headers());
        if let Some(follows) = follows {
            response.extensions_mut().insert(follows);
        }
    }
    asked.stages.tell(response.headers_mut());
    if let Some(planned) = asked.planned.as_ref().filter(|planned| planned.plan.access == Access::Read) {
        node.loops.see(&asked.head, asked.live.config.api.trace_header.as_ref(), &planned.route);
    }
}

/// A request, and what has been learnt of it so far.
struct Asked {
    head: Parts,
    /// The other end of its connection.
    peer: IpAddr,
    arrived: Moment,
    consistency: Consistency,
    live: Arc<Live>,
    who: Option<Arc<Identity>>,
    planned: Option<Arc<Planned>>,
    stages: Stages,
    /// Whether its head may be remembered.
    is_nameable: bool,
    /// What there is to be remembered of it.
    hit: Option<Hit>,
}

/// An answer that was kept: under which key, and what led to it.
struct Hit {
    schema: Weak<Schema>,
    key: Key,
    session: Settled,
}

impl Asked {
    /// What the cache has to have applied for it.
    fn need(&self, node: &Node) -> Need {
        self.consistency.need(self.arrived, node.config.cache.bound)
    }
}

type Served = Result<(Answer, Source), Arc<Failure>>;

async fn serve(node: &Arc<Node>, asked: &mut Asked, body: Incoming) -> Served {
    asked.consistency =
        Consistency::of(&asked.head.headers, node.config.cache.consistency).map_err(Failure::from)?;
    let who = asked.live.identities.of(&asked.head.headers).map_err(Failure::from)?;
    asked.who = Some(Arc::clone(&who));
    asked.stages.end("jwt");
    let body = whole(node, &asked.head, body).await?;
    asked.stages.end("parse");
    let _place = node.places.try_acquire().map_err(|_| Failure::Overloaded)?;

    let schema = node.schema();
    let planned = schema.plan(&asked.head, &body).map_err(Failure::from)?;
    asked.planned = Some(Arc::clone(&planned));
    asked.stages.end("plan");
    let session = Settled::new(&asked.head, who, Arc::clone(&planned), &schema.catalog);
    if planned.plan.answer.is_explanation() {
        let found = explain::told(node, &schema, &planned, &session);
        let answer = Answer::new(&planned.plan, found, false, target(&asked.head))?;
        return Ok((answer, Source::Bypass(Bypass::Explained)));
    }

    let served = match (planned.plan.access, &planned.tracked) {
        (Access::Write, _) if session.role().is_none() => Err(Arc::new(Failure::ReadOnly)),
        (Access::Write, _) => Box::pin(write(node, asked, &planned, &session)).await,
        (Access::Read, Ok(_)) if node.config.cache.enabled => {
            read(node, asked, &schema, &planned, session).await
        }
        (Access::Read, Ok(_)) => Box::pin(pass(node, asked, &planned, &session, Bypass::Off)).await,
        (Access::Read, Err(why)) => Box::pin(pass(node, asked, &planned, &session, why.clone())).await,
    };
    asked.stages.end("transaction");
    served
}

/// From the database, past the cache.
async fn pass(
    node: &Arc<Node>,
    asked: &Asked,
    planned: &Arc<Planned>,
    session: &Settled,
    why: Bypass,
) -> Served {
    let found = batch::ask(node, planned, session).await?;
    let answer = Answer::new(&planned.plan, found, false, target(&asked.head))?;
    Ok((answer, Source::Bypass(why)))
}

/// From the cache where it is current enough, else from the database.
async fn read(
    node: &Arc<Node>,
    asked: &mut Asked,
    schema: &Arc<Schema>,
    planned: &Arc<Planned>,
    session: Settled,
) -> Served {
    let key = session.key(&node.key_secret);
    let need = asked.need(node);
    let bypassed = match look(node, asked.consistency, &key, need).await {
        Lookup::Hit { value, age } => {
            variants::order(node, &key, &value, &asked.head.headers);
            if asked.is_nameable {
                asked.hit = Some(Hit { schema: Arc::downgrade(schema), key, session: session.clone() });
            }
            if let Some(chosen) = node.checks.choose() {
                let (node, planned, answer) = (Arc::clone(node), Arc::clone(planned), value.clone());
                node.tasks.clone().spawn(check::run(node, chosen, key, planned, session, answer));
            }
            return Ok((value, Source::Hit { age }));
        }
        Lookup::Miss => None,
        Lookup::Bypass(why) => Some(Bypass::Cache(why)),
    };
    Box::pin(missed(node, asked, schema, planned, session, key, bypassed)).await
}

/// From the database, once for all who ask the same.
async fn missed(
    node: &Arc<Node>,
    asked: &Asked,
    schema: &Arc<Schema>,
    planned: &Arc<Planned>,
    session: Settled,
    key: Key,
    bypassed: Option<Bypass>,
) -> Served {
    let fill = || {
        let (node, key, schema, planned) = (Arc::clone(node), key, Arc::clone(schema), Arc::clone(planned));
        let target: Box<str> = target(&asked.head).into();
        async move { fill(&node, key, &schema, &planned, &session, &target).await.map_err(Arc::new) }
    };
    let need = asked.need(node);
    let may_join = |sent| node.cache.may_join(sent, need);
    let (filled, seat) = node.flights.fly(&key, node.clock.now(), may_join, fill).await;
    let (answer, stored) = filled?;
    let source = match bypassed {
        Some(why) => Source::Bypass(why),
        None => Source::Miss { stored, collapsed: seat == Seat::Passenger },
    };
    Ok((answer, source))
}

/// Looks into the cache, once it is as current as the reader needs it, if it soon is.
pub(crate) async fn look(node: &Node, consistency: Consistency, key: &Key, need: Need) -> Lookup<Answer> {
    let cache = &node.cache;
    if consistency != Consistency::Bounded {
        if cache.is_open() && !cache.holds(key) {
            return cache.miss(key);
        }
        let wait_max = node.config.cache.consistency_wait;
        if !Box::pin(node.progress.reach(cache, consistency, need, wait_max)).await {
            return Lookup::Bypass(cache::Bypass::Behind);
        }
    }
    cache.lookup(key, need, node.clock.now())
}

/// Asks the database, and keeps the answer if nothing it read has changed unseen.
async fn fill(
    node: &Arc<Node>,
    key: Key,
    schema: &Arc<Schema>,
    planned: &Arc<Planned>,
    session: &Settled,
    target: &str,
) -> Result<(Answer, bool), Failure> {
    // Begun before the query is sent: whatever commits from here on is kept in the log for it.
    let fill = node.cache.begin();
    let found = batch::ask(node, planned, session).await?;
    let reads = match &planned.plan.reads {
        Reads::Tracked(tracked) => Some((found.reads(tracked), tracked.ttl)),
        Reads::Untracked { .. } => None,
    };
    // What spoke to this response might say another thing to the next.
    let snapshot = found.snapshot.clone().filter(|_| found.told.is_empty());
    let answer = Answer::new(&planned.plan, found, true, target)?;
    let (Some(snapshot), Some((reads, ttl))) = (snapshot, reads) else { return Ok((answer, false)) };
    let filled = Filling { fill, key, answer: answer.clone(), snapshot, reads, ttl };
    let stored = node.keep(schema, filled);
    Ok((answer, stored))
}

/// The database's answer, whatever the cache holds.
pub(crate) async fn query(node: &Node, planned: &Planned, session: &Settled) -> Result<Found, Failure> {
    if planned.plan.answer.is_plan() {
        return explain::read(node, planned, session).await;
    }
    if let Some(estimate) = &planned.plan.estimate {
        return explain::estimated(node, planned, session, estimate).await;
    }
    let began = node.clock.now();
    let read = node.pool.read_told(session.lent(&session.settings()), &planned.plan.statement).await;
    let (row, told) = ran(node, planned, session, began, read)?;
    let mut found = Found::read(&row)?;
    found.told = told;
    Ok(found)
}

/// Tells how long a statement took, and turns the database's error into the request's.
pub(crate) fn ran<T>(
    node: &Node,
    planned: &Planned,
    session: &Settled,
    began: Moment,
    result: Result<T, pg::Error>,
) -> Result<T, Failure> {
    // One that never got a connection is no slow query.
    if !matches!(result, Err(pg::Error::Busy)) {
        node.telemetry.query(&planned.plan.statement.sql, node.clock.since(began));
    }
    result.map_err(|source| Failure::Database { source, anonymous: session.is_anonymous() })
}

/// Writes, and answers when this node's cache has passed the write.
async fn write(node: &Node, asked: &Asked, planned: &Planned, session: &Settled) -> Served {
    let plan = &planned.plan;
    let mut mark = node.marks.set();
    let record = node.audit.holds_writes().then(|| {
        let client = node.guard.client(asked.peer, &asked.head.headers);
        audit::record(&asked.head, client, asked.who.as_deref(), &planned.route)
    });
    if plan.answer.is_plan() {
        let found = explain::write(node, planned, session, (&mut mark, record.as_ref())).await?;
        let answer = Answer::new(plan, found, false, target(&asked.head))?;
        return Ok((answer, Source::Bypass(Bypass::Method)));
    }
    let began = node.clock.now();
    let acceptable = |row: &pg::Row| {
        let kept = !plan.answer.rolls_back();
        kept && Found::read(row).is_ok_and(|found| rest::respond(plan, &found.counts).is_ok())
    };
    let commit = if plan.answer.decides() { Commit::If(&acceptable) } else { Commit::Always };
    let text = mark.text();
    let trail = Trail { mark: Some(&text), record: record.as_ref() };
    let written = node.pool.write(session.lent(&session.settings()), &plan.statement, trail, commit).await;
    let written = ran(node, planned, session, began, written)?;
    let position = if written.committed && written.wrote { acknowledge(node, &mut mark).await } else { None };
    let mut found = Found::read(&written.row)?;
    found.position = position;
    found.told = written.told;
    let answer = Answer::new(plan, found, false, target(&asked.head))?;
    Ok((answer, Source::Bypass(Bypass::Method)))
}

/// Makes sure that nothing older than a committed write is served from here once it is acknowledged. Returns
/// a position of the log at or above its commit, by which other nodes know it.
pub(crate) async fn acknowledge(node: &Node, mark: &mut Mark<'_>) -> Option<Lsn> {
    if let Ok(Some(end)) = tokio::time::timeout(node.config.stream.write_wait, mark.passed()).await {
        node.cache.note_write(node.clock.now());
        return Some(end);
    }
    // The stream is late, gone, or not there yet: whoever opens the cache must first catch up to now.
    node.cache.raise_floor(node.clock.now());
    let rows = node.pool.client().await.ok()?.command(include_str!("sql/written.sql")).await.ok()?;
    rows.into_iter().flatten().next()??.parse().ok()
}

/// Whether a path is that of the API even where a backend stands behind.
pub(crate) fn is_own(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|inner| inner.is_empty() || inner.starts_with('/'))
}

/// The address without the prefix, before anybody looks at it: both forms share plans and answers, and the
/// database is told the path that it hears behind Supabase's gateway. No resource has such a name.
pub(crate) fn unprefixed(uri: Uri) -> Uri {
    let inner = uri.path_and_query().and_then(|target| target.as_str().strip_prefix(PREFIX));
    let inner = inner.filter(|inner| inner.starts_with('/')).map(PathAndQuery::try_from);
    match inner {
        Some(Ok(inner)) => Uri::from(inner),
        Some(Err(_)) | None => uri,
    }
}

fn target(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Refuses an address beyond its limit.
fn bounded(node: &Node, head: &Parts) -> Result<(), Failure> {
    let bytes_max = node.config.http.url_bytes_max;
    if target(head).len() <= bytes_max {
        return Ok(());
    }
    let (what, key) = ("the request's address", "http.url_bytes_max");
    Err(Failure::TooLarge { status: StatusCode::URI_TOO_LONG, what, key, bytes_max })
}

/// The whole body, within its limit, of a request whose address is within its own.
pub(crate) async fn whole(node: &Node, head: &Parts, body: Incoming) -> Result<Bytes, Failure> {
    whole_within(node, head, body, (node.config.http.body_bytes_max, "http.body_bytes_max")).await
}

/// The same, with another limit of the body, and the key that says it.
pub(crate) async fn whole_within(
    node: &Node,
    head: &Parts,
    body: Incoming,
    limit: (usize, &'static str),
) -> Result<Bytes, Failure> {
    bounded(node, head)?;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // Most requests have none: they do not carry what it takes to wait for one.
    Box::pin(collected(node, body, limit)).await
}

async fn collected(
    node: &Node,
    body: Incoming,
    (bytes_max, key): (usize, &'static str),
) -> Result<Bytes, Failure> {
    let limits = &node.config.http;
    let (status, what) = (StatusCode::PAYLOAD_TOO_LARGE, "the request's body");
    let too_large = Failure::TooLarge { status, what, key, bytes_max };
    if body.size_hint().lower() > bytes_max as u64 {
        // Announced: refused before it is sent.
        return Err(too_large);
    }
    // Places of their own: clients that send slowly keep nobody out but one another.
    let _place = node.arriving.try_acquire().map_err(|_| Failure::Overloaded)?;
    let whole = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(limits.body_timeout, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large),
        Ok(Err(_)) => Err(Failure::Body),
        Err(_) => Err(Failure::BodySlow),
    }
}
