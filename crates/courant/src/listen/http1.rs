//! HTTP/1.1 on a connection, behind its door.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::door::{self, Door, Patience};
use super::shortcut::{Shortcut, Turned};
use super::{Visit, Visitor};
use crate::response::Body;

/// How much more than a head hyper may hold.
const HEADROOM_BYTES: usize = 8192;

/// Serves one connection until its client or the shutdown ends it. Whoever waits for the `watcher` waits for it.
pub(super) async fn serve<S, F, A>(
    visitor: Visitor,
    socket: S,
    watcher: Watcher,
    answer: F,
) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>, Visit) -> A + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let (visit, bounds, shutdown) = (visitor.visit, visitor.bounds, visitor.shutdown.clone());
    let patience = Patience {
        header_bytes_max: bounds.header_bytes_max,
        header_timeout: bounds.header_timeout,
        idle_timeout: bounds.idle_timeout,
        write_timeout: bounds.write_timeout,
    };
    let recall = visitor.entrance.recall.clone();
    let shortcut = Shortcut::new(recall, visit.is_tls);
    let turns = shortcut.turns();
    let door = Door::new(socket, patience, shortcut, move |what, failure| visitor.refused(what, failure));
    let (refused, upgraded) = (door.refused(), door.upgraded());
    let service = service_fn(move |request: Request<Incoming>| {
        let (turn, head) = turns.begin();
        let refusal = refused.get().filter(|_| request.method().as_str() == door::REFUSED);
        let answering = match refusal {
            Some(failure) => Either::Left(ready(failure.response())),
            None => Either::Right(answer(request, Visit { head, ..visit })),
        };
        let upgraded = Arc::clone(&upgraded);
        // Not awaited in a future around it, which would be twice as large.
        answering.map(move |response| {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                upgraded.store(true, Ordering::Relaxed);
            }
            Ok::<_, Infallible>(response.map(|body| Turned::new(body, turn)))
        })
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // The door sees to it: hyper does not see all requests.
        .header_read_timeout(None)
        // The door lets no longer head through: hyper never has to refuse one without a word.
        .max_buf_size(bounds.header_bytes_max + HEADROOM_BYTES)
        .serve_connection(TokioIo::new(door), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        () = shutdown.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    drop(watcher);
    ended
}
