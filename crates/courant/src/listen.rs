//! Sockets: accepts connections, bounds them, and drains them at shutdown.
//!
//! Knows HTTP/1.1 framing through hyper, with a door before it, and nothing of what is asked.

mod authority;
mod chunks;
pub(crate) mod descriptors;
mod door;
mod head;
mod judgement;
mod patient;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::response::Body;
use door::{Door, Patience};

/// After a failed accept (out of file descriptors), wait this long before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How much more than a head hyper may hold.
const HEADROOM_BYTES: usize = 8192;

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

/// Serves connections until shutdown, then lets requests in flight finish.
pub(crate) async fn serve<F, A>(
    listener: TcpListener,
    bounds: Bounds,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    answer: F,
) where
    F: Fn(Request<Incoming>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections_max));
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
        let watched = graceful.watch(connection(socket, peer, bounds, answer.clone()));
        tasks.spawn(async move {
            let _place = place;
            if let Err(error) = watched.await {
                tracing::debug!(%error, %peer, "connection ended");
            }
        });
    }
    drop(listener);
    if timeout(bounds.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still running after the drain timeout were cut");
    }
}

/// HTTP/1.1 on a socket, behind its door.
fn connection<F, A>(
    socket: TcpStream,
    peer: SocketAddr,
    bounds: Bounds,
    answer: F,
) -> impl GracefulConnection<Error = hyper::Error>
where
    F: Fn(Request<Incoming>, SocketAddr) -> A + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    // Small answers leave at once; without it Nagle's algorithm waits for the client's acknowledgement.
    let _ = socket.set_nodelay(true);
    let patience = Patience {
        header_bytes_max: bounds.header_bytes_max,
        header_timeout: bounds.header_timeout,
        write_timeout: bounds.write_timeout,
    };
    let door = Door::new(socket, patience);
    let refused = door.refused();
    let service = service_fn(move |request: Request<Incoming>| {
        let refusal = refused.get().filter(|_| request.method().as_str() == door::REFUSED);
        let answering = match refusal {
            Some(failure) => Either::Left(ready(failure.response())),
            None => Either::Right(answer(request, peer)),
        };
        async move { Ok::<_, Infallible>(answering.await) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle_timeout)
        // The door lets no longer head through: hyper never has to refuse one without a word.
        .max_buf_size(bounds.header_bytes_max + HEADROOM_BYTES)
        .serve_connection(TokioIo::new(door), service)
}
