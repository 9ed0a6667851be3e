//! The connections to one upstream: bounded, kept open between requests, the one used last taken first; in TLS where
//! its address says so.
//!
//! A connection that its upstream has closed meanwhile is noticed when it is taken, or when the request on it ends
//! without an answer; whoever sent it decides whether to send it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gateway::upstream::{Address, Busy, Condition};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tokio_util::task::TaskTracker;

use super::tls::{Named, is_distrust};
use super::upload::{Progress, Upload};

/// Backends close what was idle for five seconds (Node, uvicorn): be the first.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// Bytes of a response's head.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// An upstream, and the connections to it.
pub(super) struct Upstream {
    pub(super) address: Address,
    pub(super) condition: Arc<Condition>,
    connect_timeout: Duration,
    /// By which name it proves who it is; none where it need not.
    tls: Option<Named>,
    /// Whether the log was told that it did not.
    is_distrusted: AtomicBool,
    idle: Mutex<Idle>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// What carries requests to an upstream.
pub(super) type Socket = Either<TcpStream, Box<TlsStream<TcpStream>>>;

#[derive(Default)]
struct Idle {
    connections: Vec<(SendRequest<Upload>, Instant)>,
    is_closed: bool,
}

/// A place among an upstream's connections, and what counts it as busy.
pub(super) struct Place {
    upstream: Arc<Upstream>,
    _busy: Busy,
    _permit: OwnedSemaphorePermit,
}

/// A connection that serves one request.
pub(super) struct Lease {
    pub(super) sender: SendRequest<Upload>,
    /// Whether it served another before.
    pub(super) is_reused: bool,
    /// Of the request that is sent on it.
    pub(super) progress: Arc<Progress>,
    place: Place,
}

impl Upstream {
    pub(super) fn new(
        address: Address,
        tls: Option<Named>,
        connections_max: usize,
        connect_timeout: Duration,
        tasks: TaskTracker,
    ) -> Upstream {
        Upstream {
            address,
            condition: Arc::default(),
            connect_timeout,
            tls,
            is_distrusted: AtomicBool::new(false),
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(connections_max)),
            tasks,
        }
    }

    /// A place, if one is free.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { upstream: Arc::clone(self), _busy: self.condition.begin(), _permit: permit })
    }

    /// Closes what is idle now or will be.
    pub(super) fn close(&self) {
        let mut idle = self.idle.lock();
        idle.is_closed = true;
        idle.connections.clear();
    }

    /// Closes what has been idle for too long.
    pub(super) fn prune(&self, now: Instant) {
        let is_young = |since: &Instant| now.saturating_duration_since(*since) < IDLE_MAX;
        self.idle.lock().connections.retain(|(sender, since)| is_young(since) && !sender.is_closed());
    }

    /// Whether it can be connected to.
    pub(super) async fn connect(&self) -> std::io::Result<Socket> {
        timeout(self.connect_timeout, self.reach()).await?
    }

    async fn reach(&self) -> std::io::Result<Socket> {
        let socket = TcpStream::connect(self.address.pair()).await?;
        // Heads and bodies leave as they come.
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Either::Left(socket)) };
        match tls.shake(socket).await {
            Ok(socket) => {
                self.is_distrusted.store(false, Ordering::Relaxed);
                Ok(Either::Right(Box::new(socket)))
            }
            Err(error) => {
                // Said once, not with every request and check, until it has proved itself again.
                if is_distrust(&error) && !self.is_distrusted.swap(true, Ordering::Relaxed) {
                    tracing::warn!(target: "courant::upstream", address = %self.address, %error, "no TLS with the upstream");
                }
                Err(error)
            }
        }
    }

    async fn open(&self) -> std::io::Result<SendRequest<Upload>> {
        let socket = TokioIo::new(self.connect().await?);
        let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(socket).await;
        let (sender, connection) = handshake.map_err(std::io::Error::other)?;
        self.tasks.spawn(async move {
            // Whoever waits for its answer hears of it.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }

    fn idle(&self) -> Option<SendRequest<Upload>> {
        let mut idle = self.idle.lock();
        while let Some((sender, since)) = idle.connections.pop() {
            if since.elapsed() < IDLE_MAX && !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }
}

impl Place {
    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// A connection for a request: one that is open, unless a `fresh` one is wanted.
    pub(super) async fn lease(self, fresh: bool, progress: Arc<Progress>) -> std::io::Result<Lease> {
        while let Some(mut sender) = self.upstream.idle().filter(|_| !fresh) {
            // It may still be ending the answer before; what was closed is passed over.
            if sender.is_ready() || is_soon_ready(&mut sender, self.upstream.connect_timeout).await {
                return Ok(Lease { sender, is_reused: true, progress, place: self });
            }
        }
        let sender = self.upstream.open().await?;
        Ok(Lease { sender, is_reused: false, progress, place: self })
    }
}

async fn is_soon_ready(sender: &mut SendRequest<Upload>, patience: Duration) -> bool {
    matches!(timeout(patience, sender.ready()).await, Ok(Ok(())))
}

impl Lease {
    /// The place alone; the connection is closed.
    pub(super) fn into_place(self) -> Place {
        self.place
    }

    /// Its answer has ended: it may serve another request, unless the upstream answered before it had heard all.
    pub(super) fn give_back(self) {
        let Lease { sender, progress, place, .. } = self;
        if progress.is_done() && !sender.is_closed() {
            let mut idle = place.upstream.idle.lock();
            if !idle.is_closed {
                idle.connections.push((sender, Instant::now()));
            }
        }
    }
}
