//! Builds every part, owns every task, orders the shutdown.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cache::{Cache, Moment};
use parking_lot::RwLock;
use pg::catalog;
use pg::connect::ConnectOptions;
use pg::{Pool, PoolLimits};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::config::Config;
use crate::failure::Failure;
use crate::flight::Flights;
use crate::identity::{Identities, IdentitySettings};
use crate::listen::{self, Bounds};
use crate::marks::Marks;
use crate::schema::Schema;
use crate::telemetry::{Reading, Telemetry};
use crate::{admin, changes, request};

/// What a flight brings home: the answer and whether it is kept.
type Filled = Result<(Arc<Answer>, bool), Arc<Failure>>;

/// Every part of a running node.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) pool: Pool,
    pub(crate) cache: Cache<Arc<Answer>>,
    pub(crate) flights: Arc<Flights<Filled>>,
    pub(crate) marks: Marks,
    pub(crate) identities: Identities,
    pub(crate) telemetry: Telemetry,
    /// Requests that may be worked on at once.
    pub(crate) places: Semaphore,
    options: ConnectOptions,
    schema: RwLock<Arc<Schema>>,
    tasks: TaskTracker,
}

/// Runs a node until it is told to stop.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let shutdown = CancellationToken::new();
    let app = App::build(config).await?;
    let served = app.run(shutdown.clone(), signalled()).await;
    served
}

impl App {
    /// Connects, reads the catalog once, and is ready to serve uncached.
    pub(crate) async fn build(config: Config) -> Result<Arc<App>> {
        let environment = |name: &str| std::env::var(name).ok();
        let options = ConnectOptions::parse(config.database.url.as_deref(), &environment)?;
        let tasks = TaskTracker::new();
        let pool = Pool::new(options.clone(), pool_limits(&config), tasks.clone());
        let identities = Identities::new(IdentitySettings {
            anon_role: config.database.anon_role.clone(),
            jwt_secret: config.jwt.secret.clone(),
            jwt_audience: config.jwt.audience.clone(),
            role_claim: config.jwt.role_claim.clone(),
        });
        if identities.is_open() && !config.listen.ip().is_loopback() {
            bail!(
                "without an anonymous role and a JWT secret everybody reads as the database user, so {} is \
                 refused: listen on 127.0.0.1, or set PGRST_DB_ANON_ROLE",
                config.listen
            );
        }
        let control = connect(&options, &tasks).await.with_context(|| format!("cannot reach {options}"))?;
        let catalog = catalog::load(&control, &config.database.schemas).await?;
        Ok(Arc::new(App {
            clock: Clock::start(),
            cache: Cache::new(config.cache.limits()),
            flights: Flights::new(),
            marks: Marks::new(),
            telemetry: Telemetry::new(Duration::from_millis(config.log.slow_query_ms)),
            places: Semaphore::new(config.http.requests_in_flight_max),
            schema: RwLock::new(Arc::new(Schema::new(catalog, config.rules()))),
            pool,
            identities,
            options,
            tasks,
            config,
        }))
    }

    /// Serves until `stop` resolves, then drains: no new connections, requests finish, tasks end.
    pub(crate) async fn run(self: Arc<App>, stop: impl Future<Output = ()>) -> Result<()> {
        let shutdown = CancellationToken::new();
        let clients = bind(self.config.listen).await?;
        let admins = bind(self.config.admin_listen).await?;
        self.greet();
        let tasks = &self.tasks;
        let app = Arc::clone(&self);
        let answer = move |request, _peer| request::answer(Arc::clone(&app), request);
        let clients = listen::serve(clients, self.bounds(), tasks.clone(), shutdown.clone(), answer);
        let app = Arc::clone(&self);
        let answer = move |request, _peer| admin::answer(Arc::clone(&app), request);
        let admins = listen::serve(admins, self.bounds(), tasks.clone(), shutdown.clone(), answer);
        let following = changes::run(&self, shutdown.clone());
        let sweeping = self.sweep(shutdown.clone());
        let stopping = async {
            stop.await;
            tracing::info!("stopping: requests in flight may finish");
            shutdown.cancel();
        };
        tokio::join!(clients, admins, following, sweeping, stopping);
        self.pool.close();
        tasks.close();
        let drain = Duration::from_millis(self.config.http.drain_timeout_ms);
        if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        Ok(())
    }
