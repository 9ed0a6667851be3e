//! Sockets: accepts connections, bounds them, and drains them at shutdown.
//!
//! Knows which protocol is spoken, TLS or not, HTTP/1.1 behind its door or HTTP/2, and nothing of what is asked.

mod authority;
mod blocked;
mod chunks;
pub(crate) mod descriptors;
mod door;
mod head;
mod http1;
mod http2;
mod judgement;
mod patient;
mod shortcut;
pub(crate) mod tls;

use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use cache::Key;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Http2;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::response::Body;
use crate::telemetry::guard::Refused;
use blocked::TurnedAway;
pub(crate) use shortcut::{Recall, Recalled};
use tls::Tls;

/// After a failed accept (out of file descriptors), wait this long before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What bounds a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections open at once; more wait in the kernel's backlog.
    pub(crate) connections_max: usize,
    /// Bytes of request line and headers.
    pub(crate) header_bytes_max: usize,
    /// From the first byte of a request to the end of its headers.
    pub(crate) header_timeout: Duration,
    /// From the end of an answer, or the connection's begin, to the next request.
    pub(crate) idle_timeout: Duration,
    /// How long a client may take nothing of its answer.
    pub(crate) write_timeout: Duration,
    /// How long requests may go on after shutdown began.
    pub(crate) drain_timeout: Duration,
}

/// Who is let in to a listener, and by which protocols.
#[derive(Clone, Default)]
pub(crate) struct Entrance {
    /// Whom refusals are told to, and who is turned away; the admin port has nobody.
    pub(crate) guard: Option<Arc<Guard>>,
    /// Who knows heads that were answered before.
    pub(crate) recall: Option<Arc<dyn Recall>>,
    /// Absent: no encryption.
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) http2: Http2,
}

/// The connection by which a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    /// Its other end, which may be a proxy.
    pub(crate) peer: SocketAddr,
    pub(crate) is_tls: bool,
    /// By what name the request's head may be remembered.
    pub(crate) head: Option<Key>,
}

/// Everything that a connection needs to know.
#[derive(Clone)]
struct Visitor {
    visit: Visit,
    bounds: Bounds,
    entrance: Entrance,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// Serves connections until shutdown, then lets requests in flight finish.
pub(crate) async fn serve<F, A>(
    listener: TcpListener,
    bounds: Bounds,
    entrance: Entrance,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    answer: F,
) where
    F: Fn(Request<Incoming>, Visit) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    let turned_away = TurnedAway::default();
    let graceful = GracefulShutdown::new();
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place.expect("the semaphore is never closed"),
            () = shutdown.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        // Small answers leave at once; without it Nagle's algorithm waits for the client's acknowledgement.
        let _ = socket.set_nodelay(true);
        if entrance.guard.as_ref().is_some_and(|guard| guard.turns_away(peer.ip())) {
            turned_away.tell(socket, entrance.tls.is_some(), tasks);
            continue;
        }
        let visit = Visit { peer, is_tls: entrance.tls.is_some(), head: None };
        let (entrance, tasks_within, shutdown) = (entrance.clone(), tasks.clone(), shutdown.clone());
        let visitor = Visitor { visit, bounds, entrance, tasks: tasks_within, shutdown };
        let (watcher, answer) = (graceful.watcher(), answer.clone());
        if visitor.speaks_http1() {
            // Apart from the others: there are many, and the room they take is that of the largest in their task.
            tasks.spawn(until_end(place, peer, http1::serve(visitor, socket, watcher, answer)));
        } else {
            tasks.spawn(until_end(place, peer, Box::pin(visitor.choose(socket, watcher, answer))));
        }
    }
    drop(listener);
    if timeout(bounds.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still running after the drain timeout were cut");
    }
}

/// Holds a connection's place until it ends.
async fn until_end<E: Display>(
    place: OwnedSemaphorePermit,
    peer: SocketAddr,
    connection: impl Future<Output = Result<(), E>>,
) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, %peer, "connection ended");
    }
    drop(place);
}

impl Visitor {
    /// Whether there is no other protocol to choose.
    fn speaks_http1(&self) -> bool {
        self.entrance.tls.is_none() && !self.entrance.http2.cleartext
    }

    /// Finds out what is spoken, and speaks it.
    async fn choose<F, A>(self, socket: TcpStream, watcher: Watcher, answer: F) -> Result<()>
    where
        F: Fn(Request<Incoming>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        if let Some(tls) = &self.entrance.tls {
            let tls = Arc::clone(tls);
            return self.serve_encrypted(tls, socket, watcher, answer).await;
        }
        if http2::begins(&socket, self.bounds.idle_timeout).await? {
            return http2::serve(self, socket, watcher, answer).await;
        }
        Ok(http1::serve(self, socket, watcher, answer).await?)
    }

    async fn serve_encrypted<F, A>(
        self,
        tls: Arc<Tls>,
        socket: TcpStream,
        watcher: Watcher,
        answer: F,
    ) -> Result<()>
    where
        F: Fn(Request<Incoming>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let shaken = tokio::select! {
            shaken = tls.accept(socket) => shaken,
            () = self.shutdown.cancelled() => return Ok(()),
        };
        let socket = shaken.inspect_err(|_| {
            if let Some(guard) = &self.entrance.guard {
                guard.metrics.refused(Refused::Handshake);
            }
        })?;
        match socket.get_ref().1.alpn_protocol() {
            Some(b"h2") => http2::serve(self, socket, watcher, answer).await,
            _ => Ok(http1::serve(self, socket, watcher, answer).await?),
        }
    }

    /// Tells what was refused at the door.
    fn refused(&self, what: Refused, failure: &Failure) {
        if let Some(guard) = &self.entrance.guard {
            guard.framing_refused(self.visit.peer, what, failure);
        }
    }
}
