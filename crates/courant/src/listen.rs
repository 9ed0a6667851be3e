//! Sockets: accepts connections, bounds them, and drains them at shutdown.
//!
//! Knows HTTP/1.1 framing through hyper and nothing of what is asked.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::response::Body;
use crate::target::Lenient;

/// After a failed accept (out of file descriptors), wait this long before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What bounds a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections open at once; more wait in the kernel's backlog.
    pub(crate) connections_max: usize,
    /// Bytes of request line and headers.
    pub(crate) header_bytes_max: usize,
    /// From the first byte of a request, or the end of the last one, to the end of its headers.
    pub(crate) header_timeout: Duration,
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
        // Small answers leave at once; without it Nagle's algorithm waits for the client's acknowledgement.
        let _ = socket.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let response = answer(request, peer);
            async move { Ok::<_, Infallible>(response.await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.header_timeout)
            .max_buf_size(bounds.header_bytes_max)
            .serve_connection(TokioIo::new(Lenient::new(socket)), service);
        let watched = graceful.watch(connection);
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
