//! Reads of a route under HTTP's own caching: from what is kept, after the upstream has confirmed it, or from the
//! upstream; and what other requests make invalid.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use gateway::forward;
use gateway::http_cache::{
    self, Candidate, Forwarded, Key, Outcome, Range, Refusal, Reply, RequestControl, State, Stored, Ticket,
    Times, invalidated,
};
use http::header::{AUTHORIZATION, IF_RANGE, RANGE};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use tokio::time::timeout;

use super::download::Download;
use super::exchange::{Outgoing, exchange};
use super::failed::Failed;
use super::fill::{self, Fill, Flight, Turn};
use super::passage::{Passage, taken, unkept};
use super::{Became, Passed};
use crate::response::Body;
use crate::variants;

/// Answers a GET or a HEAD.
pub(super) async fn read(passage: &Passage) -> Passed {
    let (store, headers) = (&passage.node.proxy.store, &passage.head.headers);
    let range = Range::of(headers);
    let mut flight = None;
    let mut collapsed = false;
    loop {
        let now = Instant::now();
        let (found, is_known) = store.find(&passage.key, headers);
        if let Some(stored) = &found
            && range != Range::Several
        {
            match stored.state(now) {
                State::Fresh => return Ok(hit(passage, stored, collapsed)),
                State::Revalidating => {
                    refresh(passage, stored);
                    return Ok(hit(passage, stored, collapsed));
                }
                State::Stale => {}
            }
        }
        if RequestControl::of(headers).only_if_cached {
            return Err(Failed::NotCached.into());
        }
        let why = match (&found, is_known) {
            _ if range == Range::Several => "bypass",
            (Some(_), _) => "stale",
            (None, true) => "vary-miss",
            (None, false) => "uri-miss",
        };
        // What is confirmed is confirmed whole; what is not kept is not asked for in a way that could be.
        let stale = found.filter(|_| passage.head.method == Method::GET && range != Range::Several);
        let may_fill = passage.head.method == Method::GET && (range == Range::Whole || stale.is_some());
        let may_wait = may_fill && !headers.contains_key(AUTHORIZATION) && !collapsed && flight.is_none();
        if may_wait {
            match passage.node.proxy.fills.join(&passage.key) {
                Turn::Pilot(mine) => {
                    flight = Some(mine);
                    // The fill before it may have ended between the look and the turn.
                    continue;
                }
                Turn::Passenger(mut settled) => {
                    // Nothing is ever sent: it ends when the fill is settled. One that takes too long is not waited for.
                    let _ = timeout(passage.route.timeout, settled.changed()).await;
                    collapsed = true;
                    continue;
                }
                Turn::Alone => {}
            }
        }
        return ask(passage, Question { stale, may_fill, flight, why }).await;
    }
}

/// What the upstream is asked for a read.
struct Question {
    /// What is kept, for it to confirm.
    stale: Option<Arc<Stored>>,
    /// Whether its answer may be kept.
    may_fill: bool,
    flight: Option<Flight<Key>>,
    why: &'static str,
}

/// Answers from what is kept.
fn hit(passage: &Passage, stored: &Arc<Stored>, collapsed: bool) -> (Response<Body>, Became) {
    variants::order_kept(&passage.node, &passage.key, stored, &passage.head.headers);
    let ttl_s = stored.ttl_s(Instant::now());
    (replied(passage, stored), Became::Http(Outcome::Hit { ttl_s, collapsed }))
}

fn replied(passage: &Passage, stored: &Stored) -> Response<Body> {
    let reply = Reply::from(stored, &passage.head.method, &passage.head.headers, Instant::now());
    made(reply)
}

fn made(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    forward::via(response.headers_mut(), Version::HTTP_11);
    response
}

/// Asks the upstream, and keeps what may be kept.
async fn ask(passage: &Passage, question: Question) -> Passed {
    let Question { stale, may_fill, flight, why } = question;
    let ticket = passage.node.proxy.store.ticket(&passage.key);
    let head = || {
        let mut head = passage.question();
        if let Some(stale) = &stale {
            head.headers_mut().remove(RANGE);
            head.headers_mut().remove(IF_RANGE);
            stale.validate(head.headers_mut());
        }
        head
    };
    let is_validating = stale.as_ref().is_some_and(|stale| stale.has_validator());
    let outgoing = Outgoing::new(&head, passage.head.method.is_safe());
    let requested = Instant::now();
    let response = exchange(&passage.node, &passage.route, outgoing).await;
    let times = Times { requested, received: Instant::now(), wall: SystemTime::now() };
    let failed = match &response {
        Ok(response) => matches!(response.status().as_u16(), 500 | 502..=504),
        Err(failed) => failed.is_of_upstream(),
    };
    if let Some(stale) = stale.as_ref().filter(|stale| failed && stale.may_cover_for_error(times.received)) {
        return Ok(hit(passage, stale, false));
    }
    let response = response?;
    let forwarded = Forwarded::because(why);
    match stale.filter(|_| is_validating && response.status() == StatusCode::NOT_MODIFIED) {
        Some(stale) => Ok(confirmed(passage, &stale, response.headers(), &times, ticket, forwarded)),
        None if may_fill => Ok(filling(passage, response, &times, ticket, flight, forwarded)),
        None => Ok(unkept(response, forwarded)),
    }
}

/// The upstream says that what is kept is still right.
fn confirmed(
    passage: &Passage,
    stale: &Stored,
    not_modified: &HeaderMap,
    times: &Times,
    ticket: Ticket,
    forwarded: Forwarded,
) -> (Response<Body>, Became) {
    let (store, key) = (&passage.node.proxy.store, &passage.key);
    let (fresh, may_keep) = stale.freshened(&passage.asked(), not_modified, times, passage.route.ttl);
    let response = replied(passage, &fresh);
    let kept = may_keep.and_then(|()| store.keep(key.clone(), fresh, ticket).map(drop));
    if matches!(kept, Err(refusal) if refusal != Refusal::Invalidated) {
        // Its terms have changed, and under the new ones it may not be here.
        store.invalidate(key);
    }
    let status =
        Some(StatusCode::NOT_MODIFIED.as_u16()).filter(|_| response.status() != StatusCode::NOT_MODIFIED);
    (
        response,
        Became::Http(Outcome::Forwarded(Forwarded {
            stored: kept.is_ok(),
            status,
            detail: kept.err(),
            ..forwarded
        })),
    )
}

/// The upstream's answer, kept while it is passed on, if it may be.
fn filling(
    passage: &Passage,
    response: Response<Download>,
    times: &Times,
    ticket: Ticket,
    flight: Option<Flight<Key>>,
    forwarded: Forwarded,
) -> (Response<Body>, Became) {
    let proxy = &passage.node.proxy;
    let judged =
        Candidate::judge(&passage.asked(), response.status(), response.headers(), times, passage.route.ttl);
    let has_room =
        |candidate: &Candidate| candidate.body_bytes().is_none_or(|bytes| proxy.store.has_room_for(bytes));
    let judged =
        judged.and_then(|candidate| if has_room(&candidate) { Ok(candidate) } else { Err(Refusal::Size) });
    if passage.head.method == Method::GET {
        proxy.fills.note(&passage.key, judged.is_ok());
    }
    let candidate = match judged {
        Ok(candidate) => candidate,
        Err(refusal) => return unkept(response, Forwarded { detail: Some(refusal), ..forwarded }),
    };
    let (head, download) = taken(response);
    let fill = Fill { passage: passage.clone(), candidate, ticket, flight };
    let reader = fill::begin(&passage.node, download, fill);
    let outcome = Became::Http(Outcome::Forwarded(Forwarded { stored: true, ..forwarded }));
    match Reply::known(&passage.head.method, &passage.head.headers, head.status, &head.headers) {
        // The client asked whether it has it; so that we have it too, all of it was asked for.
        Some(reply) => {
            let mut response = Response::new(Body::default());
            (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
            (response, outcome)
        }
        None => (Response::from_parts(head, Body::passing(reader)), outcome),
    }
}

/// Asks again for what is used stale meanwhile, unless somebody does already.
fn refresh(passage: &Passage, stale: &Arc<Stored>) {
    let Turn::Pilot(flight) = passage.node.proxy.fills.join(&passage.key) else { return };
    let (passage, stale) = (passage.clone(), Some(Arc::clone(stale)));
    passage.node.tasks.clone().spawn(async move {
        // Its answer is nobody's but the cache's, and an upstream that fails is told of by its condition.
        let question = Question { stale, may_fill: true, flight: Some(flight), why: "stale" };
        let _ = ask(&passage, question).await;
    });
}

/// The answer to a request that is no read, and what it makes invalid.
pub(super) fn written(passage: &Passage, response: Response<Download>, requested: Instant) -> Passed {
    let store = &passage.node.proxy.store;
    let method = &passage.head.method;
    let targets =
        invalidated(method, &passage.head.uri, passage.host(), response.status(), response.headers());
    for target in targets {
        store.invalidate(&passage.key.with_target(&target));
    }
    let forwarded = Forwarded::because(if http_cache::is_read(method) { "bypass" } else { "method" });
    if !(passage.route.is_cached && *method == Method::POST) {
        return Ok(unkept(response, forwarded));
    }
    let times = Times { requested, received: Instant::now(), wall: SystemTime::now() };
    let ticket = store.ticket(&passage.key);
    Ok(filling(passage, response, &times, ticket, None, forwarded))
}
