//! A bounded pool of connections.
//!
//! Never waits without a bound, never lends a connection that is closed, and leaves no task behind that the
//! caller's tracker does not know. What a connection is used for is said in [`crate::session`].

mod connection;
mod lease;
mod pace;
mod reclaim;
mod statements;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

pub use lease::PoolClient;

pub(crate) use connection::Connection;
pub(crate) use lease::Lease;
pub(crate) use reclaim::Remains;
pub(crate) use statements::{Prepared, Statements};

use crate::Error;
use crate::connect::{ConnectError, ConnectOptions};
use pace::Pace;

/// How much a pool may use, and how long it may take.
#[derive(Clone, Debug)]
pub struct PoolLimits {
    /// Connections at most.
    pub connections_max: usize,
    /// Callers waiting for one at most; the next is told [`Error::Busy`] at once.
    pub waiters_max: usize,
    /// How long a caller waits for a connection before it is told [`Error::Busy`]; whoever must expect to
    /// wait longer is told so at once.
    pub wait_timeout: Duration,
    /// How long making a connection may take, over all hosts.
    pub connect_timeout: Duration,
    /// The server's `statement_timeout`, unless the connection string sets it.
    pub statement_timeout: Duration,
    /// The server's `idle_in_transaction_session_timeout`, unless the connection string sets it.
    pub idle_transaction_timeout: Duration,
}

impl Default for PoolLimits {
    fn default() -> PoolLimits {
        PoolLimits {
            connections_max: 20,
            waiters_max: 1000,
            wait_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            idle_transaction_timeout: Duration::from_secs(30),
        }
    }
}

/// What a pool holds at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections, idle or in use.
    pub size: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
    /// Connections at most.
    pub max: usize,
}

/// A pool of connections; clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) options: ConnectOptions,
    limits: PoolLimits,
    /// Used last, lent first, so that what is not needed stays unused.
    idle: Mutex<Vec<Connection>>,
    /// One permit for each connection that may be lent.
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    pace: Pace,
    /// Counts the times that prepared statements were to be forgotten.
    statements: AtomicU64,
    closed: AtomicBool,
    tasks: TaskTracker,
    /// Connections are given back by `Drop`, which may run outside the runtime.
    runtime: Handle,
}

impl Pool {
    /// A pool that connects when it is first asked to. `tasks` owns every task it starts.
    ///
    /// Must be called within a tokio runtime.
    pub fn new(options: ConnectOptions, limits: PoolLimits, tasks: TaskTracker) -> Pool {
        let milliseconds = |limit: Duration| limit.as_millis().to_string();
        let statement = milliseconds(limits.statement_timeout);
        let idle = milliseconds(limits.idle_transaction_timeout);
        let settings = [("statement_timeout", &*statement), ("idle_in_transaction_session_timeout", &*idle)];
        Pool(Arc::new(Shared {
            options: options.with_defaults(&settings, "courant"),
            idle: Mutex::new(Vec::with_capacity(limits.connections_max)),
            permits: Arc::new(Semaphore::new(limits.connections_max)),
            waiting: AtomicUsize::new(0),
            pace: Pace::start(),
            statements: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            limits,
            tasks,
            runtime: Handle::current(),
        }))
    }

    /// A connection for the node's own statements, as the login role.
    pub async fn client(&self) -> Result<PoolClient, Error> {
        Ok(PoolClient::new(self.lease().await?))
    }

    /// What the pool holds at the moment.
    pub fn status(&self) -> PoolStatus {
        let shared = &*self.0;
        let idle = shared.idle.lock().len();
        let max = shared.limits.connections_max;
        let lent = max.saturating_sub(shared.permits.available_permits());
        PoolStatus {
            size: (idle + lent).min(max),
            idle,
            waiting: shared.waiting.load(Ordering::Relaxed),
            max,
        }
    }

    /// Has every connection forget what it has prepared, before it is lent again.
    ///
    /// For changes of schema: PostgreSQL plans a prepared statement anew, but keeps the types of its
    /// parameters, and a column that has become another type cannot be compared with them any more.
    pub fn forget_statements(&self) {
        self.0.statements.fetch_add(1, Ordering::SeqCst);
    }

    /// Lends no more connections and ends those that are idle; those in use end when they are given back.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.permits.close();
        self.0.idle.lock().clear();
    }

    /// Borrows an idle connection, or makes one.
    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        let permit = self.permit().await?;
        loop {
            let idle = self.0.idle.lock().pop();
            match idle {
                Some(mut connection) => {
                    if connection.wire.has_ended() {
                        continue;
                    }
                    connection.statements.of_age(self.0.statements.load(Ordering::SeqCst));
                    return Ok(Lease::new(connection, true, permit, self.0.clone()));
                }
                None => return self.connect(permit).await,
            }
        }
    }

    /// Makes a new connection, in place of an idle one that may be no better than the one that failed.
    pub(crate) async fn lease_new(&self) -> Result<Lease, Error> {
        let permit = self.permit().await?;
        drop(self.0.idle.lock().pop());
        self.connect(permit).await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let shared = &*self.0;
        if let Ok(permit) = shared.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::enter(shared)?;
        match tokio::time::timeout(shared.limits.wait_timeout, shared.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_closed)) => Err(Error::Closing),
            Err(_elapsed) => Err(Error::Busy),
        }
    }

    async fn connect(&self, permit: OwnedSemaphorePermit) -> Result<Lease, Error> {
        let shared = &self.0;
        let after = shared.limits.connect_timeout;
        match tokio::time::timeout(after, Connection::make(&shared.options)).await {
            Ok(made) => Ok(Lease::new(made?, false, permit, shared.clone())),
            Err(_) => Err(ConnectError::Timeout { target: shared.options.redacted(), after }.into()),
        }
    }
}

impl Shared {
    /// Starts a task that the caller of [`Pool::new`] waits for.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    fn put(&self, connection: Connection) {
        // What is not at rest is ended: the next user must find nothing of the last.
        if connection.wire.is_at_rest() {
            self.idle.lock().push(connection);
        }
        // After the push, so that a close in between cannot miss it.
        if self.closed.load(Ordering::SeqCst) {
            self.idle.lock().clear();
        }
    }
}

/// A place among those who wait.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn enter(shared: &'a Shared) -> Result<Waiting<'a>, Error> {
        if shared.closed.load(Ordering::SeqCst) {
            return Err(Error::Closing);
        }
        let waiting = Waiting(shared);
        let before = shared.waiting.fetch_add(1, Ordering::SeqCst);
        if before == 0 {
            shared.pace.queued();
        }
        let limits = &shared.limits;
        // As many as there are connections wait in any case: what is expected is only guessed.
        let hopeless = before >= limits.connections_max
            && shared.pace.wait(before / limits.connections_max) > limits.wait_timeout;
        if before >= limits.waiters_max || hopeless { Err(Error::Busy) } else { Ok(waiting) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
