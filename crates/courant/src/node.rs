//! A running node: every part, and the few things that need several of them at once.
//!
//! Built once from the configuration. Starts nothing by itself: `app.rs` runs what runs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::rand::{self, Random, SystemRandom};
use cache::{Cache, Fill, Key, KeySecret, Moment};
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::RwLock;
use pg::connect::{ConnectOptions, Opened};
use pg::{Pool, PoolLimits, Read, Snapshot};
use rest::{Declared, Lifetime, Limits, Rules};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::audit::{self, Audit};
use crate::batch::Batches;
use crate::check::Checks;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Secret, Target, qualified};
use crate::control::Control;
use crate::ended::Ended;
use crate::failure::Failure;
use crate::flight::Flights;
use crate::guard::{self, Guard};
use crate::identity::Identities;
use crate::lifetime::Lifetimes;
use crate::loops::Loops;
use crate::marks::Marks;
use crate::named::{self, Named};
use crate::preamble::Preamble;
use crate::progress::Progress;
use crate::proxy::{self, Proxy};
use crate::queue::Jobs;
use crate::recall::Heads;
use crate::reload::Reloads;
use crate::schema::Schema;
use crate::telemetry::{Reading, Telemetry};
use crate::variants;
use crate::webhook::Webhooks;

/// What a flight brings home: the answer and whether it is kept.
type Filled = Result<(Answer, bool), Arc<Failure>>;

/// An answer on its way into the cache.
pub(crate) struct Filling {
    pub(crate) fill: Fill<Answer>,
    pub(crate) key: Key,
    pub(crate) answer: Answer,
    pub(crate) snapshot: Snapshot,
    pub(crate) reads: Vec<Read>,
    /// How long it may be kept where something outside the log matters.
    pub(crate) ttl: Option<Lifetime>,
}

/// What the configuration says now, and who it says who asks.
pub(crate) struct Live {
    pub(crate) config: Config,
    pub(crate) identities: Identities,
}

impl Live {
    /// From the configuration, if it is safe to serve by it.
    fn new(config: Config) -> Result<Live, ConfigError> {
        let identities = Identities::new(config.database.anon_role.as_deref(), &config.jwt);
        let identities = identities.map_err(|why| ConfigError::Invalid {
            key: "jwt.secret".to_owned(),
            place: "as it was read".to_owned(),
            why,
        })?;
        if identities.is_open() && !config.listen.ip().is_loopback() {
            let why = "without an anonymous role and a JWT secret everybody reads as the database's user: listen on \
                       127.0.0.1, or set PGRST_DB_ANON_ROLE";
            return Err(ConfigError::Invalid {
                key: "listen".to_owned(),
                place: config.listen.to_string(),
                why: why.to_owned(),
            });
        }
        Ok(Live { config, identities })
    }

    /// The header by which a request is traced, if it has it.
    pub(crate) fn trace(&self, request: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let name = self.config.api.trace_header.as_ref()?;
        Some((name.clone(), request.get(name)?.clone()))
    }
}

/// Every part of a running node.
pub(crate) struct Node {
    /// As it was started.
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) pool: Pool,
    pub(crate) cache: Arc<Cache<Answer>>,
    /// What the keys of answers, of flights and of lanes are made with.
    pub(crate) key_secret: KeySecret,
    /// Which of the cache's stores is whose.
    pub(crate) named: Arc<Named>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) flights: Arc<Flights<Filled>>,
    pub(crate) batches: Batches,
    pub(crate) marks: Marks,
    pub(crate) progress: Progress,
    pub(crate) checks: Checks,
    pub(crate) heads: Heads,
    /// What callers ask again and again within one request of theirs.
    pub(crate) loops: Loops,
    live: RwLock<Arc<Live>>,
    pub(crate) reloads: Reloads,
    pub(crate) proxy: Proxy,
    pub(crate) telemetry: Telemetry,
    pub(crate) guard: Arc<Guard>,
    pub(crate) audit: Audit,
    /// Where the configuration names a queue.
    pub(crate) jobs: Option<Jobs>,
    pub(crate) webhooks: Webhooks,
    /// Requests that may be worked on at once.
    pub(crate) places: Semaphore,
    /// Requests whose body may be on its way at once.
    pub(crate) arriving: Semaphore,
    /// Bodies that may be coded at once.
    pub(crate) press: Arc<Semaphore>,
    pub(crate) options: ConnectOptions,
    schema: RwLock<Arc<Schema>>,
    /// Every task there is; whoever runs the node waits for them.
    pub(crate) tasks: TaskTracker,
}

impl Node {
    /// Connects, reads the catalog once, and is ready to serve uncached.
    pub(crate) async fn build(config: Config) -> Result<Arc<Node>> {
        // An answer is kept under a snapshot of the primary, or not at all.
        let options = options(&config)?.with_defaults(&[], "courant").preferring_primary();
        let tasks = TaskTracker::new();
        let random: Random<[u8; 16]> = rand::generate(&SystemRandom::new()).context("no random bytes")?;
        let clock = Clock::start();
        let control = Control::connect(&options, &tasks).await;
        let control = control.with_context(|| format!("cannot reach {options}"))?;
        let config = configured(config, &control).await?;
        let live = Live::new(config.clone())?;
        control.check(&config, &options.to_string()).await?;
        audit::prepare(&config, &control, options.user()).await?;
        let asked = clock.now();
        let catalog = control.catalog(&config.database.schemas).await?;
        let named = Arc::new(Named::new(&config));
        let telemetry = Telemetry::new(&config.log);
        telemetry.postgrest.loaded(clock.since(asked), true);
        let (extra, preamble) = (&config.api.extra_search_path, Preamble::new(&config.database));
        let schema = Schema::new(catalog, rules(&config), Arc::clone(&named), extra, preamble);
        let audit = Audit::new(config.audit, telemetry.audit.clone());
        let jobs = Jobs::build(&config, &control, &options, telemetry.jobs.clone()).await?;
        let webhooks = Webhooks::build(&config, &control, jobs.as_ref(), telemetry.webhooks.clone()).await?;
        let (unnamed, undeclared) =
            (named::unknown(&config, &schema.catalog), proxy::unknown(&config, &schema.catalog));
        for warning in config.warnings.iter().chain(&unnamed).chain(&undeclared) {
            tracing::warn!("{warning}");
        }
        Ok(Arc::new(Node {
            cache: Arc::new(Cache::with_stores(cache_limits(&config), &named::budgets(&config.cache))),
            key_secret: KeySecret::new(&random.expose()),
            flights: Flights::new(),
            batches: Batches::default(),
            marks: Marks::new(),
            progress: Progress::default(),
            checks: Checks::new(config.cache.check_every),
            heads: Heads::new(),
            loops: Loops::default(),
            guard: Arc::new(Guard::new(&config.door, telemetry.guard.clone(), audit.events())),
            audit,
            jobs,
            webhooks,
            telemetry,
            places: Semaphore::new(config.http.requests_in_flight_max),
            arriving: Semaphore::new(config.http.requests_in_flight_max),
            lifetimes: Lifetimes::new(),
            press: Arc::new(Semaphore::new(variants::AT_ONCE)),
            schema: RwLock::new(Arc::new(schema)),
            pool: Pool::new(options.clone(), pool_limits(&config), tasks.clone()),
            proxy: Proxy::new(&config.proxy, &named, &tasks)?,
            named,
            clock,
            live: RwLock::new(Arc::new(live)),
            reloads: Reloads::default(),
            options,
            tasks,
            config,
        }))
    }

    /// What the configuration says now.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read())
    }

    /// Reads the configuration again, its files and what the database says. Of what it says now, how requests are
    /// planned and who asks hold from here on.
    pub(crate) async fn reconfigure(&self) -> Result<()> {
        let control = self.control().await?;
        let config = configured(self.live().config.read_again()?, &control).await?;
        let live = Live::new(config)?;
        *self.live.write() = Arc::new(live);
        self.heads.forget();
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
        self.heads.forget();
    }

    /// Whether that is what the configuration says now.
    pub(crate) fn is_live(&self, live: &Weak<Live>) -> bool {
        std::ptr::eq(live.as_ptr(), &**self.live.read())
    }

    /// Whether requests are planned against that schema now.
    pub(crate) fn plans_by(&self, schema: &Weak<Schema>) -> bool {
        std::ptr::eq(schema.as_ptr(), &**self.schema.read())
    }

    /// Whether requests are still planned against that schema.
    pub(crate) fn serves(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(schema, &self.schema.read())
    }

    /// Keeps an answer that was filled against this schema, if nothing it read has changed unseen. Says whether it is
    /// kept.
    pub(crate) fn keep(&self, schema: &Arc<Schema>, filled: Filling) -> bool {
        let Filling { fill, key, answer, snapshot, reads, ttl } = filled;
        if !self.serves(schema) {
            // Of a schema that no longer stands: what it read may be wrong.
            return false;
        }
        let (bytes, at) = (answer.weight_bytes(), self.clock.now());
        let ttl = self.named.lifetime(key.store(), ttl);
        let ttl = ttl.map(|within| self.lifetimes.settle(&key, answer.tag(), at, within));
        let answer = cache::Answer { key, value: answer, bytes, snapshot, reads, at, ttl };
        self.cache.store(fill, answer).is_ok()
    }

    /// Reads the schema anew; the caller decides when requests are planned against it.
    pub(crate) async fn load_schema(&self, control: &Control) -> Result<Schema, Ended> {
        let live = self.live();
        let config = &live.config;
        let asked = self.clock.now();
        let catalog = control.catalog(&config.database.schemas).await;
        self.telemetry.postgrest.loaded(self.clock.since(asked), catalog.is_ok());
        let catalog = catalog?;
        let (extra, preamble) = (&config.api.extra_search_path, Preamble::new(&config.database));
        Ok(Schema::new(catalog, rules(config), Arc::clone(&self.named), extra, preamble))
    }

    /// A connection of the node's own.
    pub(crate) async fn control(&self) -> Result<Control, Ended> {
        Ok(Control::connect(&self.options, &self.tasks).await?)
    }

    /// Where the change stream is to be had.
    pub(crate) async fn opened(&self) -> Result<Opened, Ended> {
        Ok(self.options.open().await?)
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), pg::Error> {
        self.pool.client().await?.command("select 1").await?;
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
        let stores: Vec<_> = self.named.names().zip(self.cache.stores()).collect();
        self.telemetry.render(&Reading {
            pool: self.pool.status(),
            position: self.cache.position(),
            behind: self.behind(),
            cache: &statistics,
            stores: &stores,
            proxied: self.proxy.cached(),
            upstreams: &self.proxy.health(),
            blocks: self.guard.blocks.list(guard::now_s()).len(),
        })
    }
}

/// The configuration with what the database says of it.
async fn configured(config: Config, control: &Control) -> Result<Config> {
    let Some((names, pre_config)) = config.asks_database() else { return Ok(config) };
    let said = control.configuration(&names, pre_config).await;
    Ok(config.with_database(said.context("the configuration could not be read from the database")?)?)
}

/// Where the configured database is.
pub(crate) fn options(config: &Config) -> Result<ConnectOptions> {
    let environment = |name: &str| std::env::var(name).ok();
    let url = config.database.url.as_ref().map(Secret::expose);
    Ok(ConnectOptions::parse(url, &environment).map_err(|error| ConfigError::Invalid {
        key: "database.url".to_owned(),
        place: "as libpq reads it".to_owned(),
        why: error.to_string(),
    })?)
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
        // What is never kept need not be told by its keys.
        keys_max: if config.cache.enabled { config.cache.keys_per_entry_max } else { 0 },
        ..Limits::default()
    };
    Rules {
        schemas: schemas.clone(),
        rows_max: config.database.rows_max,
        aggregates: config.database.aggregates,
        plans: config.database.plans,
        transaction_end: config.database.transaction_end,
        aliases_only: config.api.aliases_only,
        root: config.api.root.clone(),
        openapi: config.api.described(config.listen),
        declared: declared.collect(),
        before: config.database.pre_request.as_ref().map(|name| qualified(name, schemas)),
        limits,
        writes_counted: config.audit.enabled && config.audit.writes,
    }
}
