//! One request to an upstream and the head of its answer: which upstream, on which connection, how long, and
//! what is tried again.
//!
//! Tried again is what the upstream cannot have acted on: anything where no connection came about, and safe
//! requests without a body where the connection, open from before, turned out to be closed, or where another
//! upstream may do better than a 502, 503 or 504. Never after a byte of the answer was passed on.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway::upstream;
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::connections::{Lease, Place, Upstream};
use super::download::Download;
use super::failed::Failed;
use super::upload::{Progress, Upload};
use super::{Route, tls};
use crate::node::Node;
use crate::telemetry::Telemetry;

/// A request as an upstream is sent it.
pub(super) struct Outgoing<'a> {
    /// Makes its head, for each attempt anew: nearly always there is one, and nothing is copied for another.
    pub(super) head: &'a (dyn Fn() -> Request<()> + Sync),
    /// Whether it changes nothing.
    pub(super) is_safe: bool,
    pub(super) upload: Upload,
    pub(super) progress: Arc<Progress>,
}

/// How one attempt ended without an answer.
enum Attempt {
    /// No connection came about; the body is untouched.
    Unconnected(std::io::Error, Upload),
    /// Anything else.
    Failed(Failed),
}

impl<'a> Outgoing<'a> {
    /// Without a body.
    pub(super) fn new(head: &'a (dyn Fn() -> Request<()> + Sync), is_safe: bool) -> Outgoing<'a> {
        Outgoing { head, is_safe, upload: Upload::nothing(), progress: Progress::done() }
    }

    /// With a body that is here already.
    pub(super) fn with(self, body: &Bytes) -> Outgoing<'a> {
        Outgoing { upload: Upload::whole(body.clone()), ..self }
    }

    /// With a client's body, within the route's bounds.
    pub(super) fn passing(self, body: Incoming, route: &Route) -> Outgoing<'a> {
        let (upload, progress) = Upload::passing(body, route.body_bytes_max, route.idle_timeout);
        Outgoing { upload, progress, ..self }
    }

    fn request(&self, upload: Upload) -> Request<Upload> {
        (self.head)().map(|()| upload)
    }

    /// Whether it may be sent again although it was sent: it changes nothing, and needs nothing that is gone.
    fn is_repeatable(&self) -> bool {
        self.is_safe && self.upload.is_end_stream()
    }

    fn take_upload(&mut self) -> Upload {
        std::mem::replace(&mut self.upload, Upload::nothing())
    }
}

/// Sends a request and returns the answer's head, its body still to come.
pub(super) async fn exchange(
    node: &Node,
    route: &Route,
    outgoing: Outgoing<'_>,
) -> Result<Response<Download>, Failed> {
    ask(&node.telemetry, route, outgoing).await
}

/// The same where there is no node.
pub(super) async fn ask(
    telemetry: &Telemetry,
    route: &Route,
    mut outgoing: Outgoing<'_>,
) -> Result<Response<Download>, Failed> {
    let is_repeatable = outgoing.is_repeatable();
    let (mut tried, mut retries) = (Vec::new(), route.retries);
    loop {
        let began = Instant::now();
        let (number, place) = choose(route, &tried, began)?;
        tried.push(number);
        let upstream = Arc::clone(place.upstream());
        let upload = outgoing.take_upload();
        let result = attempt(route, place, &outgoing, upload, is_repeatable).await;
        let meters = route.meters.get_or_init(|| telemetry.upstream(route.pattern.text()));
        meters.asked(began.elapsed(), result.is_ok());
        match result {
            Ok(response) => {
                let is_bad = matches!(response.status().as_u16(), 502..=504);
                note(&upstream, if is_bad { Err(upstream::Failure::Unwell) } else { Ok(()) });
                let has_another = tried.len() < route.upstreams.len();
                if !(is_bad && is_repeatable && has_another && retries > 0) {
                    return Ok(response);
                }
            }
            Err(Attempt::Unconnected(error, untouched)) => {
                note(&upstream, Err(upstream::Failure::Unreachable));
                tracing::debug!(target: "courant::upstream", address = %upstream.address, %error, "could not connect");
                if retries == 0 {
                    let is_distrust = tls::is_distrust(&error);
                    return Err(if is_distrust { Failed::Distrusted } else { Failed::Unreachable });
                }
                outgoing.upload = untouched;
            }
            Err(Attempt::Failed(failed)) => {
                if failed.is_of_upstream() {
                    note(&upstream, Err(upstream::Failure::Unwell));
                }
                return Err(failed);
            }
        }
        retries -= 1;
    }
}

/// An upstream with a free place, and its number; the less busy of two that are well.
fn choose(route: &Route, tried: &[usize], now: Instant) -> Result<(usize, Place), Failed> {
    if let ([only], []) = (&route.upstreams[..], tried) {
        // Nothing to choose from: well or not, it is asked.
        return only.place().map(|place| (0, place)).ok_or(Failed::Full);
    }
    let mut passed = tried.to_vec();
    // Each turn either finds a place or passes another one over.
    for _ in 0..=route.upstreams.len() {
        let conditions = route.upstreams.iter().map(|upstream| &*upstream.condition);
        let number = upstream::choose(conditions, &passed, now).ok_or(Failed::Unreachable)?;
        if let Some(place) = route.upstreams[number].place() {
            return Ok((number, place));
        }
        passed.push(number);
    }
    Err(Failed::Full)
}

/// Tells an upstream's condition how it did, and the log when that decides something.
pub(super) fn note(upstream: &Upstream, how: Result<(), upstream::Failure>) {
    match how {
        Ok(()) if upstream.condition.succeeded() => back(upstream),
        Ok(()) => {}
        Err(failure) => {
            let Some(out) = upstream.condition.failed(failure, Instant::now()) else { return };
            tracing::warn!(
                target: "courant::upstream",
                address = %upstream.address,
                ms = out.as_millis() as u64,
                "the upstream failed several times in a row and is left out"
            );
        }
    }
}

/// Tells the log of an upstream that is asked again.
pub(super) fn back(upstream: &Upstream) {
    tracing::info!(target: "courant::upstream", address = %upstream.address, "the upstream is back");
}

async fn attempt(
    route: &Route,
    mut place: Place,
    outgoing: &Outgoing<'_>,
    mut upload: Upload,
    is_repeatable: bool,
) -> Result<Response<Download>, Attempt> {
    let mut fresh = false;
    loop {
        let progress = Arc::clone(&outgoing.progress);
        let mut lease = match place.lease(fresh, progress).await {
            Ok(lease) => lease,
            Err(error) => return Err(Attempt::Unconnected(error, upload)),
        };
        match send(route, &mut lease, outgoing, upload).await {
            Ok(response) => return Ok(response.map(|body| Download::new(body, lease, route.idle_timeout))),
            Err(Unsent { upload: again, failed }) => {
                let again = again.or_else(|| is_repeatable.then(Upload::nothing));
                match again.filter(|_| lease.is_reused && failed == Failed::Broken) {
                    // It was open from before and is closed now; that says nothing of the upstream.
                    Some(again) => (upload, place, fresh) = (again, lease.into_place(), true),
                    None => return Err(Attempt::Failed(failed)),
                }
            }
        }
    }
}

/// A request that has no answer, and its body if none of it was taken.
struct Unsent {
    upload: Option<Upload>,
    failed: Failed,
}

async fn send(
    route: &Route,
    lease: &mut Lease,
    outgoing: &Outgoing<'_>,
    upload: Upload,
) -> Result<Response<Incoming>, Unsent> {
    let progress = &outgoing.progress;
    let sending = lease.sender.try_send_request(outgoing.request(upload));
    match patiently(sending, progress, route.timeout).await {
        Some(Ok(response)) => Ok(response),
        Some(Err(mut error)) => {
            let upload = error.take_message().map(Request::into_body);
            let failed = progress.fault().map_or(Failed::Broken, Failed::Upload);
            Err(Unsent { upload, failed })
        }
        None => Err(Unsent { upload: None, failed: progress.fault().map_or(Failed::Slow, Failed::Upload) }),
    }
}

/// Waits for an answer for as long as the client still sends, and then for so long.
async fn patiently<T>(
    sending: impl Future<Output = T>,
    progress: &Progress,
    patience: Duration,
) -> Option<T> {
    let mut sending = pin!(sending);
    let mut seen = progress.bytes();
    loop {
        if let Ok(answered) = timeout(patience, sending.as_mut()).await {
            return Some(answered);
        }
        let sent = progress.bytes();
        if sent == seen {
            return None;
        }
        seen = sent;
    }
}
