//! Builds every part, owns every task, orders the shutdown.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cache::{Cache, Moment};
use parking_lot::RwLock;
use pg::connect::ConnectOptions;
use pg::{Pool, PoolLimits};
use rest::{Declared, Limits, Rules};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wal::Endpoint;

use crate::answer::Answer;
use crate::changes::Ended;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Secret, Target};
use crate::control::Control;
use crate::failure::Failure;
use crate::flight::Flights;
use crate::identity::Identities;
use crate::listen::{self, Bounds};
use crate::marks::Marks;
use crate::schema::Schema;
use crate::telemetry::{Reading, Telemetry};
use crate::{admin, changes, embedded, log, request};

/// How often answers whose time is over are looked for, and how many are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
const SWEEP_ENTRIES: usize = 1000;

/// What a flight brings home: the answer and whether it is kept.
type Filled = Result<(Arc<Answer>, bool), Arc<Failure>>;

/// Every part of a running node.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) pool: Pool,
    pub(crate) cache: Arc<Cache<Arc<Answer>>>,
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

/// Serves the configured database, or a private one, until told to stop.
pub(crate) async fn serve(mut config: Config) -> Result<()> {
    log::start(&config.log)?;
    let mut private = None;
    if config.database.url.is_none() {
        let cluster = embedded::start().await?;
        tracing::info!("no database is named: serving a private one; psql: {}", cluster.psql("postgres"));
        config.database.url = Some(Secret::new(cluster.uri("postgres")));
        private = Some(cluster);
    }
    let served = async {
        let app = App::build(config).await?;
        app.run(signalled(), |_, _| ()).await
    }
    .await;
    if let Some(mut cluster) = private {
        cluster.stop();
    }
    served
}

/// Removes every trace of Courant from the configured database.
pub(crate) async fn uninstall(config: Config) -> Result<()> {
    let options = options(&config)?;
    let (client, connection) = options.connect().await.with_context(|| format!("cannot reach {options}"))?;
    let removing = async {
        let removed = pg::schema::uninstall(&client, &config.stream.publication).await?;
        let traces = [
            (removed.publication, "the publication"),
            (removed.event_triggers, "the event triggers"),
            (removed.schema, "the schema courant"),
        ];
        for (_, what) in traces.iter().filter(|(was_there, _)| *was_there) {
            println!("removed {what}");
        }
        if traces.iter().all(|(was_there, _)| !was_there) {
            println!("nothing of Courant is in {options}");
        }
        anyhow::Ok(())
    };
    tokio::select! {
        removed = removing => removed,
        ended = connection => bail!("the connection ended: {ended:?}"),
    }
}

fn options(config: &Config) -> Result<ConnectOptions> {
    let environment = |name: &str| std::env::var(name).ok();
    let url = config.database.url.as_ref().map(Secret::expose);
    Ok(ConnectOptions::parse(url, &environment).map_err(|error| ConfigError::Invalid {
        key: "database.url".to_owned(),
        place: "as libpq reads it".to_owned(),
        why: error.to_string(),
    })?)
}

/// Resolves when the process is told to stop.
pub(crate) async fn signalled() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM will not be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

impl App {
    /// Connects, reads the catalog once, and is ready to serve uncached.
    pub(crate) async fn build(config: Config) -> Result<Arc<App>> {
        // An answer is kept under a snapshot of the primary, or not at all.
        let options = options(&config)?.with_defaults(&[], "courant").preferring_primary();
        let tasks = TaskTracker::new();
        let identities = Identities::new(config.database.anon_role.as_deref(), &config.jwt);
        if identities.is_open() && !config.listen.ip().is_loopback() {
            let why = "without an anonymous role and a JWT secret everybody reads as the database's user: listen on \
                       127.0.0.1, or set PGRST_DB_ANON_ROLE";
            return Err(ConfigError::Invalid {
                key: "listen".to_owned(),
                place: config.listen.to_string(),
                why: why.to_owned(),
            }
            .into());
        }
        let clock = Clock::start();
        let (client, connection) =
            options.connect().await.with_context(|| format!("cannot reach {options}"))?;
        tasks.spawn(async move {
            let _ = connection.await;
        });
        let control = Control { client };
        control.check(&config, &options.to_string()).await?;
        let catalog = control.catalog(&config.database.schemas).await?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Arc::new(App {
            cache: Arc::new(Cache::new(cache_limits(&config))),
            flights: Flights::new(),
            marks: Marks::new(),
            telemetry: Telemetry::new(config.log.slow_query),
            places: Semaphore::new(config.http.requests_in_flight_max),
            schema: RwLock::new(Arc::new(Schema::new(catalog, rules(&config)))),
            pool: Pool::new(options.clone(), pool_limits(&config), tasks.clone()),
            clock,
            identities,
            options,
            tasks,
            config,
        }))
    }

    /// Serves until `stop` resolves, then drains: no new connections, requests finish, tasks end. `greet` is
    /// told where it listens.
    pub(crate) async fn run(
        self: Arc<App>,
        stop: impl Future<Output = ()>,
        greet: impl FnOnce(SocketAddr, SocketAddr),
    ) -> Result<()> {
        let shutdown = CancellationToken::new();
        let clients = bind(self.config.listen, "listen").await?;
        let admins = bind(self.config.admin_listen, "admin_listen").await?;
        self.say_where(clients.local_addr()?, admins.local_addr()?);
        greet(clients.local_addr()?, admins.local_addr()?);

        let app = Arc::clone(&self);
        let answer = move |request, _peer| request::answer(Arc::clone(&app), request);
        let clients = listen::serve(clients, self.bounds(), &self.tasks, &shutdown, answer);
        let app = Arc::clone(&self);
        let answer = move |request, _peer| admin::answer(Arc::clone(&app), request);
        let admins = listen::serve(admins, self.bounds(), &self.tasks, &shutdown, answer);
        let following = changes::run(&self, shutdown.clone());
        let sweeping = self.sweep(&shutdown);
        let stopping = async {
            stop.await;
            tracing::info!("stopping: requests in flight may finish");
            shutdown.cancel();
        };
        tokio::join!(clients, admins, following, sweeping, stopping);

        self.pool.close();
        self.tasks.close();
        if tokio::time::timeout(self.config.http.drain_timeout, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        Ok(())
    }

    /// The schema that requests are planned against.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read())
    }

    /// Plans requests against this schema from here on.
    pub(crate) fn serve_schema(&self, schema: Arc<Schema>) {
        let before = std::mem::replace(&mut *self.schema.write(), schema);
        if before.catalog.fingerprint != self.schema.read().catalog.fingerprint {
            // What they were prepared for may be of another type now.
            self.pool.forget_statements();
        }
    }

    /// Whether requests are still planned against that schema.
    pub(crate) fn serves(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(schema, &self.schema.read())
    }

    /// Reads the schema anew; the caller decides when requests are planned against it.
    pub(crate) async fn load_schema(&self, control: &Control) -> Result<Schema, Ended> {
        let catalog = control.catalog(&self.config.database.schemas).await?;
        Ok(Schema::new(catalog, rules(&self.config)))
    }

    /// A connection of the node's own.
    pub(crate) async fn control(&self) -> Result<Control, Ended> {
        let (client, connection) = self.options.connect().await?;
        self.tasks.spawn(async move {
            // Whoever uses the connection hears of its end.
            let _ = connection.await;
        });
        Ok(Control { client })
    }

    /// Where the change stream is to be had.
    pub(crate) async fn endpoint(&self) -> Result<Endpoint, Ended> {
        let opened = self.options.open().await?;
        Ok(Endpoint {
            stream: Box::new(opened.stream),
            channel_binding: opened.channel_binding,
            user: opened.user,
            password: opened.password.map(String::into_bytes),
            database: opened.database,
            parameters: opened.parameters,
        })
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), pg::Error> {
        let client = self.pool.client().await?;
        client.simple_query("select 1").await?;
        Ok(())
    }

    /// How long ago the cache was last known to be current.
    pub(crate) fn behind(&self) -> Option<Duration> {
        let fresh = self.cache.fresh();
        (fresh > Moment(0)).then(|| self.clock.since(fresh))
    }

    /// The metrics, as they are now.
    pub(crate) fn metrics(&self) -> String {
        let statistics = self.cache.statistics();
        self.telemetry.render(&Reading {
            pool: self.pool.status(),
            position: self.cache.position(),
            behind: self.behind(),
            cache: &statistics,
        })
    }

    /// Drops answers whose time is over, a few at a time.
    async fn sweep(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.cache.sweep(self.clock.now(), SWEEP_ENTRIES),
                () = shutdown.cancelled() => return,
            };
        }
    }

    fn bounds(&self) -> Bounds {
        let http = &self.config.http;
        Bounds {
            connections_max: http.connections_max,
            header_bytes_max: http.header_bytes_max,
            header_timeout: http.header_timeout,
            drain_timeout: http.drain_timeout,
        }
    }

    fn say_where(&self, clients: SocketAddr, admin: SocketAddr) {
        tracing::info!(%clients, %admin, database = %self.options, "listening");
        if self.identities.is_open() {
            tracing::warn!(
                "without an anonymous role and a JWT secret everybody on this machine reads as {}, and the server \
                 is read-only; set PGRST_DB_ANON_ROLE to open it to others",
                self.options.user()
            );
        }
    }
}

async fn bind(address: SocketAddr, key: &'static str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let flag = key.replace('_', "-");
        let why = format!("{error}; name another address (--{flag}), or stop what listens there");
        ConfigError::Invalid { key: key.to_owned(), place: address.to_string(), why }.into()
    })
}

fn pool_limits(config: &Config) -> PoolLimits {
    PoolLimits {
        connections_max: config.pool.connections_max,
        waiters_max: config.pool.waiters_max,
        wait_timeout: config.pool.wait_timeout,
        connect_timeout: config.pool.connect_timeout,
        statement_timeout: config.pool.statement_timeout,
        ..PoolLimits::default()
    }
}

fn cache_limits(config: &Config) -> cache::Limits {
    cache::Limits {
        bytes_max: config.cache.memory_bytes_max as u64,
        entry_bytes_max: config.cache.entry_bytes_max as u64,
        log_records_max: config.cache.log_transactions_max,
        log_bytes_max: config.cache.log_bytes_max,
        ..cache::Limits::default()
    }
}

/// What the configuration says to the planner.
fn rules(config: &Config) -> Rules {
    let schemas = &config.database.schemas;
    let declared = config.cache.declare.iter().map(|declaration| {
        let (Target::Function(name) | Target::View(name)) = &declaration.target;
        let (schema, name) = qualified(name, schemas);
        let depends_on = declaration.depends_on.iter().map(|name| qualified(name, schemas)).collect();
        Declared { schema, name, depends_on, ttl: declaration.ttl }
    });
    let limits = Limits {
        url_bytes_max: config.http.url_bytes_max,
        keys_max: config.cache.keys_per_entry_max,
        ..Limits::default()
    };
    Rules {
        schemas: schemas.clone(),
        rows_max: config.database.rows_max,
        declared: declared.collect(),
        limits,
    }
}

/// A name with its schema, the first exposed one where it has none.
fn qualified(name: &str, schemas: &[String]) -> (String, String) {
    match name.split_once('.') {
        Some((schema, name)) => (schema.to_owned(), name.to_owned()),
        None => (schemas.first().cloned().unwrap_or_default(), name.to_owned()),
    }
}
